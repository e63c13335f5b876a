//! Children that ended, orphans among them: the supervisor is the one to whom the kernel gives the children of parents that are gone.

use std::io;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Exited(i32),
    Signalled(i32),
}

/// Makes this process the parent of its descendants' orphans.
pub(super) fn adopt_orphans() -> io::Result<()> {
    // SAFETY: changes an attribute of this process.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A child that ended and was not told yet.
pub(super) fn ended_child() -> Option<(u32, Status)> {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    let pid = u32::try_from(pid).ok().filter(|pid| *pid > 0)?;
    let status = if libc::WIFSIGNALED(status) {
        Status::Signalled(libc::WTERMSIG(status))
    } else {
        Status::Exited(libc::WEXITSTATUS(status))
    };
    Some((pid, status))
}

/// Whether a process runs: one that ended and waits for its parent does not.
pub(super) fn runs(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The name in parentheses may hold anything.
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// Sends a signal; a process that is gone needs none.
pub(super) fn send(pid: u32, signal: i32) {
    // SAFETY: sends a signal to one process.
    unsafe { libc::kill(pid.cast_signed(), signal) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_one_that_cannot_be_does_not() {
        assert!(runs(std::process::id()));
        assert!(!runs(u32::MAX));
    }
}
