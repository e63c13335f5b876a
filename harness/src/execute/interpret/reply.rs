//! What playing one operation gives: a reply, or the reason why it stopped.

use super::{Outcome, Verdict};
use crate::nixl::capi::{CallError, Status};

/// What one operation gave.
pub(super) type Played = Result<Reply, Stop>;

/// An operation that was done.
#[derive(Debug)]
pub(super) struct Reply {
    status: Status,
    answer: Vec<String>,
    measured: Vec<String>,
}

/// Why an operation was not done.
#[derive(Debug)]
pub(super) enum Stop {
    /// NIXL was not asked.
    Skip(String),
    /// NIXL refused, or cannot be asked.
    Call(CallError),
    /// What was waited for did not come.
    TimedOut(String),
    /// Bytes or notifications are wrong.
    Wrong(String),
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Reply {
    /// Done, with this status.
    pub(super) fn status(status: Status) -> Self {
        Self {
            status,
            answer: Vec::new(),
            measured: Vec::new(),
        }
    }

    /// Done.
    pub(super) fn done() -> Self {
        Self::status(Status::Success)
    }

    /// With something that is the same in every run.
    pub(super) fn answer(mut self, answer: impl Into<String>) -> Self {
        self.answer.push(answer.into());
        self
    }

    /// With several such things.
    pub(super) fn answers(mut self, answers: impl IntoIterator<Item = String>) -> Self {
        self.answer.extend(answers);
        self
    }

    /// With something that may differ from run to run.
    pub(super) fn measured(mut self, measured: impl Into<String>) -> Self {
        self.measured.push(measured.into());
        self
    }
}

/// Skips the operation.
pub(super) fn skip<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Skip(reason.into()))
}

/// The outcome of what was played.
pub(super) fn outcome(played: Played) -> Outcome {
    let verdict = match played {
        Ok(reply) => {
            return Outcome {
                verdict: Verdict::Done {
                    status: reply.status,
                },
                answer: reply.answer,
                measured: reply.measured,
            };
        }
        Err(Stop::Skip(reason)) => Verdict::Skipped { reason },
        Err(Stop::Call(CallError::Refused { function, status })) => {
            Verdict::Refused { function, status }
        }
        Err(Stop::Call(CallError::Absent { function })) => Verdict::Absent { function },
        Err(Stop::Call(error @ (CallError::Nul { .. } | CallError::Released { .. }))) => {
            Verdict::Skipped {
                reason: error.to_string(),
            }
        }
        Err(Stop::TimedOut(what)) => Verdict::TimedOut { what },
        Err(Stop::Wrong(what)) => Verdict::Wrong { what },
    };
    Outcome {
        verdict,
        answer: Vec::new(),
        measured: Vec::new(),
    }
}
