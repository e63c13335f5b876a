//! The parent's side of the zygotes: starts them in a fixed environment, hands them cases, and reads what came of each.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use mock_ucx::ledger::read::Snapshot;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::execute::case::{Draw, End, Files, Glance, Order, Played, Request, Task};
use crate::execute::lines::assemble;
use crate::execute::python;
use crate::execute::server::Server;

/// Name of the program's hidden verb.
pub const ZYGOTE_VERB: &str = "zygote";

/// Bytes kept of a case's log: enough for the last error messages.
const LOG_BYTES: usize = 4096;

/// Freed memory is overwritten with this byte, so that a handle in it does not count as held (mallopt(3), M_PERTURB).
const PERTURB: &str = "165";

/// A zygote and the folder of its cases.
pub struct Zygote {
    server: Server,
    folder: TempDir,
    program: PathBuf,
    spec: String,
    trace: bool,
    environment: bool,
    ucx: Option<String>,
}

/// Where cases are played, each in a process of its own.
pub trait Stage {
    /// Plays a scenario under a fault specification.
    ///
    /// # Errors
    /// No process can be had for it.
    fn play(&mut self, scenario: &str, faults: &str) -> anyhow::Result<Played>;
}

impl Stage for Zygote {
    fn play(&mut self, scenario: &str, faults: &str) -> anyhow::Result<Played> {
        Zygote::play(self, scenario, faults)
    }
}

impl Zygote {
    /// Starts one for a NIXL.
    ///
    /// # Errors
    /// It cannot be started, or it cannot load that NIXL: then the message is its own.
    pub fn start(spec: &str) -> anyhow::Result<Zygote> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        Zygote::start_with(&program, spec)
    }

    /// The same for a caller that is another program than `mock-ucx`, which is `program`.
    ///
    /// # Errors
    /// As [`Zygote::start`].
    pub fn start_with(program: &Path, spec: &str) -> anyhow::Result<Zygote> {
        Ok(Zygote {
            server: server(program, spec)?,
            folder: scratch_folder()?,
            program: program.to_owned(),
            spec: spec.to_owned(),
            trace: false,
            environment: false,
            ucx: None,
        })
    }

    /// Lets each case write a trace; [`Zygote::trace`] is where the last one's is.
    pub fn write_traces(&mut self) {
        self.trace = true;
    }

    /// Lets each case record what it asks of the system.
    pub fn record_environment(&mut self) {
        self.environment = true;
    }

    /// Has the mock be another version of UCX than that of the release's wheel.
    pub fn be_ucx(&mut self, version: &str) {
        self.ucx = Some(version.to_owned());
    }

    /// The trace of the last case.
    pub fn trace(&self) -> PathBuf {
        Files::new(self.folder.path()).trace
    }

    /// Plays one case. A zygote that dies of it is replaced.
    ///
    /// # Errors
    /// No zygote can be had.
    pub fn play(&mut self, scenario: &str, faults: &str) -> anyhow::Result<Played> {
        self.play_drawn(scenario, faults, &Draw::Nothing)
    }

    /// Plays one case in which `draw` decides what no fault does.
    ///
    /// # Errors
    /// As [`Zygote::play`].
    pub fn play_drawn(
        &mut self,
        scenario: &str,
        faults: &str,
        draw: &Draw,
    ) -> anyhow::Result<Played> {
        let files = Files::new(self.folder.path());
        files.remove()?;
        let order = Order {
            scenario: scenario.to_owned(),
            faults: faults.to_owned(),
            folder: self.folder.path().to_owned(),
            trace: self.trace,
            draw: draw.clone(),
            environment: self.environment,
            ucx: self.ucx.clone(),
        };
        let request = Request::Play(order);
        let end = self.ask(&request)?;
        Ok(read(&files, end))
    }

    /// Plays cases in a process that plays many, and takes a first look at each.
    ///
    /// # Errors
    /// As [`Zygote::play`].
    pub fn glance(&mut self, tasks: Vec<Task>) -> anyhow::Result<Vec<Glance>> {
        let request = Request::Glance(tasks, self.folder.path().to_owned());
        self.ask(&request)
    }

    /// A zygote that does not live through it is replaced.
    fn ask<A: DeserializeOwned>(&mut self, request: &Request) -> anyhow::Result<A> {
        match self.server.exchange(request) {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let words = self.server.last_words();
                self.server = server(&self.program, &self.spec)
                    .with_context(|| format!("{error:#}: {words}"))?;
                let again = self.server.exchange(request);
                again.with_context(|| self.server.last_words())
            }
        }
    }
}

/// A process with that NIXL.
fn server(program: &Path, spec: &str) -> anyhow::Result<Server> {
    let command = match python::command(spec)? {
        Some(python) => python,
        None => own(program, spec),
    };
    Server::start(command, spec)
}

/// This program itself, as a zygote.
fn own(program: &Path, spec: &str) -> Command {
    let mut command = in_fixed_environment(program);
    command.arg(ZYGOTE_VERB).arg(spec);
    command
}

/// A command with the same few variables whatever the caller's environment is.
pub(super) fn in_fixed_environment(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "XDG_CACHE_HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("LC_ALL", "C")
        .env("MALLOC_PERTURB_", PERTURB)
        .env("NIXL_LOG_LEVEL", "WARN");
    command
}

/// A folder in memory where the system has one, else among the temporary files.
pub(crate) fn scratch_folder() -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("mock-ucx-");
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir()
        && let Ok(folder) = builder.tempdir_in(in_memory)
    {
        return Ok(folder);
    }
    builder
        .tempdir()
        .context("cannot make a temporary folder for the cases")
}

/// What the files of a case say.
pub(crate) fn read(files: &Files, end: End) -> Played {
    let noted = assemble(&std::fs::read_to_string(&files.notes).unwrap_or_default());
    let log = std::fs::read(&files.log).unwrap_or_default();
    let tail = &log[log.len().saturating_sub(LOG_BYTES)..];
    Played {
        end,
        notes: noted.notes,
        snapshot: Snapshot::open(&files.ledger).ok(),
        held: noted.held,
        growth: noted.growth,
        died: noted.died,
        log: String::from_utf8_lossy(tail).into_owned(),
    }
}
