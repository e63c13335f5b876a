//! Drives NIXL over the mock.

pub mod nixl;
