//! What the library does when a process ends: has the supervisor look at it while it is whole, and reports if nobody supervises.
//!
//! `exit` runs handlers in reverse order of their registration, and static destructors are such handlers. The supervisor must look
//! before they free the client's containers, else every handle that a program leaves to the end of its process would seem to be held
//! by nobody; so the first handler is registered as late as can be. The final state is read later, from the ledger.

use std::ffi::{CStr, c_int};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release};

use crate::abi::current;
use crate::clock::monotonic_ns;
use crate::control::supervisor::{Notice, is_connected, tell, tell_without_ledger};
use crate::control::{report, settings};
use crate::ledger::layout::ENDED_EXIT;

/// Times that [`watch`] was called.
static WATCHED: AtomicU64 = AtomicU64::new(0);

/// The first so many calls of [`watch`] each register a handler; later ones do at each power of two, which bounds their number.
const WATCHED_ALWAYS: u64 = 16;

/// Registers the handler anew, so that it runs before those that the client registered since. Called when a context or a worker was
/// made, because a client that is still loading libraries or constructing its globals does that.
pub(crate) fn watch() {
    let count = WATCHED.fetch_add(1, Relaxed);
    if count < WATCHED_ALWAYS || count.is_power_of_two() {
        // SAFETY: the handler is safe to call at any exit.
        unsafe { libc::atexit(at_exit) };
    }
}

/// Notes in the ledger that the client has come to its end, once. A forked child has that of its parent until it has one of its own.
fn note() {
    let Some(universe) = current() else { return };
    let header = universe.map.header();
    let is_own = header.pid.load(Relaxed) == std::process::id();
    if is_own && header.ending_ns.load(Relaxed) == 0 {
        header.ending_step.store(header.step.load(Relaxed), Relaxed);
        header.ending_ns.store(monotonic_ns(), Release);
    }
}

extern "C" fn at_exit() {
    note();
    tell(Notice::Exit);
}

/// `_exit`, which ends a process without its handlers: every child of Python's multiprocessing does that.
#[unsafe(no_mangle)]
extern "C" fn _exit(status: c_int) -> ! {
    note();
    tell(Notice::QuickExit);
    loop {
        // SAFETY: ends the process.
        unsafe { libc::syscall(libc::SYS_exit_group, status) };
    }
}

/// `_Exit`, the name of `_exit` in the C standard.
#[unsafe(no_mangle)]
extern "C" fn _Exit(status: c_int) -> ! {
    _exit(status)
}

/// Runs after all handlers of `exit`.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_UNLOAD: extern "C" fn() = at_unload;

extern "C" fn at_unload() {
    match current() {
        Some(universe) => {
            universe.map.header().ended.store(ENDED_EXIT, Release);
            universe.lock().settle_unmaps();
            report::at_exit(universe);
        }
        None if !is_connected() && real_ucx_is_mapped() => {
            if let Some(folder) = settings::ledger_folder() {
                tell_without_ledger(&folder, Notice::Bypassed);
            }
        }
        None => {}
    }
}

/// Whether the file at `path` is a `libucp` by its name, also one with a hash as in wheels.
pub fn is_real_ucx(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    name.starts_with(b"libucp")
        && matches!(name.get(6), Some(b'.' | b'-'))
        && name.windows(3).any(|part| part == b".so")
}

fn real_ucx_is_mapped() -> bool {
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        found: *mut libc::c_void,
    ) -> c_int {
        // SAFETY: the loader hands out a valid record with a terminated name, and our own pointer back.
        unsafe {
            let name = (*info).dlpi_name;
            if !name.is_null() && is_real_ucx(CStr::from_ptr(name).to_bytes()) {
                *found.cast::<bool>() = true;
            }
            c_int::from(*found.cast::<bool>())
        }
    }
    let mut found = false;
    // SAFETY: `visit` expects the pointer to a bool that it gets.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut found).cast()) };
    found
}

#[cfg(test)]
mod tests {
    use super::is_real_ucx;

    #[test]
    fn a_libucp_is_known_by_its_name_and_the_mock_is_none() {
        assert!(is_real_ucx(b"/x/nixl_cu12.libs/libucp-b39b3ed9.so.0.0.0"));
        assert!(is_real_ucx(b"libucp.so.0"));
        assert!(!is_real_ucx(b"/libucp.so/libmock_ucx.so"));
        assert!(!is_real_ucx(b"/x/libucp_helper.so"));
        assert!(!is_real_ucx(b"/x/libucp.txt"));
    }
}
