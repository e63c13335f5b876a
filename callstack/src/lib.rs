//! Call stacks: who called the mock when a handle was born or died.
//!
//! Stacks are taken at every creation, so they must cost nothing worth mentioning: the unwind
//! tables that each module carries are read in place, the module list is kept ([`modules`]), a
//! thread's previous stack is verified and reused (`unwind`), and equal stacks are stored once
//! ([`intern`]). Names are found later, by whoever prints them.
//!
//! What this cannot see: frames outside of any module (generated code) end a stack, and code that
//! runs on a stack which is not its thread's own (fibres, signal stacks) has none.

mod arch;
mod copied;
mod image;
pub mod intern;
pub mod modules;
mod unwind;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use arch::Registers;
pub use copied::CopyWalker;
use unwind::Walker;

/// Frames kept of a stack, the innermost ones. Python programs nest 20-24 deep down to UCX;
/// what lies further out than this does not tell two findings apart.
pub const MAX_FRAMES: usize = 64;

/// How far beyond the end of its stack a thread may be when that ran out.
const GUARD_BYTES: u64 = 64 << 10;

thread_local! {
    static WALKER: RefCell<Option<Box<Walker>>> = const { RefCell::new(None) };
}

/// A place on the stack that separates the mock's frames from those of its caller.
#[derive(Clone, Copy, Debug)]
pub struct Boundary(u64);

impl Boundary {
    /// The frame of the function that this is called in, for it is always inlined.
    #[inline(always)]
    pub fn here() -> Self {
        Self(Registers::here().sp)
    }
}

/// Which innermost frames are the mock's own.
#[derive(Clone, Copy)]
enum Own {
    /// None.
    Nothing,
    /// All up to the first that lies in another module.
    Module,
    /// All up to and with the function that made the boundary.
    UpTo(Boundary),
}

/// Writes the return addresses of the calling thread's stack, innermost first, and returns how
/// many there are. The mock's own frames are left out: all up to the first one in another module.
///
/// A client that is linked into one executable with the mock calls from the same module and would
/// be left out too; [`capture_above`] is for that case.
#[inline(never)]
pub fn capture(frames: &mut [u64; MAX_FRAMES]) -> usize {
    // The frame must stay while it is walked through, so the call may not be the last action.
    std::hint::black_box(capture_from(Registers::here(), Own::Module, frames))
}

/// As [`capture`], but leaves out exactly the function that made `boundary` and what it called:
/// the first frame is that function's caller.
#[inline(never)]
pub fn capture_above(boundary: Boundary, frames: &mut [u64; MAX_FRAMES]) -> usize {
    std::hint::black_box(capture_from(Registers::here(), Own::UpTo(boundary), frames))
}

/// As [`capture`], for the handler of a signal, in the thread that it interrupted: all frames of the interrupted code. The first is the
/// address after that of the instruction, which looks like a return address and lies in the same function. After a call that led to no
/// code it is that of the caller.
///
/// It allocates and takes locks, as the interrupted code may have done: whoever calls this must be ready for it not to return.
pub fn capture_interrupted(context: &libc::ucontext_t, frames: &mut [u64; MAX_FRAMES]) -> usize {
    let at = Registers::interrupted(context);
    let stack = unwind::own_stack();
    let start = match modules::current().find(at.pc) {
        Some(_) => at,
        None => at.entered_from(&stack).unwrap_or(at),
    };
    let beyond = stack.start.saturating_sub(GUARD_BYTES)..stack.start;
    let count = if beyond.contains(&start.sp) {
        let mut walker = Walker::on_stack(start.sp..stack.end);
        walk_into(&mut walker, start, Own::Nothing, frames).unwrap_or(0)
    } else {
        capture_from(start, Own::Nothing, frames)
    };
    frames[0] = frames[0].wrapping_add(1);
    count
}

fn capture_from(start: Registers, own: Own, frames: &mut [u64; MAX_FRAMES]) -> usize {
    let in_thread = WALKER.try_with(|slot| {
        // Borrowed already: a signal or an allocation hook came in between. It goes without.
        let mut kept = slot.try_borrow_mut().ok()?;
        let count = walk_into(
            kept.get_or_insert_with(|| Box::new(Walker::new())),
            start,
            own,
            frames,
        );
        if count.is_none() {
            *kept = None;
        }
        count
    });
    // Late in a thread's end its storage is gone, and a walker of the moment has to do.
    let count = in_thread.unwrap_or_else(|_| walk_into(&mut Walker::new(), start, own, frames));
    count.unwrap_or(0)
}

/// Walks the stack; `None` if the unwinder panicked over tables it cannot read, which leaves the
/// walker unusable and must not reach the client.
fn walk_into(
    walker: &mut Walker,
    start: Registers,
    own: Own,
    frames: &mut [u64; MAX_FRAMES],
) -> Option<usize> {
    catch_unwind(AssertUnwindSafe(|| {
        let own_module = walker.own();
        let is_own = |frame: &Registers| match own {
            Own::Nothing => false,
            Own::Module => own_module.contains(&frame.pc),
            Own::UpTo(Boundary(sp)) => frame.sp <= sp,
        };
        walker.walk(start, is_own, frames)
    }))
    .ok()
}
