//! Where the tables are: nowhere until somebody arms, then in memory of this process or in a file that others read.

use std::ffi::CStr;
use std::io;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

use crate::layout::{LAYOUT_VERSION, MAGIC, Tables};

static TABLES: AtomicPtr<Tables> = AtomicPtr::new(ptr::null_mut());

/// The tables, once somebody has armed.
#[inline(always)]
pub(crate) fn tables() -> Option<&'static Tables> {
    // SAFETY: once stored, the tables stay mapped for good.
    unsafe { TABLES.load(Acquire).as_ref() }
}

/// Begins to count in memory of this process, which a child that is forked gets a copy of.
///
/// # Errors
/// The memory cannot be mapped.
pub fn arm_private() -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    publish(map(flags, -1)?);
    Ok(())
}

/// Begins to count in a new file, for another process to read. Makes system calls only, so that a child that was just forked may call it.
///
/// # Errors
/// The file is there already, or cannot be made or mapped.
pub fn arm_shared(path: &CStr) -> io::Result<()> {
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: a terminated string; the mode is passed as the variadic argument that O_CREAT asks for.
    let file = unsafe { libc::open(path.as_ptr(), flags, 0o600 as libc::c_uint) };
    if file < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: an open descriptor, closed once.
    let mapped = unsafe {
        let sized = libc::ftruncate(file, size_of::<Tables>() as libc::off_t) == 0;
        let mapped = match sized {
            true => map(libc::MAP_SHARED, file),
            false => Err(io::Error::last_os_error()),
        };
        libc::close(file);
        mapped
    };
    publish(mapped?);
    Ok(())
}

/// Stops counting. What was counted stays readable in its file.
pub fn disarm() {
    TABLES.store(ptr::null_mut(), Release);
}

/// Maps zeroed tables by a bare system call: `mmap` itself may be hooked.
fn map(flags: libc::c_int, file: libc::c_int) -> io::Result<&'static Tables> {
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let address = unsafe {
        libc::syscall(
            libc::SYS_mmap,
            ptr::null_mut::<libc::c_void>(),
            size_of::<Tables>(),
            libc::c_long::from(libc::PROT_READ | libc::PROT_WRITE),
            libc::c_long::from(flags),
            libc::c_long::from(file),
            0 as libc::c_long,
        )
    };
    if address == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: mapped for good, large enough, and zeroes are valid tables.
    Ok(unsafe { &*(address as *const Tables) })
}

fn publish(tables: &'static Tables) {
    tables.pid.store(std::process::id(), Release);
    tables.layout.store(LAYOUT_VERSION, Release);
    tables.magic.store(MAGIC, Release);
    TABLES.swap(ptr::from_ref(tables).cast_mut(), AcqRel);
}
