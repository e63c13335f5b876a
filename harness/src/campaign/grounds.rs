//! Pairs of deviations: what was seen to be possible after a single one, each ground's next pair in turn, so that a hunt that is cut short
//! has tried something after every one of them.

use std::collections::{BTreeMap, VecDeque};

use mock_ucx::schedule::FaultSpec;

use super::journal::Journal;
use super::plan::Planned;

/// Single deviations that were played, and the second ones that can follow each. They are kept as text: there are hundreds of thousands.
#[derive(Default)]
pub(super) struct Grounds {
    /// By their place in the plan, whatever the order in which they were played.
    grounds: BTreeMap<usize, Ground>,
    /// The place from which the next pairs are taken.
    next: usize,
}

struct Ground {
    first: Planned,
    seconds: VecDeque<String>,
}

impl Grounds {
    /// A single deviation was played, the `place`th of the plan.
    pub(super) fn add(&mut self, place: usize, first: &Planned, seconds: Vec<String>) {
        let ground = Ground {
            first: first.clone(),
            seconds: seconds.into(),
        };
        if !ground.seconds.is_empty() {
            self.grounds.insert(place, ground);
        }
    }

    /// The next pairs, at most so many, without those that were played.
    pub(super) fn next_pairs(&mut self, count: usize, journal: &Journal) -> VecDeque<Planned> {
        let mut pairs = VecDeque::new();
        while pairs.len() < count && !self.grounds.is_empty() {
            let place = self.grounds.range(self.next..).next();
            let Some((&place, _)) = place.or_else(|| self.grounds.first_key_value()) else {
                break;
            };
            self.next = place + 1;
            let pair = self.grounds.get_mut(&place).and_then(Ground::take);
            match pair {
                Some(pair) if journal.has(&pair.scenario, &pair.faults) => {}
                Some(pair) => pairs.push_back(pair),
                None => drop(self.grounds.remove(&place)),
            }
        }
        pairs
    }

    /// How many pairs are left.
    pub(super) fn len(&self) -> usize {
        self.grounds
            .values()
            .map(|ground| ground.seconds.len())
            .sum()
    }
}

impl Ground {
    fn take(&mut self) -> Option<Planned> {
        let second: FaultSpec = self.seconds.pop_front()?.parse().ok()?;
        let mut pair = self.first.clone();
        pair.faults.faults.extend(second.faults);
        Some(pair)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scenario::Scenario;

    fn first(faults: &str) -> Planned {
        Planned {
            origin: 0,
            scenario: Arc::new(Scenario::parse("name s\n").unwrap()),
            faults: faults.parse().unwrap(),
        }
    }

    fn texts(pairs: VecDeque<Planned>) -> Vec<String> {
        pairs.iter().map(|pair| pair.faults.to_string()).collect()
    }

    #[test]
    fn grounds_take_turns_until_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(folder.path(), "", true).unwrap();
        let mut grounds = Grounds::default();
        let seconds = |some: &[&str]| some.iter().map(|&text| text.to_owned()).collect();
        let put = ["put.status@1=IO_ERROR", "put.status@2=IO_ERROR"];
        grounds.add(7, &first("put.complete@1=+1"), seconds(&put));
        grounds.add(3, &first("ucp_mem_map@1=NO_MEMORY"), seconds(&put[..1]));
        assert_eq!(grounds.len(), 3);
        assert_eq!(
            texts(grounds.next_pairs(2, &journal)),
            [
                "ucp_mem_map@1=NO_MEMORY; put.status@1=IO_ERROR",
                "put.complete@1=+1; put.status@1=IO_ERROR"
            ]
        );
        assert_eq!(
            texts(grounds.next_pairs(9, &journal)),
            ["put.complete@1=+1; put.status@2=IO_ERROR"]
        );
        assert_eq!(
            (grounds.len(), grounds.next_pairs(9, &journal).len()),
            (0, 0)
        );
    }

    #[test]
    fn a_pair_that_was_played_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), "", true).unwrap();
        let mut grounds = Grounds::default();
        let ground = first("put.complete@1=+1");
        grounds.add(0, &ground, vec!["put.status@1=IO_ERROR".to_owned()]);
        let played = first("put.complete@1=+1; put.status@1=IO_ERROR");
        journal.add(&played.scenario, &played.faults);
        assert!(grounds.next_pairs(9, &journal).is_empty());
    }
}
