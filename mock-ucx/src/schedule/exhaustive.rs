//! Goes through all combinations of decisions of a small client, one run after the other.

use parking_lot::Mutex;

use crate::schedule::{Choice, Decider, Decision, Question};

/// One run of an exhaustive search, depth first: the decisions that were planned, then the benign ones.
///
/// The client must be deterministic: the same decisions lead to the same questions.
#[derive(Debug)]
pub struct Exhaustive {
    /// Decisions that may deviate; later ones are benign.
    depth_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    plan: Vec<usize>,
    /// Of each decision so far: the outcome taken and how many there are.
    decisions: Vec<(usize, usize)>,
}

impl Exhaustive {
    /// The first run: all benign. At most the first `depth_max` decisions of a run deviate.
    pub fn new(depth_max: usize) -> Exhaustive {
        Exhaustive::planned(depth_max, Vec::new())
    }

    fn planned(depth_max: usize, plan: Vec<usize>) -> Exhaustive {
        Exhaustive {
            depth_max,
            taken: Mutex::new(Taken {
                plan,
                decisions: Vec::new(),
            }),
        }
    }

    /// The outcomes that were taken, by their numbers: those that may deviate.
    pub fn taken(&self) -> Vec<usize> {
        let taken = self.taken.lock();
        let decisions = taken.decisions.iter().take(self.depth_max);
        decisions.map(|(outcome, _)| *outcome).collect()
    }

    /// The run after this one, which has ended; `None` when all were made.
    pub fn next(&self) -> Option<Exhaustive> {
        let taken = self.taken.lock();
        let decisions = &taken.decisions;
        let last = decisions
            .iter()
            .take(self.depth_max)
            .rposition(|(outcome, count)| outcome + 1 < *count)?;
        let mut plan: Vec<usize> = decisions[..=last]
            .iter()
            .map(|(outcome, _)| *outcome)
            .collect();
        plan[last] += 1;
        Some(Exhaustive::planned(self.depth_max, plan))
    }
}

impl Decider for Exhaustive {
    fn decide(&self, question: &Question) -> Decision {
        let outcomes = question.point.outcomes();
        let mut taken = self.taken.lock();
        let outcome = taken
            .plan
            .get(taken.decisions.len())
            .copied()
            .filter(|outcome| *outcome <= outcomes.len())
            .unwrap_or(0);
        taken.decisions.push((outcome, outcomes.len() + 1));
        let choice = outcome
            .checked_sub(1)
            .map_or(Choice::Benign, |index| outcomes[index].choice);
        Decision::of(choice)
    }
}
