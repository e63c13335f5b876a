//! Workers: create, query, progress, destroy.

use std::ffi::c_uint;
use std::os::fd::BorrowedFd;

use crate::abi::call::{Call, WorkerGuard, enter, enter_quietly, field, set_field};
use crate::abi::library::{entity_name, text};
use crate::abi::perform;
use crate::abi::presence;
use crate::abi::remote::look_if_due;
use crate::abi::types::{
    UCP_WORKER_ATTR_FIELD, UCP_WORKER_ATTR_FIELD_ADDRESS, UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER,
    UCP_WORKER_ATTR_FIELD_MAX_INFO_STRING, UCP_WORKER_ATTR_FIELD_NAME,
    UCP_WORKER_ATTR_FIELD_THREAD_MODE, UCP_WORKER_FLAGS, UCP_WORKER_PARAM_FIELD_AM_ALIGNMENT,
    UCP_WORKER_PARAM_FIELD_EVENT_FD, UCP_WORKER_PARAM_FIELD_FLAGS, UCP_WORKER_PARAM_FIELD_NAME,
    UCP_WORKER_PARAM_FIELD_THREAD_MODE, UCP_WORKER_PARAM_FIELD_USER_DATA, UCP_WORKER_PARAMS_FIELD,
    UCS_THREAD_MODE_SINGLE, UcpWorkerAttr, UcpWorkerParams, UcsStatus,
};
use crate::abi::upcall::{self, Upcall};
use crate::fabric::flight;
use crate::fabric::worker::{self as fabric, Wish};
use crate::functions::Function as F;
use crate::ledger::{Kind, NewFinding, Trouble};
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// Longest header of an active message, in bytes: as over shared memory (UCX answers by transport).
pub(crate) const MAX_AM_HEADER: usize = 8100;

/// Longest text of `ucp_request_query`, in bytes.
const MAX_DEBUG_STRING: usize = 200;

/// Bytes by which a long address is longer.
const LONG_ADDRESS: usize = 4096;

/// Callbacks that one progress call runs at most, so that two workers that answer each other do not keep it for ever. UCX bounds it too,
/// by the batch of each transport.
const PROGRESS_BATCH: usize = 64;

/// `ucp_worker_create`.
///
/// # Safety
/// As in UCX: `params` points to a `ucp_worker_params_t` and `worker` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_worker_create(
    context: u64,
    params: *const UcpWorkerParams,
    worker: *mut u64,
) -> UcsStatus {
    enter(F::WorkerCreate, |call| {
        // SAFETY: handed on to the caller.
        unsafe { create(call, context, params, worker) }
            .map_or_else(|status| status, |()| UcsStatus::OK)
    })
}

unsafe fn create(
    call: &Call,
    context: u64,
    params: *const UcpWorkerParams,
    worker: *mut u64,
) -> Result<(), UcsStatus> {
    let context = call.handle(&mut call.lock(), 0, context, Kind::Context)?;
    call.not_null(1, params)?;
    call.not_null(2, worker)?;
    // SAFETY: the client vouches for a pointer that is not null; fields are read by their mask bit only.
    let (wish, mask) = unsafe {
        let mask = field!(params, field_mask);
        let set = |bit: u64| mask & bit != 0;
        let wish = Wish {
            thread_mode: if set(UCP_WORKER_PARAM_FIELD_THREAD_MODE) {
                field!(params, thread_mode)
            } else {
                UCS_THREAD_MODE_SINGLE
            },
            flags: if set(UCP_WORKER_PARAM_FIELD_FLAGS) {
                field!(params, flags)
            } else {
                0
            },
            name: if set(UCP_WORKER_PARAM_FIELD_NAME) {
                text(field!(params, name))
            } else {
                String::new()
            },
            am_alignment: if set(UCP_WORKER_PARAM_FIELD_AM_ALIGNMENT) {
                field!(params, am_alignment)
            } else {
                1
            },
        };
        (wish, mask)
    };
    call.knows(UCP_WORKER_PARAMS_FIELD, mask);
    call.knows(UCP_WORKER_FLAGS, wish.flags);
    if wish.am_alignment > 0 && !wish.am_alignment.is_power_of_two() {
        return Err(UcsStatus::INVALID_PARAM);
    }
    let mut state = call.lock();
    call.decide_of(&mut state, context)?;
    let wish = match call.ask(&mut state, Move::WorkerThreadMode, context) {
        Choice::Benign => wish,
        _ => Wish {
            thread_mode: UCS_THREAD_MODE_SINGLE,
            ..wish
        },
    };
    let handle = fabric::create(&mut state, context, wish, call.site())?;
    if let Some(serial) = state.serial(handle) {
        call.about(serial);
        // SAFETY: as above; the client vouches for its descriptor.
        let joined = unsafe { join_event_set(&mut state, serial, params) };
        if let Err(status) = joined {
            state.end(serial, call.site());
            return Err(status);
        }
    }
    // SAFETY: as above.
    unsafe { worker.write_unaligned(handle) };
    drop(state);
    crate::control::ending::watch();
    Ok(())
}

/// Has a worker wake its client by the client's own epoll descriptor, if it gave one (core/ucp_worker.c:ucp_worker_wakeup_init).
///
/// # Safety
/// `params` points to a `ucp_worker_params_t` whose descriptor, if set, is open.
unsafe fn join_event_set(
    state: &mut State,
    worker: u64,
    params: *const UcpWorkerParams,
) -> Result<(), UcsStatus> {
    // SAFETY: handed on to the caller; fields are read by their mask bit only.
    let (mask, descriptor, data) = unsafe {
        let mask = field!(params, field_mask);
        let set = |bit: u64| mask & bit != 0;
        (
            mask,
            if set(UCP_WORKER_PARAM_FIELD_EVENT_FD) {
                field!(params, event_fd)
            } else {
                -1
            },
            if set(UCP_WORKER_PARAM_FIELD_USER_DATA) {
                field!(params, user_data) as u64
            } else {
                0
            },
        )
    };
    if mask & UCP_WORKER_PARAM_FIELD_EVENT_FD == 0 || !fabric::can_wake(state, worker) {
        return Ok(());
    }
    if descriptor < 0 {
        return Err(UcsStatus::IO_ERROR);
    }
    // SAFETY: handed on to the caller.
    let set = unsafe { BorrowedFd::borrow_raw(descriptor) };
    fabric::join(state, worker, set, data)
}

/// `ucp_worker_destroy`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_worker_destroy(worker: u64) {
    let _inside = presence(F::WorkerDestroy, worker, Kind::Worker);
    let canceled = enter_quietly(F::WorkerDestroy, |call| canceled(call, worker));
    for upcall in canceled.into_iter().flatten() {
        upcall.run();
    }
    let cleanups = enter(F::WorkerDestroy, |call| {
        let mut state = call.lock();
        let Ok(serial) = call.handle(&mut state, 0, worker, Kind::Worker) else {
            return None;
        };
        call.about(serial);
        if state
            .worker(serial)
            .is_some_and(|worker| !worker.progressing.is_empty())
        {
            call.broken(&mut state, Rule::WorkerTwice, serial, [1, 0]);
            return None;
        }
        let areas = upcall::cleanups(&mut state, serial);
        fabric::destroy(&mut state, serial, call.site());
        Some(areas)
    });
    for cleanup in cleanups.into_iter().flatten() {
        cleanup.run();
    }
}

/// No put or get is under way on a worker that goes.
fn judge_unflushed(call: &Call, state: &mut State, worker: u64) {
    let tasks = state.agenda.of_worker(worker);
    if let Some(request) = flight::user_among(tasks, |_| true) {
        state.broken_with(Rule::WorkerUnflushed, worker, request, call.site());
    }
}

/// The callbacks of what is under way on a worker, or ended with its endpoint and was not told yet: they run while it is destroyed, if the
/// adversary lets them. A transport's endpoint that goes purges all that no progress call has seen the end of
/// (core/ucp_worker.c:ucp_worker_discard_uct_ep_cleanup, tcp/tcp_ep.c:uct_tcp_ep_purge).
fn canceled(call: &Call, worker: u64) -> Option<Vec<Upcall>> {
    let mut state = call.lock();
    let serial = state.resolve(worker, Kind::Worker).ok()?;
    let entry = state.worker(serial)?;
    let is_at_rest = state.agenda.is_empty() && entry.inbox.is_empty();
    if !entry.progressing.is_empty() || is_at_rest {
        return None;
    }
    judge_unflushed(call, &mut state, serial);
    if call.ask(&mut state, Move::DestroyRequests, serial) != Choice::Benign {
        return None;
    }
    let untold = fabric::take_completions(&mut state, serial).into_iter();
    let untold = untold.map(|(request, _)| request);
    let requests = untold.chain(flight::forget_worker(&mut state, serial));
    let upcalls = requests.filter_map(|request| {
        upcall::completed(&mut state, request, UcsStatus::CANCELED, call.site())
    });
    Some(upcalls.collect())
}

/// `ucp_worker_query`.
///
/// # Safety
/// As in UCX: `attr` points to a `ucp_worker_attr_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_worker_query(
    worker: u64,
    attr: *mut UcpWorkerAttr,
) -> UcsStatus {
    let _inside = presence(F::WorkerQuery, worker, Kind::Worker);
    enter(F::WorkerQuery, |call| {
        // SAFETY: handed on to the caller.
        unsafe { query(call, worker, attr) }.map_or_else(|status| status, |()| UcsStatus::OK)
    })
}

unsafe fn query(call: &Call, worker: u64, attr: *mut UcpWorkerAttr) -> Result<(), UcsStatus> {
    let serial = call.about(call.handle(&mut call.lock(), 0, worker, Kind::Worker)?);
    call.not_null(1, attr)?;
    // SAFETY: as below.
    call.knows(UCP_WORKER_ATTR_FIELD, unsafe { field!(attr, field_mask) });
    let mut state = call.lock();
    // SAFETY: the client vouches for a pointer that is not null; fields are touched by their mask bit only.
    unsafe {
        let mask = field!(attr, field_mask);
        if mask & UCP_WORKER_ATTR_FIELD_ADDRESS != 0 {
            call.decide(&mut state)?;
            let padding = match call.ask(&mut state, Move::AddressSize, serial) {
                Choice::Benign => 0,
                _ => LONG_ADDRESS,
            };
            let (pointer, length) = fabric::address(&mut state, serial, padding, call.site())?;
            set_field!(attr, address, pointer as _);
            set_field!(attr, address_length, length);
        }
        let Some(worker) = state.worker(serial) else {
            return Err(UcsStatus::INVALID_PARAM);
        };
        if mask & UCP_WORKER_ATTR_FIELD_THREAD_MODE != 0 {
            set_field!(attr, thread_mode, worker.thread_mode);
        }
        if mask & UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER != 0 {
            set_field!(attr, max_am_header, MAX_AM_HEADER);
        }
        if mask & UCP_WORKER_ATTR_FIELD_NAME != 0 {
            // UCX calls a worker without a name by its address (core/ucp_worker.c:ucp_worker_create).
            let unnamed = || format!("{:#x}", state.handle_of(serial));
            let name = Some(worker.name.clone()).filter(|name| !name.is_empty());
            set_field!(attr, name, entity_name(&name.unwrap_or_else(unnamed)));
        }
        if mask & UCP_WORKER_ATTR_FIELD_MAX_INFO_STRING != 0 {
            set_field!(attr, max_debug_string, MAX_DEBUG_STRING);
        }
    }
    Ok(())
}

/// `ucp_worker_release_address`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_worker_release_address(worker: u64, address: u64) {
    let _inside = presence(F::WorkerReleaseAddress, worker, Kind::Worker);
    enter(F::WorkerReleaseAddress, |call| {
        let mut state = call.lock();
        let worker = call.handle(&mut state, 0, worker, Kind::Worker);
        let Ok(serial) = call.handle(&mut state, 1, address, Kind::Address) else {
            return;
        };
        let Ok(worker) = worker else {
            return;
        };
        call.about(serial);
        let owner = state.objects.get(&serial).map_or(0, |entry| entry.parent);
        if owner != worker {
            let finding = NewFinding {
                rule: Rule::AddressRelease,
                trouble: Trouble::OtherParent,
                argument: Some(1),
                value: address,
                object: serial,
                other: worker,
                detail: [owner, 0],
            };
            state.ledger.finding(finding, call.site());
        }
        state.end(serial, call.site());
        state.forget_pointer(address);
    });
}

/// `ucp_worker_progress`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_worker_progress(worker: u64) -> c_uint {
    let _inside = presence(F::WorkerProgress, worker, Kind::Worker);
    let mut is_others = false;
    let begun = enter_quietly(F::WorkerProgress, |call| {
        begin_progress(call, worker, &mut is_others)
    });
    let Some((turn, running)) = begun else {
        // A progress thread of the client's that never sleeps would otherwise take the time of those who give it something to do.
        if is_others {
            std::thread::yield_now();
        }
        return 0;
    };
    let serial = turn.worker;
    let waiting = if turn.is_plain {
        turn.waiting
    } else {
        enter_quietly(F::WorkerProgress, |call| {
            Some(adversarial_turn(call, serial))
        })
        .unwrap_or(0)
    };
    let mut count = 0;
    for _ in 0..waiting.min(PROGRESS_BATCH) {
        let Some(upcall) = enter_quietly(F::WorkerProgress, |call| upcall::next(call, serial))
        else {
            break;
        };
        upcall.run();
        count += 1;
    }
    if count == 0 && !turn.is_plain {
        let idle = |call: &Call| Some(perform::idle_count(call, serial));
        count = enter_quietly(F::WorkerProgress, idle).unwrap_or(0);
    }
    drop(running);
    count
}

/// What a progress call finds.
#[derive(Clone, Copy)]
struct Turn {
    worker: u64,
    /// Events in the inbox.
    waiting: usize,
    /// Nobody deviates and nothing is under way: only the inbox counts.
    is_plain: bool,
}

/// Says that a worker is being progressed, for as long as it lives; also when a callback unwinds.
struct Progressing {
    worker: u64,
    thread: u16,
    _guard: Option<WorkerGuard>,
}

impl Drop for Progressing {
    fn drop(&mut self) {
        if let Some(worker) = crate::abi::universe().lock().worker_mut(self.worker) {
            let own = |thread: &u16| *thread == self.thread;
            if let Some(call) = worker.progressing.iter().rposition(own) {
                worker.progressing.remove(call);
            }
        }
    }
}

/// Whether there is something to do; if so the worker is locked and marked. Also says whether it is another thread that made the worker.
fn begin_progress(call: &Call, worker: u64, is_others: &mut bool) -> Option<(Turn, Progressing)> {
    let mut state = call.lock();
    let serial = call.handle(&mut state, 0, worker, Kind::Worker).ok()?;
    look_if_due(call, &mut state);
    let is_plain = state.agenda.is_empty() && !state.is_asking();
    let entry = state.worker_mut(serial)?;
    (entry.polls, entry.arms_refused) = (0, 0);
    let lock = entry.lock.clone();
    if entry.progressing.contains(&call.thread()) {
        call.broken(&mut state, Rule::CallbackProgress, serial, [0, 0]);
        return None;
    }
    entry.progressed += 1;
    *is_others = entry.owner != call.thread();
    if entry.inbox.is_empty() && is_plain {
        return None;
    }
    drop(state);
    let guard = lock.map(|lock| lock.lock_arc());
    let mut state = call.lock();
    let entry = state.worker_mut(serial)?;
    entry.progressing.push(call.thread());
    let turn = Turn {
        worker: serial,
        waiting: entry.inbox.len(),
        is_plain,
    };
    let running = Progressing {
        worker: serial,
        thread: call.thread(),
        _guard: guard,
    };
    Some((turn, running))
}

/// Does what is due; returns the number of events in the inbox then.
fn adversarial_turn(call: &Call, worker: u64) -> usize {
    perform::due(call, worker);
    let state = call.lock();
    state.worker(worker).map_or(0, |worker| worker.inbox.len())
}
