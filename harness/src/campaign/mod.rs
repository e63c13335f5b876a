//! The search: which cases are played, in which order, and what is kept of them.

mod enumerate;
mod hunt;
mod outcome;
mod recorded;
mod resident;

pub use enumerate::{first_faults, second_faults};
pub use hunt::{Hunt, Progress, Tally};
pub use outcome::{Judged, judge_case};
pub use recorded::Recorded;
pub use resident::{Glance, Lives, Residents, Schedule, Task};
