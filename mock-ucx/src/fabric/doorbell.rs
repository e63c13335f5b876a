//! Doorbells: a counter that other processes raise when they have sent something, so that a progress call with nothing to do need not ask
//! the kernel.
//!
//! Each process has one, a page in a memfd. Peers open it through `/proc/PID/fd/N`, and believe it only if it carries the nonce of the
//! process that they mean. Where `/proc` forbids that, the peer says so, and the owner looks at its sockets in each progress call.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, memfd_create};

/// Name of the memfd, and how `/proc` shows it.
const NAME: &str = "mock-ucx-doorbell";
const LINK: &str = "/memfd:mock-ucx-doorbell";

/// Bytes in the page that are used: the nonce and the counter.
const BYTES: usize = 16;

/// What lies in the page.
#[repr(C)]
struct Page {
    nonce: AtomicU64,
    rings: AtomicU64,
}

/// A doorbell, of this process or of another.
pub(crate) struct Doorbell {
    page: MmapRaw,
}

impl Doorbell {
    /// The doorbell of this process, with the file that peers open.
    pub(crate) fn create(nonce: u64) -> std::io::Result<(Doorbell, File)> {
        let file = File::from(memfd_create(NAME, MemfdFlags::CLOEXEC)?);
        file.set_len(BYTES as u64)?;
        let bell = Doorbell::map(&file)?;
        bell.page().nonce.store(nonce, Release);
        Ok((bell, file))
    }

    /// The doorbell of a peer, which has it open as descriptor `number`; `None` if it cannot be had, or is another process's.
    pub(crate) fn of_peer(pid: u32, number: i32, nonce: u64) -> Option<Doorbell> {
        let path = format!("/proc/{pid}/fd/{number}");
        // The peer may have given that number to another file meanwhile, and opening a stranger's file may do anything.
        let name = std::fs::read_link(&path).ok()?;
        if !name.to_str()?.starts_with(LINK) {
            return None;
        }
        let file = File::options().read(true).write(true).open(path).ok()?;
        // Mapping more than there is would crash at the first access.
        if file.metadata().ok()?.len() != BYTES as u64 {
            return None;
        }
        let bell = Doorbell::map(&file).ok()?;
        (bell.page().nonce.load(Acquire) == nonce).then_some(bell)
    }

    fn map(file: &File) -> std::io::Result<Doorbell> {
        let page = MmapOptions::new().len(BYTES).map_raw(file.as_raw_fd())?;
        Ok(Doorbell { page })
    }

    fn page(&self) -> &Page {
        // SAFETY: the mapping is page-aligned, holds a whole page, and is shared memory that is touched by atomics only.
        unsafe { &*self.page.as_ptr().cast::<Page>() }
    }

    /// Says that something was sent.
    pub(crate) fn ring(&self) {
        self.page().rings.fetch_add(1, Release);
    }

    /// How often it was rung.
    pub(crate) fn rings(&self) -> u64 {
        self.page().rings.load(Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_has_the_number_rings() {
        let (bell, file) = Doorbell::create(7).unwrap();
        let peer = Doorbell::of_peer(std::process::id(), file.as_raw_fd(), 7).unwrap();
        peer.ring();
        peer.ring();
        assert_eq!(bell.rings(), 2);
    }

    #[test]
    fn a_file_that_is_no_doorbell_of_that_process_is_refused() {
        let (_bell, file) = Doorbell::create(7).unwrap();
        let own = std::process::id();
        assert!(Doorbell::of_peer(own, file.as_raw_fd(), 8).is_none());
        assert!(Doorbell::of_peer(own, 12345, 7).is_none());
        let other = tempfile::tempfile().unwrap();
        assert!(Doorbell::of_peer(own, other.as_raw_fd(), 7).is_none());
    }
}
