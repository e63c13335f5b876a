//! Where in the client something happened: the call stack, and the modules it runs through as the ledger file holds them.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use rustc_hash::{FxHashSet, FxHasher};

use crate::ledger::layout::{BUILD_ID_BYTES, ModuleRecord, PATH_BYTES};
use crate::stack::{CopyWalker, MAX_FRAMES, Registers, capture, modules};

/// Read while a stack is taken, by any number of threads at once, and written for a fork. Taking a stack asks the loader for its list of
/// modules under a lock of glibc's, which a child that is forked meanwhile would find taken for ever.
static CAPTURING: RwLock<()> = RwLock::new(());

thread_local! {
    static HELD: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// Lets no thread take a stack until [`allow_captures`], by the same thread: for the time of a fork.
pub(crate) fn hold_captures() {
    let guard = CAPTURING.write().unwrap_or_else(PoisonError::into_inner);
    // Late in a thread's life there is no place to keep it: then it goes at once, and the fork takes its chance.
    let _ = HELD.try_with(|held| *held.borrow_mut() = Some(guard));
}

/// Ends [`hold_captures`], in the parent and in the child.
pub(crate) fn allow_captures() {
    let _ = HELD.try_with(|held| held.borrow_mut().take());
}

/// A call stack, innermost frame first.
pub(crate) struct Stack {
    frames: [u64; MAX_FRAMES],
    count: usize,
}

impl Stack {
    /// The calling thread's, without the mock's own frames.
    pub(crate) fn capture() -> Stack {
        let _no_fork = CAPTURING.read().unwrap_or_else(PoisonError::into_inner);
        let mut frames = [0; MAX_FRAMES];
        let count = capture(&mut frames);
        Stack { frames, count }
    }

    /// One of which nothing is known.
    pub(crate) fn none() -> Stack {
        Stack {
            frames: [0; MAX_FRAMES],
            count: 0,
        }
    }

    /// The one that was copied: from the registers of a hook, which is left out, and the bytes above its stack pointer.
    pub(crate) fn of_copy(walker: &mut CopyWalker, registers: Registers, bytes: &[u8]) -> Stack {
        let _no_fork = CAPTURING.read().unwrap_or_else(PoisonError::into_inner);
        let mut frames = [0; MAX_FRAMES];
        let count = walker.walk(registers, bytes, &mut frames);
        Stack { frames, count }
    }

    /// Its return addresses.
    pub(crate) fn frames(&self) -> &[u64] {
        &self.frames[..self.count]
    }

    /// The place in the client's code that it shows, as a hash that is the same wherever the modules lie. Never 0.
    pub(crate) fn place(&self) -> u32 {
        let modules = callstack::modules::current();
        place(self.frames(), |address| {
            modules.find(address).map_or(0, |module| module.bias)
        })
    }
}

fn place(frames: &[u64], bias: impl Fn(u64) -> u64) -> u32 {
    let mut hasher = FxHasher::default();
    for address in frames {
        address.wrapping_sub(bias(*address)).hash(&mut hasher);
    }
    (hasher.finish() >> 32) as u32 | 1
}

/// Notices new modules.
#[derive(Default)]
pub(crate) struct ModuleWatch {
    generation: u64,
    /// Start and path of those that were told already.
    told: FxHashSet<(u64, PathBuf)>,
}

impl ModuleWatch {
    /// Tells each module that was not told before.
    pub(crate) fn update(&mut self, mut tell: impl FnMut(ModuleRecord)) {
        let generation = modules::generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        for module in modules::current().list() {
            if self.told.insert((module.range.start, module.path.clone())) {
                tell(record(module));
            }
        }
    }
}

fn record(module: &modules::Module) -> ModuleRecord {
    let mut record = ModuleRecord {
        bias: module.bias,
        start: module.range.start,
        end: module.range.end,
        path_length: 0,
        build_id_length: 0,
        path: [0; PATH_BYTES],
        build_id: [0; BUILD_ID_BYTES],
    };
    record.path_length = fill(&mut record.path, module.path.as_os_str().as_bytes());
    record.build_id_length = fill(&mut record.build_id, &module.build_id);
    record
}

/// Copies what fits; returns how much that is.
fn fill(target: &mut [u8], source: &[u8]) -> u32 {
    let length = source.len().min(target.len());
    target[..length].copy_from_slice(&source[..length]);
    length as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_wherever_its_modules_lie() {
        let here = place(&[0x1234, 0x5678], |_| 0);
        assert_eq!(place(&[0xf_1234, 0xf_5678], |_| 0xf_0000), here);
        assert_ne!(place(&[0x5678, 0x1234], |_| 0), here);
        assert_ne!(place(&[0x1234], |_| 0), here);
        assert_ne!(place(&[], |_| 0), 0);
    }
}
