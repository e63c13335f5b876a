//! The C boundary: every exported function. Each turns raw pointers into checked values, calls the core, and turns the result back.
//!
//! (Nearly) all `unsafe` of the crate lives here. Handles arrive as numbers, structures as raw pointers whose fields are read one by
//! one, unaligned, and only if their mask bit is set. Client callbacks run outside any `catch_unwind`, with no lock of ours held but the
//! worker's own.

pub mod types;

pub(crate) mod call;

pub mod active_message;
mod copy;
mod deferred;
pub mod device;
pub mod endpoint;
mod global;
pub mod library;
pub mod memory;
pub mod message_data;
mod operation;
mod overlap;
mod perform;
mod presence;
mod protection;
mod remote;
pub mod request;
pub mod rma;
mod upcall;
pub mod wakeup;
pub mod worker;

pub use global::{configure, configured, set_operation};
pub(crate) use global::{current, universe};
pub(crate) use presence::{context_presence, presence, worker_guard};
