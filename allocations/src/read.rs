//! What is live now.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::Kind;
use crate::layout::{LAYOUT_VERSION, MAGIC, SITE_OF_THE_REST, Site, Tables};
use crate::table::tables;

/// All sites at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Process.
    pub pid: u32,
    /// Sites, each at the same place in every later reading of the same process.
    pub sites: Vec<SiteReading>,
    /// Blocks that found no room in the tables, their stacks or themselves.
    pub dropped: u64,
}

/// One site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteReading {
    /// Its number, the same in every reading.
    pub number: u32,
    /// What it does.
    pub kind: Kind,
    /// Return addresses, innermost first; empty for what no stack could be taken of.
    pub frames: Vec<u64>,
    /// Bytes that are live.
    pub live_bytes: i64,
    /// Blocks or mappings that are live.
    pub live_count: i64,
    /// All that it ever made, or unmapped.
    pub total_count: u64,
    /// Bytes of all that it ever made.
    pub total_bytes: u64,
    /// Nanoseconds of processor time that its unmaps took.
    pub total_ns: u64,
}

/// What is live in this process; `None` before anybody armed.
pub fn reading() -> Option<Reading> {
    tables().map(read)
}

/// Another process's tables.
#[derive(Debug)]
pub struct Reader {
    tables: NonNull<Tables>,
}

// SAFETY: the tables are atomic integers, which any thread may read.
unsafe impl Send for Reader {}

impl Reader {
    /// Opens the file of a process.
    ///
    /// # Errors
    /// It cannot be mapped, is not complete yet, or is of another build.
    pub fn open(path: &Path) -> io::Result<Reader> {
        let file = File::open(path)?;
        let bad = |what: &str| {
            let message = format!("{} {what}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        if file.metadata()?.len() != size_of::<Tables>() as u64 {
            return Err(bad("has not the size of this build's tables"));
        }
        // SAFETY: a new mapping of an open file.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Tables>(),
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        let tables = NonNull::new(address.cast::<Tables>())
            .filter(|_| address != libc::MAP_FAILED)
            .ok_or_else(io::Error::last_os_error)?;
        let reader = Reader { tables };
        let header = reader.tables();
        if header.magic.load(Acquire) != MAGIC || header.layout.load(Relaxed) != LAYOUT_VERSION {
            return Err(bad("is not complete, or of another build of mock-ucx"));
        }
        Ok(reader)
    }

    /// What is live in that process, or was when it ended.
    pub fn read(&self) -> Reading {
        read(self.tables())
    }

    fn tables(&self) -> &Tables {
        // SAFETY: mapped until this is dropped; the file keeps its size, for its writer never changes that.
        unsafe { self.tables.as_ref() }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: mapped with this length when it was opened.
        unsafe { libc::munmap(self.tables.as_ptr().cast(), size_of::<Tables>()) };
    }
}

fn read(tables: &Tables) -> Reading {
    let sites = (0u32..).zip(&tables.sites);
    Reading {
        pid: tables.pid.load(Relaxed),
        sites: sites
            .filter_map(|(number, site)| read_site(number, site))
            .collect(),
        dropped: tables.blocks_dropped.load(Relaxed) + tables.sites_dropped.load(Relaxed),
    }
}

fn read_site(number: u32, site: &Site) -> Option<SiteReading> {
    let is_rest = number == SITE_OF_THE_REST;
    let written = site.frames_written.load(Acquire) as usize;
    if written == 0 && !(is_rest && site.total_count.load(Relaxed) > 0) {
        return None;
    }
    let frames = site.frames.iter().take(written.saturating_sub(1));
    Some(SiteReading {
        number,
        kind: Kind::from_number(site.kind.load(Relaxed)).unwrap_or(Kind::Heap),
        frames: frames.map(|frame| frame.load(Relaxed)).collect(),
        live_bytes: site.live_bytes.load(Relaxed),
        live_count: site.live_count.load(Relaxed),
        total_count: site.total_count.load(Relaxed),
        total_bytes: site.total_bytes.load(Relaxed),
        total_ns: site.total_ns.load(Relaxed),
    })
}
