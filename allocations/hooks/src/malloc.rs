//! The malloc family. glibc exports its own under second names, so nothing has to be looked up, however early the first call comes.

use std::ffi::c_void;
use std::ptr;

use allocations::{allocated, is_armed, prepare, released};
use callstack::Boundary;

unsafe extern "C" {
    fn __libc_malloc(bytes: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, bytes: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, bytes: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, bytes: usize) -> *mut c_void;
    fn __libc_valloc(bytes: usize) -> *mut c_void;
    fn __libc_pvalloc(bytes: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
}

/// As malloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn malloc(bytes: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    let take = || unsafe { __libc_malloc(bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let block = take();
    allocated(block, bytes, Boundary::here());
    block
}

/// As calloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, bytes: usize) -> *mut c_void {
    // SAFETY: any size may be asked for; glibc refuses what overflows.
    let take = || unsafe { __libc_calloc(count, bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let block = take();
    allocated(block, count.wrapping_mul(bytes), Boundary::here());
    block
}

/// As realloc(3).
///
/// # Safety
/// `block` is null, or a live block of this family.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: handed on from the caller.
    let take = || unsafe { __libc_realloc(block, bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let before = released(block);
    let moved = take();
    if moved.is_null() && bytes > 0 {
        before.take_back();
    }
    allocated(moved, bytes, Boundary::here());
    moved
}

/// As reallocarray(3).
///
/// # Safety
/// As [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(
    block: *mut c_void,
    count: usize,
    bytes: usize,
) -> *mut c_void {
    let Some(bytes) = count.checked_mul(bytes) else {
        set_errno(libc::ENOMEM);
        return ptr::null_mut();
    };
    // SAFETY: handed on from the caller.
    let take = || unsafe { __libc_realloc(block, bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let before = released(block);
    let moved = take();
    if moved.is_null() && bytes > 0 {
        before.take_back();
    }
    allocated(moved, bytes, Boundary::here());
    moved
}

/// As free(3).
///
/// # Safety
/// `block` is null, or a live block of this family, and nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if is_armed() && !block.is_null() {
        prepare();
        // It must be out of the tables before another thread can get it.
        let _ = released(block);
    }
    // SAFETY: handed on from the caller.
    unsafe { __libc_free(block) }
}

/// As posix_memalign(3).
///
/// # Safety
/// `out` is a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    out: *mut *mut c_void,
    alignment: usize,
    bytes: usize,
) -> libc::c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<*mut c_void>() {
        return libc::EINVAL;
    }
    if is_armed() {
        prepare();
    }
    // SAFETY: a power of two, and any size may be asked for.
    let block = unsafe { __libc_memalign(alignment, bytes) };
    if block.is_null() {
        return libc::ENOMEM;
    }
    if is_armed() {
        allocated(block, bytes, Boundary::here());
    }
    // SAFETY: the caller vouches for the place.
    unsafe { out.write_unaligned(block) };
    0
}

/// As memalign(3).
#[unsafe(no_mangle)]
pub extern "C" fn memalign(alignment: usize, bytes: usize) -> *mut c_void {
    // SAFETY: glibc makes an alignment of any number.
    let take = || unsafe { __libc_memalign(alignment, bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let block = take();
    allocated(block, bytes, Boundary::here());
    block
}

/// As aligned_alloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(alignment: usize, bytes: usize) -> *mut c_void {
    // SAFETY: glibc makes an alignment of any number.
    let take = || unsafe { __libc_memalign(alignment, bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let block = take();
    allocated(block, bytes, Boundary::here());
    block
}

/// As valloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn valloc(bytes: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    let take = || unsafe { __libc_valloc(bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let block = take();
    allocated(block, bytes, Boundary::here());
    block
}

/// As pvalloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(bytes: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    let take = || unsafe { __libc_pvalloc(bytes) };
    if !is_armed() {
        return take();
    }
    prepare();
    let block = take();
    allocated(block, bytes, Boundary::here());
    block
}

fn set_errno(errno: libc::c_int) {
    // SAFETY: the calling thread's own `errno`.
    unsafe { *libc::__errno_location() = errno };
}
