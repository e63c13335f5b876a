//! The parent's side of the zygotes: starts them in a fixed environment, hands them cases, and reads what came of each.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mock_ucx::ledger::read::Snapshot;
use tempfile::TempDir;

use crate::execute::case::{Draw, End, Files, Order, Played, assemble};
use crate::execute::python;

/// Name of the program's hidden verb.
pub const ZYGOTE_VERB: &str = "zygote";

/// How long a process may take to die that has closed its pipes.
const DYING_MAX: Duration = Duration::from_secs(2);

/// Bytes kept of a case's log: enough for the last error messages.
const LOG_BYTES: usize = 4096;

/// Freed memory is overwritten with this byte, so that a handle in it does not count as held (mallopt(3), M_PERTURB).
const PERTURB: &str = "165";

/// A zygote and the folder of its cases.
pub struct Zygote {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    folder: TempDir,
    spec: String,
    trace: bool,
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
        let folder = scratch_folder()?;
        let mut command = match python::command(spec)? {
            Some(python) => python,
            None => own(spec)?,
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Ctrl-C is for the hunt: it lets the case that runs finish.
        command.process_group(0);
        // SAFETY: only two bare system calls are made between fork and exec. Where `personality` is not permitted addresses stay random,
        // which costs repeatability and nothing else.
        unsafe {
            command.pre_exec(|| {
                libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let mut child = command
            .spawn()
            .context("cannot start a process for the cases")?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(answers)) = (orders, answers) else {
            bail!("the process for the cases has no pipes");
        };
        let mut zygote = Zygote {
            child,
            orders,
            answers: BufReader::new(answers),
            folder,
            spec: spec.to_owned(),
            trace: false,
            ucx: None,
        };
        let mut line = String::new();
        zygote.answers.read_line(&mut line)?;
        if line.trim() != "ready" {
            let words = zygote.last_words();
            match zygote.child.try_wait().ok().flatten() {
                Some(status) if status.signal().is_some() => {
                    bail!("the NIXL `{spec}` crashes when it is loaded ({status}): {words}")
                }
                _ => bail!("{words}"),
            }
        }
        Ok(zygote)
    }

    /// Lets each case write a trace; [`Zygote::trace`] is where the last one's is.
    pub fn write_traces(&mut self) {
        self.trace = true;
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
            ucx: self.ucx.clone(),
        };
        let end = match self.exchange(&order) {
            Ok(end) => end,
            Err(error) => {
                let words = self.last_words();
                let (trace, ucx) = (self.trace, self.ucx.take());
                *self = Zygote::start(&self.spec).with_context(|| format!("{error:#}: {words}"))?;
                (self.trace, self.ucx) = (trace, ucx);
                self.exchange(&order)?
            }
        };
        Ok(read(&files, end))
    }

    fn exchange(&mut self, order: &Order) -> anyhow::Result<End> {
        serde_json::to_writer(&mut self.orders, order)?;
        self.orders.write_all(b"\n")?;
        self.orders.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line)
            .with_context(|| format!("the process for the cases answered `{}`", line.trim()))
    }

    /// What it said on standard error before it ended. It has a moment to end by itself, for its status to tell why.
    fn last_words(&mut self) -> String {
        let begun = Instant::now();
        while begun.elapsed() < DYING_MAX && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let mut words = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = io::Read::read_to_string(&mut BufReader::new(stderr), &mut words);
        }
        let words = words.trim();
        match words.strip_prefix("mock-ucx: ") {
            Some(message) => message.to_owned(),
            None if words.is_empty() => "the process for the cases ended without a word".to_owned(),
            None => words.to_owned(),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program itself, as a zygote.
fn own(spec: &str) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut command = in_fixed_environment(&program);
    command.arg(ZYGOTE_VERB).arg(spec);
    Ok(command)
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
    let (notes, held) = assemble(&std::fs::read_to_string(&files.notes).unwrap_or_default());
    let log = std::fs::read(&files.log).unwrap_or_default();
    let tail = &log[log.len().saturating_sub(LOG_BYTES)..];
    Played {
        end,
        notes,
        snapshot: Snapshot::open(&files.ledger).ok(),
        held,
        log: String::from_utf8_lossy(tail).into_owned(),
    }
}
