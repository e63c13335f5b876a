//! Endpoints: create, flush, close, cost.

use std::ffi::c_uint;

use crate::abi::call::{Call, enter, field, set_field};
use crate::abi::deferred;
use crate::abi::operation::{Attributes, Begun, Done, Due, answer};
use crate::abi::remote::{Path, look};
use crate::abi::types::{
    UCP_EP_CLOSE_FLAG_FORCE, UCP_EP_CLOSE_FLAGS, UCP_EP_CLOSE_MODE_FORCE,
    UCP_EP_PARAM_FIELD_ERR_HANDLER, UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE, UCP_EP_PARAM_FIELD_FLAGS,
    UCP_EP_PARAM_FIELD_REMOTE_ADDRESS, UCP_EP_PARAM_FIELD_USER_DATA, UCP_EP_PARAMS_FIELD,
    UCP_EP_PARAMS_FLAGS, UCP_EP_PERF_ATTR_FIELD, UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME,
    UCP_EP_PERF_PARAM_FIELD, UCP_EP_PERF_PARAM_FIELD_MESSAGE_SIZE, UCP_ERR_HANDLING_MODE_NONE,
    UCP_OP_ATTR, UCP_OP_ATTR_FLAG_NO_IMM_CMPL, UcpEpEvaluatePerfAttr, UcpEpEvaluatePerfParam,
    UcpEpParams, UcpRequestParam, UcsStatus,
};
use crate::abi::upcall::{self, Upcall};
use crate::abi::{presence, worker_guard};
use crate::fabric::agenda::Work;
use crate::fabric::endpoint::{self as fabric, AddressError, Wish};
use crate::fabric::request::{self, GivenUp};
use crate::fabric::{flight, remote, worker};
use crate::functions::Function as F;
use crate::ledger::{Kind, NewFinding, Trouble};
use crate::objects::Event;
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// Latency and bandwidth that `ucp_ep_evaluate_perf` assumes: those of shared memory on one host.
const LATENCY_S: f64 = 1e-6;
const BANDWIDTH_BYTES_PER_S: f64 = 1e10;

/// An estimate that no client expects.
const A_DAY_S: f64 = 86_400.0;

/// `ucp_ep_create`.
///
/// # Safety
/// As in UCX: `params` points to a `ucp_ep_params_t` and `ep` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_ep_create(
    worker: u64,
    params: *const UcpEpParams,
    ep: *mut u64,
) -> UcsStatus {
    let guard = worker_guard(F::EpCreate, worker, Kind::Worker);
    let status = enter(F::EpCreate, |call| {
        // SAFETY: handed on to the caller.
        unsafe { create(call, worker, params, ep) }.map_or_else(|status| status, |()| UcsStatus::OK)
    });
    drop(guard);
    if crate::abi::universe().lock().is_asking() {
        let_others_notice(worker);
    }
    status
}

unsafe fn create(
    call: &Call,
    worker: u64,
    params: *const UcpEpParams,
    ep: *mut u64,
) -> Result<(), UcsStatus> {
    let worker = call.handle(&mut call.lock(), 0, worker, Kind::Worker)?;
    call.not_null(1, params)?;
    call.not_null(2, ep)?;
    // SAFETY: the client vouches for a pointer that is not null; fields are read by their mask bit only.
    let (wish, address) = unsafe { read_params(call, params) };
    let mut state = call.lock();
    let Some(address) = address else {
        return Err(call.broken(&mut state, Rule::EndpointTarget, worker, [0, 0]));
    };
    let target = match fabric::target(&mut state, address) {
        Ok(target) => target,
        Err(AddressError::Unreachable) => return Err(UcsStatus::UNREACHABLE),
        Err(AddressError::Blob | AddressError::Exhausted) => {
            let finding = NewFinding {
                rule: Rule::AddressBlob,
                trouble: Trouble::Unknown,
                argument: Some(1),
                value: address,
                object: worker,
                other: 0,
                detail: [0, 0],
            };
            state.ledger.finding(finding, call.site());
            return Err(UcsStatus::INVALID_ADDR);
        }
    };
    call.decide_of(&mut state, worker)?;
    let (silent, overruled) = (wish.is_silent(), wish.is_overruled());
    let (serial, handle) = fabric::create(&mut state, worker, target, &wish, call.site())
        .map_err(|_| UcsStatus::NO_MEMORY)?;
    call.about(serial);
    for (broken, rule) in [
        (silent, Rule::EndpointSilent),
        (overruled, Rule::EndpointArgument),
    ] {
        if broken {
            call.broken(&mut state, rule, serial, [0, 0]);
        }
    }
    // SAFETY: as above.
    unsafe { ep.write_unaligned(handle) };
    if state.is_asking() {
        shape(call, &mut state, serial);
    }
    Ok(())
}

/// Decides how a new endpoint will fail, and whether it has failed already.
fn shape(call: &Call, state: &mut State, endpoint: u64) {
    let handler_first = call.ask(state, Move::EndpointHandler, endpoint) != Choice::Benign;
    let notice = call.ask(state, Move::PeerNotice, endpoint);
    let Some(entry) = state.endpoint_mut(endpoint) else {
        return;
    };
    entry.handler_first = handler_first;
    entry.notice = notice;
    if entry.error_mode != UCP_ERR_HANDLING_MODE_NONE
        && let Choice::Status(status) = call.ask(state, Move::EndpointEarly, endpoint)
    {
        fabric::fail(state, endpoint, status);
    }
}

/// How often a new endpoint's creator lets other threads run, so that one of them can tell that it has failed.
const YIELDS_MAX: usize = 100;

/// Lets other threads that progress the worker do so, if an endpoint failed before its creation has returned.
fn let_others_notice(worker: u64) {
    let waiting = || {
        let state = crate::abi::universe().lock();
        let serial = state.resolve(worker, Kind::Worker).ok()?;
        let entry = state.worker(serial)?;
        let failed = |event: &Event| matches!(event, Event::Failed { .. });
        (entry.lock.is_some() && entry.inbox.iter().any(failed)).then_some(())
    };
    let mut left = YIELDS_MAX;
    while left > 0 && waiting().is_some() {
        std::thread::yield_now();
        left -= 1;
    }
}

/// # Safety
/// `params` points to a `ucp_ep_params_t`.
unsafe fn read_params(call: &Call, params: *const UcpEpParams) -> (Wish, Option<u64>) {
    // SAFETY: handed on to the caller; each field is read only if its bit is set.
    unsafe {
        let mask = field!(params, field_mask);
        let set = |bit: u64| mask & bit != 0;
        call.knows(UCP_EP_PARAMS_FIELD, mask);
        if set(UCP_EP_PARAM_FIELD_FLAGS) {
            call.knows(UCP_EP_PARAMS_FLAGS, field!(params, flags));
        }
        let handler = set(UCP_EP_PARAM_FIELD_ERR_HANDLER).then(|| field!(params, err_handler));
        let user_data = set(UCP_EP_PARAM_FIELD_USER_DATA).then(|| field!(params, user_data));
        let wish = Wish {
            error_mode: if set(UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE) {
                field!(params, err_mode)
            } else {
                UCP_ERR_HANDLING_MODE_NONE
            },
            error_callback: handler.and_then(|handler| handler.cb),
            handler_argument: handler.map(|handler| handler.arg as u64),
            // user_data overrides the handler's own argument (ucp_def.h:ucp_err_handler_t).
            error_argument: user_data
                .or(handler.map(|handler| handler.arg))
                .map_or(0, |argument| argument as u64),
        };
        let address =
            set(UCP_EP_PARAM_FIELD_REMOTE_ADDRESS).then(|| field!(params, address) as u64);
        (wish, address)
    }
}

/// `ucp_ep_close_nbx`.
///
/// # Safety
/// As in UCX: `param` points to a `ucp_request_param_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_ep_close_nbx(ep: u64, param: *const UcpRequestParam) -> usize {
    let _guard = worker_guard(F::EpCloseNbx, ep, Kind::Endpoint);
    let (status_pointer, upcalls) = enter(F::EpCloseNbx, |call| {
        let mut inline = Vec::new();
        let closed = call.endpoint(ep).and_then(|serial| {
            call.not_null(1, param)?;
            // SAFETY: the client vouches for a pointer that is not null.
            let mut attributes = unsafe { Attributes::read(param) };
            call.knows(UCP_OP_ATTR, attributes.mask);
            call.knows(UCP_EP_CLOSE_FLAGS, attributes.flags);
            // Close is a flush, which ignores that flag (core/ucp_ep.c:ucp_ep_close_nbx).
            attributes.no_immediate_completion = false;
            let force = attributes.flags & UCP_EP_CLOSE_FLAG_FORCE != 0;
            close(call, serial, force, attributes, &mut inline)
        });
        let (pointer, due) = answer(call, closed);
        (pointer, due.after(inline))
    });
    upcalls.run();
    status_pointer
}

/// `ucp_ep_close_nb`, the older form.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_ep_close_nb(ep: u64, mode: c_uint) -> usize {
    let _guard = worker_guard(F::EpCloseNb, ep, Kind::Endpoint);
    let (status_pointer, due): (usize, Due) = enter(F::EpCloseNb, |call| {
        let mut inline = Vec::new();
        let closed = call.endpoint(ep).and_then(|serial| {
            let force = mode == UCP_EP_CLOSE_MODE_FORCE;
            close(call, serial, force, Attributes::none(), &mut inline)
        });
        let (pointer, due) = answer(call, closed);
        (pointer, due.after(inline))
    });
    due.run();
    status_pointer
}

fn close(
    call: &Call,
    endpoint: u64,
    force: bool,
    attributes: Attributes,
    inline: &mut Vec<Upcall>,
) -> Result<Begun, UcsStatus> {
    let mut state = call.lock();
    let Some(entry) = state.endpoint(endpoint) else {
        return Err(UcsStatus::INVALID_PARAM);
    };
    let (mode, silent, failed) = (entry.error_mode, entry.silent, entry.failed);
    let route = Path {
        endpoint,
        worker: entry.worker,
        target: entry.target,
    };
    if force && mode == UCP_ERR_HANDLING_MODE_NONE {
        return Err(call.broken(&mut state, Rule::EndpointForce, endpoint, [0, 0]));
    }
    judge_close(call, &mut state, endpoint, force, attributes.mask);
    let decision = call.decide(&mut state);
    if force {
        *inline = force_end(call, &mut state, route);
    }
    // Asked while the endpoint still has a name.
    let when = call.ask(&mut state, Move::CloseComplete, endpoint);
    fabric::close(&mut state, endpoint, call.site());
    decision?;
    // Without FORCE a close is a flush, which a failed endpoint refuses; it is gone all the same (core/ucp_ep.c:ucp_ep_close_nbx).
    if let Some(status) = failed
        && !force
    {
        return Err(status);
    }
    when_idle(call, &mut state, route, silent && !force, when, attributes)
}

/// Ends what is under way on an endpoint that is closed by force; returns the callbacks that run inside the call.
fn force_end(call: &Call, state: &mut State, route: Path) -> Vec<Upcall> {
    let choice = call.ask(state, Move::CloseForce, route.endpoint);
    let how = GivenUp {
        status: UcsStatus::CANCELED,
        late: Choice::Benign,
        finished: choice == Choice::Variant(1),
    };
    request::give_up(state, route.endpoint, how);
    if choice != Choice::Variant(0) {
        return Vec::new();
    }
    let ended = worker::take_completions(state, route.worker);
    let upcalls = ended
        .into_iter()
        .filter_map(|(request, status)| upcall::completed(state, request, status, call.site()));
    upcalls.collect()
}

/// What is wrong with closing an endpoint now and so; it is closed all the same.
fn judge_close(call: &Call, state: &mut State, endpoint: u64, force: bool, mask: u32) {
    let Some(entry) = state.endpoint(endpoint) else {
        return;
    };
    let (failed, keys, worker) = (entry.failed.is_some(), entry.rkeys, entry.worker);
    if force && mask & UCP_OP_ATTR_FLAG_NO_IMM_CMPL != 0 {
        call.broken(state, Rule::EndpointForceLater, endpoint, [0, 0]);
    }
    if failed && !force {
        call.broken(state, Rule::EndpointGentle, endpoint, [0, 0]);
    }
    // Keys that are in use cannot be destroyed before a forced close, and after it the endpoint is gone: UCX says nothing about those.
    if keys > 0 && !force && !failed {
        call.broken(state, Rule::EndpointKeys, endpoint, [keys.into(), 0]);
    }
    let replies = state.worker_mut(worker).map(|worker| {
        let before = worker.reply_endpoints.len();
        worker.reply_endpoints.retain(|_, own| *own != endpoint);
        before - worker.reply_endpoints.len()
    });
    if replies.is_some_and(|replies| replies > 0) {
        call.broken(state, Rule::AmReply, endpoint, [0, 0]);
    }
}

/// Complete if nothing runs on an endpoint, else a request that completes when all that was begun there has ended.
fn when_idle(
    call: &Call,
    state: &mut State,
    route: Path,
    silent: bool,
    when: Choice,
    attributes: Attributes,
) -> Result<Begun, UcsStatus> {
    let (endpoint, worker) = (route.endpoint, route.worker);
    flight::hurry_landings(state, endpoint, worker);
    let wish = request::Wish {
        flushes: endpoint,
        ..attributes.wish()
    };
    if silent {
        return deferred::run_on(call, state, route, wish, Choice::Withheld, Work::Silence);
    }
    if state.operations.busy(endpoint) {
        let wish = request::Wish {
            delay: when,
            ..wish
        };
        let opened = request::open(state, worker, wish, call.site())?;
        remote::wait_for(state, endpoint, worker, route.target.nonce, opened.serial);
        return Ok(Begun::Running(opened));
    }
    if when == Choice::Benign && !state.agenda.busy_before(endpoint, u64::MAX) {
        return Ok(Begun::Done(Done { worker }, attributes));
    }
    deferred::run_on(call, state, route, wish, when, Work::Idle)
}

/// `ucp_ep_flush_nbx`.
///
/// # Safety
/// As in UCX: `param` points to a `ucp_request_param_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_ep_flush_nbx(ep: u64, param: *const UcpRequestParam) -> usize {
    let _guard = worker_guard(F::EpFlushNbx, ep, Kind::Endpoint);
    let (status_pointer, upcalls) = enter(F::EpFlushNbx, |call| {
        let flushed = call.endpoint(ep).and_then(|serial| {
            call.not_null(1, param)?;
            // SAFETY: handed on to the caller.
            let mut attributes = unsafe { Attributes::read(param) };
            call.knows(UCP_OP_ATTR, attributes.mask);
            // Flush ignores that flag (rma/flush.c:ucp_ep_flush_internal).
            attributes.no_immediate_completion = false;
            let mut state = call.lock();
            let Some(entry) = state.endpoint(serial) else {
                return Err(UcsStatus::INVALID_PARAM);
            };
            let route = Path {
                endpoint: serial,
                worker: entry.worker,
                target: entry.target,
            };
            if route.target.nonce != state.nonce {
                look(call, &mut state);
            }
            fabric::usable(&mut state, serial)?;
            call.decide_on(&mut state, serial)?;
            let when = call.ask(&mut state, Move::FlushComplete, serial);
            let silent = state.endpoint(serial).is_some_and(|entry| entry.silent);
            when_idle(call, &mut state, route, silent, when, attributes)
        });
        answer(call, flushed)
    });
    upcalls.run();
    status_pointer
}

/// `ucp_ep_evaluate_perf`.
///
/// # Safety
/// As in UCX: the pointers lead to structures of these types.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_ep_evaluate_perf(
    ep: u64,
    param: *const UcpEpEvaluatePerfParam,
    attr: *mut UcpEpEvaluatePerfAttr,
) -> UcsStatus {
    let _inside = presence(F::EpEvaluatePerf, ep, Kind::Endpoint);
    enter(F::EpEvaluatePerf, |call| {
        let evaluated = call.endpoint(ep).and_then(|serial| {
            call.not_null(1, param)?;
            call.not_null(2, attr)?;
            // SAFETY: the client vouches for pointers that are not null; fields are touched by their mask bit only.
            unsafe {
                let (wanted, given) = (field!(attr, field_mask), field!(param, field_mask));
                call.knows(UCP_EP_PERF_ATTR_FIELD, wanted);
                call.knows(UCP_EP_PERF_PARAM_FIELD, given);
                if wanted & UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME == 0 {
                    return Err(call.broken(&mut call.lock(), Rule::EndpointPerf, serial, [0, 0]));
                }
                let sized = given & UCP_EP_PERF_PARAM_FIELD_MESSAGE_SIZE != 0;
                let size = if sized {
                    field!(param, message_size)
                } else {
                    0
                };
                let usual = LATENCY_S + size as f64 / BANDWIDTH_BYTES_PER_S;
                let estimate = match call.ask(&mut call.lock(), Move::PerfTime, serial) {
                    Choice::Variant(0) => 0.0,
                    Choice::Variant(_) => A_DAY_S,
                    _ => usual,
                };
                set_field!(attr, estimated_time, estimate);
            }
            Ok(UcsStatus::OK)
        });
        evaluated.unwrap_or_else(|status| status)
    })
}

impl Call {
    /// The live endpoint behind the first argument.
    pub(crate) fn endpoint(&self, ep: u64) -> Result<u64, UcsStatus> {
        Ok(self.about(self.handle(&mut self.lock(), 0, ep, Kind::Endpoint)?))
    }
}
