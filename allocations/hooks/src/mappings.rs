//! `mmap` and its kin, and UCX's own way past them: its pools map by `ucm_orig_mmap`, so that they cause no event of their own (UCX
//! src/ucs/memory/rcache.c, `ucs_rcache_mp_chunk_alloc`, v1.18-v1.22).
//!
//! A call is handed on to the C library's function, not to the kernel: UCX patches that function to see what the client unmaps.

use std::ffi::{CStr, c_void};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};

use allocations::{inside, is_armed, mapped, prepare, unmap_took, unmapped};
use callstack::Boundary;
use libc::{c_int, off_t, size_t};

type Mmap = unsafe extern "C" fn(*mut c_void, size_t, c_int, c_int, c_int, off_t) -> *mut c_void;
type Munmap = unsafe extern "C" fn(*mut c_void, size_t) -> c_int;
type Mremap = unsafe extern "C" fn(*mut c_void, size_t, size_t, c_int, *mut c_void) -> *mut c_void;

/// Addresses of the C library's functions; 0 before [`resolve`].
static MMAP: AtomicUsize = AtomicUsize::new(0);
static MUNMAP: AtomicUsize = AtomicUsize::new(0);
static MREMAP: AtomicUsize = AtomicUsize::new(0);

/// Looks the C library's functions up. Until then calls go to the kernel.
pub fn resolve() {
    for (place, name) in [(&MMAP, c"mmap"), (&MUNMAP, c"munmap"), (&MREMAP, c"mremap")] {
        place.store(next(name), Release);
    }
}

fn next(name: &CStr) -> usize {
    // SAFETY: a terminated name; the answer is an address or null.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) as usize }
}

/// The C library's function at `place`, unless a hook is at work: what that maps for itself must lead into no handler of UCX.
fn real(place: &AtomicUsize) -> Option<usize> {
    Some(place.load(Acquire)).filter(|address| *address != 0 && !inside())
}

fn real_mmap(at: *mut c_void, bytes: size_t, rest: [c_int; 3], offset: off_t) -> *mut c_void {
    let [protection, flags, file] = rest;
    match real(&MMAP) {
        // SAFETY: the C library's function, with the caller's arguments.
        Some(address) => unsafe {
            std::mem::transmute::<usize, Mmap>(address)(at, bytes, protection, flags, file, offset)
        },
        None => kernel_mmap(at, bytes, rest, offset),
    }
}

fn kernel_mmap(at: *mut c_void, bytes: size_t, rest: [c_int; 3], offset: off_t) -> *mut c_void {
    // As words: of a variadic argument that is shorter the upper half is undefined.
    let [protection, flags, file] = rest.map(libc::c_long::from);
    // SAFETY: the caller's arguments; the kernel checks them.
    unsafe {
        libc::syscall(libc::SYS_mmap, at, bytes, protection, flags, file, offset) as *mut c_void
    }
}

fn real_munmap(at: *mut c_void, bytes: size_t) -> c_int {
    match real(&MUNMAP) {
        // SAFETY: the C library's function, with the caller's arguments.
        Some(address) => unsafe { std::mem::transmute::<usize, Munmap>(address)(at, bytes) },
        None => kernel_munmap(at, bytes),
    }
}

fn kernel_munmap(at: *mut c_void, bytes: size_t) -> c_int {
    // SAFETY: the caller's arguments; the kernel checks them.
    unsafe { libc::syscall(libc::SYS_munmap, at, bytes) as c_int }
}

/// Memory that can be written to and has no file behind it.
fn is_anonymous(protection: c_int, flags: c_int) -> bool {
    flags & libc::MAP_ANONYMOUS != 0 && protection != libc::PROT_NONE
}

fn note_mmap(at: *mut c_void, bytes: size_t, rest: [c_int; 3], boundary: Boundary) {
    let [protection, flags, _] = rest;
    if at == libc::MAP_FAILED {
        return;
    }
    if flags & libc::MAP_FIXED != 0 {
        unmapped(at, bytes);
    }
    if is_anonymous(protection, flags) {
        mapped(at, bytes, boundary);
    }
}

/// As mmap(2).
///
/// # Safety
/// With `MAP_FIXED`, nobody uses what was mapped there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    at: *mut c_void,
    bytes: size_t,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: off_t,
) -> *mut c_void {
    let rest = [protection, flags, file];
    if !is_armed() {
        return real_mmap(at, bytes, rest, offset);
    }
    prepare();
    let made = real_mmap(at, bytes, rest, offset);
    note_mmap(made, bytes, rest, Boundary::here());
    made
}

/// As mmap64(2): the same where offsets have 64 bits.
///
/// # Safety
/// As [`mmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    at: *mut c_void,
    bytes: size_t,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: off_t,
) -> *mut c_void {
    let rest = [protection, flags, file];
    if !is_armed() {
        return real_mmap(at, bytes, rest, offset);
    }
    prepare();
    let made = real_mmap(at, bytes, rest, offset);
    note_mmap(made, bytes, rest, Boundary::here());
    made
}

/// As munmap(2). How long it takes is counted: a handler of UCX may make it slower and slower.
///
/// # Safety
/// Nobody uses what is mapped there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(at: *mut c_void, bytes: size_t) -> c_int {
    if !is_armed() {
        return real_munmap(at, bytes);
    }
    prepare();
    // It must be out of the tables before another thread can map there.
    unmapped(at, bytes);
    let begun = processor_ns();
    let answer = real_munmap(at, bytes);
    let took = processor_ns().saturating_sub(begun);
    unmap_took(took, Boundary::here());
    answer
}

/// As mremap(2); the last argument is read only with `MREMAP_FIXED`.
///
/// # Safety
/// Nobody uses what is mapped at the old place, nor, with `MREMAP_FIXED`, at the new one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(
    old: *mut c_void,
    old_bytes: size_t,
    bytes: size_t,
    flags: c_int,
    new: *mut c_void,
) -> *mut c_void {
    if !is_armed() {
        // SAFETY: handed on from the caller.
        return unsafe { real_mremap(old, old_bytes, bytes, flags, new) };
    }
    prepare();
    // It must be out of the tables before another thread can map there.
    unmapped(old, old_bytes);
    // SAFETY: handed on from the caller.
    let moved = unsafe { real_mremap(old, old_bytes, bytes, flags, new) };
    match moved {
        libc::MAP_FAILED => mapped(old, old_bytes, Boundary::here()),
        moved => mapped(moved, bytes, Boundary::here()),
    }
    moved
}

/// # Safety
/// As [`mremap`].
unsafe fn real_mremap(
    old: *mut c_void,
    old_bytes: size_t,
    bytes: size_t,
    flags: c_int,
    new: *mut c_void,
) -> *mut c_void {
    match real(&MREMAP) {
        // SAFETY: the C library's function, with the caller's arguments.
        Some(address) => unsafe {
            std::mem::transmute::<usize, Mremap>(address)(old, old_bytes, bytes, flags, new)
        },
        // SAFETY: the caller's arguments; the kernel checks them.
        None => unsafe {
            let flags = libc::c_long::from(flags);
            libc::syscall(libc::SYS_mremap, old, old_bytes, bytes, flags, new) as *mut c_void
        },
    }
}

/// As libucm's function of this name: maps without an event.
///
/// # Safety
/// As [`mmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ucm_orig_mmap(
    at: *mut c_void,
    bytes: size_t,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: off_t,
) -> *mut c_void {
    let rest = [protection, flags, file];
    let made = kernel_mmap(at, bytes, rest, offset);
    if is_armed() {
        note_mmap(made, bytes, rest, Boundary::here());
    }
    made
}

/// As libucm's function of this name: unmaps without an event.
///
/// # Safety
/// As [`munmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ucm_orig_munmap(at: *mut c_void, bytes: size_t) -> c_int {
    if is_armed() {
        unmapped(at, bytes);
    }
    kernel_munmap(at, bytes)
}

/// Time that this thread had a processor for: what others take of it says nothing of an unmap.
fn processor_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a place for the answer; this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
