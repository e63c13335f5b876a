//! The way back: from a scenario to bytes that the generator makes it from, as far as it can make it.
//!
//! By search, so that it follows the generator in all it does: of each operand the value is taken that brings the operation nearest to the
//! wanted one. What the generator cannot say is left out, or said as nearly as it can.

use super::switches::Switches;
use super::tracker::Tracker;
use super::{Class, RECORD_BYTES, RECORDS_MAX, Recipe, Record, SETUP_BYTES, kinds, setup};
use crate::scenario::model::{Model, Seen};
use crate::scenario::{Op, Scenario};

/// Operations of a scenario that are looked at; repeats are unrolled.
const OPERATIONS_MAX: usize = 60;
/// Rounds over the operands of an operation: some mean something else after a change of another.
const ROUNDS_MAX: usize = 2;
/// What an operation costs that needs a record.
const WORDS_OF_A_RECORD: usize = 3;
/// What two operations of different kinds differ by: more than any two of one kind.
const OTHER: usize = 1000;

impl Recipe {
    /// The recipe of the scenario that is nearest to a given one, of those that keep the contract. It decides nothing.
    pub fn nearest_to(scenario: &Scenario) -> Recipe {
        let ops = || scenario.lines().take(OPERATIONS_MAX).map(|line| &line.op);
        let wanted: Vec<Words> = ops().map(Words::from).collect();
        let switches = Switches {
            hazards: meets_a_known_crash(ops()),
            ..Switches::needed_by(ops())
        };
        encode(&wanted, switches)
    }
}

/// Whether a scenario does what the generator avoids but for one in twenty.
fn meets_a_known_crash<'a>(mut ops: impl Iterator<Item = &'a Op>) -> bool {
    let mut model = Model::new(true);
    ops.any(|op| {
        let hazard = model.hazard(op).is_some();
        model.apply(op, Seen::Done(&[]));
        hazard
    })
}

/// The recipe that is nearest to what is wanted.
fn encode(wanted: &[Words], switches: Switches) -> Recipe {
    let mut setup = start(wanted, switches);
    let mut tracker = Tracker::new(Class::Contract, switches);
    setup::play(&mut tracker, &setup);
    let (mut left, _) = beside_start(&setup, wanted);
    let mut records: Vec<Record> = Vec::new();
    while !left.is_empty() && records.len() < RECORDS_MAX {
        let index = records.len();
        let Some((record, said)) = nearest(&tracker, index, &left) else {
            left.remove(0);
            continue;
        };
        kinds::play(&mut tracker, index, &record);
        records.push(record);
        left.drain(..said.min(left.len()));
    }
    setup[0] = records.len() as u8;
    Recipe {
        setup,
        records,
        decisions: Vec::new(),
    }
}

/// The start that is nearest.
fn start(wanted: &[Words], switches: Switches) -> [u8; SETUP_BYTES] {
    let mut best = ([0; SETUP_BYTES], usize::MAX);
    let keep_better = |setup: [u8; SETUP_BYTES], best: &mut ([u8; SETUP_BYTES], usize)| {
        let far = start_distance(&setup, wanted);
        if far < best.1 {
            *best = (setup, far);
        }
    };
    // Agents, how far the start goes, and who loads whom belong together.
    for agents in setup::EACH_NUMBER {
        for depth in setup::DEPTHS {
            for pattern in 0..4 {
                let mut setup = [0; SETUP_BYTES];
                switches.write(&mut setup);
                (setup[1], setup[3], setup[4]) = (agents, depth, pattern);
                keep_better(setup, &mut best);
            }
        }
    }
    // All other bytes say one thing each, or two together.
    let agents = 0..setup::agents_of(&best.0);
    let regions = (setup::REGION_AT..SETUP_BYTES).step_by(2);
    let alone = agents.clone().map(setup::agent_at);
    for place in std::iter::once(5).chain(alone) {
        for value in 0..=u8::MAX {
            let mut setup = best.0;
            setup[place] = value;
            keep_better(setup, &mut best);
        }
    }
    let parameters = agents.map(|agent| setup::agent_at(agent) + 1);
    for place in parameters.chain(regions) {
        for number in 0..=u8::MAX {
            let mut setup = best.0;
            (setup[place], setup[place + 1]) = (number % 16, number / 16);
            keep_better(setup, &mut best);
        }
    }
    best.0
}

/// How much of a start is not wanted, and how much of what is wanted it does not say.
fn start_distance(setup: &[u8; SETUP_BYTES], wanted: &[Words]) -> usize {
    let (left, far) = beside_start(setup, wanted);
    // What the start does not say costs a record.
    far + left.len() * WORDS_OF_A_RECORD
}

/// What is wanted beside what a start says, and how far that is from what is wanted of it.
fn beside_start(setup: &[u8; SETUP_BYTES], wanted: &[Words]) -> (Vec<Words>, usize) {
    let mut tracker = Tracker::new(Class::Contract, Switches::new(setup));
    setup::play(&mut tracker, setup);
    let mut left = wanted.to_vec();
    let mut far = 0;
    for op in tracker.ops() {
        match Words::from(op).nearest(&left) {
            Some((index, distance)) => {
                far += distance;
                left.remove(index);
            }
            // More than is wanted does little harm.
            None => far += 1,
        }
    }
    (left, far)
}

/// The record that is nearest to the next operations, and how many of them it says.
fn nearest(tracker: &Tracker, index: usize, left: &[Words]) -> Option<(Record, usize)> {
    let far = |record: &Record| {
        let ops = kinds::draft_of(tracker, index, record)?;
        let one = |(at, op): (usize, &Op)| {
            let wanted = left.get(at);
            wanted.map_or(OTHER, |wanted| Words::from(op).distance(wanted))
        };
        Some((ops.iter().enumerate().map(one).sum::<usize>(), ops.len()))
    };
    let mut best: Option<(Record, usize, usize)> = None;
    let mut record = [0; RECORD_BYTES];
    record[0] = left.first()?.kind?;
    'places: for place in std::iter::repeat_n(1..RECORD_BYTES, ROUNDS_MAX).flatten() {
        let mut tried = best.map_or(record, |best| best.0);
        for value in 0..=u8::MAX {
            tried[place] = value;
            let Some((far, said)) = far(&tried) else {
                continue;
            };
            if best.is_none_or(|best| far < best.2) {
                best = Some((tried, said, far));
            }
            if far == 0 {
                break 'places;
            }
        }
    }
    let (record, said, far) = best?;
    (far < OTHER).then_some((record, said))
}

/// An operation as words, to be compared. The names of agents and what messages say are the generator's own.
#[derive(Debug, Clone)]
struct Words {
    /// The first byte of a record that is to make it.
    kind: Option<u8>,
    verb: &'static str,
    words: Vec<String>,
}

impl From<&Op> for Words {
    fn from(op: &Op) -> Words {
        let text = op.to_string();
        let kept = text.split(' ').filter(|word| !word.starts_with("name="));
        let told = |word: &str| match word.split_once('"') {
            Some((key, _)) => format!("{key}\""),
            None => word.to_owned(),
        };
        Words {
            kind: kinds::byte_of(op),
            verb: op.verb(),
            words: kept.map(told).collect(),
        }
    }
}

impl Words {
    /// By how many words two operations differ.
    fn distance(&self, other: &Words) -> usize {
        if self.verb != other.verb {
            return OTHER;
        }
        let pairs = self.words.iter().zip(&other.words);
        let differing = pairs.filter(|(one, other)| one != other);
        differing.count() + self.words.len().abs_diff(other.words.len())
    }

    /// The nearest of several of the same kind, and how near it is.
    fn nearest(&self, all: &[Words]) -> Option<(usize, usize)> {
        let distances = all.iter().map(|one| self.distance(one)).enumerate();
        let nearest = distances.min_by_key(|(_, distance)| *distance)?;
        (nearest.1 < OTHER).then_some(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::builtin;
    use crate::scenario::generate::Stream;

    /// Operations of a scenario, and how many of them are in the nearest one that the generator makes.
    fn said(scenario: &Scenario) -> (usize, usize) {
        let recipe = Recipe::nearest_to(scenario);
        assert_eq!(Recipe::from_bytes(&recipe.to_bytes()), recipe);
        let made = recipe.scenario("made", Class::Contract);
        let lines = scenario.lines().take(OPERATIONS_MAX);
        let wanted: Vec<Words> = lines.map(|line| Words::from(&line.op)).collect();
        let mut left = wanted.clone();
        for line in made.lines() {
            if let Some((index, 0)) = Words::from(&line.op).nearest(&left) {
                left.remove(index);
            }
        }
        (wanted.len(), wanted.len() - left.len())
    }

    #[test]
    fn most_of_what_comes_with_the_program_can_be_made_from_bytes() {
        let (mut all, mut found) = (0, 0);
        for scenario in builtin().into_iter().step_by(4) {
            let (wanted, said) = said(&scenario);
            println!("{}: {said} of {wanted} operations", scenario.name);
            all += wanted;
            found += said;
        }
        println!("{found} of {all}");
        assert!(found * 5 > all * 3, "{found} of {all}");
    }

    #[test]
    fn what_the_generator_made_it_can_make_again() {
        let (mut all, mut found) = (0, 0);
        for number in 0..20 {
            let recipe = Recipe::from_bytes(&Stream::new(3, number).bytes(SETUP_BYTES + 80));
            let (wanted, said) = said(&recipe.scenario("made", Class::Contract));
            println!("case {number}: {said} of {wanted} operations");
            all += wanted;
            found += said;
        }
        assert!(found * 20 > all * 17, "{found} of {all}");
    }
}
