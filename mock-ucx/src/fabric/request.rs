//! Requests: what a client holds while an operation is not complete.

use crate::abi::types::{UcpRequestInitCallback, UcsStatus};
use crate::fabric::agenda::{Task, Work};
use crate::fabric::flight;
use crate::fabric::remote::operation;
use crate::fabric::worker;
use crate::hidden::{Bytes, POINTER_MASK};
use crate::ledger::Site;
use crate::ledger::layout::REQUEST_OF_CLIENT;
use crate::objects::{Body, Callback, Event, Request};
use crate::schedule::Choice;
use crate::universe::State;

/// What an operation says about the request it would return.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) callback: Callback,
    pub(crate) user_data: u64,
    /// Memory of the client for the request; 0 = UCX provides it.
    pub(crate) external: u64,
    /// Endpoint with which an operation that is not complete fails; 0 = it is complete already.
    pub(crate) endpoint: u64,
    /// How long its completion is held back once the operation is done.
    pub(crate) delay: Choice,
    /// Endpoint that it flushes or closes; 0 = it does neither.
    pub(crate) flushes: u64,
}

/// A request that was opened.
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) serial: u64,
    pub(crate) handle: u64,
    /// The client's `request_init`, if the memory at the handle is new.
    pub(crate) init: UcpRequestInitCallback,
}

/// A new request in progress.
pub(crate) fn open(
    state: &mut State,
    worker: u64,
    wish: Wish,
    site: Site<'_>,
) -> Result<Opened, UcsStatus> {
    let request = Request {
        worker,
        endpoint: wish.endpoint,
        status: UcsStatus::INPROGRESS,
        callback: wish.callback,
        user_data: wish.user_data,
        masked_handle: 0,
        area: None,
        external: wish.external != 0,
        delay: wish.delay,
        flushes: wish.flushes,
    };
    let mut init = None;
    let opened = if wish.external != 0 {
        state
            .create_at(
                wish.external,
                worker,
                [REQUEST_OF_CLIENT, 0],
                Body::Request(Box::new(request)),
                site,
            )
            .map(|serial| (serial, wish.external))
    } else if let Some(area) = state.take_area(worker, &mut init) {
        let (pointer, length) = (area.pointer(), area.len() as u64);
        let request = Request {
            area: Some(area),
            ..request
        };
        state
            .create_at(
                pointer,
                worker,
                [0, length],
                Body::Request(Box::new(request)),
                site,
            )
            .map(|serial| (serial, pointer))
    } else {
        state.create(worker, [0, 0], Body::Request(Box::new(request)), site)
    };
    let (serial, handle) = opened.ok_or(UcsStatus::NO_MEMORY)?;
    if let Some(request) = state.request_mut(serial) {
        request.masked_handle = handle ^ POINTER_MASK;
    }
    Ok(Opened {
        serial,
        handle,
        init,
    })
}

/// The operation of a request is done: its completion follows when the adversary lets it. A flush waits for what it flushes.
pub(crate) fn complete_later(state: &mut State, request: u64, status: UcsStatus) {
    let Some(entry) = state.request_mut(request) else {
        return;
    };
    let (worker, flushes) = (entry.worker, entry.flushes);
    let delay = std::mem::replace(&mut entry.delay, Choice::Benign);
    let work = if delay != Choice::Benign {
        Work::Complete(status)
    } else if flushes != 0 && status == UcsStatus::OK && state.agenda.busy_before(flushes, u64::MAX)
    {
        Work::Idle
    } else {
        complete_now(state, request, status);
        return;
    };
    let task = Task {
        endpoint: flushes,
        request,
        work,
    };
    flight::schedule(state, worker, delay, task);
}

/// Lets the worker's next progress call complete a request. One that the client freed meanwhile is forgotten: its callback never runs.
pub(crate) fn complete_now(state: &mut State, request: u64, status: UcsStatus) {
    if let Some(worker) = state.request(request).map(|request| request.worker) {
        worker::post(state, worker, Event::Complete { request, status });
    }
}

/// Marks a request complete; returns the callback to run, with the handle and the user data. Once only: an operation that was given up
/// may still be finished by the peer.
pub(crate) fn complete(
    state: &mut State,
    serial: u64,
    status: UcsStatus,
    site: Site<'_>,
) -> Option<(Callback, u64, u64)> {
    let request = state.request_mut(serial)?;
    if request.status != UcsStatus::INPROGRESS {
        return None;
    }
    request.status = status;
    let handle = request.masked_handle ^ POINTER_MASK;
    let told = (request.callback, handle, request.user_data);
    if request.external {
        state.end_external(serial, handle, status, site);
    }
    Some(told)
}

/// How the operations of an endpoint end with it.
#[derive(Clone, Copy)]
pub(crate) struct GivenUp {
    /// Status with which they complete.
    pub(crate) status: UcsStatus,
    /// When.
    pub(crate) late: Choice,
    /// Those that move bytes do so, and complete with OK.
    pub(crate) finished: bool,
}

/// Ends the operations of an endpoint that failed or was closed by force: the peer cannot fetch their data any more.
pub(crate) fn give_up(state: &mut State, endpoint: u64, how: GivenUp) {
    let status = how.status;
    for (key, task) in flight::take_of_endpoint(state, endpoint) {
        let mut status = status;
        if let Work::Transfer(mut transfer) = task.work {
            if how.finished {
                status = transfer.status;
            }
            transfer.status = status;
            // The memory of a peer that is gone may be gone too: then nothing lands.
            let _ = flight::move_bytes(&transfer);
        }
        if task.request != 0 {
            end_with(state, task.request, key.worker, status, how.late);
        }
    }
    let running =
        |request: &Request| request.endpoint == endpoint && request.status == UcsStatus::INPROGRESS;
    let mut requests: Vec<u64> = state
        .objects
        .iter()
        .filter(|(_, entry)| matches!(&entry.body, Body::Request(request) if running(request)))
        .map(|(serial, _)| *serial)
        .collect();
    requests.sort_unstable();
    for request in requests {
        if let Some(worker) = state.request(request).map(|request| request.worker)
            && let Some(worker) = state.worker_mut(worker)
        {
            worker.given_up.insert(request);
        }
        if let Some(worker) = state.request(request).map(|request| request.worker) {
            end_with(state, request, worker, status, how.late);
        }
    }
    operation::abort(state, endpoint, status);
}

/// Ends a request with its endpoint.
fn end_with(state: &mut State, request: u64, worker: u64, status: UcsStatus, late: Choice) {
    if late == Choice::Benign {
        complete_now(state, request, status);
        return;
    }
    // The endpoint is done with it: a second failure does not end it again.
    if let Some(request) = state.request_mut(request) {
        request.endpoint = 0;
    }
    let task = Task {
        endpoint: 0,
        request,
        work: Work::Complete(status),
    };
    flight::schedule(state, worker, late, task);
}

/// The client frees a request. An operation that is not complete goes on.
pub(crate) fn free(state: &mut State, request: u64, site: Site<'_>) {
    let Some(entry) = state.request_mut(request) else {
        return;
    };
    let (worker, pointer, area) = (
        entry.worker,
        entry.masked_handle ^ POINTER_MASK,
        entry.area.take(),
    );
    state.end(request, site);
    if let Some(area) = area {
        state.forget_pointer(pointer);
        if let Some(worker) = state.worker_mut(worker) {
            worker.pool.push_back(area);
        }
    }
}

impl State {
    /// Memory for a request handle, if the context asked for some: a used area, or a new one that `init` is to be told of.
    fn take_area(&mut self, worker: u64, init: &mut UcpRequestInitCallback) -> Option<Bytes> {
        let context = self.context(self.worker(worker)?.context)?;
        let (size, callback) = (context.request_size, context.request_init);
        if size == 0 {
            return None;
        }
        if let Some(area) = self.worker_mut(worker)?.pool.pop_front() {
            return Some(area);
        }
        *init = callback;
        Some(Bytes::zeroed(size, 16))
    }
}
