//! A handler of active messages that keeps what arrives.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{active_message, message_data};

use crate::common::*;

pub(crate) const ID: u32 = 5;

/// What a handler saw, and what it is to answer.
pub(crate) struct Inbox {
    pub answer: UcsStatus,
    pub arrived: RefCell<Vec<Arrival>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub header: Vec<u8>,
    /// Empty for a rendezvous, whose data is not there.
    pub data: Vec<u8>,
    pub pointer: u64,
    pub length: usize,
    pub attributes: u64,
    pub reply: u64,
}

impl Inbox {
    pub(crate) fn answering(answer: UcsStatus) -> Inbox {
        Inbox {
            answer,
            arrived: RefCell::default(),
        }
    }

    /// Sets the handler that fills this.
    pub(crate) fn listen(&self, worker: u64, flags: u32) {
        assert_eq!(
            set(worker, ID, Some(on_arrival), flags, self),
            UcsStatus::OK
        );
    }

    /// Progresses the worker; the one message that came.
    pub(crate) fn one(&self, worker: u64) -> Arrival {
        drain(worker);
        let mut arrived = self.arrived.take();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        arrived.remove(0)
    }
}

pub(crate) fn set(
    worker: u64,
    id: u32,
    callback: UcpAmRecvCallback,
    flags: u32,
    inbox: &Inbox,
) -> UcsStatus {
    let param = UcpAmHandlerParam {
        field_mask: UCP_AM_HANDLER_PARAM_FIELD_ID
            | UCP_AM_HANDLER_PARAM_FIELD_CB
            | UCP_AM_HANDLER_PARAM_FIELD_FLAGS
            | UCP_AM_HANDLER_PARAM_FIELD_ARG,
        id,
        flags,
        cb: callback,
        arg: ptr::from_ref(inbox).cast_mut().cast(),
    };
    // SAFETY: the structure is right.
    unsafe { active_message::ucp_worker_set_am_recv_handler(worker, &raw const param) }
}

pub(crate) unsafe extern "C-unwind" fn on_arrival(
    inbox: *mut c_void,
    header: *const c_void,
    header_length: usize,
    data: *mut c_void,
    length: usize,
    param: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the argument is an inbox that outlives its handler; header and data have these lengths.
    unsafe {
        let bytes = |pointer: *const c_void, length| match length {
            0 => Vec::new(),
            _ => std::slice::from_raw_parts(pointer.cast::<u8>(), length).to_vec(),
        };
        let inbox = &*inbox.cast::<Inbox>();
        let attributes = (*param).recv_attr;
        let there = attributes & UCP_AM_RECV_ATTR_FLAG_RNDV == 0;
        let replies = attributes & UCP_AM_RECV_ATTR_FIELD_REPLY_EP != 0;
        inbox.arrived.borrow_mut().push(Arrival {
            header: bytes(header, header_length),
            data: bytes(data, if there { length } else { 0 }),
            pointer: data as u64,
            length,
            attributes,
            reply: if replies { (*param).reply_ep as u64 } else { 0 },
        });
        inbox.answer
    }
}

/// Receives kept data.
pub(crate) fn receive(worker: u64, data: u64, into: &mut [u8], param: &UcpRequestParam) -> usize {
    let (pointer, length) = (into.as_mut_ptr().cast(), into.len());
    // SAFETY: the buffer has this length and operations of this test complete in their calls.
    unsafe { message_data::ucp_am_recv_data_nbx(worker, data, pointer, length, param) }
}

/// Sends a rendezvous of these bytes and lets the handler of `inbox` see it.
pub(crate) fn rendezvous(pair: &Pair, inbox: &Inbox, data: &[u8]) -> (usize, Arrival) {
    let request = send(pair.ep, ID, &[4], data, &flagged(UCP_AM_SEND_FLAG_RNDV));
    assert_eq!(status(request), UcsStatus::INPROGRESS);
    let arrival = inbox.one(pair.far);
    let attributes = (arrival.attributes, arrival.length, arrival.header.clone());
    assert_eq!(
        attributes,
        (UCP_AM_RECV_ATTR_FLAG_RNDV, data.len(), vec![4])
    );
    (request, arrival)
}
