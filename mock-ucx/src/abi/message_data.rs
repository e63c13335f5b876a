//! What becomes of the data of an active message: received into a buffer, or given back.

use std::ffi::c_void;

use crate::abi::call::{Call, enter, field};
use crate::abi::copy::copy_bytes;
use crate::abi::operation::{Attributes, Begun, Done, Due, answer_with, pieces};
use crate::abi::remote::{self, Announced};
use crate::abi::types::{
    UCP_OP_ATTR_FIELD_RECV_INFO, UcpRequestParam, UcpSendNbxCallback, UcsStatus,
};
use crate::abi::worker_guard;
use crate::fabric::agenda::{Receive, Task, Work};
use crate::fabric::memory::Region;
use crate::fabric::request::Wish;
use crate::fabric::{flight, message, request};
use crate::functions::Function as F;
use crate::ledger::{Kind, NewFinding, Trouble};
use crate::objects::{Callback, Sender};
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// `ucp_am_recv_data_nbx`.
///
/// # Safety
/// As in UCX: the buffer holds `count` elements and `param` points to a `ucp_request_param_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_am_recv_data_nbx(
    worker: u64,
    data_desc: u64,
    buffer: *mut c_void,
    count: usize,
    param: *const UcpRequestParam,
) -> usize {
    let _guard = worker_guard(F::AmRecvDataNbx, worker, Kind::Worker);
    let (status_pointer, due) = enter(F::AmRecvDataNbx, |call| {
        // SAFETY: handed on to the caller.
        let received = unsafe { receive(call, worker, data_desc, buffer, count, param) };
        match received {
            Ok((length, begun)) => {
                // SAFETY: handed on to the caller.
                unsafe { tell_length(param, &begun, length) };
                answer_with(call, Ok(begun), |callback| {
                    receive_callback(callback, length)
                })
            }
            Err(status) => (status.to_ptr(), Due::default()),
        }
    });
    due.run();
    status_pointer
}

/// Writes the length of a receive that is complete where the client wants it.
///
/// # Safety
/// `param` points to a `ucp_request_param_t`.
unsafe fn tell_length(param: *const UcpRequestParam, begun: &Begun, length: usize) {
    let Begun::Done(_, attributes) = begun else {
        return;
    };
    if attributes.mask & UCP_OP_ATTR_FIELD_RECV_INFO == 0 || attributes.no_immediate_completion {
        return;
    }
    // SAFETY: handed on to the caller, who also vouches for the member that its bit says is set.
    unsafe { field!(param, recv_info).length.write_unaligned(length) };
}

unsafe fn receive(
    call: &Call,
    worker: u64,
    data_desc: u64,
    buffer: *mut c_void,
    count: usize,
    param: *const UcpRequestParam,
) -> Result<(usize, Begun), UcsStatus> {
    let data = kept_data(call, &mut call.lock(), worker, data_desc)?;
    call.not_null(4, param)?;
    // SAFETY: the client vouches for a pointer that is not null.
    let mut attributes = unsafe { Attributes::read(param) };
    // SAFETY: the client vouches for the buffer.
    let regions =
        unsafe { pieces(buffer, count, attributes.datatype) }.ok_or(UcsStatus::INVALID_PARAM)?;
    let mut state = call.lock();
    attributes.check(call, &mut state)?;
    attributes.registration(call, &mut state)?;
    let owner = state.am_data(data).map_or(0, |data| data.worker);
    if count == 0 && message::sender(&state, data).is_some() {
        // The sender is told that its message was taken (core/ucp_am.c:ucp_am_recv_data_nbx).
        message::release(&mut state, data, UcsStatus::OK, call.site());
        return Ok((0, Begun::Done(Done { worker: owner }, attributes)));
    }
    let Some(source) = message::source(&state, data) else {
        message::release(&mut state, data, UcsStatus::CONNECTION_RESET, call.site());
        return Err(UcsStatus::CONNECTION_RESET);
    };
    let sender = message::sender(&state, data);
    if sender.is_some() && count == 0 {
        // Nothing is received, and the sender is told that all is well (core/ucp_am.c:ucp_am_recv_data_nbx).
        let owner = state.am_data(data).map_or(0, |data| data.worker);
        message::release(&mut state, data, UcsStatus::OK, call.site());
        return Ok((0, Begun::Done(Done { worker: owner }, attributes)));
    }
    let room = regions
        .iter()
        .fold(0, |room: usize, region| room.saturating_add(region.length));
    if room < source.length {
        // Eager data is truncated, a rendezvous writes past the buffer; the descriptor is used up all the same
        // (core/ucp_am.c:ucp_am_recv_data_nbx).
        if sender.is_some() {
            let detail = [room as u64, source.length as u64];
            call.broken(&mut state, Rule::AmReceive, data, detail);
        }
        message::release(&mut state, data, UcsStatus::MESSAGE_TRUNCATED, call.site());
        return Err(UcsStatus::MESSAGE_TRUNCATED);
    }
    if let Err(status) = call.decide(&mut state) {
        message::release(&mut state, data, status, call.site());
        return Err(status);
    }
    drop(state);
    // A rendezvous always makes a request, whose callback is told the size of the buffer (core/ucp_request.inl:ucp_request_complete_am_recv).
    let received = if sender.is_some() {
        attributes.no_immediate_completion = true;
        room
    } else {
        source.length
    };
    if let Some(Sender::Remote { peer, operation }) = sender {
        let announced = Announced {
            data,
            worker: owner,
            source,
            peer,
            operation,
        };
        let callback = receive_callback(attributes.callback, received);
        let begun = remote::fetch(call, announced, &regions, callback, attributes)?;
        return Ok((received, begun));
    }
    let when = call.ask(&mut call.lock(), Move::ReceiveComplete, owner);
    if when != Choice::Benign {
        let wish = Wish {
            callback: receive_callback(attributes.callback, received),
            ..attributes.wish()
        };
        let begun = receive_later(call, data, regions, wish, when)?;
        return Ok((received, begun));
    }
    let (mut from, mut left) = (source.address, source.length);
    for region in regions {
        let length = region.length.min(left);
        // SAFETY: the sender keeps its buffer until its request completes, which `release` below lets happen.
        unsafe { copy_bytes(call, from, region.address, length) };
        from += length as u64;
        left -= length;
    }
    message::release(&mut call.lock(), data, UcsStatus::OK, call.site());
    Ok((received, Begun::Done(Done { worker: owner }, attributes)))
}

/// A receive that goes on when its call ends. The data is not the client's any more.
fn receive_later(
    call: &Call,
    data: u64,
    targets: Vec<Region>,
    wish: Wish,
    when: Choice,
) -> Result<Begun, UcsStatus> {
    let mut state = call.lock();
    let worker = state.am_data(data).map_or(0, |data| data.worker);
    let opened = match request::open(&mut state, worker, wish, call.site()) {
        Ok(opened) => opened,
        Err(status) => {
            message::release(&mut state, data, status, call.site());
            return Err(status);
        }
    };
    let payload = message::take(&mut state, data, call.site()).ok_or(UcsStatus::INVALID_PARAM)?;
    let task = Task {
        endpoint: 0,
        request: opened.serial,
        work: Work::Receive(Receive { payload, targets }),
    };
    flight::schedule(&mut state, worker, when, task);
    Ok(Begun::Running(opened))
}

/// The kept data behind argument 1, which must belong to the worker of argument 0.
fn kept_data(
    call: &Call,
    state: &mut State,
    worker: u64,
    data_desc: u64,
) -> Result<u64, UcsStatus> {
    let worker = call.handle(state, 0, worker, Kind::Worker);
    let data = call.about(call.handle(state, 1, data_desc, Kind::AmData)?);
    let worker = worker?;
    let owner = state.am_data(data).map_or(0, |data| data.worker);
    if owner == worker {
        return Ok(data);
    }
    let finding = NewFinding {
        rule: Rule::AmData,
        trouble: Trouble::OtherParent,
        argument: Some(1),
        value: data_desc,
        object: data,
        other: worker,
        detail: [owner, 0],
    };
    state.ledger.finding(finding, call.site());
    Err(UcsStatus::INVALID_PARAM)
}

/// `ucp_am_data_release`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_am_data_release(worker: u64, data: u64) {
    let _guard = worker_guard(F::AmDataRelease, worker, Kind::Worker);
    enter(F::AmDataRelease, |call| {
        let mut state = call.lock();
        if let Ok(data) = kept_data(call, &mut state, worker, data) {
            message::release(&mut state, data, UcsStatus::OK, call.site());
        }
    });
}

/// A completion callback in the form that a receive has.
fn receive_callback(callback: UcpSendNbxCallback, length: usize) -> Callback {
    // SAFETY: all members of the `cb` union are nullable function pointers of one size; the client set this one as `recv_am`.
    let callback = callback.map(|callback| unsafe {
        std::mem::transmute::<_, unsafe extern "C-unwind" fn(_, _, _, _)>(callback)
    });
    Callback::AmReceive(callback, length)
}
