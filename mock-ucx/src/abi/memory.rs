//! Memory handles and remote keys.

use crate::abi::call::{Call, enter, field, set_field};
use crate::abi::context_presence;
use crate::abi::types::{
    UCP_MEM_ATTR_FIELD, UCP_MEM_ATTR_FIELD_ADDRESS, UCP_MEM_ATTR_FIELD_LENGTH,
    UCP_MEM_ATTR_FIELD_MEM_TYPE, UCP_MEM_MAP_ALLOCATE, UCP_MEM_MAP_FIXED, UCP_MEM_MAP_FLAGS,
    UCP_MEM_MAP_LOCK, UCP_MEM_MAP_NONBLOCK, UCP_MEM_MAP_PARAM_FIELD_ADDRESS,
    UCP_MEM_MAP_PARAM_FIELD_EXPORTED_MEMH_BUFFER, UCP_MEM_MAP_PARAM_FIELD_FLAGS,
    UCP_MEM_MAP_PARAM_FIELD_LENGTH, UCP_MEM_MAP_PARAM_FIELD_MEMORY_TYPE,
    UCP_MEM_MAP_PARAM_FIELD_PROT, UCP_MEM_MAP_PARAMS_FIELD, UCP_MEM_MAP_PROT, UcpMemAttr,
    UcpMemMapParams, UcsStatus,
};
use crate::fabric::flight;
use crate::fabric::memory::{
    self as fabric, PAGE_BYTES, PROTECTION_ALL, Pages, Region, Terms, UnpackError,
};
use crate::functions::Function as F;
use crate::ledger::{Kind, NewFinding, Trouble};
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;
use crate::unmaps::judge_use;

/// Bytes by which a long packed key is longer.
const LONG_RKEY: usize = 512;

/// `ucp_mem_map`.
///
/// # Safety
/// As in UCX: `params` points to a `ucp_mem_map_params_t` and `memh` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_mem_map(
    context: u64,
    params: *const UcpMemMapParams,
    memh: *mut u64,
) -> UcsStatus {
    let _inside = context_presence(F::MemMap, context);
    enter(F::MemMap, |call| {
        // SAFETY: handed on to the caller.
        unsafe { map(call, context, params, memh) }.map_or_else(|status| status, |()| UcsStatus::OK)
    })
}

unsafe fn map(
    call: &Call,
    context: u64,
    params: *const UcpMemMapParams,
    memh: *mut u64,
) -> Result<(), UcsStatus> {
    let context = call.handle(&mut call.lock(), 0, context, Kind::Context)?;
    call.not_null(1, params)?;
    call.not_null(2, memh)?;
    // SAFETY: the client vouches for a pointer that is not null; fields are read by their mask bit only.
    let (address, length, flags, protection, memory_type, exported) = unsafe {
        let mask = field!(params, field_mask);
        call.knows(UCP_MEM_MAP_PARAMS_FIELD, mask);
        let set = |bit: u64| mask & bit != 0;
        (
            if set(UCP_MEM_MAP_PARAM_FIELD_ADDRESS) {
                field!(params, address) as u64
            } else {
                0
            },
            set(UCP_MEM_MAP_PARAM_FIELD_LENGTH).then(|| field!(params, length)),
            if set(UCP_MEM_MAP_PARAM_FIELD_FLAGS) {
                field!(params, flags)
            } else {
                0
            },
            set(UCP_MEM_MAP_PARAM_FIELD_PROT).then(|| field!(params, prot)),
            set(UCP_MEM_MAP_PARAM_FIELD_MEMORY_TYPE).then(|| field!(params, memory_type)),
            set(UCP_MEM_MAP_PARAM_FIELD_EXPORTED_MEMH_BUFFER)
                && !field!(params, exported_memh_buffer).is_null(),
        )
    };
    call.knows(UCP_MEM_MAP_FLAGS, flags);
    call.knows(UCP_MEM_MAP_PROT, protection.unwrap_or(0));
    let mut state = call.lock();
    judge_memory_type(call, &mut state, memory_type)?;
    if exported {
        if flags & UCP_MEM_MAP_ALLOCATE != 0 {
            let detail = [address, u64::from(flags)];
            return Err(call.broken(&mut state, Rule::MemoryFlags, context, detail));
        }
        // No device here can import what another process exported (core/ucp_mm.c:ucp_memh_import).
        return Err(UcsStatus::UNSUPPORTED);
    }
    let Some(length) = length else {
        return Err(call.broken(&mut state, Rule::MemoryLength, context, [0, 0]));
    };
    let Some(pages) = pages(Region { address, length }, flags) else {
        return Err(call.broken(
            &mut state,
            Rule::MemoryFlags,
            context,
            [address, u64::from(flags)],
        ));
    };
    call.decide_of(&mut state, context)?;
    let handle = fabric::map(
        &mut state,
        context,
        Region { address, length },
        Terms {
            pages,
            protection: protection.unwrap_or(PROTECTION_ALL),
        },
        call.site(),
    )?;
    if let Some(serial) = state.serial(handle) {
        call.about(serial);
    }
    // SAFETY: as above.
    unsafe { memh.write_unaligned(handle) };
    Ok(())
}

/// A type that the running release does not have is taken as an index into its tables; its number of `UNKNOWN` is none that was forgotten.
pub(crate) fn judge_memory_type(
    call: &Call,
    state: &mut State,
    memory_type: Option<u32>,
) -> Result<(), UcsStatus> {
    let last = call.universe.version.memory_type_last();
    match memory_type {
        Some(memory_type) if memory_type > last => {
            let detail = [u64::from(memory_type), u64::from(last)];
            Err(call.broken(state, Rule::MemoryType, 0, detail))
        }
        _ => Ok(()),
    }
}

/// Who provides the memory; `None` if range and flags contradict each other (core/ucp_mm.c:ucp_mem_map, in its order).
fn pages(wanted: Region, flags: u32) -> Option<Pages> {
    let set = |flag: u32| flags & flag != 0;
    let (allocate, fixed) = (set(UCP_MEM_MAP_ALLOCATE), set(UCP_MEM_MAP_FIXED));
    let misplaced = fixed && !wanted.address.is_multiple_of(PAGE_BYTES);
    let unplaced = wanted.address == 0 && !allocate;
    let contradicts = (fixed && !allocate) || (set(UCP_MEM_MAP_NONBLOCK) && set(UCP_MEM_MAP_LOCK));
    let wraps = wanted.address.checked_add(wanted.length as u64).is_none();
    if misplaced || (wanted.length > 0 && (unplaced || contradicts || wraps)) {
        return None;
    }
    Some(match (allocate, fixed) {
        (false, _) => Pages::Client,
        (true, false) => Pages::Ours,
        (true, true) => Pages::OursFixed,
    })
}

/// The live memory handle behind argument 1, which must belong to the context of argument 0.
fn memory_of(call: &Call, state: &mut State, context: u64, memh: u64) -> Result<u64, UcsStatus> {
    let context = call.handle(state, 0, context, Kind::Context);
    let serial = call.about(call.handle(state, 1, memh, Kind::MemoryHandle)?);
    let context = context?;
    let owner = state.objects.get(&serial).map_or(0, |entry| entry.parent);
    if owner == context || fabric::is_zero_length(state, serial) {
        return Ok(serial);
    }
    let packs = call.function == F::RkeyPack;
    let finding = NewFinding {
        rule: if packs {
            Rule::RkeyContext
        } else {
            Rule::MemoryHandle
        },
        trouble: Trouble::OtherParent,
        argument: Some(1),
        value: memh,
        object: serial,
        other: context,
        detail: [owner, 0],
    };
    state.ledger.finding(finding, call.site());
    // Packing does not look at its context (core/ucp_rkey.c:ucp_rkey_pack).
    if packs {
        return Ok(serial);
    }
    Err(UcsStatus::INVALID_PARAM)
}

/// `ucp_mem_unmap`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_mem_unmap(context: u64, memh: u64) -> UcsStatus {
    let _inside = context_presence(F::MemUnmap, context);
    enter(F::MemUnmap, |call| {
        let mut state = call.lock();
        match memory_of(call, &mut state, context, memh) {
            Ok(serial) => {
                judge_unmap(call, &mut state, serial);
                fabric::unmap(&mut state, serial, call.site());
                UcsStatus::OK
            }
            Err(status) => status,
        }
    })
}

/// No operation under way uses a registration that goes, at its own side or at the other.
fn judge_unmap(call: &Call, state: &mut State, memory: u64) {
    // A put that is complete at its source has left it: the source is the client's again (ucp.h:ucp_put_nbx, the note on completion).
    let local = flight::user_of(state, |transfer| {
        transfer.copy.is_none() && transfer.pieces.iter().any(|piece| piece.memory == memory)
    });
    if let Some(request) = local {
        state.broken_with(Rule::MemoryInUse, memory, request, call.site());
    }
    let remote = flight::user_of(state, |transfer| transfer.owners.contains(&memory));
    if let Some(request) = remote {
        state.broken_with(Rule::MemoryInRemoteUse, memory, request, call.site());
    }
}

/// `ucp_mem_query`.
///
/// # Safety
/// As in UCX: `attr` points to a `ucp_mem_attr_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_mem_query(memh: u64, attr: *mut UcpMemAttr) -> UcsStatus {
    enter(F::MemQuery, |call| {
        let mut state = call.lock();
        let serial = match call.handle(&mut state, 0, memh, Kind::MemoryHandle) {
            Ok(serial) => call.about(serial),
            Err(status) => return status,
        };
        let Some((region, memory_type)) = state
            .memory(serial)
            .map(|memory| (memory.region, memory.memory_type))
        else {
            return UcsStatus::INVALID_PARAM;
        };
        drop(state);
        if let Err(status) = call.not_null(1, attr) {
            return status;
        }
        // SAFETY: the client vouches for a pointer that is not null; fields are touched by their mask bit only.
        unsafe {
            let mask = field!(attr, field_mask);
            call.knows(UCP_MEM_ATTR_FIELD, mask);
            if mask & UCP_MEM_ATTR_FIELD_ADDRESS != 0 {
                set_field!(attr, address, region.address as _);
            }
            if mask & UCP_MEM_ATTR_FIELD_LENGTH != 0 {
                set_field!(attr, length, region.length);
            }
            if mask & UCP_MEM_ATTR_FIELD_MEM_TYPE != 0 {
                set_field!(attr, mem_type, memory_type);
            }
        }
        UcsStatus::OK
    })
}

/// `ucp_rkey_pack`.
///
/// # Safety
/// As in UCX: `buffer` and `size` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_rkey_pack(
    context: u64,
    memh: u64,
    buffer: *mut u64,
    size: *mut usize,
) -> UcsStatus {
    let _inside = context_presence(F::RkeyPack, context);
    enter(F::RkeyPack, |call| {
        let packed = (|| {
            let serial = memory_of(call, &mut call.lock(), context, memh)?;
            call.not_null(2, buffer)?;
            call.not_null(3, size)?;
            let mut state = call.lock();
            call.decide(&mut state)?;
            judge_use(call, &mut state, [serial]);
            let padding = match call.ask(&mut state, Move::RkeySize, serial) {
                Choice::Benign => 0,
                _ => LONG_RKEY,
            };
            fabric::pack(&mut state, serial, padding, call.site())
        })();
        match packed {
            Ok((pointer, length)) => {
                // SAFETY: the client vouches for pointers that are not null.
                unsafe {
                    buffer.write_unaligned(pointer);
                    size.write_unaligned(length);
                }
                UcsStatus::OK
            }
            Err(status) => status,
        }
    })
}

/// `ucp_rkey_buffer_release`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_rkey_buffer_release(buffer: u64) {
    enter(F::RkeyBufferRelease, |call| {
        let mut state = call.lock();
        if let Ok(serial) = call.handle(&mut state, 0, buffer, Kind::RkeyBuffer) {
            if fabric::is_zero_length(&state, serial) {
                return;
            }
            state.end(call.about(serial), call.site());
            state.forget_pointer(buffer);
        }
    });
}

/// `ucp_ep_rkey_unpack`.
///
/// # Safety
/// As in UCX: `rkey` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_ep_rkey_unpack(
    ep: u64,
    buffer: u64,
    rkey: *mut u64,
) -> UcsStatus {
    let _guard = crate::abi::worker_guard(F::EpRkeyUnpack, ep, Kind::Endpoint);
    enter(F::EpRkeyUnpack, |call| {
        let unpacked = call.endpoint(ep).and_then(|serial| {
            call.not_null(2, rkey)?;
            let mut state = call.lock();
            call.decide(&mut state)?;
            fabric::unpack(&mut state, serial, buffer, call.site()).map_err(|error| match error {
                UnpackError::Exhausted => UcsStatus::NO_MEMORY,
                UnpackError::Blob => bad_blob(call, &mut state, serial, buffer),
            })
        });
        match unpacked {
            Ok(handle) => {
                // SAFETY: the client vouches for a pointer that is not null.
                unsafe { rkey.write_unaligned(handle) };
                UcsStatus::OK
            }
            Err(status) => status,
        }
    })
}

fn bad_blob(call: &Call, state: &mut State, endpoint: u64, buffer: u64) -> UcsStatus {
    let finding = NewFinding {
        rule: Rule::RkeyBlob,
        trouble: if buffer == 0 {
            Trouble::Null
        } else {
            Trouble::Unknown
        },
        argument: Some(1),
        value: buffer,
        object: endpoint,
        other: 0,
        detail: [0, 0],
    };
    state.ledger.finding(finding, call.site());
    UcsStatus::INVALID_PARAM
}

/// `ucp_rkey_destroy`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_rkey_destroy(rkey: u64) {
    let _guard = crate::abi::worker_guard(F::RkeyDestroy, rkey, Kind::Rkey);
    enter(F::RkeyDestroy, |call| {
        let mut state = call.lock();
        if let Ok(serial) = call.handle(&mut state, 0, rkey, Kind::Rkey) {
            let user = flight::user_of(&state, |transfer| {
                transfer.pieces.iter().any(|piece| piece.rkey == serial)
            });
            if let Some(request) = user {
                state.broken_with(Rule::RkeyInUse, serial, request, call.site());
            }
            state.end(call.about(serial), call.site());
        }
    });
}
