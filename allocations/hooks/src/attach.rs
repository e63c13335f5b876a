//! The beginning of a process into which this was preloaded: counts go into a file of a folder that its environment names.

use std::ffi::CStr;

use allocations::{allow_captures, allow_captures_in_child, arm_shared, disarm, hold_captures};

use crate::FOLDER_VARIABLE;

/// Programs that one process runs one after the other by `exec`, at most so many are watched.
const NUMBERS_MAX: u32 = 100;

const PATH_BYTES_MAX: usize = 4096;

#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

extern "C" fn at_start() {
    crate::mappings::resolve();
    attach();
    if folder().is_some() {
        // SAFETY: the functions stay where they are: this library is never unloaded.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) };
    }
}

unsafe extern "C" fn before_fork() {
    hold_captures();
}

unsafe extern "C" fn in_parent() {
    allow_captures();
}

/// A forked child has the parent's tables, and must not count in them.
unsafe extern "C" fn in_child() {
    disarm();
    allow_captures_in_child();
    attach();
}

fn folder() -> Option<&'static CStr> {
    let mut name = [0; 64];
    name[..FOLDER_VARIABLE.len()].copy_from_slice(FOLDER_VARIABLE.as_bytes());
    // SAFETY: a terminated name. The value stays where it is unless the program changes this very variable.
    unsafe {
        let value = libc::getenv(name.as_ptr().cast());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    }
}

/// Arms, if a folder is named: without an allocation, for this may be a forked child of many threads.
fn attach() {
    let Some(folder) = folder() else { return };
    let mut path = [0; PATH_BYTES_MAX];
    for number in 0..NUMBERS_MAX {
        // SAFETY: the format fits the arguments, and the buffer has the length that is passed.
        let length = unsafe {
            libc::snprintf(
                path.as_mut_ptr().cast(),
                PATH_BYTES_MAX,
                c"%s/%d-%u.allocations".as_ptr(),
                folder.as_ptr(),
                libc::getpid(),
                number,
            )
        };
        if usize::try_from(length).is_ok_and(|length| length < PATH_BYTES_MAX) {
            let Ok(path) = CStr::from_bytes_until_nul(&path) else {
                return;
            };
            match arm_shared(path) {
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                // Who cannot count does not, and the supervisor finds no file.
                _ => return,
            }
        }
    }
}
