//! What can fail beside UCX: the system under a client. A class of its own, which nobody draws unless it is asked for: UCX's contract says
//! nothing of it, and a client that does not live through it is told of as such.
//!
//! The mock only decides and records. Whoever stands in for the system's functions asks ([`crate::control::environment`]).

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::rules::Basis;
use crate::schedule::choice::{Choice, Variant};
use crate::schedule::point::OutcomeInfo;

/// Something that the system does for a process; the number is its place among the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// A thread begins.
    Thread,
    /// Memory is allocated, by C++'s `operator new`.
    Memory,
    /// A descriptor is opened.
    Descriptor,
    /// A socket is opened.
    Socket,
    /// A connection is made.
    Connection,
}

/// Number of points.
pub const ENVIRONMENT_COUNT: usize = Environment::Connection as usize + 1;

/// What is known of a point.
struct Info {
    name: &'static str,
    question: &'static str,
    variants: &'static [Variant],
    outcomes: &'static [OutcomeInfo],
}

const fn fails(name: &'static str, meaning: &'static str) -> Variant {
    Variant { name, meaning }
}

const fn permitted(variant: u8, source: &'static str) -> OutcomeInfo {
    OutcomeInfo {
        choice: Choice::Variant(variant),
        basis: Basis::Doc,
        source,
        paranoid: false,
    }
}

static ENTRIES: [(Environment, Info); ENVIRONMENT_COUNT] = [
    (
        Environment::Thread,
        Info {
            name: "system.thread",
            question: "whether pthread_create fails",
            variants: &[fails("EAGAIN", "no more threads are to be had")],
            outcomes: &[permitted(0, "pthread_create(3), ERRORS")],
        },
    ),
    (
        Environment::Memory,
        Info {
            name: "system.memory",
            question: "whether operator new fails",
            variants: &[fails("bad_alloc", "it throws std::bad_alloc")],
            outcomes: &[permitted(0, "C++ standard, new.delete.single")],
        },
    ),
    (
        Environment::Descriptor,
        Info {
            name: "system.descriptor",
            question: "whether a descriptor can be opened: eventfd, epoll_create1, pipe, pipe2, open, openat",
            variants: &[
                fails("EMFILE", "the process has as many as it may"),
                fails("ENFILE", "the system has as many as it may"),
            ],
            outcomes: &[
                permitted(0, "eventfd(2), epoll_create(2), pipe(2), open(2), ERRORS"),
                permitted(1, "eventfd(2), epoll_create(2), pipe(2), open(2), ERRORS"),
            ],
        },
    ),
    (
        Environment::Socket,
        Info {
            name: "system.socket",
            question: "whether a socket can be opened: socket, accept, accept4",
            variants: &[
                fails("EMFILE", "the process has as many descriptors as it may"),
                fails("ENOMEM", "the system has no memory for it"),
            ],
            outcomes: &[
                permitted(0, "socket(2), accept(2), ERRORS"),
                permitted(1, "accept(2), ERRORS; socket(2) has ENOBUFS for it, too"),
            ],
        },
    ),
    (
        Environment::Connection,
        Info {
            name: "system.connection",
            question: "whether a connection is made: connect",
            variants: &[
                fails("ECONNREFUSED", "nobody listens"),
                fails("ETIMEDOUT", "nobody answers"),
            ],
            outcomes: &[
                permitted(0, "connect(2), ERRORS"),
                permitted(1, "connect(2), ERRORS"),
            ],
        },
    ),
];

/// Whether anybody may deviate at each point, by its number: looked at before each call of the client, so it costs a load. For whoever stands
/// in for the system in assembly; others ask [`crate::control::environment`].
pub static ASKED_FOR: [AtomicBool; ENVIRONMENT_COUNT] =
    [const { AtomicBool::new(false) }; ENVIRONMENT_COUNT];

impl Environment {
    /// All points, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Environment> {
        ENTRIES.iter().map(|(which, _)| *which)
    }

    /// The point with this number.
    pub fn from_number(number: usize) -> Option<Environment> {
        ENTRIES.get(number).map(|(which, _)| *which)
    }

    fn info(self) -> &'static Info {
        &ENTRIES[self as usize].1
    }

    /// Its name in fault specifications.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// What is decided.
    pub fn question(self) -> &'static str {
        self.info().question
    }

    /// Its variants: the errors that it may answer.
    pub fn variants(self) -> &'static [Variant] {
        self.info().variants
    }

    /// What may be chosen besides that it works.
    pub(crate) fn outcomes(self) -> &'static [OutcomeInfo] {
        self.info().outcomes
    }

    /// Whether anybody may deviate there.
    pub(crate) fn is_asked_for(self) -> bool {
        ASKED_FOR[self as usize].load(Relaxed)
    }

    /// Says whether anybody may.
    pub(crate) fn ask_for(self, is_asked_for: bool) {
        ASKED_FOR[self as usize].store(is_asked_for, Relaxed);
    }
}

/// Whether occurrence `number` in an operation is one that a search tries: the first sixteen, then ever fewer, for memory is allocated thousands of times.
pub(crate) fn is_sampled(number: u64) -> bool {
    let shift = number.max(1).ilog2().saturating_sub(3);
    number >> shift << shift == number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_point_stands_at_its_own_number() {
        for (index, which) in Environment::all().enumerate() {
            assert_eq!(which as usize, index, "{which:?}");
        }
    }

    #[test]
    fn all_first_occurrences_are_tried_and_few_late_ones() {
        assert!((1..=16).all(is_sampled));
        let tried = (1..=100_000).filter(|number| is_sampled(*number)).count();
        assert!((100..200).contains(&tried), "{tried}");
    }
}
