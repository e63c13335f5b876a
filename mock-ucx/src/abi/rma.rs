//! Put and get.

use std::ffi::c_void;

use crate::abi::call::{Call, enter, field};
use crate::abi::copy::copy_bytes;
use crate::abi::deferred::{self, Fate};
use crate::abi::operation::{Attributes, Begun, Done, Due, answer, contiguous_length, pieces};
use crate::abi::remote::{self, Path};
use crate::abi::types::{
    UCP_DATATYPE_CLASS_MASK, UCP_DATATYPE_SGL, UCP_DT_LOCAL_SGL_FIELD,
    UCP_DT_LOCAL_SGL_FIELD_BUFFERS, UCP_DT_LOCAL_SGL_FIELD_LENGTHS, UCP_DT_LOCAL_SGL_FIELD_MEMHS,
    UCP_DT_REMOTE_SGL_FIELD, UCP_DT_REMOTE_SGL_FIELD_LENGTHS, UCP_DT_REMOTE_SGL_FIELD_REMOTE_ADDRS,
    UCP_DT_REMOTE_SGL_FIELD_RKEYS, UCP_FEATURE_RMA, UCP_OP_ATTR_FIELD_DATATYPE,
    UCP_OP_ATTR_FIELD_REMOTE, UCP_OP_ATTR_FIELD_REMOTE_COUNT, UCP_REMOTE_ADDR_INVALID,
    UcpDtLocalSgl, UcpDtRemoteSgl, UcpRequestParam, UcsStatus,
};
use crate::abi::{overlap, protection, worker_guard};
use crate::fabric::endpoint;
use crate::fabric::remote::direct::Direction;
use crate::fabric::transfer::{self, Piece};
use crate::functions::Function as F;
use crate::ledger::Kind;
use crate::rules::Rule;
use crate::schedule::Choice;
use crate::universe::State;

/// The arguments that put and get share.
#[derive(Clone, Copy)]
struct Arguments {
    endpoint: u64,
    buffer: *const c_void,
    count: usize,
    remote: u64,
    rkey: u64,
    param: *const UcpRequestParam,
}

/// `ucp_put_nbx`.
///
/// # Safety
/// As in UCX: the buffer holds `count` elements and `param` points to a `ucp_request_param_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_put_nbx(
    ep: u64,
    buffer: *const c_void,
    count: usize,
    remote_addr: u64,
    rkey: u64,
    param: *const UcpRequestParam,
) -> usize {
    let arguments = Arguments {
        endpoint: ep,
        buffer,
        count,
        remote: remote_addr,
        rkey,
        param,
    };
    // SAFETY: handed on to the caller.
    unsafe { transfer(F::PutNbx, Direction::Put, arguments) }
}

/// `ucp_get_nbx`.
///
/// # Safety
/// As for [`ucp_put_nbx`]; the buffer is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_get_nbx(
    ep: u64,
    buffer: *mut c_void,
    count: usize,
    remote_addr: u64,
    rkey: u64,
    param: *const UcpRequestParam,
) -> usize {
    let arguments = Arguments {
        endpoint: ep,
        buffer,
        count,
        remote: remote_addr,
        rkey,
        param,
    };
    // SAFETY: handed on to the caller.
    unsafe { transfer(F::GetNbx, Direction::Get, arguments) }
}

unsafe fn transfer(function: F, direction: Direction, arguments: Arguments) -> usize {
    let _guard = worker_guard(function, arguments.endpoint, Kind::Endpoint);
    let (status_pointer, due): (usize, Due) = enter(function, |call| {
        // SAFETY: handed on to the caller.
        let result = unsafe { run(call, direction, arguments) };
        answer(call, result)
    });
    due.run();
    status_pointer
}

unsafe fn run(call: &Call, direction: Direction, arguments: Arguments) -> Result<Begun, UcsStatus> {
    let on = call.endpoint(arguments.endpoint)?;
    call.not_null(5, arguments.param)?;
    // SAFETY: the client vouches for a pointer that is not null.
    let attributes = unsafe { Attributes::read(arguments.param) };
    let mut state = call.lock();
    let Some(endpoint) = state.endpoint(on) else {
        return Err(UcsStatus::INVALID_PARAM);
    };
    let (worker, target) = (endpoint.worker, endpoint.target);
    if state
        .worker(worker)
        .is_some_and(|worker| worker.features & UCP_FEATURE_RMA == 0)
    {
        return Err(call.broken(
            &mut state,
            Rule::ContextFeature,
            worker,
            [UCP_FEATURE_RMA, 0],
        ));
    }
    attributes.check(call, &mut state)?;
    // SAFETY: handed on to the caller.
    let plan = unsafe { plan(call, &mut state, direction, arguments, &attributes)? };
    if arguments.count == 0 {
        // Nothing is done, whatever was asked of the completion (rma/rma_send.c:UCP_RMA_CHECK_ZERO_LENGTH).
        let at_once = Attributes {
            no_immediate_completion: false,
            ..attributes
        };
        return Ok(Begun::Done(Done { worker }, at_once));
    }
    if attributes.forced() && needs_request(direction, &attributes) {
        return Err(UcsStatus::NO_RESOURCE);
    }
    endpoint::usable(&mut state, on)?;
    for piece in plan.as_slice() {
        if let Err(refusal) = transfer::check(&state, on, *piece) {
            // That the peer's memory went with it is not the client's doing while nobody has told it.
            if refusal.status == transfer::REMOTE_ACCESS
                && state.endpoint(on).is_some_and(|endpoint| endpoint.silent)
            {
                continue;
            }
            state.ledger.finding(refusal.finding, call.site());
            if refusal.status == transfer::REMOTE_ACCESS {
                endpoint::fail(&mut state, on, refusal.status);
            }
            return Err(refusal.status);
        }
    }
    protection::judge(call, &mut state, direction, plan.as_slice());
    overlap::judge(call, &mut state, on, direction, plan.as_slice());
    call.decide_on(&mut state, on)?;
    let route = Path {
        endpoint: on,
        worker,
        target,
    };
    let pieces = plan.as_slice();
    let fate = if state.is_asking() {
        deferred::transfer(call, &mut state, route, direction, pieces, &attributes)
    } else {
        Fate::Now(Choice::Benign)
    };
    let when = match fate {
        Fate::Now(when) => when,
        Fate::Decided(begun) => return begun,
    };
    let local = target.nonce == state.nonce;
    drop(state);
    if !local {
        let begun = remote::transfer(call, route, direction, pieces, attributes)?;
        return deferred::hold_back(call, begun, when, route);
    }
    for piece in pieces {
        // SAFETY: the local side is the client's buffer, which it vouches for until the operation completes; the remote side lies in a
        // registration that is alive, whose pages the client must keep until it is unmapped.
        unsafe {
            match direction {
                Direction::Put => copy_bytes(call, piece.local, piece.remote, piece.length),
                Direction::Get => copy_bytes(call, piece.remote, piece.local, piece.length),
            }
        }
    }
    Ok(Begun::Done(Done { worker }, attributes))
}

/// Whether UCX makes a request for such a transfer whatever its size: for all but puts of plain bytes (rma/rma_send.c:ucp_put_send_short).
fn needs_request(direction: Direction, attributes: &Attributes) -> bool {
    direction == Direction::Get
        || attributes.no_immediate_completion
        || attributes.mask & UCP_OP_ATTR_FIELD_DATATYPE != 0
}

/// The pieces of a transfer: nearly always one.
enum Plan {
    One(Piece),
    Many(Vec<Piece>),
}

impl Plan {
    fn as_slice(&self) -> &[Piece] {
        match self {
            Plan::One(piece) => std::slice::from_ref(piece),
            Plan::Many(pieces) => pieces,
        }
    }
}

unsafe fn plan(
    call: &Call,
    state: &mut State,
    direction: Direction,
    arguments: Arguments,
    attributes: &Attributes,
) -> Result<Plan, UcsStatus> {
    if attributes.datatype & UCP_DATATYPE_CLASS_MASK == UCP_DATATYPE_SGL {
        // SAFETY: handed on to the caller.
        return unsafe { scatter_gather(call, state, direction, arguments, attributes) };
    }
    let rkey = call.handle(state, 4, arguments.rkey, Kind::Rkey)?;
    let memory = attributes.registration(call, state)?;
    if let Some(length) = contiguous_length(arguments.count, attributes.datatype) {
        let local = arguments.buffer as u64;
        return Ok(Plan::One(Piece {
            local,
            length,
            remote: arguments.remote,
            rkey,
            memory,
        }));
    }
    // SAFETY: handed on to the caller.
    let regions = unsafe { pieces(arguments.buffer, arguments.count, attributes.datatype) }
        .ok_or(UcsStatus::INVALID_PARAM)?;
    let mut remote = arguments.remote;
    let mut list = Vec::with_capacity(regions.len());
    for region in regions {
        list.push(Piece {
            local: region.address,
            length: region.length,
            remote,
            rkey,
            memory,
        });
        remote = remote.wrapping_add(region.length as u64);
    }
    Ok(Plan::Many(list))
}

/// A put of lists on both sides (UCX 1.22, rma/rma_send.c:ucp_put_nbx).
unsafe fn scatter_gather(
    call: &Call,
    state: &mut State,
    direction: Direction,
    arguments: Arguments,
    attributes: &Attributes,
) -> Result<Plan, UcsStatus> {
    if direction == Direction::Get {
        return Err(call.broken(state, Rule::SglGet, 0, [0, 0]));
    }
    let refuse = |state: &mut State| Err(call.broken(state, Rule::SglArguments, 0, [0, 0]));
    let remote_given = attributes.mask & UCP_OP_ATTR_FIELD_REMOTE != 0;
    let sentinels = arguments.rkey == 0 && arguments.remote == UCP_REMOTE_ADDR_INVALID;
    // SAFETY: the client vouches for its parameters; the member is read only if its bit is set.
    let unequal = attributes.mask & UCP_OP_ATTR_FIELD_REMOTE_COUNT != 0
        && unsafe { field!(arguments.param, remote_count) } != arguments.count;
    if !sentinels || !remote_given || unequal || arguments.buffer.is_null() {
        return refuse(state);
    }
    let local = arguments.buffer.cast::<UcpDtLocalSgl>();
    // SAFETY: the client vouches for both structures and for arrays of `count` elements in them.
    let (local_mask, remote, remote_mask) = unsafe {
        let remote = field!(arguments.param, remote).cast::<UcpDtRemoteSgl>();
        if remote.is_null() {
            return refuse(state);
        }
        (
            field!(local, field_mask),
            remote,
            field!(remote, field_mask),
        )
    };
    let unknown = [
        call.unknown(UCP_DT_LOCAL_SGL_FIELD, local_mask),
        call.unknown(UCP_DT_REMOTE_SGL_FIELD, remote_mask),
    ];
    for detail in unknown.into_iter().flatten() {
        call.broken(state, Rule::UnknownBits, 0, detail);
    }
    let local_needed = UCP_DT_LOCAL_SGL_FIELD_BUFFERS | UCP_DT_LOCAL_SGL_FIELD_LENGTHS;
    let remote_needed = UCP_DT_REMOTE_SGL_FIELD_REMOTE_ADDRS
        | UCP_DT_REMOTE_SGL_FIELD_RKEYS
        | UCP_DT_REMOTE_SGL_FIELD_LENGTHS;
    if local_mask & local_needed != local_needed || remote_mask & remote_needed != remote_needed {
        return refuse(state);
    }
    let mut list = Vec::new();
    if list.try_reserve_exact(arguments.count).is_err() {
        return Err(UcsStatus::NO_MEMORY);
    }
    for index in 0..arguments.count {
        // SAFETY: as above.
        let (buffer, length, memh, address, remote_length, rkey) = unsafe {
            let memhs = local_mask & UCP_DT_LOCAL_SGL_FIELD_MEMHS != 0;
            (
                field!(local, buffers).add(index).read_unaligned() as u64,
                field!(local, lengths).add(index).read_unaligned(),
                memhs.then(|| field!(local, memhs).add(index).read_unaligned() as u64),
                field!(remote, remote_addrs).add(index).read_unaligned(),
                field!(remote, lengths).add(index).read_unaligned(),
                field!(remote, rkeys).add(index).read_unaligned() as u64,
            )
        };
        if length != remote_length {
            return refuse(state);
        }
        let memory = match memh {
            Some(memh) => call.member(state, memh, Kind::MemoryHandle)?,
            None => 0,
        };
        let rkey = call.member(state, rkey, Kind::Rkey)?;
        list.push(Piece {
            local: buffer,
            length,
            remote: address,
            rkey,
            memory,
        });
    }
    Ok(Plan::Many(list))
}
