//! Memory handles and remote keys.

use crate::abi::types::{
    UCP_MEM_MAP_PROT_LOCAL_READ, UCP_MEM_MAP_PROT_LOCAL_WRITE, UCP_MEM_MAP_PROT_REMOTE_READ,
    UCP_MEM_MAP_PROT_REMOTE_WRITE, UCS_MEMORY_TYPE_HOST, UcsStatus,
};
use crate::fabric::blob::{BlobKind, Content, decode, encode};
use crate::ledger::Site;
use crate::objects::{Body, Memory, Rkey};
use crate::universe::State;

/// A range of client memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) address: u64,
    pub(crate) length: usize,
}

impl Region {
    /// Whether `[address, address + length)` lies inside. Nothing wraps around the end of the address space.
    pub(crate) fn holds(&self, address: u64, length: usize) -> bool {
        let Some(end) = address.checked_add(length as u64) else {
            return false;
        };
        address >= self.address && end <= self.address.saturating_add(self.length as u64)
    }
}

/// Bytes of a page.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// Who provides the memory of a registration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// The client.
    Client,
    /// UCX, near the address if it likes.
    Ours,
    /// UCX, exactly at the address.
    OursFixed,
}

/// All that may be done with a registration: what UCX assumes if it is told nothing (ucp.h:ucp_mem_map_params_t.prot).
pub(crate) const PROTECTION_ALL: u32 = UCP_MEM_MAP_PROT_LOCAL_READ
    | UCP_MEM_MAP_PROT_LOCAL_WRITE
    | UCP_MEM_MAP_PROT_REMOTE_READ
    | UCP_MEM_MAP_PROT_REMOTE_WRITE;

/// On which terms memory is registered.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) pages: Pages,
    /// What may be done with it.
    pub(crate) protection: u32,
}

/// Registers a range, or memory that UCX allocates itself.
pub(crate) fn map(
    state: &mut State,
    context: u64,
    wanted: Region,
    terms: Terms,
    site: Site<'_>,
) -> Result<u64, UcsStatus> {
    if wanted.length == 0 {
        return zero_length(state);
    }
    state.registers(context);
    let allocate = terms.pages != Pages::Client;
    let region = if allocate {
        allocate_pages(wanted, terms.pages == Pages::OursFixed)?
    } else {
        wanted
    };
    let memory = Memory {
        region,
        memory_type: UCS_MEMORY_TYPE_HOST,
        protection: terms.protection,
        allocated: allocate,
        pages: crate::unmaps::Pages::default(),
    };
    let detail = [region.address, region.length as u64];
    match state.create(context, detail, Body::Memory(memory), site) {
        Some((serial, handle)) => {
            state.watch_pages(serial);
            Ok(handle)
        }
        None => Err(UcsStatus::NO_MEMORY),
    }
}

/// The handle that all registrations of zero bytes share, on all contexts.
fn zero_length(state: &mut State) -> Result<u64, UcsStatus> {
    let serial = match state.zero_length[0] {
        Some(serial) => serial,
        None => {
            let memory = Memory {
                region: Region {
                    address: 0,
                    length: 0,
                },
                memory_type: UCS_MEMORY_TYPE_HOST,
                protection: PROTECTION_ALL,
                allocated: false,
                pages: crate::unmaps::Pages::default(),
            };
            let made = state.create_hidden(0, Body::Memory(memory));
            *state.zero_length[0].insert(made.ok_or(UcsStatus::NO_MEMORY)?)
        }
    };
    Ok(state.handles.value(serial))
}

/// Whether an object is the shared handle of zero bytes, or its packed key: mapped, unmapped and released any number of times.
pub(crate) fn is_zero_length(state: &State, serial: u64) -> bool {
    state.zero_length.contains(&Some(serial))
}

/// Gives a registration back.
pub(crate) fn unmap(state: &mut State, memory: u64, site: Site<'_>) {
    if is_zero_length(state, memory) {
        return;
    }
    if let Some(Body::Memory(memory)) = state.end(memory, site)
        && memory.allocated
    {
        // SAFETY: `allocate_pages` mapped exactly this range and the client may not use it after unmap.
        unsafe {
            libc::munmap(
                memory.region.address as *mut libc::c_void,
                memory.region.length,
            )
        };
    }
}

/// Maps whole pages, as UCX does.
fn allocate_pages(wanted: Region, fixed: bool) -> Result<Region, UcsStatus> {
    if fixed && wanted.address == 0 {
        return Err(UcsStatus::NO_MEMORY);
    }
    let length = wanted.length.checked_next_multiple_of(PAGE_BYTES as usize);
    let length = length.ok_or(UcsStatus::NO_MEMORY)?;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let exact = if fixed { libc::MAP_FIXED_NOREPLACE } else { 0 };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | exact;
    // SAFETY: without MAP_FIXED the address is a hint only, and MAP_FIXED_NOREPLACE never replaces a mapping.
    let address = unsafe {
        libc::mmap(
            wanted.address as *mut libc::c_void,
            length,
            access,
            flags,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(UcsStatus::NO_MEMORY);
    }
    Ok(Region {
        address: address as u64,
        length,
    })
}

/// Packs a remote key, with `padding` bytes more than needed; returns the pointer and length of the buffer.
pub(crate) fn pack(
    state: &mut State,
    memory: u64,
    padding: usize,
    site: Site<'_>,
) -> Result<(u64, usize), UcsStatus> {
    let shared = is_zero_length(state, memory);
    if let (true, Some(serial)) = (shared, state.zero_length[1])
        && let Some(Body::RkeyBuffer(bytes)) = state.objects.get(&serial).map(|entry| &entry.body)
    {
        return Ok((bytes.pointer(), bytes.len()));
    }
    let region = state.memory(memory).ok_or(UcsStatus::INVALID_PARAM)?.region;
    let content = Content {
        nonce: state.nonce,
        serial: memory,
        first: region.address,
        second: region.length as u64,
    };
    let bytes = encode(BlobKind::Rkey, content, padding);
    let (pointer, length) = (bytes.pointer(), bytes.len());
    if shared {
        state.zero_length[1] = state.create_hidden(pointer, Body::RkeyBuffer(bytes));
        return Ok((pointer, length));
    }
    state
        .create_at(
            pointer,
            0,
            [memory, length as u64],
            Body::RkeyBuffer(bytes),
            site,
        )
        .map(|_| (pointer, length))
        .ok_or(UcsStatus::NO_MEMORY)
}

/// Why a blob is no remote key here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnpackError {
    /// Not a whole, unmodified packed key.
    Blob,
    /// It is fine, but there is no room for another handle.
    Exhausted,
}

/// Unpacks a remote key on an endpoint; returns the handle.
pub(crate) fn unpack(
    state: &mut State,
    endpoint: u64,
    blob: u64,
    site: Site<'_>,
) -> Result<u64, UnpackError> {
    let content = decode(BlobKind::Rkey, blob).ok_or(UnpackError::Blob)?;
    let worker = state
        .endpoint(endpoint)
        .ok_or(UnpackError::Exhausted)?
        .worker;
    let region = Region {
        address: content.first,
        length: content.second as usize,
    };
    let rkey = Rkey {
        endpoint,
        worker,
        nonce: content.nonce,
        memory: content.serial,
        region,
    };
    state
        .create(
            worker,
            [content.first, endpoint],
            Body::Rkey(Box::new(rkey)),
            site,
        )
        .map(|(_, handle)| handle)
        .ok_or(UnpackError::Exhausted)
}

#[cfg(test)]
mod tests {
    use super::Region;

    #[test]
    fn a_region_holds_what_lies_inside_and_nothing_that_wraps() {
        let region = Region {
            address: 0x1000,
            length: 0x100,
        };
        assert!(region.holds(0x1000, 0x100));
        assert!(region.holds(0x1100, 0));
        assert!(!region.holds(0xfff, 1));
        assert!(!region.holds(0x1000, 0x101));
        assert!(!region.holds(u64::MAX, 2));
    }
}
