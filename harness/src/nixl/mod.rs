//! A NIXL release as the thing under test: fetch it, load it, drive it.

pub mod capi;
