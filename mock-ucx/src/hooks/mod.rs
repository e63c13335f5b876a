//! Sees every unmap of the process, however it happens: by a client's own call, by `free` inside the C library, by another library.
//!
//! As UCX does (`ucm/bistro`), the first instructions of the C library's functions are overwritten with a jump to a function of ours
//! ([`patch`]), which notes what is asked for ([`ring`]) and goes on where the client wanted to. Such a function runs inside `free`,
//! inside signal handlers and in threads that are about to end: it takes no lock, allocates nothing, and has no thread-local variables.
//! What was noted is worked off at the next call of UCX.
//!
//! The functions are patched once, for the first context that has a cache, and stay so, as they do with UCX: threads may be inside them
//! at any time, and a client that makes and destroys contexts again and again would pay for it each time. With the last context the hooks
//! are switched off: then each is a load and a branch before the function.
//!
//! Not seen are the loader's own unmaps in `dlclose`, and system calls that a program makes by itself.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod calls;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod patch;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod raw;
mod ring;
mod sample;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod segment;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, Release};

use parking_lot::Mutex;

pub(crate) use ring::{Event, Kind};
pub(crate) use sample::Sample;

use ring::RING;

/// Whether the hooks note anything.
static ARMED: AtomicBool = AtomicBool::new(false);

/// Contexts that have a cache.
static HOLDERS: Mutex<u32> = Mutex::new(0);

/// Whether the hooks are there; nobody tries twice.
static INSTALLED: OnceLock<Result<(), Unseen>> = OnceLock::new();

/// Why unmaps cannot be seen.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unseen {
    /// There are hooks for another processor only.
    #[error("unmaps can be seen on x86-64 Linux only")]
    #[cfg_attr(
        all(target_arch = "x86_64", target_os = "linux"),
        allow(dead_code, reason = "what every other processor answers")
    )]
    Processor,
    /// No memory for what is noted.
    #[error("no memory for what the hooks note: {0}")]
    Memory(String),
    /// A function could not be patched.
    #[error("`{function}` of the C library cannot be patched: {why}")]
    Patch { function: &'static str, why: String },
}

/// One more holder wants to see unmaps; the first has the hooks installed.
pub(crate) fn hold() -> Result<(), Unseen> {
    let mut holders = HOLDERS.lock();
    if *holders == 0 {
        INSTALLED.get_or_init(install).clone()?;
        ARMED.store(true, Release);
    }
    *holders += 1;
    Ok(())
}

/// A holder is gone; with the last nothing is noted any more.
pub(crate) fn release() {
    let mut holders = HOLDERS.lock();
    *holders -= 1;
    if *holders == 0 {
        ARMED.store(false, Release);
        RING.forget(sample::free);
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn install() -> Result<(), Unseen> {
    RING.reserve().map_err(Unseen::Memory)?;
    sample::reserve().map_err(Unseen::Memory)?;
    // A thread may be inside a hook when the library is to be unloaded.
    stay_loaded();
    patch::apply(&calls::HOOKS)
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn install() -> Result<(), Unseen> {
    Err(Unseen::Processor)
}

/// Has the loader keep the file that this code is in, if that is a library.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn stay_loaded() {
    let here = stay_loaded as *const ();
    // SAFETY: `dladdr` fills the record if it answers anything but 0, with a terminated name that lives as long as its module.
    unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if libc::dladdr(here.cast(), &raw mut info) != 0 && !info.dli_fname.is_null() {
            libc::dlopen(
                info.dli_fname,
                libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE,
            );
        }
    }
}

/// Whether anything was noted that is not worked off.
pub(crate) fn pending() -> bool {
    RING.pending()
}

/// Works off what was noted until now and what is over: calls that are under way, and whatever came after them, wait.
pub(crate) fn take(with: impl FnMut(Event, Option<&Sample>)) {
    RING.take(with);
}

/// The number that the next event will have. What has a smaller one happened before.
pub(crate) fn next_number() -> u64 {
    RING.next_number()
}

/// Unmaps that were not noted since this was asked last, because there was no room.
pub(crate) fn missed() -> u64 {
    RING.take_missed()
}

/// Which addresses are worth a look when something is mapped there: all between the lowest and the highest that are registered.
pub(crate) fn watch(start: u64, end: u64) {
    RING.watch(start, end);
}

/// In a forked child: the caches that wanted the hooks are the parent's, and so is what was noted.
pub(crate) fn after_fork() {
    ARMED.store(false, Relaxed);
    // Nobody holds the lock: it is only taken under that of the universe, which the forking thread had.
    *HOLDERS.lock() = 0;
    RING.forget(sample::free);
}
