//! Who is inside a worker or a context, and whether it may be: UCX takes a lock only for a worker in multi-thread mode, and leaves the
//! other modes to its client.
//!
//! Looked at before the call itself: two threads that wait for the mock's own lock at the same time are both inside.

use std::sync::Arc;

use crate::abi::call::{Call, WorkerGuard, aside, thread_number};
use crate::abi::types::{UCS_THREAD_MODE_SERIALIZED, UCS_THREAD_MODE_SINGLE};
use crate::abi::universe;
use crate::functions::Function;
use crate::ledger::Kind;
use crate::objects::{Body, Worker};
use crate::occupancy::Occupancy;
use crate::rules::Rule;
use crate::universe::State;

/// The calling thread is inside a worker or a context for as long as this lives: until the exported function returns, its callbacks
/// included.
#[derive(Default)]
pub(crate) struct Inside {
    _lock: Option<WorkerGuard>,
    occupied: Option<Arc<Occupancy>>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(occupancy) = self.occupied.take() {
            occupancy.leave();
        }
    }
}

/// How far a call goes into a worker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// It is alone there in serialized mode.
    Alone,
    /// And holds the lock in multi-thread mode.
    Locked,
}

/// What the thread mode asks for.
enum Ask {
    Nothing,
    Lock(Arc<parking_lot::ReentrantMutex<()>>),
    Owner,
    OneAtATime(Arc<Occupancy>),
}

/// Enters the worker behind a handle of this kind, and takes its lock if it is in multi-thread mode: before the state's lock, never while
/// that is held.
pub(crate) fn worker_guard(function: Function, handle: u64, kind: Kind) -> Inside {
    enter(function, handle, kind, Extent::Locked)
}

/// The same for calls that take the worker's lock by themselves, or none.
pub(crate) fn presence(function: Function, handle: u64, kind: Kind) -> Inside {
    enter(function, handle, kind, Extent::Alone)
}

/// The same for a call that only reads, which UCX lets any thread make beside others unless the worker is for one thread.
pub(crate) fn judge_owner(call: &Call, state: &mut State, worker: u64) {
    let mode = state.worker(worker);
    if mode.is_some_and(|worker| is_a_strangers(worker, call.thread())) {
        call.broken(state, Rule::ThreadSingle, worker, [0, 0]);
    }
}

/// The worker is for one thread, and this is another. A thread without a number is being torn down; it may be any.
fn is_a_strangers(worker: &Worker, thread: u16) -> bool {
    worker.thread_mode == UCS_THREAD_MODE_SINGLE && thread != 0 && worker.owner != thread
}

fn enter(function: Function, handle: u64, kind: Kind, extent: Extent) -> Inside {
    let thread = thread_number();
    let (serial, ask) = {
        let state = universe().lock();
        let Some(serial) = worker_of(&state, handle, kind) else {
            return Inside::default();
        };
        (serial, ask(&state, serial, thread, extent))
    };
    match ask {
        Ask::Nothing => Inside::default(),
        Ask::Lock(lock) => Inside {
            _lock: Some(lock.lock_arc()),
            occupied: None,
        },
        Ask::Owner => {
            aside(function, |call| {
                call.broken(&mut call.lock(), Rule::ThreadSingle, serial, [0, 0]);
            });
            Inside::default()
        }
        Ask::OneAtATime(occupancy) => occupy(thread, occupancy, |other| {
            aside(function, |call| {
                let detail = [u64::from(other), 0];
                call.broken(&mut call.lock(), Rule::ThreadSerialized, serial, detail);
            });
        }),
    }
}

fn worker_of(state: &State, handle: u64, kind: Kind) -> Option<u64> {
    let serial = state.serial(handle)?;
    Some(match (kind, &state.objects.get(&serial)?.body) {
        (Kind::Worker, Body::Worker(_)) => serial,
        (Kind::Endpoint, Body::Endpoint(endpoint)) => endpoint.worker,
        (Kind::Request, Body::Request(request)) => request.worker,
        (Kind::Rkey, Body::Rkey(rkey)) => rkey.worker,
        _ => return None,
    })
}

fn ask(state: &State, worker: u64, thread: u16, extent: Extent) -> Ask {
    let Some(worker) = state.worker(worker) else {
        return Ask::Nothing;
    };
    match (worker.thread_mode, &worker.lock) {
        _ if is_a_strangers(worker, thread) => Ask::Owner,
        (UCS_THREAD_MODE_SERIALIZED, _) => Ask::OneAtATime(Arc::clone(&worker.occupancy)),
        (_, Some(lock)) if extent == Extent::Locked => Ask::Lock(Arc::clone(lock)),
        _ => Ask::Nothing,
    }
}

/// Enters a context that was not made for several threads.
pub(crate) fn context_presence(function: Function, context: u64) -> Inside {
    let (serial, occupancy) = {
        let state = universe().lock();
        let serial = state.serial(context).unwrap_or(0);
        match state.context(serial) {
            Some(context) if !context.mt_workers_shared => (serial, Arc::clone(&context.occupancy)),
            _ => return Inside::default(),
        }
    };
    occupy(thread_number(), occupancy, |other| {
        aside(function, |call| {
            let mut state = call.lock();
            // UCX says that one worker may be shared by threads without it (ucp.h:ucp_params_t).
            if workers(&state, serial) > 1 {
                let detail = [u64::from(other), 0];
                call.broken(&mut state, Rule::ThreadContext, serial, detail);
            }
        });
    })
}

fn workers(state: &State, context: u64) -> usize {
    let workers = state
        .objects
        .values()
        .filter(|entry| entry.parent == context && matches!(entry.body, Body::Worker(_)));
    workers.count()
}

fn occupy(thread: u16, occupancy: Arc<Occupancy>, crowded: impl FnOnce(u16)) -> Inside {
    match occupancy.enter(thread) {
        Ok(()) => Inside {
            _lock: None,
            occupied: Some(occupancy),
        },
        Err(other) => {
            crowded(other);
            Inside::default()
        }
    }
}
