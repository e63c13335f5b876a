//! `ucs_status_t`, the one type of UCX's interface that the whole crate speaks.

pub use crate::abi::types::UcsStatus;
