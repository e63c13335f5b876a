//! What the process of a case may use of the machine.

/// Memory in bytes that a case may take beside what its process has: the largest take 200 MiB, and what allocates without end is to fail
/// before the machine does.
const MEMORY_MAX: u64 = 2 << 30;

/// Limits the memory of this process. Where that is not possible, it has none.
pub(crate) fn set() {
    let Some(limit) = data_bytes().map(|used| used + MEMORY_MAX) else {
        return;
    };
    // Address space is no measure: the mock reserves a terabyte of it that is never used.
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    };
    // SAFETY: the structure is valid.
    unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) };
}

/// Private writable memory of this process in bytes (proc_pid_statm(5), the sixth field).
fn data_bytes() -> Option<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split_whitespace().nth(5)?.parse().ok()?;
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a process so limited can map so much.
    fn can_map(bytes: usize) -> bool {
        // SAFETY: the child makes system calls and allocates, which glibc keeps usable in a forked child.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        if pid == 0 {
            set();
            let (protection, flags) = (
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            );
            // SAFETY: a new mapping, which is never touched.
            let mapped =
                unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
            // SAFETY: ends the child without the test program's exit handlers.
            unsafe { libc::_exit(i32::from(mapped == libc::MAP_FAILED)) }
        }
        let mut status = 0;
        // SAFETY: `status` is writable and the process a child that was not reaped yet.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        libc::WEXITSTATUS(status) == 0
    }

    #[test]
    fn a_case_gets_the_memory_that_it_needs_and_not_all_there_is() {
        assert!(can_map(1 << 30));
        assert!(!can_map(3 << 30));
    }
}
