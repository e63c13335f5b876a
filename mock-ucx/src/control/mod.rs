//! What a test or a tool may ask of the library while it runs.

pub mod api;
pub mod build;
pub(crate) mod ending;
pub(crate) mod report;
pub mod settings;
pub mod supervisor;

use std::sync::atomic::Ordering::Relaxed;

pub use crate::abi::{configure, configured};
pub use ending::is_real_ucx;

/// Says which operation of the client begins now; 0 = none. Objects and findings remember it.
pub fn set_operation(operation: u32) {
    if configured() {
        crate::abi::universe()
            .map
            .header()
            .operation
            .store(operation, Relaxed);
    }
}
