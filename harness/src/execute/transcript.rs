//! What happened when a scenario was played.

use serde::{Serialize, Serializer};

use crate::nixl::capi::Status;

/// How many records are kept in full; of a longer play only the unexpected ones.
pub(super) const RECORDS_MAX: usize = 10_000;
/// How many unexpected records are kept beyond that.
pub(super) const UNEXPECTED_MAX: usize = 100;

/// The whole play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transcript {
    /// Name of the scenario.
    pub scenario: String,
    /// One per operation, in order; see [`Counts::dropped`].
    pub records: Vec<Record>,
    /// Sums over all operations, dropped records included.
    pub counts: Counts,
}

/// Sums over a play.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Operations of the scenario.
    pub operations: usize,
    /// Operations of the teardown.
    pub teardown: usize,
    /// Those of both that were skipped.
    pub skipped: usize,
    /// Those of both whose function this release does not have; what is missing behind them is not judged.
    pub absent: usize,
    /// Those of both that answered something else than expected.
    pub unexpected: usize,
    /// Records that were not kept.
    pub dropped: usize,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its number, from 0, repeats unrolled; the teardown goes on counting.
    pub index: usize,
    /// Who asked for it.
    pub phase: Phase,
    /// The operation as text.
    pub op: String,
    /// What happened.
    pub outcome: Outcome,
    /// It was what the scenario expects.
    pub expected: bool,
}

/// Who asked for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The scenario.
    Scenario,
    /// The end, which gives back what is still held.
    Teardown,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// What was answered, the same in every run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answer: Vec<String>,
    /// What was answered and may differ from run to run: times, sizes, numbers of polls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<String>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// NIXL did it, or has begun to.
    Done {
        /// Success or in progress.
        #[serde(serialize_with = "as_text")]
        status: Status,
    },
    /// NIXL refused.
    Refused {
        /// The function that answered.
        function: &'static str,
        /// What it answered.
        #[serde(serialize_with = "as_text")]
        status: Status,
    },
    /// NIXL was not asked: a slot is empty, or occupied, or the operation would break NIXL's contract.
    Skipped {
        /// Why.
        reason: String,
    },
    /// This release has no such function.
    Absent {
        /// The function.
        function: &'static str,
    },
    /// What was waited for did not come.
    TimedOut {
        /// What was waited for.
        what: String,
    },
    /// Bytes or notifications are not what they should be.
    Wrong {
        /// How.
        what: String,
    },
}

fn as_text<S: Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(status)
}

impl Transcript {
    /// Everything was as the scenario expects.
    pub fn is_as_expected(&self) -> bool {
        self.counts.unexpected == 0
    }

    /// The operations that were not as expected.
    pub fn unexpected(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| !record.expected)
    }

    /// Notifications that the scenario did not take and the teardown found, each with its sender.
    pub fn unclaimed(&self) -> impl Iterator<Item = &str> {
        self.records
            .iter()
            .filter(|record| record.phase == Phase::Teardown && record.op.starts_with("notifs "))
            .flat_map(|record| record.outcome.answer.iter().map(String::as_str))
    }

    /// Takes a record in, within the bounds.
    pub(super) fn push(&mut self, record: Record) {
        match record.phase {
            Phase::Scenario => self.counts.operations += 1,
            Phase::Teardown => self.counts.teardown += 1,
        }
        match record.outcome.verdict {
            Verdict::Skipped { .. } => self.counts.skipped += 1,
            Verdict::Absent { .. } => self.counts.absent += 1,
            _ => {}
        }
        let room = if record.expected {
            RECORDS_MAX
        } else {
            self.counts.unexpected += 1;
            RECORDS_MAX + UNEXPECTED_MAX
        };
        if self.records.len() < room {
            self.records.push(record);
        } else {
            self.counts.dropped += 1;
        }
    }
}
