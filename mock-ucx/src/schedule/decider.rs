//! Who makes the choices: a [`Decider`] is asked at every decision point and answers with a permitted outcome.

use std::fmt;

use crate::ledger::Kind;
use crate::schedule::{Choice, Point};

/// An object as traces and fault specifications name it: by its kind and its place among all of that kind in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// What it is.
    pub kind: Kind,
    /// Which one of its kind, from 1.
    pub ordinal: u32,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind.short_name(), self.ordinal)
    }
}

/// A decision point that was reached.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What is decided.
    pub point: Point,
    /// The object it is about, if there is one.
    pub object: Option<ObjectName>,
    /// Hash of that object's place in the tree of objects: parent's place, kind, and place among the parent's children of that kind. What
    /// happens elsewhere in the tree does not change it.
    pub path: u64,
    /// How often the point was reached in the process, this time included. For a call: how often the function was called.
    pub occurrence: u64,
    /// How often it was reached with that object, this time included; of what the system is asked for: in that operation.
    pub of_object: u64,
    /// Operation of the client under way; 0 = none that anybody knows.
    pub operation: u32,
    /// Thread (ordinal).
    pub thread: u16,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is to happen.
    pub choice: Choice,
    /// Which fault of a specification asked for it; `None`: no specification did.
    pub fault: Option<u8>,
}

impl Decision {
    /// As on a healthy network.
    pub const BENIGN: Decision = Decision {
        choice: Choice::Benign,
        fault: None,
    };

    /// A choice that no specification asked for.
    pub fn of(choice: Choice) -> Decision {
        Decision {
            choice,
            fault: None,
        }
    }
}

/// Makes the choices of one run.
pub trait Decider: fmt::Debug + Send + Sync {
    /// Answers one question with an outcome that the point permits. Called under the universe's lock, so it must not call back.
    fn decide(&self, question: &Question) -> Decision;

    /// Whether it never deviates, so that nobody need ask.
    fn is_benign(&self) -> bool {
        false
    }

    /// Whether it may deviate at this point. Where it never does it is not asked, and nothing is counted.
    fn may_deviate_at(&self, _: Point) -> bool {
        !self.is_benign()
    }
}

/// Never deviates.
#[derive(Debug, Default)]
pub struct Benign;

impl Decider for Benign {
    fn decide(&self, _: &Question) -> Decision {
        Decision::BENIGN
    }

    fn is_benign(&self) -> bool {
        true
    }
}
