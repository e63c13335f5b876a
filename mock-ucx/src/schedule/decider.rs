//! Who makes the choices: a [`Decider`] is asked at every decision point and answers with a permitted outcome.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::functions::Function;
use crate::schedule::{Fault, FaultSpec};
use crate::status::UcsStatus;

/// A decision point that was reached.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Function under way.
    pub function: Function,
    /// Which call of that function this is in the process, from 1.
    pub occurrence: u64,
}

/// What is to happen. The first variant is always the benign one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As on a healthy network.
    Proceed,
    /// The call answers this status and does nothing else.
    Fail {
        /// The status.
        status: UcsStatus,
        /// Which fault of the specification asked for it.
        fault: u8,
    },
}

/// Makes the choices of one run.
pub trait Decider: Send + Sync {
    /// Answers one question. Called under the universe's lock, so it must not call back.
    fn decide(&self, question: Question) -> Outcome;
}

/// Never deviates.
#[derive(Debug, Default)]
pub struct Benign;

impl Decider for Benign {
    fn decide(&self, _: Question) -> Outcome {
        Outcome::Proceed
    }
}

/// Follows a fault specification.
#[derive(Debug)]
pub struct Script {
    faults: Vec<(Fault, AtomicU64)>,
}

impl Script {
    /// A decider that makes the faults of `spec` happen.
    pub fn new(spec: FaultSpec) -> Script {
        Script {
            faults: spec
                .faults
                .into_iter()
                .map(|fault| (fault, AtomicU64::new(0)))
                .collect(),
        }
    }
}

impl Decider for Script {
    fn decide(&self, question: Question) -> Outcome {
        for (index, (fault, fired)) in self.faults.iter().enumerate() {
            let due = fault
                .occurrence
                .is_none_or(|occurrence| occurrence == question.occurrence);
            if fault.function == question.function && due {
                fired.fetch_add(1, Ordering::Relaxed);
                return Outcome::Fail {
                    status: fault.status,
                    fault: u8::try_from(index).unwrap_or(u8::MAX),
                };
            }
        }
        Outcome::Proceed
    }
}
