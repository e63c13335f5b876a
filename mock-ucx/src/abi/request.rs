//! Requests: status, cancel, free.

use crate::abi::call::{Call, enter, enter_quietly};
use crate::abi::presence;
use crate::abi::presence::judge_owner;
use crate::abi::types::UcsStatus;
use crate::fabric::agenda::Work;
use crate::fabric::request as fabric;
use crate::functions::Function as F;
use crate::ledger::{Kind, NewFinding, Trouble};
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// `ucp_request_check_status`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_request_check_status(request: u64) -> UcsStatus {
    enter_quietly(F::RequestCheckStatus, |call| {
        let mut state = call.lock();
        if let Some(status) = state.external_status(request) {
            return status;
        }
        match call.handle(&mut state, 0, request, Kind::Request) {
            Ok(serial) => {
                call.about(serial);
                let Some((status, worker)) = state
                    .request(serial)
                    .map(|request| (request.status, request.worker))
                else {
                    return UcsStatus::INVALID_PARAM;
                };
                judge_owner(call, &mut state, worker);
                if status == UcsStatus::INPROGRESS {
                    count_poll(call, &mut state, serial, worker);
                }
                status
            }
            Err(status) => status,
        }
    })
}

/// Polls with no progress in between after which a client waits in vain. A thread that progresses the worker comes round more often.
const POLLS_MAX: u32 = 10_000;

fn count_poll(call: &Call, state: &mut State, request: u64, worker: u64) {
    let Some(worker) = state.worker_mut(worker) else {
        return;
    };
    worker.polls = worker.polls.saturating_add(1);
    if worker.polls == POLLS_MAX {
        call.broken(state, Rule::RequestPolled, request, [POLLS_MAX.into(), 0]);
    }
}

/// `ucp_request_free`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_request_free(request: u64) {
    let _guard = crate::abi::worker_guard(F::RequestFree, request, Kind::Request);
    enter(F::RequestFree, |call| {
        let mut state = call.lock();
        let external = state.external_status(request).is_some();
        let found = if external {
            state.serial(request)
        } else {
            call.handle(&mut state, 0, request, Kind::Request).ok()
        };
        let Some(serial) = found else {
            return;
        };
        call.about(serial);
        if external
            || state
                .request(serial)
                .is_some_and(|request| request.external)
        {
            // Memory of the client is never given to UCX (core/ucp_request.c:ucp_request_release_common).
            call.broken(&mut state, Rule::RequestMemory, serial, [1, 0]);
            return;
        }
        judge_early_free(call, &mut state, serial);
        fabric::free(&mut state, serial, call.site());
    });
}

/// What is given up with a request that is freed before it is complete.
fn judge_early_free(call: &Call, state: &mut State, request: u64) {
    let Some(entry) = state
        .request(request)
        .filter(|request| request.status == UcsStatus::INPROGRESS)
    else {
        return;
    };
    if entry.callback.is_some() {
        call.broken(state, Rule::RequestCallbackLost, request, [0, 0]);
    }
    let closes = state.agenda.all().any(|(_, task)| {
        task.request == request
            && matches!(task.work, Work::Idle)
            && state.endpoint(task.endpoint).is_none()
    });
    if closes {
        call.broken(state, Rule::EndpointCloseForgotten, request, [0, 0]);
    }
}

/// `ucp_request_cancel`. UCX honours it for tag receives only, in every version: all other operations go on.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_request_cancel(worker: u64, request: u64) {
    let _inside = presence(F::RequestCancel, worker, Kind::Worker);
    enter(F::RequestCancel, |call| {
        let mut state = call.lock();
        let worker = call.handle(&mut state, 0, worker, Kind::Worker);
        if state.external_status(request).is_some() {
            return;
        }
        let Ok(serial) = call.handle(&mut state, 1, request, Kind::Request) else {
            return;
        };
        let Ok(worker) = worker else {
            return;
        };
        let owner = state
            .request(call.about(serial))
            .map_or(0, |request| request.worker);
        if owner == worker {
            cancel(call, &mut state, serial);
        } else {
            let finding = NewFinding {
                rule: Rule::RequestWorker,
                trouble: Trouble::OtherParent,
                argument: Some(1),
                value: request,
                object: serial,
                other: worker,
                detail: [owner, 0],
            };
            state.ledger.finding(finding, call.site());
        }
    });
}

/// A cancel that takes effect, if the adversary lets it.
fn cancel(call: &Call, state: &mut State, request: u64) {
    if state.agenda.is_empty() {
        return;
    }
    let keys = state.agenda.keys(|_, task| task.request == request);
    let Some(key) = keys.first().copied() else {
        return;
    };
    if call.ask(state, Move::CancelEffect, request) != Choice::Benign {
        state.agenda.take(key);
        fabric::complete_now(state, request, UcsStatus::CANCELED);
    }
}
