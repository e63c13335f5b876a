//! Plays scenarios: one scenario, one schedule, one NIXL.

pub mod case;
pub mod child;
pub(crate) mod died;
mod enumerate;
pub mod interpret;
pub(crate) mod limits;
mod lines;
mod measure;
pub(crate) mod noted;
mod patterns;
pub mod pool;
pub mod python;
pub mod ready;
mod region;
pub mod resident;
mod server;
mod transcript;
pub(crate) mod watch;
pub mod zygote;

pub use enumerate::{
    FAILING_TRANSFERS, Place, SLOW_NETWORK, SLOWER_NETWORK, at_places, first_faults, later_faults,
    second_faults,
};
pub use region::{Mapping, pattern_byte};
pub use transcript::{Counts, Outcome, Phase, Record, Transcript, Verdict};
