//! A process that brings its end upon itself writes down where it was, and dies as it would have without.
//!
//! That is done in the handler of a signal, with locks and memory that the process may have been in the middle of using. Whatever goes
//! wrong there, or takes too long, ends the process with the signal that came first.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use mock_ucx::stack::{MAX_FRAMES, capture_interrupted, modules};

use crate::execute::lines::{Line, NotedModule};

/// The signals by which a process dies of what it did itself; others come from outside and say nothing about it.
pub(crate) const CRASHES: [libc::c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
];

/// Seconds after which the process ends whether all is written or not: it takes some milliseconds.
const SECONDS_MAX: libc::c_uint = 2;

/// Bytes of the stack on which the main thread handles signals: its own may be what ran out. Unwinding and writing take some ten thousand.
const STACK_BYTES: usize = 512 << 10;

/// Where it is written to; -1: nowhere.
static NOTES: AtomicI32 = AtomicI32::new(-1);

/// The signal that came first; 0: none did.
static FIRST: AtomicI32 = AtomicI32::new(0);

/// From now on it is written to `notes`, as a [`Line::Died`], if this process dies. `notes` must stay open.
///
/// # Errors
/// The system refuses memory or a handler.
pub(super) fn watch(notes: &File) -> io::Result<()> {
    NOTES.store(notes.as_raw_fd(), Release);
    set_stack()?;
    for signal in CRASHES {
        handle(signal, on_death as *const () as usize)?;
    }
    handle(libc::SIGALRM, on_alarm as *const () as usize)
}

/// Gives the calling thread a stack for its signals.
fn set_stack() -> io::Result<()> {
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK,
    );
    // SAFETY: a new mapping, which stays for good.
    let memory = unsafe { libc::mmap(ptr::null_mut(), STACK_BYTES, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let stack = libc::stack_t {
        ss_sp: memory,
        ss_flags: 0,
        ss_size: STACK_BYTES,
    };
    // SAFETY: so much memory is there, and nobody else uses it.
    match unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has a signal handled once; the second time it does what it does without a handler.
fn handle(signal: libc::c_int, handler: libc::sighandler_t) -> io::Result<()> {
    let mut mask = MaybeUninit::uninit();
    // SAFETY: the mask is made here; a handler of this signature is what the flags say.
    let done = unsafe {
        libc::sigemptyset(mask.as_mut_ptr());
        let action = libc::sigaction {
            sa_sigaction: handler,
            sa_mask: mask.assume_init(),
            sa_flags: libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND,
            sa_restorer: None,
        };
        libc::sigaction(signal, &raw const action, ptr::null_mut())
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

extern "C" fn on_death(
    signal: libc::c_int,
    _about: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    if FIRST.compare_exchange(0, signal, AcqRel, Acquire).is_err() {
        // Another thread died meanwhile, or this one while it wrote.
        end();
    }
    // SAFETY: asks for a signal.
    unsafe { libc::alarm(SECONDS_MAX) };
    // SAFETY: the system gives a handler of this kind the context.
    write_down(unsafe { &*context.cast::<libc::ucontext_t>() });
    // The handler is gone: what the thread did, done again, or the C library's `abort` ends the process.
}

extern "C" fn on_alarm(
    _signal: libc::c_int,
    _about: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    end();
}

/// Ends the process by the signal that came first, if one did.
fn end() {
    let signal = FIRST.load(Acquire);
    let mut mask = MaybeUninit::uninit();
    // SAFETY: the mask is made here; the default action needs no handler to be valid.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::sigemptyset(mask.as_mut_ptr());
        libc::sigaddset(mask.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, mask.as_ptr(), ptr::null_mut());
        libc::raise(signal);
    }
}

fn write_down(context: &libc::ucontext_t) {
    let mut frames = [0; MAX_FRAMES];
    let count = capture_interrupted(context, &mut frames);
    let stack = &frames[..count];
    let mapped = modules::current();
    // Only what frames lie in: the others would be a megabyte.
    let holds_a_frame =
        |module: &&modules::Module| stack.iter().any(|pc| module.range.contains(&(pc - 1)));
    let modules = mapped.list().iter().filter(holds_a_frame);
    let line = Line::Died {
        modules: modules.map(NotedModule::from).collect(),
        stack: stack.to_vec(),
    };
    let Ok(mut text) = serde_json::to_string(&line) else {
        return;
    };
    text.push('\n');
    // SAFETY: so many bytes can be read.
    unsafe { libc::write(NOTES.load(Relaxed), text.as_ptr().cast(), text.len()) };
}

#[cfg(test)]
mod tests {
    use mock_ucx::ledger::read::Module;

    use super::*;
    use crate::execute::lines::assemble;

    /// The signal of which a child dies that does this, and how many frames it wrote down; it must die within this time.
    fn death(die: fn()) -> (libc::c_int, usize) {
        let file = tempfile::NamedTempFile::new().unwrap();
        // SAFETY: the child makes system calls and allocates, which glibc keeps usable in a forked child.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        if pid == 0 {
            watch(file.as_file()).unwrap();
            die();
            // SAFETY: ends the child without the test program's exit handlers.
            unsafe { libc::_exit(0) }
        }
        let mut status = 0;
        // SAFETY: `status` is writable and the process a child that was not reaped yet.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        let noted = assemble(&std::fs::read_to_string(file.path()).unwrap());
        let frames = noted.died.map_or(0, |died| {
            let named = |pc: &&u64| {
                let holds = |module: &Module| (module.start..module.end).contains(pc);
                died.modules.iter().any(holds)
            };
            assert_eq!(died.stack.iter().filter(named).count(), died.stack.len());
            died.stack.len()
        });
        assert!(libc::WIFSIGNALED(status), "status {status}");
        (libc::WTERMSIG(status), frames)
    }

    fn reads_nowhere() {
        // SAFETY: none: this is to fail.
        unsafe { ptr::without_provenance::<u64>(8).read_volatile() };
    }

    fn aborts() {
        // SAFETY: ends the process.
        unsafe { libc::abort() }
    }

    #[expect(unconditional_recursion, reason = "the stack is to run out")]
    fn runs_out_of_stack() {
        std::hint::black_box([0; 128]);
        runs_out_of_stack();
        std::hint::black_box(());
    }

    #[test]
    fn who_dies_says_where_and_dies_of_the_same() {
        let (signal, frames) = death(reads_nowhere);
        assert_eq!(signal, libc::SIGSEGV);
        assert!(frames > 5, "{frames}");
        let (signal, frames) = death(aborts);
        assert_eq!(signal, libc::SIGABRT);
        assert!(frames > 5, "{frames}");
    }

    #[test]
    fn a_stack_that_runs_out_is_no_hindrance() {
        let (signal, frames) = death(runs_out_of_stack);
        assert_eq!(signal, libc::SIGSEGV);
        assert_eq!(frames, MAX_FRAMES);
    }

    #[test]
    fn whatever_goes_wrong_there_the_first_signal_is_what_it_died_of() {
        let waits_for_ever = || {
            FIRST.store(libc::SIGABRT, Release);
            // SAFETY: asks for a signal, and waits.
            unsafe {
                libc::alarm(1);
                libc::pause();
            }
        };
        assert_eq!(death(waits_for_ever), (libc::SIGABRT, 0));
        let fails_again = || {
            FIRST.store(libc::SIGABRT, Release);
            reads_nowhere();
        };
        assert_eq!(death(fails_again), (libc::SIGABRT, 0));
    }
}
