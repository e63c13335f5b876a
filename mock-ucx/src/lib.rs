//! A drop-in mock of the UCX shared library: it keeps a ledger of every handle, moves the bytes for real, and does anything that UCX's
//! contract permits and nothing that it forbids.
//!
//! Every call of a client takes the same way: `abi` checks the handles in the `ledger`, the `rules` judge, the `schedule` decides, the
//! `fabric` acts, the `ledger` records.

pub mod abi;
pub mod control;
pub mod functions;
pub mod ledger;
pub mod rules;
pub mod schedule;
pub mod status;
pub mod version;

mod arena;
mod ask;
mod clock;
mod counts;
mod fabric;
mod handle;
mod hidden;
mod hooks;
mod lifetimes;
mod lookup;
mod objects;
mod occupancy;
mod outlive;
mod rcache;
mod restart;
mod settings;
pub mod trace;
mod universe;
mod unmaps;

pub use callstack as stack;
pub use handle::HANDLE_ADDRESSES;
pub use settings::{Adversary, Settings};
pub use universe::Universe;
