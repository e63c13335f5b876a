//! The host side of the device API: memory lists for calls from a GPU.
//!
//! Unless the settings say otherwise the mock's machine has no GPU, and a correct call answers as UCX does there. What is passed is
//! checked all the same.

use crate::abi::call::{Call, enter, field};
use crate::abi::types::{
    UCP_DEVICE_MEM_LIST_ELEM_FIELD, UCP_DEVICE_MEM_LIST_ELEM_FIELD_EP,
    UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH, UCP_DEVICE_MEM_LIST_ELEM_FIELD_RKEY,
    UCP_DEVICE_MEM_LIST_PARAMS_FIELD, UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENT_SIZE,
    UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENTS, UCP_DEVICE_MEM_LIST_PARAMS_FIELD_NUM_ELEMENTS,
    UCP_DEVICE_MEM_LIST_PARAMS_FIELD_WORKER, UcpDeviceMemListElem, UcpDeviceMemListParams,
    UcsStatus,
};
use crate::functions::Function as F;
use crate::ledger::Kind;
use crate::objects::Body;
use crate::rules::Rule;

/// `ucp_device_local_mem_list_create`.
///
/// # Safety
/// As in UCX: `params` points to a `ucp_device_mem_list_params_t` with the elements it names.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_device_local_mem_list_create(
    params: *const UcpDeviceMemListParams,
    mem_list: *mut u64,
) -> UcsStatus {
    enter(F::DeviceLocalMemListCreate, |call| {
        // SAFETY: handed on to the caller.
        unsafe { create(call, params, mem_list, Side::Local) }
    })
}

/// `ucp_device_remote_mem_list_create`.
///
/// # Safety
/// As for [`ucp_device_local_mem_list_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn ucp_device_remote_mem_list_create(
    params: *const UcpDeviceMemListParams,
    mem_list: *mut u64,
) -> UcsStatus {
    enter(F::DeviceRemoteMemListCreate, |call| {
        // SAFETY: handed on to the caller.
        unsafe { create(call, params, mem_list, Side::Remote) }
    })
}

/// Whose memory a list describes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Local,
    Remote,
}

impl Side {
    /// The members that an element must have. One of a remote list with none at all is a gap.
    fn needed(self, mask: u64) -> u64 {
        match self {
            Side::Local => UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH,
            Side::Remote if mask == 0 => 0,
            Side::Remote => UCP_DEVICE_MEM_LIST_ELEM_FIELD_RKEY | UCP_DEVICE_MEM_LIST_ELEM_FIELD_EP,
        }
    }
}

unsafe fn create(
    call: &Call,
    params: *const UcpDeviceMemListParams,
    mem_list: *mut u64,
    side: Side,
) -> UcsStatus {
    let created = (|| {
        call.not_null(0, params)?;
        call.not_null(1, mem_list)?;
        // SAFETY: handed on to the caller.
        let (parent, members) = unsafe { check(call, params, side) }?;
        let mut state = call.lock();
        call.decide(&mut state)?;
        if !state.settings.device_api {
            // Without a GPU the probe for its memory fails (core/ucp_device.c:ucp_device_detect_local_sys_dev).
            return Err(UcsStatus::NO_MEMORY);
        }
        let (serial, handle) = state
            .create(parent, [0, 0], Body::MemList(members.into()), call.site())
            .ok_or(UcsStatus::NO_MEMORY)?;
        call.about(serial);
        // SAFETY: the client vouches for a pointer that is not null.
        unsafe { mem_list.write_unaligned(handle) };
        Ok(UcsStatus::OK)
    })();
    created.unwrap_or_else(|status| status)
}

/// Judges the parameters; returns the object on which the list depends (a worker, or the first element's endpoint), 0 = none, and all
/// that it is made of.
unsafe fn check(
    call: &Call,
    params: *const UcpDeviceMemListParams,
    side: Side,
) -> Result<(u64, Vec<u64>), UcsStatus> {
    // SAFETY: the client vouches for a pointer that is not null; fields are read by their mask bit only.
    let mask = unsafe { field!(params, field_mask) };
    call.knows(UCP_DEVICE_MEM_LIST_PARAMS_FIELD, mask);
    let mut state = call.lock();
    let mut built_of = Vec::new();
    let needed = UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENTS
        | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENT_SIZE
        | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_NUM_ELEMENTS
        | if side == Side::Local {
            UCP_DEVICE_MEM_LIST_PARAMS_FIELD_WORKER
        } else {
            0
        };
    if mask & needed != needed {
        return Err(call.broken(&mut state, Rule::ListElements, 0, [mask, 0]));
    }
    // SAFETY: as above.
    let (size, count, worker, elements) = unsafe {
        (
            field!(params, element_size),
            field!(params, num_elements),
            (side == Side::Local).then(|| field!(params, worker) as u64),
            field!(params, elements),
        )
    };
    if count == 0 || size == 0 || elements.is_null() {
        return Err(call.broken(&mut state, Rule::ListElements, 0, [mask, count as u64]));
    }
    let mut parent = match worker {
        Some(worker) => call.member(&mut state, worker, Kind::Worker)?,
        None => 0,
    };
    for index in 0..count {
        let element = elements
            .cast::<u8>()
            .wrapping_add(index * size)
            .cast::<UcpDeviceMemListElem>();
        // SAFETY: the client vouches for `count` elements of `size` bytes each.
        let (element_mask, members) = unsafe {
            let mask = field!(element, field_mask);
            let set = |bit: u64| mask & bit != 0;
            let members = [
                (set(UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH), Kind::MemoryHandle),
                (set(UCP_DEVICE_MEM_LIST_ELEM_FIELD_RKEY), Kind::Rkey),
                (set(UCP_DEVICE_MEM_LIST_ELEM_FIELD_EP), Kind::Endpoint),
            ]
            .map(|(given, kind)| {
                given.then(|| {
                    let value = match kind {
                        Kind::MemoryHandle => field!(element, memh) as u64,
                        Kind::Rkey => field!(element, rkey) as u64,
                        _ => field!(element, ep) as u64,
                    };
                    (value, kind)
                })
            });
            (mask, members)
        };
        if let Some(detail) = call.unknown(UCP_DEVICE_MEM_LIST_ELEM_FIELD, element_mask) {
            call.broken(&mut state, Rule::UnknownBits, 0, detail);
        }
        if element_mask & side.needed(element_mask) != side.needed(element_mask) {
            return Err(call.broken(
                &mut state,
                Rule::ListElements,
                0,
                [element_mask, index as u64],
            ));
        }
        for (value, kind) in members.into_iter().flatten() {
            let serial = call.member(&mut state, value, kind)?;
            built_of.push(serial);
            if parent == 0 && kind == Kind::Endpoint {
                parent = serial;
            }
        }
    }
    if parent == 0 {
        // A remote list of gaps only.
        return Err(call.broken(&mut state, Rule::ListElements, 0, [mask, count as u64]));
    }
    Ok((parent, built_of))
}

/// `ucp_device_mem_list_release`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn ucp_device_mem_list_release(mem_list: u64) {
    enter(F::DeviceMemListRelease, |call| {
        let mut state = call.lock();
        if let Ok(serial) = call.handle(&mut state, 0, mem_list, Kind::MemList) {
            state.end(call.about(serial), call.site());
        }
    });
}
