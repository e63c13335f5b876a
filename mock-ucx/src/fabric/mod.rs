//! How bytes move: workers, endpoints, and what travels between them.
//!
//! Functions here act on a locked [`State`](crate::universe::State) and on checked objects only: `abi` has resolved the handles, the
//! rules have judged and the decider has decided before.

pub(crate) mod agenda;
pub(crate) mod blob;
mod doorbell;
pub(crate) mod endpoint;
pub(crate) mod flight;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod remote;
pub(crate) mod request;
pub(crate) mod transfer;
pub(crate) mod worker;
