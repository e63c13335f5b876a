//! The search: which cases are played, in which order, and what is kept of them.

pub mod benchmark;
mod beside;
pub mod bisect;
mod collected;
mod confirm;
mod damaged;
mod drawn;
mod given_up;
mod grounds;
mod half_done;
mod hunt;
pub mod journal;
mod known;
mod left;
pub mod minimise;
mod outcome;
mod plan;
mod random;
mod recorded;
mod store;
mod workers;

pub use collected::Tally;
pub(crate) use confirm::HANG_REPLAYS_MAX;
pub use confirm::{Confirm, STABILITY_REPLAYS, stability};
pub use drawn::Drawn;
pub use hunt::{Hunt, Progress};
pub use known::{Avoid, Known};
pub use outcome::{Judged, judge_case};
pub use random::HANDFUL;
pub use recorded::Recorded;
pub use store::Store;
