//! One run: starts the command, passes signals on, lets each process be looked at before it ends, and waits for all that use the mock.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mock_ucx::control::is_real_ucx;
use mock_ucx::control::settings::Given;
use mock_ucx::ledger::read::Snapshot;

use super::command::{CommandError, Program};
use super::folder::{Folder, LedgerFile};
use super::library::LibraryError;
use super::memory::{ProcessMemory, Sampler};
use super::notices::{Farewell, Notices, real_ucx};
use super::preload::{Environment, PreloadError, Wish};
use super::process::{End, Process};
use super::reap::{self, Status};
use super::signals::{self, Signal, Signals};

/// How often it is looked whether orphans still run, in milliseconds: their parents' ends are no events of ours.
const ORPHANS_POLL_MS: i32 = 50;
/// Interrupts after which processes that ignore them are killed.
const INTERRUPTS_MAX: u32 = 3;

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command and its arguments; at least one.
    pub command: Vec<OsString>,
    /// What the library is told.
    pub given: Given,
    /// Have freed memory overwritten, so that what is left in it is not taken for a handle that somebody holds.
    pub perturb: bool,
    /// How long to wait for processes that outlive the command.
    pub orphans_wait: Duration,
    /// File for the traces of all processes, if the library is told to write some.
    pub trace: Option<PathBuf>,
    /// Whether memory is watched, and on which UCX.
    pub memory: MemoryWatch,
}

/// Whether memory is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryWatch {
    /// It is not.
    #[default]
    Off,
    /// It is, in processes on the mock.
    OnMock,
    /// It is, in processes on their own UCX: the mock is not preloaded.
    OnRealUcx,
}

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No library of this build.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The command is of no use.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The library cannot be preloaded.
    #[error(transparent)]
    Preload(#[from] PreloadError),
    /// The system refuses what the supervisor needs.
    #[error("cannot supervise: {what}: {cause}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        cause: io::Error,
    },
    /// The command does not start.
    #[error("cannot start {}: {cause}", path.display())]
    Start {
        /// The command.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// What was seen in a run that is over.
#[derive(Debug)]
pub struct Watched {
    /// Processes that called the mock, by number, then in order.
    pub processes: Vec<Process>,
    /// Processes that had a real UCX mapped and never called the mock.
    pub bypassed: Vec<Bypassed>,
    /// Ledgers that could not be read, and why.
    pub unreadable: Vec<String>,
    /// What the memory of each process did, if that was watched.
    pub memory: Vec<ProcessMemory>,
    /// Exit status of the command, as a shell tells it: 128 + signal for one that a signal ended.
    pub status: u8,
}

/// A process that passed the mock by.
#[derive(Clone, Debug)]
pub struct Bypassed {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// Files of a real UCX that it had mapped.
    pub real_ucx: Vec<String>,
}

struct Watch {
    folder: Folder,
    notices: Notices,
    signals: Signals,
    command: u32,
    /// How processes ended that were children of the supervisor.
    statuses: BTreeMap<u32, Status>,
    farewells: BTreeMap<LedgerFile, Farewell>,
    bypassed: Vec<Bypassed>,
    interrupts: u32,
    sampler: Option<Sampler>,
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |cause| RunError::System { what, cause }
}

impl Run {
    /// Runs the command to its end. `census` gets the processes that live whenever `SIGUSR2` asks for them.
    ///
    /// # Errors
    /// It cannot be run, or not with the mock.
    pub fn run(&self, census: &mut dyn FnMut(&[Process])) -> Result<Watched, RunError> {
        let path_variable = std::env::var_os("PATH");
        let name = self.command.first().map(OsString::as_os_str);
        let program = Program::find(name.unwrap_or_default(), path_variable.as_deref())?;
        let cannot_trace = system("the trace cannot be written");
        let trace = self.trace.as_ref().map(File::create).transpose();
        let trace = trace.map_err(cannot_trace)?;
        let folder = Folder::new().map_err(system("no folder for ledgers can be made"))?;
        let environment = self.environment(&folder, &program.needed)?;
        let notices = Notices::new(&folder).map_err(system("no socket can be made"))?;
        reap::adopt_orphans().map_err(system("orphans cannot be adopted"))?;
        let signals = Signals::new().map_err(system("signals cannot be queued"))?;
        let command = self.start(&program.path, &environment, &signals)?;
        let mut watch = Watch {
            folder,
            notices,
            signals,
            command,
            statuses: BTreeMap::new(),
            farewells: BTreeMap::new(),
            bypassed: Vec::new(),
            interrupts: 0,
            sampler: None,
        };
        if self.memory != MemoryWatch::Off {
            watch.sampler = Some(Sampler::new(watch.folder.path()));
        }
        watch.wait(self.orphans_wait, census)?;
        if let Some(trace) = trace {
            let written = watch.folder.write_traces(trace);
            written.map_err(system("the trace cannot be written"))?;
        }
        Ok(watch.finish())
    }

    /// The command's, with what is preloaded.
    fn environment(&self, folder: &Folder, needed: &[String]) -> Result<Environment, RunError> {
        let link =
            |library: &Path| preloadable(library, folder).map_err(system("no link can be made"));
        let inherited = |name: &str| std::env::var_os(name);
        let mut environment = match self.memory {
            MemoryWatch::OnRealUcx => Environment::default(),
            MemoryWatch::Off | MemoryWatch::OnMock => {
                let library = link(&super::find_library()?)?;
                let wish = Wish {
                    library: &library,
                    folder: folder.path(),
                    given: &self.given,
                    perturb: self.perturb,
                    needed,
                };
                Environment::new(&wish, inherited)?
            }
        };
        if self.memory != MemoryWatch::Off {
            let hooks = link(&super::find_hooks()?)?;
            environment.count_allocations(&hooks, folder.path(), inherited);
        }
        Ok(environment)
    }

    fn start(
        &self,
        path: &Path,
        environment: &Environment,
        signals: &Signals,
    ) -> Result<u32, RunError> {
        let mut command = Command::new(path);
        if let [name, arguments @ ..] = self.command.as_slice() {
            command.arg0(name).args(arguments);
        }
        command.envs(environment.set.iter().map(|(name, value)| (name, value)));
        for name in &environment.remove {
            command.env_remove(name);
        }
        let mask = signals.mask_of_command();
        // SAFETY: between fork and exec only a system call is made.
        unsafe {
            command.pre_exec(move || {
                libc::sigprocmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut());
                Ok(())
            });
        }
        match command.spawn() {
            // It is waited for among all other children.
            Ok(child) => Ok(child.id()),
            Err(cause) => Err(RunError::Start {
                path: path.to_owned(),
                cause,
            }),
        }
    }
}

/// The loader splits `LD_PRELOAD` at colons and blanks: a path with such gets a link without.
fn preloadable(library: &Path, folder: &Folder) -> io::Result<PathBuf> {
    let name = library.file_name().unwrap_or_default();
    let text = library.as_os_str().as_encoded_bytes();
    if !text.iter().any(|byte| matches!(byte, b':' | b' ')) {
        return Ok(library.to_owned());
    }
    let link = folder.path().join(name);
    std::os::unix::fs::symlink(library, &link)?;
    Ok(link)
}

impl Watch {
    fn wait(
        &mut self,
        orphans_wait: Duration,
        census: &mut dyn FnMut(&[Process]),
    ) -> Result<(), RunError> {
        let mut deadline: Option<Instant> = None;
        loop {
            self.sleep(deadline.is_some())
                .map_err(system("events cannot be waited for"))?;
            if let Some(sampler) = &mut self.sampler {
                sampler.tick();
            }
            while let Some(farewell) = self.notices.next(&self.folder) {
                self.note(farewell);
            }
            while let Some(signal) = self.signals.next() {
                if signal.number == signals::CENSUS {
                    census(&self.living());
                } else {
                    self.pass_on(signal);
                    deadline = deadline.map(|_| Instant::now());
                }
            }
            while let Some((pid, status)) = reap::ended_child() {
                self.statuses.insert(pid, status);
            }
            if self.statuses.contains_key(&self.command) {
                let until = *deadline.get_or_insert_with(|| Instant::now() + orphans_wait);
                if Instant::now() >= until || self.users().is_empty() {
                    return Ok(());
                }
            }
        }
    }

    /// Waits for a signal or a notice; while only orphans are left, not for long.
    fn sleep(&self, orphans_only: bool) -> io::Result<()> {
        let wanted = |descriptor| libc::pollfd {
            fd: descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut descriptors = [
            wanted(self.signals.descriptor()),
            wanted(self.notices.descriptor()),
        ];
        let timeout = match &self.sampler {
            _ if orphans_only => ORPHANS_POLL_MS,
            Some(sampler) => sampler.wait_ms(),
            None => -1,
        };
        // SAFETY: the array has the length that is passed.
        let ready = unsafe {
            libc::poll(
                descriptors.as_mut_ptr(),
                descriptors.len() as libc::nfds_t,
                timeout,
            )
        };
        match io::Error::last_os_error() {
            error if ready < 0 && error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn note(&mut self, farewell: Farewell) {
        match &farewell.ledger {
            Some(file) => {
                self.farewells.insert(file.clone(), farewell);
            }
            None => self.bypassed.push(Bypassed {
                pid: farewell.pid,
                command: farewell.command,
                real_ucx: farewell.real_ucx,
            }),
        }
    }

    /// What the terminal sends reaches the command by itself.
    fn pass_on(&mut self, signal: Signal) {
        let running = !self.statuses.contains_key(&self.command);
        if running && !signal.from_terminal {
            reap::send(self.command, signal.number);
        }
        if signal.number != libc::SIGINT {
            return;
        }
        self.interrupts += 1;
        if self.interrupts >= INTERRUPTS_MAX {
            let command = running.then_some(self.command);
            for pid in self.users().into_iter().chain(command) {
                reap::send(pid, libc::SIGKILL);
            }
        }
    }

    /// Processes that use the mock and run.
    fn users(&self) -> BTreeSet<u32> {
        let processes = self.folder.ledgers().into_iter().map(|file| file.pid);
        processes
            .filter(|pid| !self.statuses.contains_key(pid) && reap::runs(*pid))
            .collect()
    }

    fn living(&self) -> Vec<Process> {
        let users = self.users();
        let files = latest(self.folder.ledgers());
        files
            .into_iter()
            .filter(|file| users.contains(&file.pid))
            .filter_map(|file| self.process(&file, End::Running).ok())
            .collect()
    }

    fn process(&self, file: &LedgerFile, end: End) -> io::Result<Process> {
        let snapshot = Snapshot::open(&self.folder.ledger(file))?;
        let farewell = self.farewells.get(file);
        let real_ucx = match farewell {
            Some(farewell) => farewell.real_ucx.clone(),
            None if end == End::Running => real_ucx(file.pid),
            None => mapped(&snapshot),
        };
        let end = match end {
            // A process that came to `exit` says so in its ledger too, if the supervisor could not be reached.
            End::Unseen(status) if snapshot.exited => End::Exited(status),
            end => end,
        };
        Ok(Process {
            pid: file.pid,
            command: self.folder.command_line(file),
            end,
            snapshot,
            real_ucx,
            look: farewell.map_or_else(
                || Err("it said no farewell".to_owned()),
                |farewell| farewell.held.clone(),
            ),
        })
    }

    fn end(&self, file: &LedgerFile, is_latest: bool) -> End {
        let farewell = self.farewells.get(file).map(|farewell| farewell.quick);
        let status = self.statuses.get(&file.pid).filter(|_| is_latest);
        match (farewell, status) {
            (_, Some(Status::Signalled(signal))) => End::Signalled(*signal),
            (Some(false), Some(Status::Exited(status))) => End::Exited(Some(*status)),
            (Some(true), Some(Status::Exited(status))) => End::QuickExit(Some(*status)),
            (Some(false), None) => End::Exited(None),
            (Some(true), None) => End::QuickExit(None),
            (None, _) if !is_latest => End::Replaced,
            (None, None) if reap::runs(file.pid) => End::Running,
            (None, None) => End::Unseen(None),
            (None, Some(Status::Exited(status))) => End::Unseen(Some(*status)),
        }
    }

    fn finish(self) -> Watched {
        let files = self.folder.ledgers();
        let last: BTreeSet<LedgerFile> = latest(files.clone()).into_iter().collect();
        let mut processes = Vec::new();
        let mut unreadable = Vec::new();
        for file in &files {
            match self.process(file, self.end(file, last.contains(file))) {
                Ok(process) => processes.push(process),
                Err(error) => unreadable.push(format!("process {}: {error}", file.pid)),
            }
        }
        let status = match self.statuses.get(&self.command) {
            Some(Status::Exited(status)) => *status,
            Some(Status::Signalled(signal)) => 128 + signal,
            None => 0,
        };
        Watched {
            processes,
            bypassed: self.bypassed,
            unreadable,
            memory: self.sampler.map_or_else(Vec::new, Sampler::finish),
            status: u8::try_from(status).unwrap_or(u8::MAX),
        }
    }
}

/// The last ledger of each process.
fn latest(files: Vec<LedgerFile>) -> Vec<LedgerFile> {
    let by_process: BTreeMap<u32, LedgerFile> =
        files.into_iter().map(|file| (file.pid, file)).collect();
    by_process.into_values().collect()
}

fn mapped(snapshot: &Snapshot) -> Vec<String> {
    let paths: BTreeSet<&String> = snapshot
        .modules
        .iter()
        .map(|module| &module.path)
        .filter(|path| is_real_ucx(path.as_bytes()))
        .collect();
    paths.into_iter().cloned().collect()
}
