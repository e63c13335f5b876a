//! Drives NIXL over the mock.

pub mod nixl;
pub mod scenario;
