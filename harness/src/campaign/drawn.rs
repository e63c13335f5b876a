//! The cases that a hunt draws: each is made from the hunt's seed and its own number, and so is what deviates in it.

use std::sync::LazyLock;

use crate::execute::case::Draw;
use crate::scenario::generate::{Class, Recipe, Stream, takes_long};
use crate::scenario::{Scenario, builtin, builtin_misuse};

/// The kinds of cases come in turn, in rounds of so many.
const ROUND: usize = 8;
/// Decisions of a case that takes them from bytes.
const DECISIONS: usize = 256;
/// One decision of so many is not benign: bytes are, and most outcomes have small numbers.
const DEVIATES_OF: u8 = 16;

/// The scenarios that come with the program, in which what deviates is drawn.
static WITHIN_THE_CONTRACT: LazyLock<Vec<Scenario>> = LazyLock::new(builtin);
static BEYOND_THE_CONTRACT: LazyLock<Vec<Scenario>> = LazyLock::new(builtin_misuse);

/// A case that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The scenario.
    pub scenario: Scenario,
    /// Who decides in it.
    pub draw: Draw,
}

/// What a case is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A drawn scenario, and nothing deviates.
    Benign,
    /// A drawn scenario, and bytes decide, if it has one thread.
    Bytes,
    /// A drawn scenario under a swarm.
    Swarm,
    /// A scenario that comes with the program, under a swarm: several deviations at once, where a client is known to get far.
    Builtin,
}

impl Kind {
    fn of(number: usize) -> Kind {
        match number % ROUND {
            0 => Kind::Benign,
            1 => Kind::Bytes,
            number if number % 4 == 3 => Kind::Builtin,
            _ => Kind::Swarm,
        }
    }
}

impl Drawn {
    /// Case `number` of the search with this seed.
    pub fn new(seed: u64, number: usize, class: Class) -> Drawn {
        let mut stream = Stream::new(seed, number as u64);
        let name = format!("random-{seed}-{number}");
        let kind = Kind::of(number);
        let scenario = match kind {
            Kind::Benign | Kind::Bytes | Kind::Swarm => drawn(&mut stream, &name, class),
            Kind::Builtin => Scenario {
                name,
                ..one_of(known(class), &mut stream).clone()
            },
        };
        let draw = match kind {
            Kind::Benign => Draw::Nothing,
            // They are used up in the order of the calls. A swarm decides by what each call is about.
            Kind::Bytes if !scenario.is_threaded() => {
                Draw::Bytes(stream.bytes(DECISIONS).into_iter().map(sparse).collect())
            }
            _ => Draw::Swarm(stream.next_number()),
        };
        Drawn { scenario, draw }
    }

    /// A drawn scenario alone.
    pub(super) fn scenario(seed: u64, number: usize, class: Class) -> Scenario {
        let name = format!("random-{seed}-{number}");
        drawn(&mut Stream::new(seed, number as u64), &name, class)
    }
}

fn drawn(stream: &mut Stream, name: &str, class: Class) -> Scenario {
    Recipe::from_bytes(&stream.recipe()).scenario(name, class)
}

fn known(class: Class) -> &'static [Scenario] {
    match class {
        Class::Contract => &WITHIN_THE_CONTRACT,
        Class::Misuse => &BEYOND_THE_CONTRACT,
    }
}

/// One of some that are never none; what takes long is drawn anew, and then taken.
fn one_of<'a>(scenarios: &'a [Scenario], stream: &mut Stream) -> &'a Scenario {
    let mut draw = || &scenarios[(stream.next_number() % scenarios.len() as u64) as usize];
    let first = draw();
    if takes_long(first) { draw() } else { first }
}

fn sparse(byte: u8) -> u8 {
    if byte.is_multiple_of(DEVIATES_OF) {
        1 + byte / DEVIATES_OF % 8
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_cases_and_another_one_others() {
        let cases = |seed| {
            (0..40)
                .map(|number| Drawn::new(seed, number, Class::Contract))
                .collect::<Vec<_>>()
        };
        assert_eq!(cases(1), cases(1));
        let mut others = cases(2).into_iter().zip(cases(1));
        assert!(others.all(|(one, other)| one != other));
    }

    #[test]
    fn every_kind_of_case_comes_and_only_misuse_breaks_the_contract() {
        let kinds = |kind| {
            (0..ROUND)
                .filter(|number| Kind::of(*number) == kind)
                .count()
        };
        let counts = [Kind::Benign, Kind::Bytes, Kind::Swarm, Kind::Builtin].map(kinds);
        assert_eq!(counts, [1, 1, 4, 2]);
        let misuse = |class| (0..ROUND).any(|number| Drawn::new(1, number, class).scenario.misuse);
        assert!(!misuse(Class::Contract) && misuse(Class::Misuse));
    }

    #[test]
    fn where_threads_run_no_case_takes_its_decisions_from_bytes() {
        let cases = (1..100 * ROUND).step_by(ROUND);
        let (threaded, others): (Vec<_>, Vec<_>) = cases
            .map(|number| Drawn::new(7, number, Class::Contract))
            .partition(|case| case.scenario.is_threaded());
        let by_bytes = |case: &Drawn| matches!(case.draw, Draw::Bytes(_));
        assert!(others.iter().all(by_bytes));
        assert!(!threaded.iter().any(by_bytes));
        let counts = [threaded.len(), others.len()];
        assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
    }

    #[test]
    fn most_decisions_from_bytes_are_benign_and_some_are_not() {
        let mut cases = (1..).step_by(ROUND);
        let bytes = cases.find_map(|number| match Drawn::new(7, number, Class::Contract).draw {
            Draw::Bytes(bytes) => Some(bytes),
            _ => None,
        });
        let bytes = bytes.expect("some scenarios have one thread");
        let deviating = bytes.iter().filter(|byte| **byte > 0).count();
        assert!((1..DECISIONS / 8).contains(&deviating), "{deviating}");
    }
}
