//! Drives NIXL over the mock.
