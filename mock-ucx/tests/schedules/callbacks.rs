//! The callbacks of a random client: each looks whether it may run now.

use std::ffi::c_void;

use mock_ucx::abi::active_message;
use mock_ucx::abi::types::*;

use crate::schedules::monitor::Forbidden as F;
use crate::schedules::world::{INSIDE, Inside, What, world};

/// Id of messages that are gone when their handler returns.
pub const PLAIN_ID: u32 = 1;
/// Id of messages whose data the handler may keep.
pub const KEEPING_ID: u32 = 2;

/// Registers the receive handler for one of the ids.
pub fn handle(worker: u64, id: u32, flags: u32) {
    let param = UcpAmHandlerParam {
        field_mask: UCP_AM_HANDLER_PARAM_FIELD_ID
            | UCP_AM_HANDLER_PARAM_FIELD_CB
            | UCP_AM_HANDLER_PARAM_FIELD_ARG
            | UCP_AM_HANDLER_PARAM_FIELD_FLAGS,
        id,
        flags,
        cb: Some(on_message),
        arg: id as usize as *mut c_void,
    };
    // SAFETY: the structure is right.
    let status =
        unsafe { active_message::ucp_worker_set_am_recv_handler(worker, &raw const param) };
    assert_eq!(status, UcsStatus::OK);
}

fn completion(request: *mut c_void, status: UcsStatus, user_data: *mut c_void) {
    let index = user_data as usize;
    let now = INSIDE.get();
    world(|world| {
        let op = &mut world.ops[index];
        op.called += 1;
        let (called, freed, what) = (op.called, op.freed, op.what);
        let owner = if what == What::Receive {
            world.far
        } else {
            world.near
        };
        let monitor = &mut world.monitor;
        monitor.look(F::CallbackTwice, called > 1, || format!("{what:?}"));
        monitor.look(F::CallbackAfterFree, freed, || format!("{what:?}"));
        monitor.look(F::InProgressTold, status == UcsStatus::INPROGRESS, || {
            format!("{what:?}")
        });
        let outside = match now {
            Inside::Nothing => true,
            Inside::Completing(worker) => worker != owner,
            Inside::Posting(_) => false,
        };
        monitor.look(F::CallbackOutside, outside, || {
            format!("{what:?} in {now:?}")
        });
        let foreign = matches!(now, Inside::Posting(other) if other != index);
        monitor.look(F::ForeignCompletion, foreign, || {
            format!("{what:?} in {now:?}")
        });
        let known = world.ops[index].request;
        assert!(
            known == 0 || known == request as usize,
            "the request of the callback"
        );
    });
}

pub unsafe extern "C-unwind" fn on_completion(
    request: *mut c_void,
    status: UcsStatus,
    user_data: *mut c_void,
) {
    completion(request, status, user_data);
}

pub unsafe extern "C-unwind" fn on_receive(
    request: *mut c_void,
    status: UcsStatus,
    _: usize,
    user_data: *mut c_void,
) {
    completion(request, status, user_data);
}

pub unsafe extern "C-unwind" fn on_error(index: *mut c_void, _: UcpEpH, _: UcsStatus) {
    let now = INSIDE.get();
    world(|world| {
        let near = world.near;
        let ep = &mut world.eps[index as usize];
        ep.told += 1;
        ep.failed = true;
        let ep = *ep;
        let monitor = &mut world.monitor;
        monitor.look(F::ErrorTwice, ep.told > 1, || format!("{ep:?}"));
        monitor.look(F::ErrorAfterClose, ep.closed, || format!("{ep:?}"));
        monitor.look(F::ErrorWithoutHandling, !ep.handled, || format!("{ep:?}"));
        monitor.look(F::CallbackOutside, now != Inside::Completing(near), || {
            format!("an error in {now:?}")
        });
    });
}

pub unsafe extern "C-unwind" fn on_message(
    id: *mut c_void,
    header: *const c_void,
    header_length: usize,
    data: *mut c_void,
    length: usize,
    param: *const UcpAmRecvParam,
) -> UcsStatus {
    assert_eq!(header_length, 16);
    // SAFETY: the header has two numbers, the parameters are UCX's.
    let (at, slot, attr) = unsafe {
        let words = header.cast::<[u8; 8]>();
        let word = |index: usize| u64::from_le_bytes(words.add(index).read_unaligned()) as usize;
        (word(0), word(1), (*param).recv_attr)
    };
    let (is_kept, is_rendezvous) = (
        attr & UCP_AM_RECV_ATTR_FLAG_DATA != 0,
        attr & UCP_AM_RECV_ATTR_FLAG_RNDV != 0,
    );
    let now = INSIDE.get();
    world(|world| {
        let far = world.far;
        let (eager, last) = (world.sent_eager[slot], world.eps[at].last_message);
        world.eps[at].last_message = slot + 1;
        let monitor = &mut world.monitor;
        monitor.look(F::CallbackOutside, now != Inside::Completing(far), || {
            format!("a message in {now:?}")
        });
        let wrong = (is_kept && is_rendezvous) || (is_kept && data.is_null() && length > 0);
        monitor.look(F::MessageAttributes, wrong, || {
            format!("{attr:#x} {data:?} {length}")
        });
        monitor.look(F::EagerTurned, eager && is_rendezvous, || {
            format!("message {slot}")
        });
        monitor.look(F::MessagesOutOfOrder, slot < last, || {
            format!("{slot} after {last}")
        });
        let may_keep = is_rendezvous || (is_kept && id as usize == KEEPING_ID as usize);
        if may_keep && world.keep_next {
            world.kept.push((data as u64, length));
            UcsStatus::INPROGRESS
        } else {
            UcsStatus::OK
        }
    })
}
