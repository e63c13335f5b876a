//! What happens next: every choice the adversary has, and who makes it.

mod decider;
mod spec;

pub use decider::{Benign, Decider, Outcome, Question, Script};
pub use spec::{Fault, FaultSpec, SpecError};
