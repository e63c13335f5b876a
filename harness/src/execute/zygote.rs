//! A zygote: a process that has NIXL loaded and forks one child for each case. Loading costs 36 ms, a fork 1.5 ms.
//!
//! It reads an [`Order`] a line on standard input and answers with an [`End`] a line on standard output. It must stay single-threaded.

use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::version::UcxVersion;

use crate::execute::case::{End, Files, HangKind, Order};
use crate::execute::child;
use crate::nixl::{self, Ucx};

/// Processor time after which a case is spinning: a case takes milliseconds.
const CPU_MAX: Duration = Duration::from_secs(10);
/// How long the ledger may stand still while all threads sleep.
const STILL_MAX: Duration = Duration::from_secs(5);
/// Time between two looks at a child that takes long.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// A child that ends within this is waited for without looking at it.
const PATIENT: Duration = Duration::from_millis(200);

/// Serves cases until standard input ends.
pub fn serve(spec: &str) -> anyhow::Result<()> {
    let mut answers = take_stdout()?;
    let installed = nixl::fetch_drivable(spec)?;
    // SAFETY: nothing has started a thread yet.
    let loaded = unsafe { nixl::load(&installed, Ucx::Mock) }?;
    // The mock is the UCX that this NIXL was built with, as far as it knows that one.
    let version = installed
        .ucx_version
        .as_deref()
        .and_then(|text| text.parse().ok())
        .unwrap_or(UcxVersion::NEWEST);
    // What the first call stack of a process costs (module list, unwind tables, the stack's bounds) is paid here, once for all children.
    mock_ucx::stack::capture(&mut [0; mock_ucx::stack::MAX_FRAMES]);
    let threads = thread_count()?;
    if threads != 1 {
        bail!(
            "NIXL started {} threads when it was loaded, so cases cannot be forked from this process",
            threads - 1
        );
    }
    writeln!(answers, "ready")?;
    answers.flush()?;
    for line in io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?).context("an order cannot be read")?;
        // SAFETY: this process has one thread, so the child is a whole copy of it.
        let end = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()).context("cannot fork a case"),
            0 => child::run(loaded.api, version, &order),
            pid => watch(pid, &Files::new(&order.folder))?,
        };
        serde_json::to_writer(&mut answers, &end)?;
        writeln!(answers)?;
        answers.flush()?;
    }
    Ok(())
}

/// Standard output for answers alone: what NIXL prints goes to standard error from here on.
fn take_stdout() -> anyhow::Result<std::fs::File> {
    let ours = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .context("cannot duplicate standard output")?;
    // SAFETY: both descriptors are open.
    if unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) } < 0 {
        return Err(io::Error::last_os_error()).context("cannot redirect standard output");
    }
    Ok(ours.into())
}

fn thread_count() -> anyhow::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")
        .context("cannot list the threads of this process")?
        .count())
}

/// Waits for a child; kills it if it spins or is blocked. Judged by processor time and by what the ledger says, not by the clock alone: a
/// busy machine makes nothing hang.
fn watch(pid: i32, files: &Files) -> anyhow::Result<End> {
    let begun = Instant::now();
    let mut still_since = Instant::now();
    let mut last_step = 0;
    loop {
        if let Some(end) = reap(pid, false)? {
            return Ok(end);
        }
        if begun.elapsed() < PATIENT {
            std::thread::sleep(Duration::from_micros(100));
            continue;
        }
        std::thread::sleep(LOOK_INTERVAL);
        let step = Snapshot::open(&files.ledger).map_or(0, |snapshot| snapshot.step);
        let activity = activity(pid);
        if step != last_step || !activity.asleep {
            last_step = step;
            still_since = Instant::now();
        }
        let hang = if activity.cpu > CPU_MAX {
            HangKind::Spinning
        } else if still_since.elapsed() > STILL_MAX {
            HangKind::Blocked
        } else {
            continue;
        };
        // SAFETY: `pid` is a child that was not reaped yet.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        reap(pid, true)?;
        return Ok(End::Hung(hang));
    }
}

/// How the child ended, if it has; with `blocking` set it is waited for.
fn reap(pid: i32, blocking: bool) -> anyhow::Result<Option<End>> {
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
