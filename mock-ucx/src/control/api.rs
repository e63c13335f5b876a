//! The C control API: what a test written in C, or in anything that can call C, asks of the library while it runs.
//!
//! `include/mock_ucx.h` is generated from this file.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::current;
use crate::control::{build, set_operation};
use crate::ledger::Kind;
use crate::ledger::read::Snapshot;
use crate::universe::Universe;

/// Nothing went wrong.
pub const MOCK_UCX_OK: c_int = 0;
/// An argument means nothing: a null pointer, or the name of no kind of object.
pub const MOCK_UCX_ERROR_ARGUMENT: c_int = -1;
/// The file cannot be written.
pub const MOCK_UCX_ERROR_FILE: c_int = -2;
/// The mock failed; a bug of ours.
pub const MOCK_UCX_ERROR_INTERNAL: c_int = -3;

/// Version of the mock itself, such as "0.1.0". Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Id of this build, equal in the library and the program that belong together. Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_build_id() -> *const c_char {
    build::id_pointer()
}

/// Counts the objects that this process holds: those of one kind ("config", "context", "worker", "address", "endpoint",
/// "memory_handle", "rkey_buffer", "rkey", "request", "am_data", "mem_list"), or all of them if `kind` is null.
///
/// # Safety
/// `kind` is null or a terminated string, `live` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_ucx_census(kind: *const c_char, live: *mut u64) -> c_int {
    if live.is_null() {
        return MOCK_UCX_ERROR_ARGUMENT;
    }
    let kind = if kind.is_null() {
        None
    } else {
        // SAFETY: the caller vouches for the string.
        let name = unsafe { CStr::from_ptr(kind) }.to_bytes();
        match Kind::ALL.iter().find(|kind| kind.name().as_bytes() == name) {
            Some(kind) => Some(*kind),
            None => return MOCK_UCX_ERROR_ARGUMENT,
        }
    };
    // SAFETY: the caller vouches for the pointer.
    guarded(|| unsafe {
        live.write_unaligned(current().map_or(0, |universe| count(universe, kind)));
        MOCK_UCX_OK
    })
}

/// Says that operation number `operation` of the client begins now; 0 = none. What is created and ended, and what goes wrong, is
/// reported with the operation it happened in. Without effect before the first call of UCX.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_mark_operation(operation: u32) {
    guarded(|| {
        set_operation(operation);
        MOCK_UCX_OK
    });
}

/// Writes what this process holds and which rules it broke, as text, to the file `path`, or to stderr if that is null.
///
/// # Safety
/// `path` is null or a terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_ucx_report(path: *const c_char) -> c_int {
    guarded(|| {
        let text = match current() {
            Some(universe) => Snapshot::of(&universe.map).summary(),
            None => format!(
                "mock-ucx: process {}: UCX was never called\n",
                std::process::id()
            ),
        };
        if path.is_null() {
            eprint!("{text}");
            return MOCK_UCX_OK;
        }
        // SAFETY: the caller vouches for the string.
        let path = OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes());
        match std::fs::write(path, text) {
            Ok(()) => MOCK_UCX_OK,
            Err(_) => MOCK_UCX_ERROR_FILE,
        }
    })
}

fn count(universe: &Universe, kind: Option<Kind>) -> u64 {
    let live = &universe.map.header().live;
    let of = |kind: Kind| live[kind as usize].load(std::sync::atomic::Ordering::Relaxed);
    kind.map_or_else(|| Kind::ALL.into_iter().map(of).sum(), of)
}

/// A panic of ours ends here.
fn guarded(body: impl FnOnce() -> c_int) -> c_int {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(MOCK_UCX_ERROR_INTERNAL)
}
