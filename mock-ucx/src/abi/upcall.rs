//! Calls into the client: prepared under the lock, run without it, and never inside a `catch_unwind`.

use std::ffi::c_void;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use crate::abi::call::{Call, enter_quietly, thread_number};
use crate::abi::types::{
    UcpAmRecvParam, UcpErrHandlerCb, UcpRequestCleanupCallback, UcpRequestInitCallback, UcsStatus,
};
use crate::abi::universe;
use crate::fabric::message::{self, Delivery};
use crate::fabric::request;
use crate::functions::Function;
use crate::hidden::Bytes;
use crate::ledger::Site;
use crate::objects::{Body, Callback, Event};
use crate::rules::Rule;
use crate::trace::{self, Line};
use crate::universe::State;

/// One call into the client.
pub(crate) enum Upcall {
    /// An event that the client need not be told of.
    Nothing,
    /// A completion.
    Completion {
        callback: Callback,
        request: u64,
        status: UcsStatus,
        user_data: u64,
    },
    /// An endpoint's error handler.
    Error {
        callback: UcpErrHandlerCb,
        argument: u64,
        endpoint: u64,
        status: UcsStatus,
    },
    /// A receive handler.
    Receive { worker: u64, delivery: Delivery },
    /// New memory at a request handle.
    RequestInit {
        callback: UcpRequestInitCallback,
        request: u64,
    },
    /// Memory at a request handle that goes away.
    RequestCleanup {
        callback: UcpRequestCleanupCallback,
        area: Bytes,
    },
}

/// Takes the next event out of a worker's inbox.
pub(crate) fn next(call: &Call, worker: u64) -> Option<Upcall> {
    let mut state = call.lock();
    let event = state.worker_mut(worker)?.inbox.pop_front()?;
    Some(match event {
        Event::Message(message) => match message::deliver(&mut state, worker, message, call.site())
        {
            Some(delivery) => Upcall::Receive { worker, delivery },
            None => Upcall::Nothing,
        },
        Event::Complete { request, status } => {
            completed(&mut state, request, status, call.site()).unwrap_or(Upcall::Nothing)
        }
        // An endpoint that was closed meanwhile is not talked of any more (core/ucp_ep.c:ucp_ep_invoke_err_cb).
        Event::Failed { endpoint, status } => match state.endpoint(endpoint) {
            Some(entry) => Upcall::Error {
                callback: entry.error_callback,
                argument: entry.error_argument,
                endpoint: state.handle_of(endpoint),
                status,
            },
            None => Upcall::Nothing,
        },
    })
}

/// Marks a request complete; its callback is to run.
pub(crate) fn completed(
    state: &mut State,
    request: u64,
    status: UcsStatus,
    site: Site<'_>,
) -> Option<Upcall> {
    let (callback, request, user_data) = request::complete(state, request, status, site)?;
    Some(Upcall::Completion {
        callback,
        request,
        status,
        user_data,
    })
}

/// The cleanup calls for all request memory of a worker that is about to be destroyed.
pub(crate) fn cleanups(state: &mut State, worker: u64) -> Vec<Upcall> {
    let Some(entry) = state.worker_mut(worker) else {
        return Vec::new();
    };
    let context = entry.context;
    let mut areas: Vec<_> = entry.pool.drain(..).collect();
    for held in state.objects.values_mut() {
        if let Body::Request(request) = &mut held.body
            && request.worker == worker
        {
            areas.extend(request.area.take());
        }
    }
    let callback = state
        .context(context)
        .and_then(|context| context.request_cleanup);
    areas
        .into_iter()
        .map(|area| Upcall::RequestCleanup { callback, area })
        .collect()
}

/// Notices an exception that leaves a callback: it is not stopped, but it is said.
struct UnwindWatch {
    finished: bool,
}

impl Drop for UnwindWatch {
    fn drop(&mut self) {
        if !self.finished {
            enter_quietly(Function::WorkerProgress, |call| {
                call.broken(&mut call.lock(), Rule::CallbackUnwinds, 0, [0, 0]);
            });
        }
    }
}

impl Upcall {
    /// Traces that it begins.
    fn trace(&self) {
        let Some(trace) = &universe().trace else {
            return;
        };
        let (what, handle, outcome): (_, _, &dyn fmt::Display) = match self {
            Upcall::Completion {
                request, status, ..
            } => ("completion", *request, status),
            Upcall::Error {
                endpoint, status, ..
            } => ("error_handler", *endpoint, status),
            Upcall::Receive { delivery, .. } => ("receive_handler", delivery.reply, &"message"),
            Upcall::Nothing | Upcall::RequestInit { .. } | Upcall::RequestCleanup { .. } => return,
        };
        let state = universe().lock();
        trace.line(&Line {
            step: universe().map.header().step.load(Relaxed),
            thread: thread_number(),
            event: trace::Event::Callback,
            what,
            object: state.serial(handle).and_then(|serial| state.name(serial)),
            occurrence: None,
            outcome,
        });
    }

    /// Runs it.
    pub(crate) fn run(self) {
        universe().map.header().upcalls.fetch_add(1, Relaxed);
        self.trace();
        let mut watch = UnwindWatch { finished: false };
        match self {
            Upcall::Nothing => {}
            Upcall::Completion {
                callback,
                request,
                status,
                user_data,
            } => {
                complete(callback, request, status, user_data);
            }
            Upcall::Error {
                callback,
                argument,
                endpoint,
                status,
            } => {
                if let Some(callback) = callback {
                    // SAFETY: the client gave this function for this purpose; the handle is live.
                    unsafe { callback(argument as *mut c_void, endpoint as *mut _, status) };
                }
            }
            Upcall::Receive { worker, delivery } => receive(worker, &delivery),
            Upcall::RequestInit { callback, request } => {
                if let Some(callback) = callback {
                    // SAFETY: the client gave this function for this purpose; the memory has the size it asked for.
                    unsafe { callback(request as *mut c_void) };
                }
            }
            Upcall::RequestCleanup { callback, area } => {
                if let Some(callback) = callback {
                    // SAFETY: as for RequestInit.
                    unsafe { callback(area.pointer() as *mut c_void) };
                }
            }
        }
        watch.finished = true;
    }
}

fn complete(callback: Callback, request: u64, status: UcsStatus, user_data: u64) {
    let (request, user_data) = (request as *mut c_void, user_data as *mut c_void);
    // SAFETY: the client gave this function for this purpose, and the request is live until it frees it.
    unsafe {
        match callback {
            Callback::Send(Some(callback)) => callback(request, status, user_data),
            Callback::AmReceive(Some(callback), length) => {
                callback(request, status, length, user_data)
            }
            Callback::Send(None) | Callback::AmReceive(None, _) => {}
        }
    }
}

fn receive(worker: u64, delivery: &Delivery) {
    let Some(callback) = delivery.handler.callback else {
        return;
    };
    let param = UcpAmRecvParam {
        recv_attr: delivery.recv_attr,
        reply_ep: delivery.reply as *mut _,
    };
    let (data, length) = delivery.data.argument();
    let header = if delivery.header.len() == 0 {
        0
    } else {
        delivery.header.pointer()
    };
    // SAFETY: the client gave this function for this purpose; header, data and param live until it returns.
    let status = unsafe {
        callback(
            delivery.handler.argument as *mut c_void,
            header as *const c_void,
            delivery.header.len(),
            data as *mut c_void,
            length,
            &raw const param,
        )
    };
    enter_quietly(Function::WorkerProgress, |call| {
        message::finish(
            &mut call.lock(),
            worker,
            &delivery.data,
            status,
            call.site(),
        );
    });
}
