//! Wake-up: the event descriptor, and arming it.

use std::ffi::c_int;

use crate::abi::call::{Call, enter, enter_quietly};
use crate::abi::perform::in_a_row;
use crate::abi::presence;
use crate::abi::remote::look_before_sleep;
use crate::abi::types::UcsStatus;
use crate::fabric::worker as fabric;
use crate::functions::Function as F;
use crate::ledger::Kind;
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// Refused arms in a row, with no progress in between, after which a client has forgotten to progress. One that asks again at once does
/// so a few times at most.
const ARMS_REFUSED_MAX: u32 = 1000;

fn waking_worker(call: &Call, worker: u64) -> Result<u64, UcsStatus> {
    let mut state = call.lock();
    let serial = call.about(call.handle(&mut state, 0, worker, Kind::Worker)?);
    if fabric::can_wake(&state, serial) {
        return Ok(serial);
    }
    Err(call.broken(&mut state, Rule::WakeupFeature, serial, [0, 0]))
}

/// `ucp_worker_get_efd`.
///
/// # Safety
/// As in UCX: `fd` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_worker_get_efd(worker: u64, fd: *mut c_int) -> UcsStatus {
    let _inside = presence(F::WorkerGetEfd, worker, Kind::Worker);
    enter(F::WorkerGetEfd, |call| {
        let answer = waking_worker(call, worker).and_then(|serial| {
            call.not_null(1, fd)?;
            let mut state = call.lock();
            if fabric::has_joined(&state, serial) {
                call.broken(&mut state, Rule::WakeupExternal, serial, [0, 0]);
                return Err(UcsStatus::UNSUPPORTED);
            }
            let descriptor = fabric::descriptor(&mut state, serial)?;
            // SAFETY: the client vouches for a pointer that is not null.
            unsafe { fd.write_unaligned(descriptor) };
            Ok(UcsStatus::OK)
        });
        answer.unwrap_or_else(|status| status)
    })
}

/// `ucp_worker_arm`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_worker_arm(worker: u64) -> UcsStatus {
    let _inside = presence(F::WorkerArm, worker, Kind::Worker);
    enter_quietly(F::WorkerArm, |call| {
        waking_worker(call, worker).map_or_else(
            |status| status,
            |serial| {
                let mut state = call.lock();
                look_before_sleep(call, &mut state);
                let status = arm(call, &mut state, serial);
                let refused = state.worker(serial).map(|worker| worker.arms_refused);
                if status == UcsStatus::BUSY && refused == Some(ARMS_REFUSED_MAX) {
                    let detail = [u64::from(ARMS_REFUSED_MAX), 0];
                    call.broken(&mut state, Rule::ArmBusy, serial, detail);
                }
                status
            },
        )
    })
}

fn arm(call: &Call, state: &mut State, worker: u64) -> UcsStatus {
    let status = fabric::arm(state, worker);
    if status != UcsStatus::OK || !state.is_asking() {
        return status;
    }
    match call.ask(state, Move::ArmStatus, worker) {
        Choice::Status(deviation) if in_a_row(state, worker, true) => {
            fabric::disarm(state, worker);
            return deviation;
        }
        _ => {}
    }
    if call.ask(state, Move::WakeupSpurious, worker) != Choice::Benign {
        fabric::wake(state, worker);
    }
    UcsStatus::OK
}
