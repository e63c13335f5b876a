//! What a test or a tool may ask of the library while it runs.

pub(crate) mod report;
pub mod settings;

use std::sync::atomic::Ordering::Relaxed;

pub use crate::abi::{configure, configured};

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
