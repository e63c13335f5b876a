//! The process of one case, forked from a zygote: plays the scenario, notes what happens, looks who holds what, and ends.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mock_ucx::Settings;
use mock_ucx::control;
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::schedule::FaultSpec;
use mock_ucx::version::UcxVersion;

use crate::execute::Outcome;
use crate::execute::Verdict;
use crate::execute::case::{Draw, Files, NoteOutcome, Order};
use crate::execute::died;
use crate::execute::interpret::{Observer, Patience, play};
use crate::execute::limits;
use crate::execute::lines::Line;
use crate::execute::measure::Measure;
use crate::execute::ready::Ready;
use crate::nixl::capi::Status;
use crate::oracle::ownership;
use crate::scenario::{Op, Scenario};

/// How long a case waits without other threads, and how often it sleeps with them: on the mock everything completes at once.
const POLLS_MAX: u32 = 2_000;
const SLEEP: Duration = Duration::from_micros(50);
/// A benign run has to wait out a busy machine, or it would be called wrong.
const SLEEPS_MAX_BENIGN: u32 = 40_000;
/// A fault often makes something wait for ever, which is nothing to wait for.
const SLEEPS_MAX_FAULTY: u32 = 300;

/// Polls in a row without other threads that find nothing under way: an answer to a message takes two.
const QUIET_POLLS: u32 = 16;
/// The same with other threads, in sleeps, where something was made to fail: four milliseconds, or more of a busy machine's.
const QUIET_SLEEPS_FAULTY: u32 = 40;

/// Polls of a worker in vain after which what is withheld comes: NIXL waits inside some calls until an operation is complete.
pub(crate) const HEAL_AFTER: u64 = 1_000;

/// The variable by which a process asks NIXL for telemetry (NIXL: src/core/nixl_agent.cpp, TELEMETRY_ENABLED_VAR).
pub const TELEMETRY: &str = "NIXL_TELEMETRY_ENABLE";

/// The exit status of a process that could not begin.
pub const CANNOT_BEGIN: i32 = 3;

/// Plays `order` and ends the process.
pub fn run(ready: Ready, order: &Order) -> ! {
    // SAFETY: no pointers are involved. A case does not outlive the hunt that wanted it.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    limits::set();
    let status = match begin(ready.version, order) {
        Ok((scenario, mut notes)) => {
            play(
                ready.api,
                &scenario,
                patience(order.faults.is_empty() && order.draw == Draw::Nothing),
                &mut notes,
            );
            control::set_operation(0);
            notes.tell_growth();
            notes.look(&Files::new(&order.folder));
            0
        }
        Err(error) => {
            eprintln!("mock-ucx: {error:#}");
            CANNOT_BEGIN
        }
    };
    // SAFETY: ends the process without the exit handlers of NIXL's libraries: what the scenario left is already counted.
    unsafe { libc::_exit(status) }
}

/// How long a case waits.
pub(crate) fn patience(benign: bool) -> Patience {
    let (sleeps_max, quiet_sleeps) = if benign {
        (SLEEPS_MAX_BENIGN, SLEEPS_MAX_BENIGN)
    } else {
        (SLEEPS_MAX_FAULTY, QUIET_SLEEPS_FAULTY)
    };
    Patience {
        polls_max: POLLS_MAX,
        eager_polls: 50,
        sleep: SLEEP,
        sleeps_max,
        heal: Some(control::heal),
        is_quiet: Some(control::is_quiet),
        is_idle: Some(control::is_idle),
        quiet_polls: QUIET_POLLS,
        quiet_sleeps,
    }
}

fn begin(version: UcxVersion, order: &Order) -> anyhow::Result<(Scenario, Notes)> {
    let files = Files::new(&order.folder);
    let log = File::create(&files.log)?;
    for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: both descriptors are open.
        unsafe { libc::dup2(log.as_raw_fd(), stream) };
    }
    let scenario = Scenario::parse(&order.scenario)?;
    let faults: FaultSpec = order.faults.parse()?;
    if scenario.telemetry {
        // SAFETY: a process that was forked from one with a single thread has no other that could read the environment meanwhile.
        unsafe { std::env::set_var(TELEMETRY, "y") };
    }
    control::configure(Settings {
        ledger: Some(files.ledger),
        faults: faults.clone(),
        version: match &order.ucx {
            Some(text) => text.parse()?,
            None => version,
        },
        heal_after: HEAL_AFTER,
        trace: order.trace,
        record_questions: true,
        environment: order.environment,
        seed: order.draw.seed(),
        adversary: order.draw.adversary(),
        watch_unmaps: scenario.churns(),
        ..Settings::default()
    });
    if order.environment || fails_environment(&faults) {
        control::begin();
    }
    let file = File::create(&files.notes)?;
    died::watch(&file)?;
    let notes = Notes {
        file,
        teardown: false,
        reading: Reading::default(),
        measure: scenario.growth.then(Measure::begin).transpose()?,
    };
    Ok((scenario, notes))
}

/// Whether something fails beside UCX.
fn fails_environment(faults: &FaultSpec) -> bool {
    let mut faults = faults.faults.iter();
    faults.any(|fault| fault.point.is_environment())
}

/// Writes down each operation as it begins and ends.
struct Notes {
    file: File,
    teardown: bool,
    reading: Reading,
    /// Counts what is live, if that is wanted.
    measure: Option<Measure>,
}

/// Reads what an operation came to.
#[derive(Default)]
pub(crate) struct Reading {
    /// The release lacks a function that an operation needed: what comes after it may fail for that reason alone.
    incomplete: bool,
}

impl Reading {
    /// What is noted of a verdict, the next one in the order of the play.
    pub(crate) fn read(&mut self, verdict: &Verdict) -> NoteOutcome {
        self.incomplete |= matches!(verdict, Verdict::Absent { .. });
        match verdict {
            Verdict::TimedOut { .. } | Verdict::Wrong { .. } if self.incomplete => {
                NoteOutcome::Skipped
            }
            Verdict::Done { status } if *status == Status::InProgress => NoteOutcome::Begun,
            Verdict::Done { .. } => NoteOutcome::Done,
            Verdict::Refused { function, status } => {
                NoteOutcome::Refused(format!("{function} answered {status}"))
            }
            Verdict::Skipped { .. } => NoteOutcome::Skipped,
            Verdict::Absent { function } => NoteOutcome::Absent((*function).to_owned()),
            Verdict::TimedOut { what } => NoteOutcome::TimedOut(what.clone()),
            Verdict::Wrong { what } => NoteOutcome::Wrong(what.clone()),
        }
    }
}

impl Notes {
    fn write(&mut self, line: &Line) {
        if let Ok(mut text) = serde_json::to_string(line) {
            text.push('\n');
            // A full disk loses notes, not the ledger; the supervisor says so when operations are missing.
            let _ = self.file.write_all(text.as_bytes());
        }
    }

    fn tell_growth(&mut self) {
        if let Some(growth) = self.measure.take().and_then(Measure::finish) {
            self.write(&Line::Growth(growth));
        }
    }

    fn look(&mut self, files: &Files) {
        let Ok(snapshot) = Snapshot::open(&files.ledger) else {
            return;
        };
        if let Ok(serials) = ownership::scan(std::process::id(), &snapshot) {
            self.write(&Line::Held { serials });
        }
    }
}

/// The number of an operation in the ledger, where 0 says "none".
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

impl Observer for Notes {
    fn before_op(&mut self, index: usize, op: &Op) {
        let operation = number(index);
        self.write(&Line::Begin {
            operation,
            line: op.to_string(),
            teardown: self.teardown,
        });
        control::set_operation(operation);
    }

    fn after_op(&mut self, index: usize, _op: &Op, outcome: &Outcome) {
        let (answers, measured) = (outcome.answer.clone(), outcome.measured.clone());
        let outcome = self.reading.read(&outcome.verdict);
        self.write(&Line::End {
            operation: number(index),
            outcome,
            answers,
            measured,
        });
    }

    fn teardown(&mut self, _index: usize) {
        self.teardown = true;
    }

    fn round(&mut self, rounds: u32) {
        self.teardown = false;
        if let Some(measure) = &mut self.measure {
            measure.round(rounds);
        }
    }
}
