//! Copies between this process's memory and another's, by the kernel, without the other's help.
//!
//! The kernel permits it among processes of one user, unless Yama forbids it (`kernel.yama.ptrace_scope`). Under its mode 1, Debian's and
//! Ubuntu's default, only a process's ancestors may, save that the process names others: so each that packs an address permits all with
//! `PR_SET_PTRACER_ANY`. A debugger may then attach to it too, as it may without Yama. Where it is forbidden all the same (modes 2 and 3,
//! other users, a process that is not dumpable, a container's filter), the owner copies, in its progress calls.
//!
//! The kernel knows pages, not registrations. That a registration was unmapped meanwhile is seen here only if its pages are gone too.

use std::ptr;

/// Which way the bytes go, seen from this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Put,
    Get,
}

/// Why bytes were not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The kernel does not let this process do so.
    Forbidden,
    /// There is no such process.
    Gone,
    /// There is no such memory, on one side or the other.
    Fault,
}

/// Lets any process of this user copy, where Yama would else let ancestors only.
pub(crate) fn permit() {
    // A kernel without Yama knows no such option, and needs none.
    let _ = rustix::process::set_ptracer(rustix::process::PTracer::Any);
}

/// Copies `length` bytes between `local` in this process and `remote` in process `pid`.
pub(crate) fn copy(
    direction: Direction,
    pid: u32,
    local: u64,
    remote: u64,
    length: usize,
) -> Result<(), Trouble> {
    let mut done = 0;
    while done < length {
        let part = |base: u64| libc::iovec {
            iov_base: base.wrapping_add(done as u64) as *mut libc::c_void,
            iov_len: length - done,
        };
        let (local, remote) = (part(local), part(remote));
        // SAFETY: the kernel checks both ranges. The client vouches for what it wants written on its side.
        let copied = unsafe {
            match direction {
                Direction::Put => libc::process_vm_writev(
                    pid.cast_signed(),
                    &raw const local,
                    1,
                    &raw const remote,
                    1,
                    0,
                ),
                Direction::Get => libc::process_vm_readv(
                    pid.cast_signed(),
                    &raw const local,
                    1,
                    &raw const remote,
                    1,
                    0,
                ),
            }
        };
        match usize::try_from(copied) {
            Ok(0) => return Err(Trouble::Fault),
            Ok(copied) => done += copied,
            Err(_) => {
                return Err(match std::io::Error::last_os_error().raw_os_error() {
                    Some(libc::EFAULT) => Trouble::Fault,
                    Some(libc::ESRCH) => Trouble::Gone,
                    _ => Trouble::Forbidden,
                });
            }
        }
    }
    Ok(())
}

/// Reads memory of this process; false if it is not there.
pub(crate) fn read_own(address: u64, bytes: &mut [u8]) -> bool {
    let target = bytes.as_mut_ptr() as u64;
    copy_own(Direction::Get, target, address, bytes.len())
}

/// Writes memory of this process; false if it is not there.
pub(crate) fn write_own(address: u64, bytes: &[u8]) -> bool {
    let source = bytes.as_ptr() as u64;
    copy_own(Direction::Put, source, address, bytes.len())
}

/// Copies between two places of this process; false if one of them is not there.
pub(crate) fn copy_within(direction: Direction, local: u64, remote: u64, length: usize) -> bool {
    copy_own(direction, local, remote, length)
}

fn copy_own(direction: Direction, ours: u64, theirs: u64, length: usize) -> bool {
    match copy(direction, std::process::id(), ours, theirs, length) {
        Ok(()) => true,
        Err(Trouble::Fault | Trouble::Gone) => false,
        Err(Trouble::Forbidden) => {
            let (source, target) = match direction {
                Direction::Put => (ours, theirs),
                Direction::Get => (theirs, ours),
            };
            // SAFETY: a filter forbids even the question whether the client's memory is there, so its word has to do.
            unsafe { ptr::copy(source as *const u8, target as *mut u8, length) };
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_is_copied_and_missing_memory_is_noticed() {
        let source = vec![7_u8; 3 << 20];
        let mut target = vec![0_u8; 3 << 20];
        assert!(read_own(source.as_ptr() as u64, &mut target));
        assert_eq!(source, target);
        assert!(!read_own(8, &mut target));
        assert!(!write_own(8, &source));
    }

    #[test]
    fn a_process_that_is_not_there_is_told_from_memory_that_is_not_there() {
        let byte = 0_u8;
        let (pid, at) = (std::process::id(), &raw const byte as u64);
        assert_eq!(
            copy(Direction::Get, u32::MAX >> 1, at, at, 1),
            Err(Trouble::Gone)
        );
        assert_eq!(copy(Direction::Get, pid, at, 8, 1), Err(Trouble::Fault));
    }
}
