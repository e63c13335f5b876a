//! One case: a scenario, the faults that happen in it, and what came of it. This is the data that goes between the processes of a hunt.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mock_ucx::Adversary;
use mock_ucx::functions::Function;
use mock_ucx::ledger::read::{Module, Snapshot};
use mock_ucx::schedule::{Choice, Fault, FaultSpec, Point};
use mock_ucx::trace::TRACE;
use serde::{Deserialize, Serialize};

use crate::execute::enumerate::second_faults;
use crate::execute::noted::explicit;

/// What is to be played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The scenario's text.
    pub scenario: String,
    /// The fault specification; empty for a benign run.
    pub faults: String,
    /// Folder for the case's files.
    pub folder: PathBuf,
    /// Whether a trace is written.
    #[serde(default)]
    pub trace: bool,
    /// Who decides where no fault applies.
    #[serde(default)]
    pub draw: Draw,
    /// Whether it is recorded what the system is asked for, so that it can fail in another case.
    #[serde(default)]
    pub environment: bool,
    /// The version of UCX that the mock is; `None`: that of the release's wheel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ucx: Option<String>,
}

/// A case for a process that plays one after the other ([`super::resident`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The scenario's text.
    pub scenario: String,
    /// The fault specification.
    pub faults: String,
    /// Who decides where no fault applies.
    pub draw: Draw,
    /// Whether it is wanted what else can deviate after what deviated.
    #[serde(default)]
    pub follow: bool,
}

/// What came of it, at first sight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance {
    /// Something is not right: it deserves a second look.
    pub suspicious: bool,
    /// It cannot be vouched for.
    pub doubtful: bool,
    /// Calls of each function of UCX, as far as any was called ([`mock_ucx::functions::Function::all`]).
    pub calls: Vec<u64>,
    /// What fired: the fault specification that makes the same happen again; `None`: it is too much to be named.
    pub fired: Option<String>,
    /// How its process ended, if it did not live through the case.
    pub ended: Option<End>,
    /// What else can deviate after what deviated, if that was wanted: faults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow: Vec<String>,
}

impl Glance {
    /// What fired, each point with the number of its outcome.
    pub(crate) fn fired(&self) -> Vec<(Point, usize)> {
        // Who made the text made it from a specification.
        let fired: FaultSpec = self
            .fired
            .as_deref()
            .unwrap_or_default()
            .parse()
            .unwrap_or_default();
        let of_one = |fault: &Fault| {
            let point = fault.point;
            let numbers = fault
                .choices
                .iter()
                .filter_map(|choice| point.outcome_number(*choice));
            numbers.map(|number| (point, number)).collect::<Vec<_>>()
        };
        fired.faults.iter().flat_map(of_one).collect()
    }

    /// Whether the case deserves a second look.
    pub(crate) fn is_worth_another(&self) -> bool {
        self.suspicious || self.doubtful
    }

    /// What a ledger says, and what else can deviate after `first` did.
    pub(crate) fn after(first: &FaultSpec, snapshot: &Snapshot) -> Glance {
        let follow = second_faults(first, snapshot);
        Glance {
            follow: follow.iter().map(ToString::to_string).collect(),
            ..Glance::of(Some(snapshot))
        }
    }

    /// What a ledger says; without one, UCX was not called.
    pub(crate) fn of(snapshot: Option<&Snapshot>) -> Glance {
        Glance {
            calls: snapshot.map_or_else(Vec::new, |snapshot| snapshot.calls.to_vec()),
            fired: explicit(snapshot).map(|faults| faults.to_string()),
            ..Glance::default()
        }
    }
}

/// What a process with a NIXL is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// To play a case in a process of its own; the answer is an [`End`].
    Play(Order),
    /// To play some in one that plays many, with its files in this folder; the answer is a [`Glance`] for each.
    Glance(Vec<Task>, PathBuf),
}

/// Who decides where no fault of the specification applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Nobody: all is as on a healthy network.
    #[default]
    Nothing,
    /// A swarm with this seed.
    Swarm(u64),
    /// These bytes, one for each question.
    Bytes(Vec<u8>),
}

impl Draw {
    /// The seed of a swarm.
    pub(crate) fn seed(&self) -> u64 {
        match self {
            Draw::Swarm(seed) => *seed,
            _ => 0,
        }
    }

    /// Who decides.
    pub(crate) fn adversary(&self) -> Adversary {
        match self {
            Draw::Nothing => Adversary::Benign,
            Draw::Swarm(_) => Adversary::Swarm,
            Draw::Bytes(bytes) => Adversary::Bytes(bytes.clone()),
        }
    }
}

/// How the process of a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By itself, with this status; 0 says that the scenario was played to its end.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// It had to be killed.
    Hung(HangKind),
}

/// What a process that does not end is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HangKind {
    /// It used up its processor time.
    Spinning,
    /// All its threads sleep and nothing changes.
    Blocked,
}

/// What the process of a case wrote about one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Number in the ledger, from 1.
    pub operation: u32,
    /// The scenario's line, or the line that the teardown would be.
    pub line: String,
    /// What came of it; `None`: the process ended in it.
    pub outcome: Option<NoteOutcome>,
    /// What it answered besides its status.
    #[serde(default)]
    pub answers: Vec<String>,
    /// What of that is not the same everywhere: sizes, places, numbers of polls.
    #[serde(default)]
    pub measured: Vec<String>,
    /// Whether it belongs to the teardown.
    pub teardown: bool,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteOutcome {
    /// NIXL did it.
    Done,
    /// NIXL has begun it and says that it is in progress.
    Begun,
    /// NIXL answered an error: this one.
    Refused(String),
    /// It could not be played, because what it needs is not there.
    Skipped,
    /// It could not be played, because the release does not have this function, or not in the way that is needed.
    Absent(String),
    /// It did not come to an end within its polls.
    TimedOut(String),
    /// What it found is not what it must find.
    Wrong(String),
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Played {
    /// How its process ended.
    pub end: End,
    /// What it wrote about its operations.
    pub notes: Vec<Note>,
    /// The ledger; `None` if it never called UCX.
    pub snapshot: Option<Snapshot>,
    /// Objects (serials) whose handle the client still held in its memory at the end; `None` if nobody looked.
    pub held: Option<BTreeSet<u64>>,
    /// What was live after some rounds; `None` if nobody counted, or it ended before the last of them.
    pub growth: Option<Growth>,
    /// Where it died; `None` if it did not die of what it did itself, or could not say it.
    pub died: Option<Died>,
    /// The last lines that it logged.
    pub log: String,
}

/// Where a process died.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Died {
    /// The modules that its call stack runs through.
    pub modules: Vec<Module>,
    /// Return addresses, innermost first.
    pub stack: Vec<u64>,
}

/// What was live, and of what, after each of some rounds of a play. Only what grew is here: there was more of it at the end than at the first
/// reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Rounds played at each reading; one number each in every list below.
    pub rounds: Vec<u32>,
    /// Memory, by who allocated it.
    pub memory: Vec<MemoryGrowth>,
    /// Objects of UCX, by kind.
    pub objects: Vec<ObjectGrowth>,
    /// Blocks that could not be counted: what is said of memory is too little.
    pub dropped: u64,
}

/// Memory that one call stack allocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryGrowth {
    /// It is mapped, and not of the heap.
    pub mapped: bool,
    /// Return addresses, innermost first, those of the C and C++ libraries left out at that end.
    pub stack: Vec<u64>,
    /// Live bytes at each reading.
    pub bytes: Vec<i64>,
    /// Live blocks or mappings at each reading.
    pub blocks: Vec<i64>,
}

/// Objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectGrowth {
    /// Name of the kind.
    pub kind: String,
    /// Live ones at each reading.
    pub live: Vec<u64>,
    /// Serial of the youngest one at the last reading.
    pub youngest: u64,
    /// Where that one was created: return addresses, innermost first.
    pub stack: Vec<u64>,
    /// Number of the operation that created it.
    pub operation: u32,
}

impl Played {
    /// For each operation that was skipped because the release does not have a function: that function.
    pub fn absent(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().filter_map(|note| match &note.outcome {
            Some(NoteOutcome::Absent(function)) => Some(function.as_str()),
            _ => None,
        })
    }

    /// The calls of UCX that can fail: in which operation each was made, and the likeliest failure of it. Not those of the
    /// teardown, which gives back anyway.
    pub fn failing_calls(&self) -> impl Iterator<Item = (u32, Function, Fault)> {
        let asked = self.snapshot.iter().flat_map(|snapshot| &snapshot.asked);
        asked.filter_map(|asked| {
            let Point::Call(function) = asked.point else {
                return None;
            };
            let status = function.info().failures.first()?;
            let mut notes = self.notes.iter();
            let note = notes.find(|note| note.operation == asked.operation)?;
            let fault = asked.to_fault(Choice::Status(*status));
            (!note.teardown).then_some((note.operation, function, fault))
        })
    }
}

/// The files of a case in its folder.
#[derive(Clone, Debug)]
pub struct Files {
    /// The ledger.
    pub ledger: PathBuf,
    /// What happened, a line of JSON for each (`lines.rs`).
    pub notes: PathBuf,
    /// What the process printed.
    pub log: PathBuf,
    /// The trace, if one was asked for.
    pub trace: PathBuf,
}

impl Files {
    /// The files of a case in `folder`.
    pub fn new(folder: &Path) -> Files {
        Files {
            ledger: folder.join("ledger"),
            notes: folder.join("notes.jsonl"),
            log: folder.join("log"),
            trace: folder.join("ledger").with_extension(TRACE),
        }
    }

    /// Removes those that are there.
    ///
    /// # Errors
    /// One cannot be removed.
    pub fn remove(&self) -> anyhow::Result<()> {
        for file in [&self.ledger, &self.notes, &self.log, &self.trace] {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
