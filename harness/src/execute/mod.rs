//! Plays scenarios: one scenario, one schedule, one NIXL.

pub mod interpret;
mod region;
mod transcript;

pub use region::{Mapping, pattern_byte};
pub use transcript::{Counts, Outcome, Phase, Record, Transcript, Verdict};
