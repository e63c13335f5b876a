//! A NIXL release as the thing under test: fetch it, load it, drive it.

pub mod cache;
pub mod capi;
mod elf;
pub mod error;
pub mod fetch;
pub mod installed;
pub mod load;
pub mod metadata;
pub mod python;
pub mod rebind;
pub mod release;
pub mod stub;

pub use error::Error;
pub use fetch::{Fetcher, fetch};
pub use installed::{Installed, UcxLibrary};
pub use load::{LoadError, Loaded, Ucx, load};
pub use release::{DEFAULT_SPEC, Driver, Machine, Package, RELEASES, Release, Spec};
