//! Active messages.

use std::ffi::{c_uint, c_void};

use crate::abi::call::{Call, enter, field};
use crate::abi::copy::copy_bytes;
use crate::abi::deferred::{self, MessageFate};
use crate::abi::operation::{Attributes, Begun, Done, Due, answer, pieces};
use crate::abi::remote::{self, Path};
use crate::abi::types::{
    UCP_AM_CB_FLAGS, UCP_AM_HANDLER_PARAM_FIELD, UCP_AM_HANDLER_PARAM_FIELD_ARG,
    UCP_AM_HANDLER_PARAM_FIELD_CB, UCP_AM_HANDLER_PARAM_FIELD_FLAGS, UCP_AM_HANDLER_PARAM_FIELD_ID,
    UCP_AM_SEND_FLAG_EAGER, UCP_AM_SEND_FLAG_REPLY, UCP_AM_SEND_FLAG_RNDV, UCP_AM_SEND_FLAGS,
    UCP_DATATYPE_CLASS_MASK, UCP_DATATYPE_CONTIG, UCP_FEATURE_AM, UcpAmHandlerParam,
    UcpRequestParam, UcsStatus,
};
use crate::abi::worker::MAX_AM_HEADER;
use crate::abi::worker_guard;
use crate::fabric::endpoint::Target;
use crate::fabric::memory::Region;
use crate::fabric::remote::frame::Route;
use crate::fabric::request::Wish;
use crate::fabric::{endpoint, flight, request};
use crate::functions::Function as F;
use crate::hidden::Bytes;
use crate::ledger::Kind;
use crate::objects::{AmHandler, Message, Payload, Sender, Worker};
use crate::rules::Rule;
use crate::universe::State;

/// Largest id of a message.
const ID_MAX: u32 = u16::MAX as u32;

/// `ucp_worker_set_am_recv_handler`.
///
/// # Safety
/// As in UCX: `param` points to a `ucp_am_handler_param_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_worker_set_am_recv_handler(
    worker: u64,
    param: *const UcpAmHandlerParam,
) -> UcsStatus {
    let _guard = worker_guard(F::WorkerSetAmRecvHandler, worker, Kind::Worker);
    enter(F::WorkerSetAmRecvHandler, |call| {
        // SAFETY: handed on to the caller.
        unsafe { set_handler(call, worker, param) }.map_or_else(|status| status, |()| UcsStatus::OK)
    })
}

unsafe fn set_handler(
    call: &Call,
    worker: u64,
    param: *const UcpAmHandlerParam,
) -> Result<(), UcsStatus> {
    let serial = call.about(call.handle(&mut call.lock(), 0, worker, Kind::Worker)?);
    call.not_null(1, param)?;
    // SAFETY: the client vouches for a pointer that is not null; fields are read by their mask bit only.
    let (mask, id, handler) = unsafe {
        let mask = field!(param, field_mask);
        let set = |bit: u64| mask & bit != 0;
        let handler = AmHandler {
            callback: if set(UCP_AM_HANDLER_PARAM_FIELD_CB) {
                field!(param, cb)
            } else {
                None
            },
            argument: if set(UCP_AM_HANDLER_PARAM_FIELD_ARG) {
                field!(param, arg) as u64
            } else {
                0
            },
            flags: if set(UCP_AM_HANDLER_PARAM_FIELD_FLAGS) {
                field!(param, flags)
            } else {
                0
            },
        };
        (
            mask,
            if set(UCP_AM_HANDLER_PARAM_FIELD_ID) {
                field!(param, id)
            } else {
                0
            },
            handler,
        )
    };
    call.knows(UCP_AM_HANDLER_PARAM_FIELD, mask);
    call.knows(UCP_AM_CB_FLAGS, handler.flags);
    let mut state = call.lock();
    let needed = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB;
    if mask & needed != needed {
        return Err(call.broken(&mut state, Rule::AmHandler, serial, [mask, 0]));
    }
    let Some(id) = u16::try_from(id).ok().filter(|id| u32::from(*id) <= ID_MAX) else {
        return Err(call.broken(&mut state, Rule::AmId, serial, [u64::from(id), 0]));
    };
    require_feature(call, &mut state, serial)?;
    call.decide(&mut state)?;
    let handlers = &mut state
        .worker_mut(serial)
        .ok_or(UcsStatus::INVALID_PARAM)?
        .handlers;
    if handler.callback.is_some() {
        handlers.insert(id, handler);
    } else {
        handlers.remove(&id);
    }
    Ok(())
}

/// Active messages need their feature (core/ucp_am.c:ucp_worker_set_am_handler_common, ucp_am_send_nbx).
fn require_feature(call: &Call, state: &mut State, worker: u64) -> Result<(), UcsStatus> {
    let without = |worker: &Worker| worker.features & UCP_FEATURE_AM == 0;
    if state.worker(worker).is_some_and(without) {
        return Err(call.broken(state, Rule::ContextFeature, worker, [UCP_FEATURE_AM, 0]));
    }
    Ok(())
}

/// The arguments of a send.
#[derive(Clone, Copy)]
struct Send {
    endpoint: u64,
    id: c_uint,
    header: *const c_void,
    header_length: usize,
    buffer: *const c_void,
    count: usize,
    param: *const UcpRequestParam,
}

/// `ucp_am_send_nbx`.
///
/// # Safety
/// As in UCX: header and buffer have the lengths that go with them, `param` points to a `ucp_request_param_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_am_send_nbx(
    ep: u64,
    id: c_uint,
    header: *const c_void,
    header_length: usize,
    buffer: *const c_void,
    count: usize,
    param: *const UcpRequestParam,
) -> usize {
    let _guard = worker_guard(F::AmSendNbx, ep, Kind::Endpoint);
    let arguments = Send {
        endpoint: ep,
        id,
        header,
        header_length,
        buffer,
        count,
        param,
    };
    let (status_pointer, due): (usize, Due) = enter(F::AmSendNbx, |call| {
        // SAFETY: handed on to the caller.
        answer(call, unsafe { send(call, arguments) })
    });
    due.run();
    status_pointer
}

unsafe fn send(call: &Call, arguments: Send) -> Result<Begun, UcsStatus> {
    let on = call.endpoint(arguments.endpoint)?;
    call.not_null(6, arguments.param)?;
    // SAFETY: the client vouches for a pointer that is not null.
    let attributes = unsafe { Attributes::read(arguments.param) };
    let mut state = call.lock();
    let Some(entry) = state.endpoint(on) else {
        return Err(UcsStatus::INVALID_PARAM);
    };
    let (worker, target) = (entry.worker, entry.target);
    check_send(call, &mut state, worker, &arguments, &attributes)?;
    attributes.check(call, &mut state)?;
    attributes.registration(call, &mut state)?;
    // SAFETY: handed on to the caller.
    let regions = unsafe { pieces(arguments.buffer, arguments.count, attributes.datatype) }
        .ok_or(UcsStatus::INVALID_PARAM)?;
    endpoint::usable(&mut state, on)?;
    call.decide_on(&mut state, on)?;
    let route = Path {
        endpoint: on,
        worker,
        target,
    };
    let mut rendezvous = wants_rendezvous(&state, worker, &attributes, &regions);
    if attributes.forced() && (rendezvous.is_some() || needs_request(&attributes)) {
        return Err(UcsStatus::NO_RESOURCE);
    }
    let fate = if state.is_asking() {
        deferred::message(call, &mut state, route, &attributes)
    } else {
        MessageFate::default()
    };
    if let Some(work) = fate.undelivered {
        return deferred::run_on(call, &mut state, route, attributes.wish(), fate.when, work);
    }
    if fate.other_protocol {
        rendezvous = match (rendezvous, regions.as_slice()) {
            (None, [region]) if region.length > 0 => Some(*region),
            _ => None,
        };
    }
    let nonce = state.nonce;
    let aligned = state.worker(target.worker);
    let alignment = aligned.map_or(1, |target| target.am_alignment);
    drop(state);
    let id = (arguments.id & ID_MAX) as u16;
    let replies = attributes.flags & UCP_AM_SEND_FLAG_REPLY != 0;
    let header_region = Region {
        address: arguments.header as u64,
        length: arguments.header_length,
    };
    // SAFETY: the client vouches for the header and, below, for the buffer.
    let header = unsafe { gather(call, &[header_region], 1) }.ok_or(UcsStatus::NO_MEMORY)?;
    if target.nonce != nonce {
        let to = Route {
            to: target.worker,
            reply_to: if replies { worker } else { 0 },
            id,
        };
        let begun = if let Some(source) = rendezvous {
            remote::send_rendezvous(call, route, to, &header, source, attributes)?
        } else {
            // SAFETY: as above.
            let data = unsafe { gather(call, &regions, 1) }.ok_or(UcsStatus::NO_MEMORY)?;
            remote::send_eager(call, route, to, &header, &data, attributes)?
        };
        return deferred::hold_back(call, begun, fate.when, route);
    }
    let message = |payload| Message {
        id,
        header,
        payload,
        reply_to: replies.then_some(Target { nonce, worker }),
    };
    if let Some(source) = rendezvous {
        let mut state = call.lock();
        let wish = Wish {
            endpoint: on,
            delay: fate.when,
            ..attributes.wish()
        };
        let opened = request::open(&mut state, worker, wish, call.site())?;
        let sender = Sender::Request {
            request: opened.serial,
            worker,
        };
        let announcement = message(Payload::Rendezvous { source, sender });
        flight::deliver(&mut state, on, target.worker, fate.deliver, announcement);
        return Ok(Begun::Running(opened));
    }
    // SAFETY: as above.
    let data = unsafe { gather(call, &regions, alignment) }.ok_or(UcsStatus::NO_MEMORY)?;
    let message = message(Payload::Eager(data));
    flight::deliver(&mut call.lock(), on, target.worker, fate.deliver, message);
    let begun = Begun::Done(Done { worker }, attributes);
    deferred::hold_back(call, begun, fate.when, route)
}

/// Whether UCX makes a request for such a message whatever its size (core/ucp_am.c:ucp_am_send_nbx).
fn needs_request(attributes: &Attributes) -> bool {
    attributes.no_immediate_completion
        || attributes.datatype & UCP_DATATYPE_CLASS_MASK != UCP_DATATYPE_CONTIG
}

/// The buffer, if it is to be fetched by the receiver: when the client says so, or when it leaves the choice and the message is long.
fn wants_rendezvous(
    state: &State,
    worker: u64,
    attributes: &Attributes,
    regions: &[Region],
) -> Option<Region> {
    let [region] = regions else { return None };
    let context = state.context(state.worker(worker)?.context)?;
    let set = |flag: u32| attributes.flags & flag != 0;
    let long = region.length > context.rendezvous_threshold;
    let wanted = !set(UCP_AM_SEND_FLAG_EAGER) && (long || set(UCP_AM_SEND_FLAG_RNDV));
    wanted.then_some(*region)
}

fn check_send(
    call: &Call,
    state: &mut State,
    worker: u64,
    arguments: &Send,
    attributes: &Attributes,
) -> Result<(), UcsStatus> {
    require_feature(call, state, worker)?;
    if let Some(detail) = call.unknown(UCP_AM_SEND_FLAGS, attributes.flags) {
        call.broken(state, Rule::UnknownBits, worker, detail);
    }
    if arguments.id > ID_MAX {
        return Err(call.broken(state, Rule::AmId, worker, [u64::from(arguments.id), 0]));
    }
    if (arguments.header.is_null() && arguments.header_length > 0)
        || arguments.header_length > MAX_AM_HEADER
    {
        return Err(call.broken(
            state,
            Rule::AmHeader,
            worker,
            [arguments.header_length as u64, 0],
        ));
    }
    let both = UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_RNDV;
    if attributes.flags & both == both {
        // It goes eagerly (core/ucp_am.c:ucp_am_send_nbx_get_op_flag).
        call.broken(
            state,
            Rule::AmFlags,
            worker,
            [u64::from(attributes.flags), 0],
        );
    }
    if arguments.buffer.is_null() && arguments.count > 0 {
        return Err(call.broken(state, Rule::RmaBuffer, worker, [0, arguments.count as u64]));
    }
    Ok(())
}

/// Copies pieces of client memory into one of ours; `None` if there is no memory for them.
///
/// # Safety
/// The pieces are readable.
unsafe fn gather(call: &Call, regions: &[Region], alignment: usize) -> Option<Bytes> {
    let mut lengths = regions.iter().map(|region| region.length);
    let bytes = Bytes::try_zeroed(lengths.try_fold(0, usize::checked_add)?, alignment)?;
    let mut at = bytes.pointer();
    for region in regions {
        // SAFETY: handed on to the caller; the target has room for all pieces.
        unsafe { copy_bytes(call, region.address, at, region.length) };
        at += region.length as u64;
    }
    Some(bytes)
}
