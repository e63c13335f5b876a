//! What can be decided at a point, as data, with a text form that fault specifications and traces share.

use std::fmt;

use crate::status::UcsStatus;

/// What is to happen at a decision point. Which of these a point permits is said by its [`outcomes`](crate::schedule::Point::outcomes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// As on a healthy network; every point permits it.
    Benign,
    /// This status: of the call, or of the operation when it completes.
    Status(UcsStatus),
    /// This many progress calls of the worker later.
    After(u32),
    /// Not before the adversary heals.
    Withheld,
    /// One of the point's own named variants, by its place in [`PointInfo::variants`](crate::schedule::PointInfo::variants).
    Variant(u8),
}

/// How a record of the ledger tells choices apart.
const TAG_BENIGN: u8 = 0;
const TAG_STATUS: u8 = 1;
const TAG_AFTER: u8 = 2;
const TAG_WITHHELD: u8 = 3;
const TAG_VARIANT: u8 = 4;

impl Choice {
    /// The choice as a tag and a number, for the ledger.
    pub(crate) fn to_record(self) -> (u8, i32) {
        match self {
            Choice::Benign => (TAG_BENIGN, 0),
            Choice::Status(status) => (TAG_STATUS, i32::from(status.0)),
            Choice::After(calls) => (TAG_AFTER, calls.cast_signed()),
            Choice::Withheld => (TAG_WITHHELD, 0),
            Choice::Variant(index) => (TAG_VARIANT, i32::from(index)),
        }
    }

    /// The choice in a record; what is not one counts as benign.
    pub(crate) fn from_record(tag: u8, number: i32) -> Choice {
        match tag {
            TAG_STATUS => Choice::Status(UcsStatus(number as i8)),
            TAG_AFTER => Choice::After(number.cast_unsigned()),
            TAG_WITHHELD => Choice::Withheld,
            TAG_VARIANT => Choice::Variant(number as u8),
            _ => Choice::Benign,
        }
    }

    /// The choice in words, with the names that its point gives to its variants.
    pub(crate) fn display(self, variants: &'static [Variant]) -> impl fmt::Display {
        Named {
            choice: self,
            variants,
        }
    }
}

/// A choice that only one point has.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name in fault specifications.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

struct Named {
    choice: Choice,
    variants: &'static [Variant],
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.choice {
            Choice::Benign => f.write_str("benign"),
            Choice::Status(status) => write!(f, "{status}"),
            Choice::After(calls) => write!(f, "+{calls}"),
            Choice::Withheld => f.write_str("withheld"),
            Choice::Variant(index) => f.write_str(
                self.variants
                    .get(usize::from(index))
                    .map_or("?", |variant| variant.name),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_comes_back_from_its_record() {
        for choice in [
            Choice::Benign,
            Choice::Status(UcsStatus::CONNECTION_RESET),
            Choice::After(u32::MAX),
            Choice::Withheld,
            Choice::Variant(3),
        ] {
            let (tag, number) = choice.to_record();
            assert_eq!(Choice::from_record(tag, number), choice);
        }
    }
}
