//! A fault specification as data: which decisions are to deviate, and how. Its text form is in `spec`.

use crate::schedule::{Choice, ObjectName, Point};

/// One fault: where, when, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The decision point.
    pub point: Point,
    /// Only with this object.
    pub object: Option<ObjectName>,
    /// Only in this operation of the client, of what the system is asked for.
    pub operation: Option<u32>,
    /// Only in this thread (ordinal).
    pub thread: Option<u16>,
    /// Only these occurrences: of the point with that object or in that operation if one is named, else of the point in the process.
    pub occurrences: Occurrences,
    /// Only so often out of a thousand, drawn from the seed.
    pub per_mille: Option<u16>,
    /// At most so often.
    pub limit: Option<u32>,
    /// What happens. Several: the first time the first of them, then the second, and so on; after the last, nothing. One: each time.
    pub choices: Vec<Choice>,
}

/// A range of occurrences, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrences {
    /// The first one.
    pub first: u64,
    /// The last one; `None`: all from the first on.
    pub last: Option<u64>,
}

impl Occurrences {
    /// Every occurrence.
    pub const ALL: Occurrences = Occurrences {
        first: 1,
        last: None,
    };

    /// One occurrence.
    pub fn one(number: u64) -> Occurrences {
        Occurrences {
            first: number,
            last: Some(number),
        }
    }

    /// Whether all of `other` are among them.
    fn hold_all(self, other: Occurrences) -> bool {
        let ends_later = match (self.last, other.last) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(other)) => last >= other,
        };
        self.first <= other.first && ends_later
    }

    /// Whether `number` is among them.
    pub fn hold(self, number: u64) -> bool {
        number >= self.first && self.last.is_none_or(|last| number <= last)
    }
}

impl Fault {
    /// `choice` at one occurrence of `point` in the process.
    pub fn at(point: Point, occurrence: u64, choice: Choice) -> Fault {
        Fault {
            point,
            object: None,
            operation: None,
            thread: None,
            occurrences: Occurrences::one(occurrence),
            per_mille: None,
            limit: None,
            choices: vec![choice],
        }
    }

    /// Whether it applies, always, wherever `other` does: then that one, which comes later, never happens.
    pub fn covers(&self, other: &Fault) -> bool {
        let always = self.per_mille.is_none() && self.limit.is_none() && self.choices.len() == 1;
        // Occurrences are counted differently with an object or an operation and without.
        let counts = self.occurrences == Occurrences::ALL
            || (self.object == other.object
                && self.operation == other.operation
                && self.occurrences.hold_all(other.occurrences));
        always
            && counts
            && self.point == other.point
            && (self.object.is_none() || self.object == other.object)
            && (self.operation.is_none() || self.operation == other.operation)
            && (self.thread.is_none() || self.thread == other.thread)
    }

    /// The same at one occurrence with `object`.
    pub fn with(point: Point, object: ObjectName, occurrence: u64, choice: Choice) -> Fault {
        Fault {
            object: Some(object),
            ..Fault::at(point, occurrence, choice)
        }
    }

    /// The same at one occurrence in an operation of the client.
    pub fn within(point: Point, operation: u32, occurrence: u64, choice: Choice) -> Fault {
        Fault {
            operation: Some(operation),
            ..Fault::at(point, occurrence, choice)
        }
    }
}

/// Several faults. Where more than one applies, the first one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultSpec {
    /// In the order of the text.
    pub faults: Vec<Fault>,
}

impl FaultSpec {
    /// One fault.
    pub fn single(fault: Fault) -> FaultSpec {
        FaultSpec {
            faults: vec![fault],
        }
    }

    /// These faults and one more.
    pub fn and(&self, fault: Fault) -> FaultSpec {
        let mut more = self.clone();
        more.faults.push(fault);
        more
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }
}
