//! Which deviations a hunt has still to try, and in which order: all single ones, then pairs, then pairs behind what an earlier hunt played.

use std::collections::VecDeque;

use super::collected::Collected;
use super::plan::Planned;

/// Single deviations of earlier hunts that are played again at once, to learn the pairs that follow from them.
const GROUND: usize = 64;
/// Deviations that are played at once: to go round what is known takes time for each.
const PLANNED: usize = 512;

/// The deviations that are still to be tried.
pub(super) struct Left {
    singles: VecDeque<Planned>,
    pairs: VecDeque<Planned>,
    /// Single ones that an earlier hunt played: they are ground for more pairs.
    pub(super) earlier: VecDeque<Planned>,
}

/// Which of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Singles,
    Pairs,
    Ground,
}

impl Stage {
    /// Its name.
    pub(super) fn text(self) -> &'static str {
        match self {
            Stage::Singles => "one deviation",
            Stage::Pairs => "two deviations",
            Stage::Ground => "ground for more pairs",
        }
    }
}

impl Left {
    pub(super) fn new(singles: VecDeque<Planned>) -> Left {
        Left {
            singles,
            pairs: VecDeque::new(),
            earlier: VecDeque::new(),
        }
    }

    pub(super) fn is_over(&self, state: &Collected) -> bool {
        self.len(state) == 0
    }

    pub(super) fn len(&self, state: &Collected) -> usize {
        self.singles.len() + self.pairs.len() + state.grounds.len() + self.earlier.len()
    }

    /// What is to be played next.
    pub(super) fn next(&mut self, state: &mut Collected) -> (Stage, VecDeque<Planned>) {
        if self.singles.is_empty() && self.pairs.is_empty() {
            self.pairs = state.grounds.next_pairs(PLANNED, &state.journal);
        }
        let (stage, count) = match (self.singles.is_empty(), self.pairs.is_empty()) {
            (false, _) => (Stage::Singles, PLANNED),
            (true, false) => (Stage::Pairs, PLANNED),
            (true, true) => (Stage::Ground, GROUND),
        };
        let queue = self.queue(stage);
        let rest = queue.split_off(queue.len().min(count));
        (stage, std::mem::replace(queue, rest))
    }

    /// What could not be played is still to be tried, first.
    pub(super) fn put_back(&mut self, stage: Stage, mut rest: VecDeque<Planned>) {
        let queue = self.queue(stage);
        rest.append(queue);
        *queue = rest;
    }

    fn queue(&mut self, stage: Stage) -> &mut VecDeque<Planned> {
        match stage {
            Stage::Singles => &mut self.singles,
            Stage::Pairs => &mut self.pairs,
            Stage::Ground => &mut self.earlier,
        }
    }
}
