//! Drives NIXL over the mock.

pub mod cli;
pub mod nixl;
