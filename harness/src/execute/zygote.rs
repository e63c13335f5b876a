//! A zygote: a process that has NIXL loaded and forks one child for each case. Loading costs 36 ms, a fork 1.5 ms.
//!
//! It reads a request a line on standard input and answers each with a line on standard output. It must stay single-threaded.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::execute::case::{End, Files, Order, Request};
use crate::execute::child;
use crate::execute::ready::Ready;
use crate::execute::resident::Residents;
use crate::execute::server;
use crate::execute::watch::{self, LOOK_INTERVAL, Watch, reap};

/// A child that ends within this is waited for without looking at it.
const PATIENT: Duration = Duration::from_millis(200);

/// Serves cases until standard input ends.
pub fn serve(spec: &str) -> anyhow::Result<()> {
    // SAFETY: nothing has started a thread yet.
    serve_with(|| unsafe { Ready::load(spec) })
}

/// The same on a NIXL that `load` loads.
pub(super) fn serve_with(load: impl FnOnce() -> anyhow::Result<Ready>) -> anyhow::Result<()> {
    let answers = take_stdout()?;
    let ready = load()?;
    check_alone()?;
    let mut residents = None;
    server::serve(answers, |line| {
        let request = serde_json::from_str(line).context("an order cannot be read")?;
        Ok(match request {
            Request::Play(order) => serde_json::to_value(play(ready, &order)?)?,
            Request::Glance(tasks, folder) => {
                let residents = residents.get_or_insert_with(|| Residents::of(ready, &folder));
                let glances = tasks.iter().map(|task| residents.play(task));
                serde_json::to_value(glances.collect::<anyhow::Result<Vec<_>>>()?)?
            }
        })
    })
}

/// Plays a case in a process of its own.
fn play(ready: Ready, order: &Order) -> anyhow::Result<End> {
    // SAFETY: this process has one thread, so the child is a whole copy of it.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()).context("cannot fork a case"),
        0 => child::run(ready, order),
        pid => watch(pid, &Files::new(&order.folder)),
    }
}

/// A process with several threads cannot be forked as a whole.
///
/// # Errors
/// This one has.
pub(crate) fn check_alone() -> anyhow::Result<()> {
    match thread_count()? {
        1 => Ok(()),
        threads => bail!(
            "NIXL started {} threads when it was loaded, so cases cannot be forked from this process",
            threads - 1
        ),
    }
}

/// Standard output for answers alone: what NIXL prints goes to standard error from here on.
pub(crate) fn take_stdout() -> anyhow::Result<std::fs::File> {
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

/// Waits for a child; kills it if it spins or is blocked.
pub(crate) fn watch(pid: i32, files: &Files) -> anyhow::Result<End> {
    let begun = Instant::now();
    let mut long: Option<Watch> = None;
    loop {
        if let Some(end) = reap(pid, false)? {
            return Ok(end);
        }
        if begun.elapsed() < PATIENT {
            std::thread::sleep(Duration::from_micros(100));
            continue;
        }
        std::thread::sleep(LOOK_INTERVAL);
        let watch = long.get_or_insert_with(|| Watch::new(pid, &files.ledger));
        if let Some(hang) = watch.look() {
            watch::kill(pid)?;
            return Ok(End::Hung(hang));
        }
    }
}
