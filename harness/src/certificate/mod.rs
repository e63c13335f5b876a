//! Does a finding happen on the real UCX, too? It is played there with a shim between NIXL's plugin and UCX that fails, or delays, the
//! one call where a fault is needed, and counts what is made and given back.
//!
//! Two processes take part: `nixl-real` plays, with the [`shim`] in its plugin; this program says what to interfere with ([`order`]),
//! starts it ([`play`](mod@play)) and compares ([`judge`](mod@judge)). What goes between them is here.

pub mod judge;
pub mod order;
pub mod play;
pub mod shim;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use play::certify;

/// A call to interfere with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interference {
    /// The function of UCX.
    pub function: String,
    /// Only calls with this endpoint, by its place among all that were created; occurrences then count for it.
    pub endpoint: Option<u32>,
    /// Which call, from 1.
    pub occurrence: u64,
    /// What is done to it.
    pub how: How,
}

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It does not reach UCX and answers this status.
    Answer(i8),
    /// UCX does it; its request is said to have completed with this status.
    CompleteWith(i8),
    /// UCX does it; its request is said to be in progress for this many progress calls.
    CompleteAfter(u32),
}

/// What `nixl-real` writes while it plays, one a line, so that a crash loses none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// An operation begins.
    Begin {
        /// Its text.
        operation: String,
    },
    /// It found something that is not as it must be.
    Wrong {
        /// What.
        what: String,
    },
    /// NIXL refused it.
    Refused {
        /// The function and what it answered.
        what: String,
    },
    /// The interference of this number happened.
    Fired {
        /// Its place in the order.
        index: usize,
    },
    /// It could not be done, for this reason.
    Impossible {
        /// Why.
        why: String,
    },
    /// The scenario was played to its end.
    Done {
        /// What was made and given back, by kind of object.
        handles: BTreeMap<String, Count>,
    },
}

/// Handles of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Made.
    pub made: u64,
    /// Given back.
    pub ended: u64,
    /// Alive when what they belong to ended: nobody can give them back.
    pub lost: u64,
}
