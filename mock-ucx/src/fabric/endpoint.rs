//! Endpoints: one worker's way to another.

use crate::abi::types::{UCP_ERR_HANDLING_MODE_NONE, UcpErrHandlerCb, UcsStatus};
use crate::fabric::blob::{BlobKind, decode};
use crate::fabric::{request, worker};
use crate::ledger::Site;
use crate::objects::{Body, Endpoint, Event};
use crate::universe::State;

/// What a client asked of a new endpoint.
pub(crate) struct Wish {
    pub(crate) error_mode: u32,
    pub(crate) error_callback: UcpErrHandlerCb,
    pub(crate) error_argument: u64,
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// Not a whole, unmodified worker address.
    Blob,
    /// A worker of another process, which this fabric does not reach.
    OtherProcess,
    /// No room for another handle.
    Exhausted,
}

/// The worker behind an address.
pub(crate) fn target(state: &State, address: u64) -> Result<u64, AddressError> {
    let content = decode(BlobKind::Address, address).ok_or(AddressError::Blob)?;
    if content.nonce == state.nonce {
        Ok(content.serial)
    } else {
        Err(AddressError::OtherProcess)
    }
}

/// Creates an endpoint; returns its handle. The target may be gone: that shows when the endpoint is used.
pub(crate) fn create(
    state: &mut State,
    worker: u64,
    target: u64,
    wish: &Wish,
    site: Site<'_>,
) -> Result<(u64, u64), AddressError> {
    let endpoint = Endpoint {
        worker,
        target,
        error_mode: wish.error_mode,
        error_callback: wish.error_callback,
        error_argument: wish.error_argument,
        failed: None,
    };
    let (serial, handle) = state
        .create(
            worker,
            [target, u64::from(wish.error_mode)],
            Body::Endpoint(Box::new(endpoint)),
            site,
        )
        .ok_or(AddressError::Exhausted)?;
    if let Some(target) = state.worker_mut(target) {
        target.peers.insert(serial);
    }
    Ok((serial, handle))
}

/// Closes an endpoint. Nothing of it is left to finish: operations of this fabric complete in their calls.
pub(crate) fn close(state: &mut State, endpoint: u64, site: Site<'_>) {
    if let Some(Body::Endpoint(closed)) = state.end(endpoint, site)
        && let Some(target) = state.worker_mut(closed.target)
    {
        target.peers.remove(&endpoint);
    }
}

/// Whether an endpoint can be used: its peer lives and it has not failed. A peer that went without a word is noticed here.
pub(crate) fn usable(state: &mut State, endpoint: u64) -> Result<(), UcsStatus> {
    let Some(entry) = state.endpoint(endpoint) else {
        return Err(UcsStatus::INVALID_PARAM);
    };
    if let Some(status) = entry.failed {
        return Err(status);
    }
    if state.worker(entry.target).is_some() {
        return Ok(());
    }
    fail(state, endpoint, UcsStatus::CONNECTION_RESET);
    Err(UcsStatus::CONNECTION_RESET)
}

/// Fails an endpoint; its error callback runs in a later progress call, once, unless the endpoint has no error handling.
pub(crate) fn fail(state: &mut State, endpoint: u64, status: UcsStatus) {
    let Some(entry) = state.endpoint_mut(endpoint) else {
        return;
    };
    if entry.failed.is_some() {
        return;
    }
    entry.failed = Some(status);
    let (owner, mode) = (entry.worker, entry.error_mode);
    request::give_up(state, endpoint, status);
    if mode != UCP_ERR_HANDLING_MODE_NONE {
        worker::post(state, owner, Event::Failed { endpoint, status });
    }
}
