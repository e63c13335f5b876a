//! Endpoints: one worker's way to another.

use crate::abi::types::{UCP_ERR_HANDLING_MODE_NONE, UcpErrHandlerCb, UcsStatus};
use crate::fabric::agenda::{Task, Work};
use crate::fabric::blob::{BlobKind, decode};
use crate::fabric::request::GivenUp;
use crate::fabric::{flight, remote, request, worker};
use crate::ledger::Site;
use crate::objects::{Body, Endpoint, Event, Worker};
use crate::schedule::Choice;
use crate::universe::State;

/// What a client asked of a new endpoint.
pub(crate) struct Wish {
    pub(crate) error_mode: u32,
    pub(crate) error_callback: UcpErrHandlerCb,
    pub(crate) error_argument: u64,
    /// The handler's own argument, if it was given one.
    pub(crate) handler_argument: Option<u64>,
}

impl Wish {
    /// Failures are handled, and nobody is told.
    pub(crate) fn is_silent(&self) -> bool {
        self.error_mode != UCP_ERR_HANDLING_MODE_NONE && self.error_callback.is_none()
    }

    /// The handler gets another argument than it was given.
    pub(crate) fn is_overruled(&self) -> bool {
        let other = |own: u64| own != self.error_argument;
        self.error_callback.is_some() && self.handler_argument.is_some_and(other)
    }
}

/// A worker on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// Its process.
    pub(crate) nonce: u64,
    /// Its serial there.
    pub(crate) worker: u64,
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// Not a whole, unmodified worker address.
    Blob,
    /// A worker of another process that cannot be reached from here.
    Unreachable,
    /// No room for another handle.
    Exhausted,
}

/// The worker behind an address. One of another process is connected to; if that has ended, it shows when the endpoint is used.
pub(crate) fn target(state: &mut State, address: u64) -> Result<Target, AddressError> {
    let content = decode(BlobKind::Address, address).ok_or(AddressError::Blob)?;
    if content.nonce != state.nonce {
        remote::reach(state, content).map_err(|_| AddressError::Unreachable)?;
    }
    Ok(Target {
        nonce: content.nonce,
        worker: content.serial,
    })
}

/// Whether a worker is there, as far as is known.
fn is_there(state: &State, target: Target) -> bool {
    if target.nonce == state.nonce {
        state.worker(target.worker).is_some()
    } else {
        remote::is_there(state, target)
    }
}

/// Creates an endpoint; returns its handle. The target may be gone: that shows when the endpoint is used.
pub(crate) fn create(
    state: &mut State,
    worker: u64,
    target: Target,
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
        rkeys: 0,
        handler_first: false,
        notice: Choice::Benign,
        silent: false,
    };
    let (serial, handle) = state
        .create(
            worker,
            [target.worker, u64::from(wish.error_mode)],
            Body::Endpoint(Box::new(endpoint)),
            site,
        )
        .ok_or(AddressError::Exhausted)?;
    if let Some(target) = local_target(state, target) {
        target.peers.insert(serial);
    }
    if let Some(owner) = state.worker_mut(worker) {
        owner.endpoints.insert(serial);
    }
    Ok((serial, handle))
}

/// The target, if it is a worker of this process.
fn local_target(state: &mut State, target: Target) -> Option<&mut Worker> {
    (target.nonce == state.nonce).then(|| state.worker_mut(target.worker))?
}

/// Closes an endpoint. What runs on it goes on: with another process something may.
pub(crate) fn close(state: &mut State, endpoint: u64, site: Site<'_>) {
    let Some(Body::Endpoint(closed)) = state.end(endpoint, site) else {
        return;
    };
    if let Some(target) = local_target(state, closed.target) {
        target.peers.remove(&endpoint);
    }
    if let Some(owner) = state.worker_mut(closed.worker) {
        owner.endpoints.remove(&endpoint);
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
    if entry.silent {
        return Ok(());
    }
    if is_there(state, entry.target) {
        return Ok(());
    }
    fail(state, endpoint, UcsStatus::CONNECTION_RESET);
    Err(UcsStatus::CONNECTION_RESET)
}

/// The peer of an endpoint is gone: it fails now, or when the adversary lets it notice.
pub(crate) fn lose_peer(state: &mut State, endpoint: u64) {
    let Some(entry) = state.endpoint_mut(endpoint) else {
        return;
    };
    let (owner, notice) = (entry.worker, entry.notice);
    if notice == Choice::Benign || entry.failed.is_some() {
        fail(state, endpoint, UcsStatus::CONNECTION_RESET);
        return;
    }
    entry.silent = true;
    let task = Task {
        endpoint,
        request: 0,
        work: Work::Notice(UcsStatus::ENDPOINT_TIMEOUT),
    };
    flight::schedule(state, owner, notice, task);
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
    entry.silent = false;
    let (owner, mode, first) = (entry.worker, entry.error_mode, entry.handler_first);
    let told = mode != UCP_ERR_HANDLING_MODE_NONE;
    if told && first {
        worker::post(state, owner, Event::Failed { endpoint, status });
    }
    let late = if told && first {
        Choice::After(1)
    } else {
        Choice::Benign
    };
    request::give_up(
        state,
        endpoint,
        GivenUp {
            status,
            late,
            finished: false,
        },
    );
    if told && !first {
        worker::post(state, owner, Event::Failed { endpoint, status });
    }
}
