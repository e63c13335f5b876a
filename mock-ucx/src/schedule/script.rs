//! Follows a fault specification. A recorded run is one too: each of its deviations is a fault with object and occurrence.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::schedule::seeded::draw;
use crate::schedule::{Decider, Decision, Fault, FaultSpec, Question};

/// Follows a fault specification.
#[derive(Debug)]
pub struct Script {
    faults: Vec<Scripted>,
    seed: u64,
    /// Decides where no fault applies.
    otherwise: Arc<dyn Decider>,
}

#[derive(Debug)]
struct Scripted {
    fault: Fault,
    /// How often it applied so far.
    applied: AtomicUsize,
}

impl Script {
    /// A decider that makes the faults of `spec` happen; those with a probability are drawn from `seed`. Where
    /// none applies, `otherwise` decides.
    pub fn new(spec: FaultSpec, seed: u64, otherwise: Arc<dyn Decider>) -> Script {
        let scripted = |fault| Scripted {
            fault,
            applied: AtomicUsize::new(0),
        };
        Script {
            faults: spec.faults.into_iter().map(scripted).collect(),
            seed,
            otherwise,
        }
    }

    fn applies(&self, fault: &Fault, question: &Question) -> bool {
        let occurrence = if fault.object.is_some() {
            question.of_object
        } else {
            question.occurrence
        };
        fault.point == question.point
            && fault
                .object
                .is_none_or(|object| Some(object) == question.object)
            && fault.thread.is_none_or(|thread| thread == question.thread)
            && fault.occurrences.hold(occurrence)
            && fault
                .per_mille
                .is_none_or(|limit| draw(self.seed, question) % 1000 < u64::from(limit))
    }
}

impl Decider for Script {
    fn decide(&self, question: &Question) -> Decision {
        for (index, scripted) in self.faults.iter().enumerate() {
            let fault = &scripted.fault;
            if !self.applies(fault, question) {
                continue;
            }
            let time = scripted.applied.fetch_add(1, Ordering::Relaxed);
            let choice = match fault.choices.as_slice() {
                [always] => Some(*always),
                several => several.get(time).copied(),
            };
            if let Some(choice) = choice {
                return Decision {
                    choice,
                    fault: u8::try_from(index).ok(),
                };
            }
        }
        self.otherwise.decide(question)
    }
}
