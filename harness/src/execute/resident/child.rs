//! The resident's side: plays a case, judges it, says so, and looks whether all is as before.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use mock_ucx::Settings;
use mock_ucx::control::{self, edges};
use mock_ucx::ledger::read::Snapshot;

use super::Answer;
use crate::execute::Outcome;
use crate::execute::case::{Draw, Glance, Note, Task};
use crate::execute::child::{CANNOT_BEGIN, HEAL_AFTER, Reading, number, patience};
use crate::execute::interpret::{Observer, play};
use crate::execute::limits;
use crate::execute::noted::operation;
use crate::execute::ready::Ready;
use crate::oracle::{Ended, Observation, OperationNote, Verdict, judge, ownership};
use crate::scenario::{Op, Scenario};

/// Bytes of freed memory that a resident keeps, and below which memory is not mapped on its own: many times what a case needs.
const KEPT_BYTES: libc::c_int = 32 << 20;

/// What is played before the first case.
const WARM_UP: &str = "name warm-up\nagent a0 progress_thread=off\nbackend b0 a0 UCX\n";

/// The signals that a fuzzer handles, with reports that are not a case's to write.
const HANDLED: [libc::c_int; 12] = [
    libc::SIGABRT,
    libc::SIGALRM,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGHUP,
    libc::SIGILL,
    libc::SIGINT,
    libc::SIGSEGV,
    libc::SIGTERM,
    libc::SIGTRAP,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// Gives the signals that the parent handles back to the system, and lets a panic of ours end the process as what it is.
pub(super) fn forget_handlers() {
    for signal in HANDLED {
        // SAFETY: the default action needs no handler to be valid.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("mock-ucx: {panic}");
        // SAFETY: ends the process; nothing of it is worth keeping.
        unsafe { libc::_exit(CANNOT_BEGIN) }
    }));
}

/// Serves cases until the parent is gone.
pub(super) fn serve(ready: Ready, ledger: PathBuf, orders: OwnedFd, answers: OwnedFd) -> ! {
    // SAFETY: no pointers are involved. A resident does not outlive the search that wanted it.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    keep_memory();
    limits::set();
    let error = Resident::new(ready, ledger)
        .and_then(|resident| resident.run(File::from(orders), File::from(answers)))
        .err();
    let status = match error {
        None => 0,
        Some(error) => {
            eprintln!("mock-ucx: {error:#}");
            CANNOT_BEGIN
        }
    };
    // SAFETY: ends the process without the exit handlers of NIXL's libraries.
    unsafe { libc::_exit(status) }
}

struct Resident {
    ready: Ready,
    ledger: PathBuf,
    /// What was there before the first case ended; nothing is left over after one that lets the process go on.
    open_files: Option<usize>,
}

impl Resident {
    fn new(ready: Ready, ledger: PathBuf) -> anyhow::Result<Resident> {
        silence()?;
        let mut resident = Resident {
            ready,
            ledger,
            open_files: None,
        };
        // What NIXL does once in a process (it loads the plugin and asks for UCX's version) is not the first case's.
        resident.play(&Task {
            scenario: WARM_UP.to_owned(),
            faults: String::new(),
            draw: Draw::Nothing,
            follow: false,
        })?;
        Ok(resident)
    }

    fn run(mut self, orders: File, mut answers: File) -> anyhow::Result<()> {
        for line in BufReader::new(orders).lines() {
            let answer = self.play(&serde_json::from_str(&line?)?)?;
            // In one piece: each write wakes the parent.
            let mut text = serde_json::to_vec(&answer)?;
            text.push(b'\n');
            answers.write_all(&text)?;
        }
        Ok(())
    }

    fn play(&mut self, task: &Task) -> anyhow::Result<Answer> {
        let scenario = Scenario::parse(&task.scenario)?;
        let settings = self.settings(task)?;
        let benign = task.faults.is_empty() && task.draw == Draw::Nothing;
        if control::configured() {
            anyhow::ensure!(control::begin_anew(settings), "the last case is not over");
        } else {
            control::configure(settings);
        }
        edges::begin();
        let mut notes = Notes::default();
        play(self.ready.api, &scenario, patience(benign), &mut notes);
        control::set_operation(0);
        let Some(snapshot) = control::snapshot_without_stacks() else {
            return Ok(Answer {
                glance: Glance::of(None),
                at_rest: true,
            });
        };
        let glance = match task.follow {
            true => Glance::after(&task.faults.parse()?, &snapshot),
            false => Glance::of(Some(&snapshot)),
        };
        let verdicts = verdicts(&snapshot, &notes, benign, scenario.misuse);
        Ok(Answer {
            glance: Glance {
                suspicious: verdicts.iter().any(|verdict| !verdict.is_doubt()),
                doubtful: verdicts.iter().any(Verdict::is_doubt),
                ..glance
            },
            at_rest: self.is_at_rest(&snapshot),
        })
    }

    fn settings(&self, task: &Task) -> anyhow::Result<Settings> {
        Ok(Settings {
            ledger: Some(self.ledger.clone()),
            faults: task.faults.parse()?,
            seed: task.draw.seed(),
            adversary: task.draw.adversary(),
            version: self.ready.version,
            heal_after: HEAL_AFTER,
            record_questions: task.follow,
            ..Settings::default()
        })
    }

    /// Whether the process is as it was before the case: no object of UCX, no other thread, no file more.
    fn is_at_rest(&mut self, snapshot: &Snapshot) -> bool {
        let files = entries("/proc/self/fd");
        let same = self
            .open_files
            .replace(files)
            .is_none_or(|before| before == files);
        same && snapshot.left().next().is_none() && entries("/proc/self/task") == 1
    }
}

/// Memory that a case gave back serves the next one, instead of going to the kernel and coming back as pages that fault.
fn keep_memory() {
    for (setting, bytes) in [
        (libc::M_TRIM_THRESHOLD, KEPT_BYTES),
        (libc::M_TOP_PAD, KEPT_BYTES / 16),
        (libc::M_MMAP_THRESHOLD, KEPT_BYTES),
    ] {
        // SAFETY: glibc checks both numbers; one that it refuses changes nothing.
        unsafe { libc::mallopt(setting, bytes) };
    }
}

/// What NIXL logs is for a second look, in which there is a file for it.
fn silence() -> anyhow::Result<()> {
    let nowhere = File::options().write(true).open("/dev/null")?;
    for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: both descriptors are open.
        unsafe { libc::dup2(nowhere.as_raw_fd(), stream) };
    }
    Ok(())
}

/// How many entries a folder has; 0 if it cannot be read.
fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn verdicts(snapshot: &Snapshot, notes: &Notes, benign: bool, misuse: bool) -> Vec<Verdict> {
    let held = snapshot.left().next().is_some();
    let held = held.then(|| ownership::scan(std::process::id(), snapshot).ok());
    let held = held.flatten();
    let observation = Observation {
        operations: &notes.operations,
        ended: Ended::Exited(0),
        held: held.as_ref(),
        benign,
        misuse,
        ..Observation::of(snapshot)
    };
    judge(&observation)
}

/// Keeps what each operation came to.
#[derive(Default)]
struct Notes {
    operations: Vec<OperationNote>,
    reading: Reading,
    teardown: bool,
}

impl Observer for Notes {
    fn before_op(&mut self, index: usize, _op: &Op) {
        control::set_operation(number(index));
    }

    fn after_op(&mut self, index: usize, op: &Op, outcome: &Outcome) {
        self.operations.push(operation(&Note {
            operation: number(index),
            line: op.to_string(),
            outcome: Some(self.reading.read(&outcome.verdict)),
            answers: outcome.answer.clone(),
            measured: Vec::new(),
            teardown: self.teardown,
        }));
    }

    fn teardown(&mut self, _index: usize) {
        self.teardown = true;
    }
}
