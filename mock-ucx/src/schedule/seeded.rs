//! Draws decisions from a seed. A swarm: each seed switches on some of the points only, each with a rate of its own, because a run in
//! which everything happens at once never gets far.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::schedule::{Choice, Decider, Decision, Point, Question};

/// Draws decisions from a seed.
#[derive(Debug)]
pub struct Seeded {
    seed: u64,
    paranoid: bool,
    calls: bool,
    environment: bool,
}

/// Out of so many points, one is switched on by a seed.
const SWITCHED_ON_OF: u64 = 4;

/// The rates at which a point that is switched on deviates, per mille.
const RATES: [u64; 4] = [20, 100, 300, 700];

/// A point deviates no more once it was reached so often with an object. Threads that poll reach some points a million times a second:
/// they would be kept from ever coming to rest, and nobody could name all that happened.
const REACHED_MAX: u64 = 64;

impl Seeded {
    /// A decider that draws from `seed`; with `paranoid` also moves whose permission is doubtful.
    pub fn new(seed: u64, paranoid: bool) -> Seeded {
        Seeded {
            seed,
            paranoid,
            calls: true,
            environment: false,
        }
    }

    /// The same with what fails beside UCX.
    pub fn with_environment(self) -> Seeded {
        Seeded {
            environment: true,
            ..self
        }
    }

    /// The same with moves alone: no call fails, for a client that gives up at the first error.
    pub fn moves_only(seed: u64) -> Seeded {
        Seeded {
            calls: false,
            ..Seeded::new(seed, false)
        }
    }

    /// How often a point deviates under this seed, per mille.
    fn rate(&self, point: Point) -> u64 {
        let switch = mix(self.seed, &[point.number() as u64]);
        if switch.is_multiple_of(SWITCHED_ON_OF) {
            RATES[(switch >> 32) as usize % RATES.len()]
        } else {
            0
        }
    }
}

impl Decider for Seeded {
    fn decide(&self, question: &Question) -> Decision {
        let rate = self.rate(question.point);
        if question.of_object > REACHED_MAX {
            return Decision::BENIGN;
        }
        if rate == 0 || (!self.calls && matches!(question.point, Point::Call(_))) {
            return Decision::BENIGN;
        }
        let drawn = draw(self.seed, question);
        if drawn % 1000 >= rate {
            return Decision::BENIGN;
        }
        let outcomes = question.point.outcomes();
        let permitted: Vec<Choice> = outcomes
            .iter()
            .filter(|outcome| self.paranoid || !outcome.paranoid)
            .map(|outcome| outcome.choice)
            .collect();
        let index = (drawn >> 32) as usize % permitted.len().max(1);
        Decision::of(permitted.get(index).copied().unwrap_or(Choice::Benign))
    }

    fn may_deviate_at(&self, point: Point) -> bool {
        self.environment || !point.is_environment()
    }
}

/// A number that depends on the seed and on what is asked, where, and for which time; on nothing else.
pub(crate) fn draw(seed: u64, question: &Question) -> u64 {
    mix(
        seed,
        &[
            question.point.number() as u64,
            question.path,
            question.of_object,
        ],
    )
}

/// Mixes numbers into one whose bits are all good to use.
pub(crate) fn mix(seed: u64, numbers: &[u64]) -> u64 {
    let mut hasher = FxHasher::default();
    seed.hash(&mut hasher);
    for number in numbers {
        number.hash(&mut hasher);
    }
    // The finalizer of splitmix64: FxHash alone leaves the low bits weak.
    let mut mixed = hasher.finish();
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
