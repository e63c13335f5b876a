//! NIXL's C API: all of its functions by name, and owned objects above them.
//!
//! Every object can be ended by an explicit `destroy` or `release` whose answer the caller
//! sees, in any order; dropping it does the same and ignores the answer. An object whose agent is
//! gone passes a null agent, which NIXL answers with `INVALID_PARAM`, and stays allocated
//! inside NIXL: that is what a C client would get too.
//!
//! Descriptors carry raw addresses, so adding one is `unsafe`: the range must stay mapped as
//! long as NIXL may use it. All else is checked by types.

mod agent;
mod api;
mod args;
mod descriptors;
mod lists;
mod memory;
mod notifications;
mod owned;
mod raw;
mod status;
mod table;
mod transfer;

pub use agent::{Agent, AgentConfig, ThreadSync};
pub use api::Api;
pub use args::{Backend, OptArgs, ParamIter, Params};
pub use descriptors::{MemType, QueryRespList, RegDlist, RemoteDlist, XferDlist};
pub use lists::{MemList, StringList};
pub use notifications::NotifMap;
pub use raw::Telemetry;
pub use status::{Answer, CallError, Status};
pub use table::{FUNCTIONS, Functions};
pub use transfer::{Cost, MemView, XferDlistHandle, XferOp, XferReq};
