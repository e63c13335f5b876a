//! What happens next: every choice the adversary has, and who makes it.

mod bytes;
mod choice;
mod decider;
pub(crate) mod environment;
mod exhaustive;
mod fault;
mod moves;
mod point;
mod script;
mod seeded;
mod spec;

pub use bytes::Bytes;
pub use choice::{Choice, Variant};
pub use decider::{Benign, Decider, Decision, ObjectName, Question};
pub use environment::{ASKED_FOR, ENVIRONMENT_COUNT, Environment};
pub use exhaustive::Exhaustive;
pub use fault::{Fault, FaultSpec, Occurrences};
pub use moves::{MOVE_COUNT, Move};
pub use point::{OUTCOMES_MAX, OutcomeInfo, POINT_COUNT, Point, PointInfo};
pub use script::Script;
pub use seeded::Seeded;
pub(crate) use seeded::mix;
pub use spec::{CHOICES_MAX, FAULTS_MAX, SOURCE_BYTES_MAX, SourceError, SpecError, clipped};
