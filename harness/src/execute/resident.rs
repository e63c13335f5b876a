//! A process that plays one case after the other, for a search that wants thousands a second.
//!
//! It only says whether a case deserves a second look: the case is then played in a process of its own, forked from this one, which has
//! NIXL loaded and never uses it. A resident that does not come to rest after a case, or that dies of it, is replaced.

mod child;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use mock_ucx::ledger::read::Snapshot;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::execute::case::{Draw, End, Files, Glance, Order, Played, Task};
use crate::execute::pool::{self, Stage};
use crate::execute::ready::Ready;
use crate::execute::watch::{self, LOOK_INTERVAL, Watch, reap};
use crate::execute::zygote;

/// What the residents of one parent went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lives {
    /// Cases played.
    pub cases: u64,
    /// Residents that were begun.
    pub begun: u64,
    /// Those that did not come to rest.
    pub restless: u64,
    /// Those that died.
    pub dead: u64,
}

/// What a resident answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Answer {
    glance: Glance,
    /// The process is as it was before the case.
    at_rest: bool,
}

/// The parent of the residents, one at a time.
pub struct Residents {
    ready: Ready,
    folder: PathBuf,
    /// Is removed with this.
    _scratch: Option<TempDir>,
    living: Option<Living>,
    lives: Lives,
}

struct Living {
    pid: i32,
    orders: File,
    answers: BufReader<File>,
}

impl Residents {
    /// Loads a NIXL into this process, for good.
    ///
    /// # Errors
    /// As [`Ready::load`], or there is no room for the cases' files.
    ///
    /// # Safety
    /// No other thread runs, but such as neither allocate nor use NIXL.
    pub unsafe fn load(spec: &str) -> anyhow::Result<Residents> {
        // SAFETY: handed on to the caller.
        let ready = unsafe { Ready::load(spec) }?;
        let scratch = pool::scratch_folder()?;
        let mut residents = Residents::of(ready, scratch.path());
        residents._scratch = Some(scratch);
        Ok(residents)
    }

    /// Those of a process that has a NIXL ready, with their files in `folder`. The process has one thread, and must keep to that.
    pub(super) fn of(ready: Ready, folder: &Path) -> Residents {
        Residents {
            ready,
            folder: folder.to_owned(),
            _scratch: None,
            living: None,
            lives: Lives::default(),
        }
    }

    /// What they went through so far.
    pub fn lives(&self) -> Lives {
        self.lives
    }

    /// Plays a case in the resident.
    ///
    /// # Errors
    /// No process can be had for it.
    pub fn play(&mut self, task: &Task) -> anyhow::Result<Glance> {
        self.lives.cases += 1;
        let files = self.files();
        let living = match self.living.take() {
            Some(living) => living,
            None => self.begin(&files)?,
        };
        let living = self.living.insert(living);
        match living.exchange(task, &files)? {
            Ok(answer) => {
                if !answer.at_rest {
                    self.lives.restless += 1;
                    self.end();
                }
                Ok(answer.glance)
            }
            Err(end) => {
                self.living = None;
                self.lives.dead += 1;
                Ok(Glance {
                    suspicious: true,
                    ended: Some(end),
                    ..Glance::of(Snapshot::open(&files.ledger).ok().as_ref())
                })
            }
        }
    }

    /// Plays a case in a process of its own, with everything noted.
    ///
    /// # Errors
    /// No process can be had for it.
    pub fn replay(&self, scenario: &str, faults: &str) -> anyhow::Result<Played> {
        let order = Order {
            ucx: None,
            scenario: scenario.to_owned(),
            faults: faults.to_owned(),
            folder: self.folder.clone(),
            trace: false,
            draw: Draw::Nothing,
            environment: false,
        };
        let files = Files::new(&order.folder);
        files.remove()?;
        let Some(pid) = fork()? else {
            crate::execute::child::run(self.ready, &order)
        };
        let end = zygote::watch(pid, &files)?;
        Ok(pool::read(&files, end))
    }

    /// Files of the resident, beside those of cases in processes of their own.
    fn files(&self) -> Files {
        Files::new(&self.folder.join("resident"))
    }

    fn begin(&mut self, files: &Files) -> anyhow::Result<Living> {
        std::fs::create_dir_all(self.folder.join("resident"))?;
        files.remove()?;
        let (orders, to) = pipe()?;
        let (from, answers) = pipe()?;
        let Some(pid) = fork()? else {
            // The parent's ends: that it is gone shows by these being closed.
            drop((to, from));
            child::serve(self.ready, files.ledger.clone(), orders, answers)
        };
        self.lives.begun += 1;
        Ok(Living {
            pid,
            orders: to.into(),
            answers: BufReader::new(from.into()),
        })
    }

    /// Ends the resident, if there is one.
    fn end(&mut self) {
        if let Some(living) = self.living.take() {
            // One that is gone already needs no end.
            let _ = watch::kill(living.pid);
        }
    }
}

impl Stage for Residents {
    fn play(&mut self, scenario: &str, faults: &str) -> anyhow::Result<Played> {
        self.replay(scenario, faults)
    }
}

impl Drop for Residents {
    fn drop(&mut self) {
        self.end();
    }
}

impl Living {
    /// Its answer, or how it ended.
    fn exchange(&mut self, task: &Task, files: &Files) -> anyhow::Result<Result<Answer, End>> {
        let mut line = serde_json::to_vec(task)?;
        line.push(b'\n');
        // One that is gone does not read; that is seen below.
        let _ = self.orders.write_all(&line);
        let mut watch: Option<Watch> = None;
        while !self.has_answered()? {
            let watch = watch.get_or_insert_with(|| Watch::new(self.pid, &files.ledger));
            if let Some(hang) = watch.look() {
                watch::kill(self.pid)?;
                return Ok(Err(End::Hung(hang)));
            }
        }
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.ends_with('\n') {
            return Ok(Ok(serde_json::from_str(&line)?));
        }
        match reap(self.pid, true)? {
            Some(End::Exited(status)) if status == crate::execute::child::CANNOT_BEGIN => {
                bail!("a process for the cases could not begin")
            }
            Some(end) => Ok(Err(end)),
            None => bail!("a process for the cases closed its pipe and lives on"),
        }
    }

    /// Waits a while for an answer, or for the end of the process.
    fn has_answered(&self) -> anyhow::Result<bool> {
        let mut poll = libc::pollfd {
            fd: self.answers.get_ref().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let timeout = i32::try_from(LOOK_INTERVAL.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one descriptor is given.
        match unsafe { libc::poll(&raw mut poll, 1, timeout) } {
            -1 => {
                let error = std::io::Error::last_os_error();
                match error.kind() {
                    std::io::ErrorKind::Interrupted => Ok(false),
                    _ => Err(error).context("cannot wait for a case"),
                }
            }
            ready => Ok(ready > 0),
        }
    }
}

fn pipe() -> anyhow::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } < 0 {
        return Err(std::io::Error::last_os_error()).context("cannot make a pipe");
    }
    // SAFETY: both were just opened and are nobody else's.
    Ok(unsafe { ends.map(|end| OwnedFd::from_raw_fd(end)) }.into())
}

/// Forks: the child's number, or nothing in the child.
fn fork() -> anyhow::Result<Option<i32>> {
    // SAFETY: who made the residents vouches that other threads neither allocate nor use NIXL, so the child finds all locks free.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()).context("cannot fork a case"),
        0 => {
            child::forget_handlers();
            Ok(None)
        }
        pid => Ok(Some(pid)),
    }
}
