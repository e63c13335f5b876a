//! Reads decisions from a fuzzer's input.

use parking_lot::Mutex;

use crate::schedule::{Choice, Decider, Decision, Point, Question};

/// Reads decisions from bytes, one a question; when they are used up, everything is benign.
#[derive(Debug)]
pub struct Bytes {
    left: Mutex<std::vec::IntoIter<u8>>,
}

impl Bytes {
    /// A decider that reads `bytes` from the front.
    pub fn new(bytes: Vec<u8>) -> Bytes {
        Bytes {
            left: Mutex::new(bytes.into_iter()),
        }
    }
}

impl Decider for Bytes {
    fn decide(&self, question: &Question) -> Decision {
        let Some(byte) = self.left.lock().next() else {
            return Decision::BENIGN;
        };
        let outcomes = question.point.outcomes();
        let permitted = outcomes.iter().filter(|outcome| !outcome.paranoid);
        // Bytes beyond the outcomes are benign: most of a random input deviates nowhere, and so its client gets far.
        let choice = usize::from(byte)
            .checked_sub(1)
            .and_then(|index| permitted.clone().nth(index));
        Decision::of(choice.map_or(Choice::Benign, |outcome| outcome.choice))
    }

    fn may_deviate_at(&self, point: Point) -> bool {
        !point.is_environment()
    }
}
