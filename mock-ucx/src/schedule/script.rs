//! Follows a fault specification. A recorded run is one too: each of its deviations is a fault with object and occurrence.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::schedule::seeded::draw;
use crate::schedule::{Decider, Decision, Fault, FaultSpec, Point, Question};

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
        let occurrence = if fault.object.is_some() || fault.operation.is_some() {
            question.of_object
        } else {
            question.occurrence
        };
        fault.point == question.point
            && fault
                .object
                .is_none_or(|object| Some(object) == question.object)
            && fault
                .operation
                .is_none_or(|operation| operation == question.operation)
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
            let choice = match (fault.choices.as_slice(), fault.limit) {
                ([_], Some(limit)) if time >= limit as usize => None,
                ([always], _) => Some(*always),
                (several, _) => several.get(time).copied(),
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

    fn may_deviate_at(&self, point: Point) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|scripted| scripted.fault.point == point) || self.otherwise.may_deviate_at(point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Kind;
    use crate::schedule::{Benign, Choice, Environment, Move, ObjectName};

    /// What a specification makes of the first `count` times that an endpoint's puts complete, in one thread.
    fn made_of(text: &str, count: u64, thread: u16) -> Vec<String> {
        let script = Script::new(text.parse().unwrap(), 7, Arc::new(Benign));
        let point = Point::Move(Move::PutComplete);
        (1..=count)
            .map(|occurrence| {
                let decision = script.decide(&Question {
                    point,
                    object: Some(ObjectName {
                        kind: Kind::Endpoint,
                        ordinal: 2,
                    }),
                    path: 1,
                    occurrence: occurrence + 10,
                    of_object: occurrence,
                    operation: 0,
                    thread,
                });
                assert_eq!(
                    decision.fault.is_some(),
                    decision.choice != Choice::Benign,
                    "the fault is named when it happens"
                );
                point.words(decision.choice).to_string()
            })
            .collect()
    }

    #[test]
    fn a_fault_happens_in_its_range_and_nowhere_else() {
        let made = made_of("ep#2.put.complete@2-3=+1", 4, 1);
        assert_eq!(made, ["benign", "+1", "+1", "benign"]);
        assert_eq!(made_of("put.complete@12+=+1", 3, 1), ["benign", "+1", "+1"]);
        assert_eq!(made_of("ep#1.put.complete=+1", 2, 1), ["benign", "benign"]);
    }

    #[test]
    fn several_outcomes_come_one_after_the_other_and_then_nothing() {
        let made = made_of("put.complete=+1 then withheld", 3, 1);
        assert_eq!(made, ["+1", "withheld", "benign"]);
    }

    #[test]
    fn a_fault_happens_no_more_often_than_its_limit() {
        assert_eq!(made_of("put.complete*2=+1", 3, 1), ["+1", "+1", "benign"]);
    }

    #[test]
    fn what_the_system_is_asked_for_is_counted_in_the_operation_that_is_named() {
        let script = |text: &str| Script::new(text.parse().unwrap(), 7, Arc::new(Benign));
        let fails = |script: &Script, operation, of_object| {
            let decision = script.decide(&Question {
                point: Point::Environment(Environment::Memory),
                object: None,
                path: 0,
                occurrence: 40,
                of_object,
                operation,
                thread: 1,
            });
            decision.choice != Choice::Benign
        };
        let within = script("system.memory@5 operation 8=bad_alloc");
        assert!(fails(&within, 8, 5));
        assert!(!fails(&within, 8, 40) && !fails(&within, 7, 5));
        let anywhere = script("system.memory@40=bad_alloc");
        assert!(fails(&anywhere, 8, 5));
    }

    #[test]
    fn a_fault_of_a_thread_leaves_others_alone() {
        assert_eq!(made_of("put.complete thread 3=+1", 1, 3), ["+1"]);
        assert_eq!(made_of("put.complete thread 3=+1", 1, 2), ["benign"]);
    }

    #[test]
    fn a_probability_is_the_share_in_which_a_fault_happens_and_certainty_is_always() {
        let share = |text: &str| {
            let made = made_of(text, 10_000, 1);
            made.iter().filter(|made| *made == "+1").count()
        };
        assert!((2300..2700).contains(&share("put.complete%25=+1")));
        assert_eq!(share("put.complete%100=+1"), 10_000);
    }
}
