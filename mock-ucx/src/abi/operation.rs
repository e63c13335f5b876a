//! What all non-blocking operations have in common: their attributes, and how they answer.

use std::ffi::c_void;

use crate::abi::call::{Call, field};
use crate::abi::memory::judge_memory_type;
use crate::abi::types::{
    UCP_DATATYPE_CLASS_MASK, UCP_DATATYPE_CONTIG, UCP_DATATYPE_IOV, UCP_DATATYPE_SHIFT,
    UCP_OP_ATTR, UCP_OP_ATTR_FIELD_CALLBACK, UCP_OP_ATTR_FIELD_DATATYPE, UCP_OP_ATTR_FIELD_FLAGS,
    UCP_OP_ATTR_FIELD_MEMH, UCP_OP_ATTR_FIELD_MEMORY_TYPE, UCP_OP_ATTR_FIELD_REQUEST,
    UCP_OP_ATTR_FIELD_USER_DATA, UCP_OP_ATTR_FLAG_FAST_CMPL, UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL,
    UCP_OP_ATTR_FLAG_MULTI_SEND, UCP_OP_ATTR_FLAG_NO_IMM_CMPL, UcpDtIov, UcpRequestParam,
    UcpSendNbxCallback, UcsStatus,
};
use crate::abi::upcall::Upcall;
use crate::fabric::memory::Region;
use crate::fabric::request::{self, Wish};
use crate::ledger::Kind;
use crate::objects::Callback;
use crate::rules::Rule;
use crate::schedule::Choice;
use crate::universe::State;

/// The attributes of an operation, as far as their bits are set.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) mask: u32,
    pub(crate) flags: u32,
    pub(crate) datatype: u64,
    pub(crate) memory: u64,
    pub(crate) memory_type: Option<u32>,
    pub(crate) callback: UcpSendNbxCallback,
    pub(crate) user_data: u64,
    pub(crate) external: u64,
    pub(crate) no_immediate_completion: bool,
}

impl Attributes {
    /// Reads a client's `ucp_request_param_t`.
    ///
    /// # Safety
    /// `param` points to one.
    pub(crate) unsafe fn read(param: *const UcpRequestParam) -> Attributes {
        // SAFETY: handed on to the caller; each field is read only if its bit is set. The members of `cb` are all nullable function
        // pointers, so any of them may be read.
        unsafe {
            let mask = field!(param, op_attr_mask);
            let set = |bit: u32| mask & bit != 0;
            Attributes {
                mask,
                flags: if set(UCP_OP_ATTR_FIELD_FLAGS) {
                    field!(param, flags)
                } else {
                    0
                },
                datatype: if set(UCP_OP_ATTR_FIELD_DATATYPE) {
                    field!(param, datatype)
                } else {
                    CONTIGUOUS_BYTES
                },
                memory: if set(UCP_OP_ATTR_FIELD_MEMH) {
                    field!(param, memh) as u64
                } else {
                    0
                },
                memory_type: set(UCP_OP_ATTR_FIELD_MEMORY_TYPE).then(|| field!(param, memory_type)),
                callback: if set(UCP_OP_ATTR_FIELD_CALLBACK) {
                    field!(param, cb).send
                } else {
                    None
                },
                user_data: if set(UCP_OP_ATTR_FIELD_USER_DATA) {
                    field!(param, user_data) as u64
                } else {
                    0
                },
                external: if set(UCP_OP_ATTR_FIELD_REQUEST) {
                    field!(param, request) as u64
                } else {
                    0
                },
                no_immediate_completion: set(UCP_OP_ATTR_FLAG_NO_IMM_CMPL),
            }
        }
    }

    /// Those of an operation that takes none.
    pub(crate) fn none() -> Attributes {
        Attributes {
            mask: 0,
            flags: 0,
            datatype: CONTIGUOUS_BYTES,
            memory: 0,
            memory_type: None,
            callback: None,
            user_data: 0,
            external: 0,
            no_immediate_completion: false,
        }
    }

    /// The registration that the client named, if it named one.
    pub(crate) fn registration(&self, call: &Call, state: &mut State) -> Result<u64, UcsStatus> {
        if self.mask & UCP_OP_ATTR_FIELD_MEMH == 0 {
            return Ok(0);
        }
        call.member(state, self.memory, Kind::MemoryHandle)
    }

    /// Whether the client would rather hear `NO_RESOURCE` than get a request.
    pub(crate) fn forced(&self) -> bool {
        self.mask & UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL != 0
    }

    /// Judges what can be judged without an object.
    pub(crate) fn check(&self, call: &Call, state: &mut State) -> Result<(), UcsStatus> {
        if self.mask & UCP_OP_ATTR_FIELD_CALLBACK != 0 && self.callback.is_none() {
            return Err(call.broken(state, Rule::RequestCallback, 0, [0, 0]));
        }
        if let Some(detail) = call.unknown(UCP_OP_ATTR, self.mask) {
            call.broken(state, Rule::UnknownBits, 0, detail);
        }
        let exclusive = UCP_OP_ATTR_FLAG_FAST_CMPL | UCP_OP_ATTR_FLAG_MULTI_SEND;
        if self.mask & exclusive == exclusive {
            call.broken(state, Rule::OperationFlags, 0, [self.mask.into(), 0]);
        }
        if let Some(running) = self.running(state) {
            return Err(call.broken(state, Rule::RequestMemory, running, [0, 0]));
        }
        judge_memory_type(call, state, self.memory_type)
    }

    /// The operation that has not given the client's memory for a request back yet.
    fn running(&self, state: &State) -> Option<u64> {
        let serial = state.serial(self.external).filter(|_| self.external != 0)?;
        let request = state.request(serial)?;
        (request.status == UcsStatus::INPROGRESS).then_some(serial)
    }

    /// What a request of this operation would be.
    pub(crate) fn wish(&self) -> Wish {
        Wish {
            callback: Callback::Send(self.callback),
            user_data: self.user_data,
            external: self.external,
            endpoint: 0,
            delay: Choice::Benign,
            flushes: 0,
        }
    }
}

/// `ucp_dt_make_contig(1)`.
const CONTIGUOUS_BYTES: u64 = 1 << UCP_DATATYPE_SHIFT;

/// The pieces of a buffer that `count` and `datatype` describe; `None` for a datatype that this operation does not take.
///
/// # Safety
/// For a list, `buffer` points to `count` elements.
pub(crate) unsafe fn pieces(
    buffer: *const c_void,
    count: usize,
    datatype: u64,
) -> Option<Vec<Region>> {
    match datatype & UCP_DATATYPE_CLASS_MASK {
        UCP_DATATYPE_CONTIG => {
            let length = count.checked_mul((datatype >> UCP_DATATYPE_SHIFT) as usize)?;
            Some(vec![Region {
                address: buffer as u64,
                length,
            }])
        }
        UCP_DATATYPE_IOV if !buffer.is_null() || count == 0 => {
            let list = buffer.cast::<UcpDtIov>();
            // SAFETY: handed on to the caller.
            let piece = |index| unsafe {
                let iov = list.wrapping_add(index);
                Region {
                    address: field!(iov, buffer) as u64,
                    length: field!(iov, length),
                }
            };
            let mut pieces = Vec::new();
            pieces.try_reserve_exact(count).ok()?;
            pieces.extend((0..count).map(piece));
            Some(pieces)
        }
        _ => None,
    }
}

/// Length of a contiguous buffer, the common case that needs no list; `None` if it is not contiguous or too long to exist.
pub(crate) fn contiguous_length(count: usize, datatype: u64) -> Option<usize> {
    if datatype & UCP_DATATYPE_CLASS_MASK != UCP_DATATYPE_CONTIG {
        return None;
    }
    count.checked_mul((datatype >> UCP_DATATYPE_SHIFT) as usize)
}

/// An operation that was completed inside its call.
#[derive(Clone, Copy)]
pub(crate) struct Done {
    pub(crate) worker: u64,
}

/// How an operation stands when its call ends.
pub(crate) enum Begun {
    /// It is complete.
    Done(Done, Attributes),
    /// It runs on, and the client gets this request.
    Running(request::Opened),
}

/// Calls into the client that are due when the call has left the mock.
#[derive(Default)]
pub(crate) struct Due {
    init: Option<Upcall>,
    completion: Option<Upcall>,
    before: Vec<Upcall>,
}

impl Due {
    /// Runs them.
    pub(crate) fn run(self) {
        let own = [self.init, self.completion].into_iter().flatten();
        for upcall in self.before.into_iter().chain(own) {
            upcall.run();
        }
    }

    /// The same, after other calls into the client.
    pub(crate) fn after(self, before: Vec<Upcall>) -> Due {
        Due { before, ..self }
    }

    /// The client's `request_init`, for new memory at a request handle.
    pub(crate) fn init(opened: request::Opened) -> Due {
        let init = opened.init.map(|callback| Upcall::RequestInit {
            callback: Some(callback),
            request: opened.handle,
        });
        Due {
            init,
            ..Due::default()
        }
    }
}

/// The status pointer of an operation that completed inside its call, or was refused.
///
/// Null and errors do without the callback (ucp.h:ucp_put_nbx). With `NO_IMM_CMPL` the client gets a request all the same, and its
/// callback runs before the call returns.
pub(crate) fn answer(call: &Call, result: Result<Begun, UcsStatus>) -> (usize, Due) {
    answer_with(call, result, Callback::Send)
}

/// The same for operations whose callback has another form.
pub(crate) fn answer_with(
    call: &Call,
    result: Result<Begun, UcsStatus>,
    form: impl FnOnce(UcpSendNbxCallback) -> Callback,
) -> (usize, Due) {
    match result {
        Err(status) => (status.to_ptr(), Due::default()),
        Ok(Begun::Running(opened)) => (opened.handle as usize, Due::init(opened)),
        Ok(Begun::Done(_, attributes)) if !attributes.no_immediate_completion => {
            (0, Due::default())
        }
        Ok(Begun::Done(done, attributes)) => {
            completed_request(call, done, attributes, form(attributes.callback))
        }
    }
}

fn completed_request(
    call: &Call,
    done: Done,
    attributes: Attributes,
    callback: Callback,
) -> (usize, Due) {
    let mut state = call.lock();
    let wish = Wish {
        callback,
        ..attributes.wish()
    };
    match request::open(&mut state, done.worker, wish, call.site()) {
        Err(status) => (status.to_ptr(), Due::default()),
        Ok(opened) => {
            request::complete(&mut state, opened.serial, UcsStatus::OK, call.site());
            let completion = Upcall::Completion {
                callback,
                request: opened.handle,
                status: UcsStatus::OK,
                user_data: attributes.user_data,
            };
            (
                opened.handle as usize,
                Due {
                    completion: Some(completion),
                    ..Due::init(opened)
                },
            )
        }
    }
}
