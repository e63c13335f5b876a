//! Scenarios from bytes. Every byte string is a scenario that obeys NIXL's contract, and a small change of it is a small change of the
//! scenario: what is at the start has a fixed width, each operation is a record of fixed width, operands are slots that are wrapped to
//! what is there, and what the contract forbids at that point is replaced by the next that it permits.
//!
//! Scenario bytes come from the front of an input, the adversary's decisions from its back, so that a longer scenario does not shift the
//! decisions.

mod draft;
mod encode;
mod exchange;
mod kinds;
mod memory;
mod metadata;
mod setup;
mod stream;
mod switches;
mod tracker;
mod transfers;

#[cfg(test)]
mod tests;

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};

use super::Scenario;
pub use metadata::{BACK_MAX, CHANGE_BYTES, CHANGES_MAX, Damage, Number, PLAN_BYTES};
pub use stream::Stream;
use switches::Switches;
pub use switches::takes_long;
use tracker::Tracker;

/// Bytes that say what there is at the start.
pub const SETUP_BYTES: usize = 32;
/// Bytes of one operation.
pub const RECORD_BYTES: usize = 8;
/// Operations after the start: enough for the longest known way to a bug three times over, and played in milliseconds.
pub const RECORDS_MAX: usize = 40;

/// One operation: its kind, and its operands.
pub type Record = [u8; RECORD_BYTES];

/// Whether a scenario keeps NIXL's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// It does: what goes wrong is NIXL's fault.
    #[default]
    Contract,
    /// It breaks it now and then, and says so in its text.
    Misuse,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Contract => "contract",
            Class::Misuse => "misuse",
        })
    }
}

/// What a scenario is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What there is at the start.
    pub setup: [u8; SETUP_BYTES],
    /// The operations.
    pub records: Vec<Record>,
    /// The adversary's decisions, in the order in which they are asked for.
    pub decisions: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Recipe {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Recipe> {
        let mut setup = [0; SETUP_BYTES];
        // A short input is filled up with zeroes, which are the plainest choices.
        input.fill_buffer(&mut setup)?;
        let count = usize::from(setup[0]) % (RECORDS_MAX + 1);
        let mut records = Vec::new();
        while records.len() < count && input.len() >= RECORD_BYTES {
            let mut record = [0; RECORD_BYTES];
            input.fill_buffer(&mut record)?;
            records.push(record);
        }
        let rest = input.bytes(input.len())?;
        Ok(Recipe {
            setup,
            records,
            decisions: rest.iter().rev().copied().collect(),
        })
    }
}

impl Recipe {
    /// The recipe in an input.
    pub fn from_bytes(bytes: &[u8]) -> Recipe {
        let mut input = Unstructured::new(bytes);
        // Only reading beyond the end could fail, and nothing is read beyond it.
        Recipe::arbitrary(&mut input).unwrap_or(Recipe {
            setup: [0; SETUP_BYTES],
            records: Vec::new(),
            decisions: Vec::new(),
        })
    }

    /// An input that holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let decisions = self.decisions.iter().rev().copied();
        let records = self.records.iter().flatten().copied();
        self.setup
            .into_iter()
            .chain(records)
            .chain(decisions)
            .collect()
    }

    /// The scenario.
    pub fn scenario(&self, name: &str, class: Class) -> Scenario {
        let mut tracker = Tracker::new(class, Switches::new(&self.setup));
        setup::play(&mut tracker, &self.setup);
        for (index, record) in self.records.iter().enumerate() {
            kinds::play(&mut tracker, index, record);
        }
        Scenario {
            name: name.to_owned(),
            about: match class {
                Class::Contract => "Drawn at random".to_owned(),
                Class::Misuse => {
                    "Drawn at random, and not always within NIXL's contract".to_owned()
                }
            },
            leave: false,
            misuse: class == Class::Misuse,
            growth: false,
            telemetry: false,
            steps: tracker.into_steps(),
        }
    }
}
