//! Memory handles and remote keys.

use crate::abi::types::{UCS_MEMORY_TYPE_HOST, UcsStatus};
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

/// Registers a range, or memory that UCX allocates itself when `allocate` is set.
pub(crate) fn map(
    state: &mut State,
    context: u64,
    wanted: Region,
    allocate: bool,
    site: Site<'_>,
) -> Result<u64, UcsStatus> {
    let region = if allocate {
        allocate_pages(wanted)?
    } else {
        wanted
    };
    let memory = Memory {
        region,
        memory_type: UCS_MEMORY_TYPE_HOST,
        allocated: allocate,
    };
    let detail = [region.address, region.length as u64];
    match state.create(context, detail, Body::Memory(memory), site) {
        Some((_, handle)) => Ok(handle),
        None => Err(UcsStatus::NO_MEMORY),
    }
}

/// Gives a registration back.
pub(crate) fn unmap(state: &mut State, memory: u64, site: Site<'_>) {
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

fn allocate_pages(wanted: Region) -> Result<Region, UcsStatus> {
    if wanted.length == 0 {
        return Ok(wanted);
    }
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: without MAP_FIXED the address is a hint only.
    let address = unsafe {
        libc::mmap(
            wanted.address as *mut libc::c_void,
            wanted.length,
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
        length: wanted.length,
    })
}

/// Packs a remote key; returns the pointer and length of the buffer.
pub(crate) fn pack(
    state: &mut State,
    memory: u64,
    site: Site<'_>,
) -> Result<(u64, usize), UcsStatus> {
    let region = state.memory(memory).ok_or(UcsStatus::INVALID_PARAM)?.region;
    let content = Content {
        nonce: state.nonce,
        serial: memory,
        first: region.address,
        second: region.length as u64,
    };
    let bytes = encode(BlobKind::Rkey, content);
    let (pointer, length) = (bytes.pointer(), bytes.len());
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
