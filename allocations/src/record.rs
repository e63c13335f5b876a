//! What the hooks call: a block came, a block went.

use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;

use callstack::{Boundary, MAX_FRAMES, capture_above};

use crate::Kind;
use crate::blocks::Block;
use crate::forks::Capturing;
use crate::layout::Tables;
use crate::table::tables;

thread_local! {
    /// This thread is inside of a hook: what it allocates now is the hook's own.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// This thread has captured a stack before, so that the next capture needs nothing of the C library.
    static PREPARED: Cell<bool> = const { Cell::new(false) };
}

/// Whether anything is counted.
#[inline(always)]
pub fn is_armed() -> bool {
    tables().is_some()
}

/// Whether this thread is inside of a hook, so that what it allocates is nobody's.
pub fn inside() -> bool {
    // A thread that is ending has no storage any more; what it frees is still counted out, what it allocates is not counted.
    INSIDE.try_with(Cell::get).unwrap_or(true)
}

/// Runs `work` unless this thread is inside of a hook already. The caller's `errno` is kept.
fn guarded<T>(work: impl FnOnce(&'static Tables) -> T) -> Option<T> {
    let tables = tables()?;
    let entered = INSIDE.try_with(|inside| !inside.replace(true));
    if entered != Ok(true) {
        return None;
    }
    // SAFETY: the calling thread's own `errno`.
    let errno = unsafe { *libc::__errno_location() };
    let result = work(tables);
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
    let _ = INSIDE.try_with(|inside| inside.set(false));
    Some(result)
}

/// Lets this thread's first capture happen now: what it asks of the C library must not be asked under the allocator's lock, where a block
/// that is freed leads into UCX's handler of an unmap, and that into a hook.
pub fn prepare() {
    if is_armed() && PREPARED.try_with(|prepared| prepared.replace(true)) == Ok(false) {
        guarded(|_| capture(Boundary::here(), &mut [0; MAX_FRAMES]));
    }
}

fn capture(boundary: Boundary, frames: &mut [u64; MAX_FRAMES]) -> usize {
    let _no_fork = Capturing::begin();
    capture_above(boundary, frames)
}

/// The caller of the function that made `boundary` has allocated a block of the heap.
pub fn allocated(address: *const libc::c_void, bytes: usize, boundary: Boundary) {
    if address.is_null() {
        return;
    }
    guarded(|tables| {
        let number = tables.site_at(Kind::Heap, boundary);
        tables.come(Kind::Heap, address as u64, number, bytes as u64);
    });
}

/// A block of the heap is about to be freed; what it was, to take that back: [`Released::take_back`].
pub fn released(address: *const libc::c_void) -> Released {
    let block = tables().and_then(|tables| tables.go(Kind::Heap, address as u64));
    Released {
        address: address as u64,
        block,
    }
}

/// A block that was counted out.
#[derive(Debug)]
pub struct Released {
    address: u64,
    block: Option<Block>,
}

impl Released {
    /// It was not freed after all.
    pub fn take_back(self) {
        if let (Some(tables), Some(block)) = (tables(), self.block) {
            tables.come(Kind::Heap, self.address, block.site, block.bytes);
        }
    }
}

/// The caller of the function that made `boundary` has made an anonymous mapping where nothing was; see [`unmapped`] for what it replaces.
pub fn mapped(address: *const libc::c_void, bytes: usize, boundary: Boundary) {
    guarded(|tables| {
        let number = tables.site_at(Kind::Mapping, boundary);
        tables.come(Kind::Mapping, address as u64, number, bytes as u64);
    });
}

/// A range of addresses is about to be unmapped, or was replaced.
pub fn unmapped(address: *const libc::c_void, bytes: usize) {
    if let Some(tables) = tables() {
        tables.uncover(address as u64, bytes as u64);
    }
}

/// The caller of the function that made `boundary` has unmapped something in so many nanoseconds of processor time.
pub fn unmap_took(nanoseconds: u64, boundary: Boundary) {
    guarded(|tables| {
        let site = tables.site(tables.site_at(Kind::Unmap, boundary));
        site.total_count.fetch_add(1, Relaxed);
        site.total_ns.fetch_add(nanoseconds, Relaxed);
    });
}

impl Tables {
    fn site_at(&self, kind: Kind, boundary: Boundary) -> u32 {
        let mut frames = [0; MAX_FRAMES];
        let count = capture(boundary, &mut frames);
        self.site_of(kind, &frames[..count])
    }

    /// A block came: also where one is entered that went unseen.
    fn come(&self, kind: Kind, address: u64, site: u32, bytes: u64) {
        self.go(kind, address);
        let block = Block { site, bytes };
        let entered = match kind {
            Kind::Heap => self.heap.insert(address, block),
            _ => self.mappings.insert(address, block),
        };
        match entered {
            true => self.site(site).count_in(bytes),
            false => {
                self.blocks_dropped.fetch_add(1, Relaxed);
            }
        }
    }

    fn go(&self, kind: Kind, address: u64) -> Option<Block> {
        let block = match kind {
            Kind::Heap => self.heap.remove(address),
            _ => self.mappings.remove(address),
        }?;
        self.site(block.site).count_out(block.bytes);
        Some(block)
    }

    /// Takes a range out of the mappings: those that it covers go, those that reach out of it keep the rest.
    fn uncover(&self, start: u64, bytes: u64) {
        let end = start.saturating_add(bytes);
        // Nearly always it is exactly what was mapped.
        let exact = self.mappings.remove(start);
        if let Some(block) = exact {
            self.site(block.site).count_out(block.bytes);
            if block.bytes == bytes {
                return;
            }
            self.keep(end, start + block.bytes, block.site);
        }
        let overlaps = |at: u64, block: Block| at < end && start < at + block.bytes;
        while let Some((at, block)) = self.mappings.remove_any(overlaps) {
            self.site(block.site).count_out(block.bytes);
            self.keep(at, start, block.site);
            self.keep(end, at + block.bytes, block.site);
        }
    }

    /// The part of a mapping that is left.
    fn keep(&self, start: u64, end: u64, site: u32) {
        if start < end {
            self.come(Kind::Mapping, start, site, end - start);
        }
    }
}
