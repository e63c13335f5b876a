//! What a test or a tool may ask of the library while it runs.

pub(crate) mod answer;
pub mod api;
pub mod build;
pub(crate) mod ending;
pub(crate) mod report;
pub mod settings;
pub mod supervisor;

use std::sync::atomic::Ordering::Relaxed;

pub use crate::abi::{configure, configured, set_operation};
pub use ending::is_real_ucx;

/// The adversary heals: from now on nothing deviates, and what it withheld comes. Without effect before the first call of UCX.
pub fn heal() {
    if let Some(universe) = crate::abi::current() {
        crate::fabric::flight::heal(&mut universe.lock());
    }
}

/// Calls of UCX in this process so far.
pub fn calls_so_far() -> u64 {
    crate::abi::current().map_or(0, |universe| universe.map.header().step.load(Relaxed))
}

/// Everything is as at the start of the process, except what was recorded: the adversary deviates again, and all is counted anew. Only
/// while no object is alive; false otherwise, and before the first call of UCX.
pub fn reset() -> bool {
    crate::abi::current().is_some_and(|universe| universe.lock().reset())
}

/// Progress calls of each worker after [`heal`] within which every operation under way is complete.
pub use crate::fabric::flight::HEALED_PROGRESS_MAX;
