//! Drives NIXL over the mock.

pub mod cli;
pub mod execute;
pub mod nixl;
pub mod oracle;
pub mod report;
pub mod scenario;
