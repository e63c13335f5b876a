//! Rules of UCX's contract that the mock cannot see broken, each with the reason.

mod am;
mod device;
mod endpoint;
mod library;
mod memory;
mod request;
mod rma;
mod thread;
mod worker;

use super::rule::RuleInfo;

/// A rule, and why it is not watched.
#[derive(Debug)]
pub struct Unobservable {
    /// The rule.
    pub info: RuleInfo,
    /// Why a breach of it cannot be seen.
    pub reason: &'static str,
}

/// The rule is about functions that the mock does not have.
const LACKS: &str = "the mock does not have the functions that it is about";

static AREAS: &[&[Unobservable]] = &[
    library::RULES,
    worker::RULES,
    endpoint::RULES,
    memory::RULES,
    rma::RULES,
    request::RULES,
    am::RULES,
    thread::RULES,
    device::RULES,
];

/// All of them.
pub fn unobservable() -> impl Iterator<Item = &'static Unobservable> {
    AREAS.iter().copied().flatten()
}
