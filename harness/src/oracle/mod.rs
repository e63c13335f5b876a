//! Was that right? Each file answers one question about a case that is over, from its ledger and from what its process told.
//!
//! Oracles never act and never draw: the same observation gets the same verdicts.

use std::collections::BTreeSet;
use std::fmt;

use mock_ucx::ledger::Kind;
use mock_ucx::ledger::read::{Fired, Moment, Object, Snapshot};
use mock_ucx::schedule::{Choice, Move, Point};
use serde::{Deserialize, Serialize};

use crate::execute::case::{Died, Growth};

mod bytes;
mod chain;
mod contract;
mod crash;
mod growth;
mod hang;
mod incomplete;
mod kept;
mod lost;
mod misuse;
mod notifications;
pub mod ownership;
mod status;
mod unmaps;

#[cfg(test)]
pub(crate) mod testing;

/// What is known of a case, or of a process, that is over.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The ledger; `None` if UCX was never called.
    pub snapshot: Option<&'a Snapshot>,
    /// What the client did, in order; empty where nobody knows, as under `run`.
    pub operations: &'a [OperationNote],
    /// How the process ended.
    pub ended: Ended,
    /// Objects (serials) whose handle was found in the client's memory at the end; `None`: nobody looked. See [`ownership`].
    pub held: Option<&'a BTreeSet<u64>>,
    /// Nothing was made to fail.
    pub benign: bool,
    /// The client breaks NIXL's contract on purpose, so NIXL owes it nothing.
    pub misuse: bool,
    /// Notes count as findings.
    pub strict: bool,
    /// What was live after some rounds of the play; `None`: it was not measured.
    pub growth: Option<&'a Growth>,
    /// Where the process died; `None`: it did not, or nobody knows.
    pub died: Option<&'a Died>,
    /// The last lines that the process printed.
    pub log: &'a str,
}

/// What the client did in one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationNote {
    /// Its number in the ledger, from 1.
    pub number: u32,
    /// The line of the scenario; its first word is the operation's name.
    pub text: String,
    /// What came of it.
    pub outcome: Outcome,
    /// It was begun, and NIXL says that it is in progress.
    pub begun: bool,
    /// What it answered besides its status.
    pub answers: Vec<String>,
    /// It belongs to the teardown, which gives back what is left.
    pub teardown: bool,
}

impl OperationNote {
    /// The operation's name: `register`.
    pub fn name(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, or has begun to be.
    Done,
    /// It answered this error.
    Failed(String),
    /// It was not played.
    Skipped,
    /// What it waited for, this, did not come.
    TimedOut(String),
    /// What it found, this, is not what it must find.
    Wrong(String),
    /// The process ended in it.
    Unfinished,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It did not end and was killed.
    Hung(Hang),
}

/// What a process that does not end is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// It uses up processor time and nothing changes.
    Spinning,
    /// All its threads sleep and nothing changes.
    Blocked,
}

/// The question that a verdict answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oracle {
    /// A handle can never be given back.
    Lost,
    /// A rule of UCX's contract was broken.
    Rule,
    /// The process died.
    Crash,
    /// Something never ends.
    Hang,
    /// Bytes are not what they should be.
    Bytes,
    /// A status is not true.
    Status,
    /// A notification is lost, or came twice.
    Notification,
    /// Memory, or the number of objects, grows with each round.
    Growth,
    /// A handle outlives all that uses it.
    Kept,
    /// The mock cannot vouch for the case: a doubt, not a finding.
    Incomplete,
}

impl Oracle {
    /// Name in `findings.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Oracle::Lost => "lost",
            Oracle::Rule => "rule",
            Oracle::Crash => "crash",
            Oracle::Hang => "hang",
            Oracle::Bytes => "bytes",
            Oracle::Status => "status",
            Oracle::Notification => "notification",
            Oracle::Growth => "growth",
            Oracle::Kept => "kept",
            Oracle::Incomplete => "incomplete",
        }
    }

    /// How often in a row it must show before it is reported: what depends on how busy the machine is must show three times.
    pub fn repeats(self) -> u32 {
        if self == Oracle::Hang { 3 } else { 1 }
    }
}

/// What a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An object of UCX.
    Object(Kind),
    /// The client's memory.
    Memory,
    /// The process.
    Process,
}

impl Subject {
    /// Name in `findings.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Subject::Object(kind) => kind.name(),
            Subject::Memory => "memory",
            Subject::Process => "process",
        }
    }
}

/// Something that is not right.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The question.
    pub oracle: Oracle,
    /// Id of the rule, or what stands for it: a signal, a kind of hang.
    pub rule: Option<String>,
    /// What it is about.
    pub subject: Subject,
    /// The objects concerned (serials), the one it is about first.
    pub objects: Vec<u64>,
    /// What happened, as the beginning of a sentence: `memory_handle #2 is lost`.
    pub what: String,
    /// Where the object was created, if there is one.
    pub created: Option<Moment>,
    /// The call whose stack tells this verdict from others; `None`: that of the fault.
    pub site: Option<Moment>,
    /// The call stack that it is about, innermost return address first, if that is none of a call of UCX.
    pub stack: Vec<u64>,
    /// The operation in which it went wrong, if that is certain.
    pub operation: Option<u32>,
    /// The operation to name if neither evidence nor a fault points at one.
    pub operation_otherwise: Option<u32>,
    /// The call whose decisions led to it, if that is certain: what was decided for an operation that is under way, or that failed, was
    /// decided when it began. `None` once it is judged, if nothing deviated there.
    pub cause: Option<Moment>,
    /// The fault that led to it, as far as that can be told: an index into [`Snapshot::fired`].
    pub fault: Option<usize>,
    /// It was that fault, or none: the ledger says so, or nothing else deviated. Otherwise it is only the last one that may have been it.
    pub fault_is_certain: bool,
    /// Why, strongest first.
    pub evidence: Vec<Evidence>,
}

/// One reason.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// A sentence.
    pub text: String,
    /// The call that it speaks of, to name its caller.
    pub at: Option<Moment>,
}

impl Evidence {
    fn new(text: impl Into<String>) -> Evidence {
        Evidence {
            text: text.into(),
            at: None,
        }
    }
}

impl Verdict {
    /// The operation to blame, if the fault `fault` is what led to it.
    pub fn blamed(&self, fault: Option<&Fired>) -> Option<u32> {
        let born = self.created.map_or(0, |created| created.step);
        let by_fault = fault
            .filter(|fault| fault.at.step > born && fault.at.operation > 0)
            .map(|fault| fault.at.operation);
        self.operation.or(by_fault).or(self.operation_otherwise)
    }

    /// It says that nothing can be said, instead of that something is wrong.
    pub fn is_doubt(&self) -> bool {
        self.oracle == Oracle::Incomplete
    }
}

/// What is not right about a case: findings first by question, then in the order of the ledger.
pub fn judge(observation: &Observation<'_>) -> Vec<Verdict> {
    let lost = lost::judge(observation);
    let mut verdicts = misuse::judge(observation, &lost);
    verdicts.splice(0..0, lost);
    verdicts.extend(crash::judge(observation));
    verdicts.extend(hang::judge(observation));
    let breaches = match observation.misuse {
        true => Vec::new(),
        false => contract::breaches(observation),
    };
    verdicts.extend(bytes::judge(&breaches));
    verdicts.extend(status::judge(&breaches));
    verdicts.extend(notifications::judge(&breaches));
    verdicts.extend(kept::judge(observation, &breaches));
    verdicts.extend(growth::judge(observation));
    verdicts.extend(unmaps::judge(observation));
    verdicts.extend(incomplete::judge(observation));
    for verdict in &mut verdicts {
        let by_cause = verdict
            .cause
            .and_then(|cause| observation.fault_behind(cause, verdict.oracle));
        verdict.fault_is_certain = match &by_cause {
            Some(fault) => !fault.is_one_of_several,
            None => !observation.has_several_faults(),
        };
        let by_cause = by_cause.map(|fault| fault.index);
        verdict.fault = by_cause.or_else(|| observation.fault_in(verdict.operation));
        verdict.cause = verdict.cause.filter(|_| by_cause.is_some());
    }
    verdicts
}

impl<'a> Observation<'a> {
    /// An observation of a process that ended well and of which nothing else is known.
    pub fn of(snapshot: &'a Snapshot) -> Observation<'a> {
        Observation {
            snapshot: Some(snapshot),
            operations: &[],
            ended: Ended::Exited(0),
            held: None,
            benign: true,
            misuse: false,
            strict: false,
            growth: None,
            died: None,
            log: "",
        }
    }

    /// The operation with this number.
    pub fn operation(&self, number: u32) -> Option<&'a OperationNote> {
        self.operations.iter().find(|note| note.number == number)
    }

    /// The operation in which the process ended.
    fn unfinished(&self) -> Option<&'a OperationNote> {
        self.operations
            .iter()
            .find(|note| note.outcome == Outcome::Unfinished)
    }

    /// The client came to the end of what it had to do.
    fn ended_well(&self) -> bool {
        matches!(self.ended, Ended::Exited(_)) && self.unfinished().is_none()
    }

    /// What led to the trouble with an operation of UCX that `call` began. If a rule was broken, it is that it is late, or else what made the
    /// client give it up: the last fault in an operation of its own that failed. If it is lost, it is that it fails.
    fn fault_behind(&self, call: Moment, oracle: Oracle) -> Option<FaultBehind> {
        let fired = &self.snapshot?.fired;
        let note = self.operation(call.operation);
        let given_up = note.is_some_and(|note| matches!(note.outcome, Outcome::Failed(_)));
        let late = |fault: &Fired| matches!(fault.choice, Choice::After(_) | Choice::Withheld);
        let of_call = |fault: &Fired| fault.at.step == call.step;
        let in_operation = |fault: &Fired| fault.at.operation == call.operation;
        // What comes in another order, or later, makes nobody give up.
        let fails = |fault: &Fired| {
            matches!(fault.choice, Choice::Status(_)) || fault.asked.point.is_environment()
        };
        let beside = |fault: &Fired| in_operation(fault) && fails(fault);
        let telling = |fault: &Fired| {
            of_call(fault) && late(fault) == (oracle == Oracle::Rule) && !is_aside(fault)
        };
        let last = |fits: &dyn Fn(&Fired) -> bool| fired.iter().rposition(fits);
        if given_up
            && oracle == Oracle::Rule
            && let Some(index) = last(&beside)
        {
            let point = fired[index].asked.point;
            let other = |fault: &Fired| beside(fault) && fault.asked.point != point;
            return Some(FaultBehind {
                index,
                is_one_of_several: fired.iter().any(other),
            });
        }
        let index = last(&telling).or_else(|| last(&of_call))?;
        Some(FaultBehind {
            index,
            is_one_of_several: false,
        })
    }

    /// More than one fault may have led to what went wrong.
    fn has_several_faults(&self) -> bool {
        let several = |snapshot: &Snapshot| snapshot.fired.len() > 1 || snapshot.fired_dropped > 0;
        self.snapshot.is_some_and(several)
    }

    /// The last fault that fired in an operation; none did: the last that fired at all.
    fn fault_in(&self, operation: Option<u32>) -> Option<usize> {
        let fired = &self.snapshot?.fired;
        let inside = |fault: &Fired| Some(fault.at.operation) == operation;
        let last = |fits: &dyn Fn(&Fired) -> bool| fired.iter().rposition(fits);
        last(&|fault| inside(fault) && !is_aside(fault))
            .or_else(|| last(&inside))
            .or_else(|| last(&|fault| !is_aside(fault)))
            .or_else(|| fired.len().checked_sub(1))
    }

    /// `operation 3 (register a0 r0)`, as far as it is known.
    fn operation_words(&self, number: u32) -> impl fmt::Display {
        match self.operation(number) {
            Some(note) => format!(" in operation {number} `{}`", note.text),
            None => String::new(),
        }
    }
}

/// What led to the trouble with an operation of UCX.
struct FaultBehind {
    /// Its place in [`Snapshot::fired`].
    index: usize,
    /// Faults of other kinds may have led to it as well.
    is_one_of_several: bool,
}

/// Which bytes of what fails have landed, and which value a handle has, is seldom a reason for anything.
fn is_aside(fault: &Fired) -> bool {
    matches!(
        fault.asked.point,
        Point::Move(Move::TransferPartial | Move::HandleReuse)
    )
}

/// `memory_handle #2`.
fn object_words(object: &Object) -> String {
    format!("{} #{}", object.kind, object.ordinal)
}

/// Name of the function of a moment.
fn function_words(moment: &Moment) -> &'static str {
    moment
        .function
        .map_or("an unknown call", |function| function.name())
}

#[cfg(test)]
mod tests;
