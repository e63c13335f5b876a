//! Wake-up: the event descriptor, and arming it.

use std::ffi::c_int;

use crate::abi::call::{Call, enter, enter_quietly};
use crate::abi::perform::in_a_row;
use crate::abi::remote::look_before_sleep;
use crate::abi::types::UcsStatus;
use crate::fabric::worker as fabric;
use crate::functions::Function as F;
use crate::ledger::Kind;
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

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
    enter(F::WorkerGetEfd, |call| {
        let answer = waking_worker(call, worker).and_then(|serial| {
            call.not_null(1, fd)?;
            if fabric::has_joined(&call.lock(), serial) {
                return Err(UcsStatus::UNSUPPORTED);
            }
            let descriptor = fabric::descriptor(&mut call.lock(), serial)?;
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
    enter_quietly(F::WorkerArm, |call| {
        waking_worker(call, worker).map_or_else(
            |status| status,
            |serial| {
                let mut state = call.lock();
                look_before_sleep(call, &mut state);
                arm(call, &mut state, serial)
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
