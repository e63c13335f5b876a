//! The memory under a ledger: a sparse shared file that a supervisor can open, or anonymous memory when nobody watches.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use memmap2::{MmapOptions, MmapRaw};

use crate::ledger::layout::{
    AskedRecord, EventRecord, FindingRecord, FiredRecord, Header, ModuleRecord, OFFSETS,
    ObjectRecord, StackNode,
};

/// A mapped ledger.
pub(crate) struct Mapping {
    map: MmapRaw,
}

impl Mapping {
    /// A new file at `path`, mapped shared.
    pub(crate) fn create(path: &Path) -> io::Result<Mapping> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)?;
        file.set_len(OFFSETS.total as u64)?;
        Ok(Mapping {
            map: MmapOptions::new().len(OFFSETS.total).map_raw(&file)?,
        })
    }

    /// Memory of this process only.
    pub(crate) fn anonymous() -> io::Result<Mapping> {
        let map = MmapOptions::new()
            .len(OFFSETS.total)
            .no_reserve_swap()
            .map_anon()?;
        Ok(Mapping { map: map.into() })
    }

    /// Maps an existing file for reading.
    pub(crate) fn open(path: &Path) -> io::Result<Mapping> {
        let file = OpenOptions::new().read(true).open(path)?;
        let length = file.metadata()?.len();
        if length != OFFSETS.total as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "{} has {length} bytes; a ledger of this build has {}",
                    path.display(),
                    OFFSETS.total
                ),
            ));
        }
        Ok(Mapping {
            map: MmapOptions::new()
                .len(OFFSETS.total)
                .map_raw_read_only(&file)?,
        })
    }

    fn at<T>(&self, offset: usize, index: u32) -> *mut T {
        let place = offset + index as usize * size_of::<T>();
        debug_assert!(place + size_of::<T>() <= OFFSETS.total);
        // SAFETY: the mapping has OFFSETS.total bytes, and callers index within the capacities that OFFSETS was made from.
        unsafe { self.map.as_mut_ptr().add(place).cast() }
    }

    /// The header.
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping is page-aligned, larger than a header and lives as long as `self`; every field is an atomic.
        unsafe { &*self.at::<Header>(0, 0) }
    }

    /// Slot `index` of the objects; not checked against the capacity in release builds.
    pub(crate) fn object(&self, index: u32) -> *mut ObjectRecord {
        self.at(OFFSETS.objects, index)
    }

    /// Node `index` of the stacks.
    pub(crate) fn node(&self, index: u32) -> *mut StackNode {
        self.at(OFFSETS.nodes, index)
    }

    /// Module `index`.
    pub(crate) fn module(&self, index: u32) -> *mut ModuleRecord {
        self.at(OFFSETS.modules, index)
    }

    /// Finding `index`.
    pub(crate) fn finding(&self, index: u32) -> *mut FindingRecord {
        self.at(OFFSETS.findings, index)
    }

    /// Event `index` of the ring.
    pub(crate) fn event(&self, index: u32) -> &EventRecord {
        // SAFETY: as for the header; every field is an atomic.
        unsafe { &*self.at::<EventRecord>(OFFSETS.events, index) }
    }

    /// Deviation `index`.
    pub(crate) fn fired(&self, index: u32) -> *mut FiredRecord {
        self.at(OFFSETS.fired, index)
    }

    /// Question `index`.
    pub(crate) fn asked(&self, index: u32) -> *mut AskedRecord {
        self.at(OFFSETS.asked, index)
    }
}
