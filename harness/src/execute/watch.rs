//! Looks after a child: whether it ended, and whether it ever will.
//!
//! Judged by processor time and by what the ledger says, not by the clock alone: a busy machine makes nothing hang.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use mock_ucx::ledger::read::Snapshot;

use crate::execute::case::{End, HangKind};

/// Processor time after which a case is spinning: a case takes milliseconds.
const CPU_MAX: Duration = Duration::from_secs(10);
/// How long the ledger may stand still while all threads sleep.
const STILL_MAX: Duration = Duration::from_secs(5);
/// Time between two looks at a child that takes long.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// What is known of a child that takes long with one case.
pub(crate) struct Watch {
    pid: i32,
    ledger: PathBuf,
    cpu_before: Duration,
    still_since: Instant,
    last_step: u64,
}

impl Watch {
    /// Begins with a case of `pid`, which writes `ledger`.
    pub(crate) fn new(pid: i32, ledger: &Path) -> Watch {
        Watch {
            pid,
            ledger: ledger.to_owned(),
            cpu_before: activity(pid).cpu,
            still_since: Instant::now(),
            last_step: 0,
        }
    }

    /// Takes a look; what it is doing if it will not end. To be called every [`LOOK_INTERVAL`].
    pub(crate) fn look(&mut self) -> Option<HangKind> {
        let step = Snapshot::open(&self.ledger).map_or(0, |snapshot| snapshot.step);
        let activity = activity(self.pid);
        if step != self.last_step || !activity.asleep {
            self.last_step = step;
            self.still_since = Instant::now();
        }
        if activity.cpu.saturating_sub(self.cpu_before) > CPU_MAX {
            Some(HangKind::Spinning)
        } else if self.still_since.elapsed() > STILL_MAX {
            Some(HangKind::Blocked)
        } else {
            None
        }
    }
}

/// Kills a child and waits until it is gone.
pub(crate) fn kill(pid: i32) -> anyhow::Result<()> {
    // SAFETY: `pid` is a child that was not reaped yet.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    reap(pid, true)?;
    Ok(())
}

/// How the child ended, if it has; with `blocking` set it is waited for.
pub(crate) fn reap(pid: i32, blocking: bool) -> anyhow::Result<Option<End>> {
    let mut status = 0;
    let options = if blocking { 0 } else { libc::WNOHANG };
    // SAFETY: `status` is writable.
    match unsafe { libc::waitpid(pid, &raw mut status, options) } {
        -1 => Err(io::Error::last_os_error()).context("cannot wait for a case"),
        0 => Ok(None),
        _ if libc::WIFSIGNALED(status) => Ok(Some(End::Signalled(libc::WTERMSIG(status)))),
        _ => Ok(Some(End::Exited(libc::WEXITSTATUS(status)))),
    }
}

struct Activity {
    cpu: Duration,
    asleep: bool,
}

/// Processor time of a process, and whether all its threads sleep.
fn activity(pid: i32) -> Activity {
    let mut activity = Activity {
        cpu: Duration::ZERO,
        asleep: true,
    };
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return activity;
    };
    for task in tasks.flatten() {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The name in parentheses may hold spaces: fields are counted from behind it. The first there is the state, the 12th and 13th
        // are user and system time (proc_pid_stat(5)).
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        activity.asleep &= fields.first() == Some(&"S");
        let ticks: u64 = [11, 12]
            .iter()
            .filter_map(|at| fields.get(*at)?.parse::<u64>().ok())
            .sum();
        activity.cpu += Duration::from_millis(ticks * 10);
    }
    activity
}
