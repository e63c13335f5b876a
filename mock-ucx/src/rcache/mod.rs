//! UCX's registration cache, as far as a client can feel it: what it remembers of memory that was unmapped.
//!
//! Each context has one (`core/ucp_mm.c:ucp_mem_rcache_create`). UCX hears of every unmap in the process, and this cache never acts on it
//! at once, because it asks for `UCS_RCACHE_FLAG_SYNC_EVENTS`: it writes the range down
//! (`ucs/memory/rcache.c:ucs_rcache_unmapped_callback`) and goes through what it wrote down when memory is registered the next time
//! (`ucs_rcache_check_overlap`), or when more bytes are pending than `UCX_RCACHE_MAX_UNRELEASED`, which is infinite by default. A client
//! that registers once and unmaps for ever makes it grow for ever.
//!
//! What is left out: registrations that stay in the cache for later use, and with them `UCX_RCACHE_MAX_REGIONS` and `UCX_RCACHE_MAX_SIZE`.
//! They pin memory, which no call of `ucp.h` shows.

mod configuration;
mod contexts;
mod merged;
mod pending;
mod registered;
#[cfg(test)]
mod tests;

pub(crate) use configuration::{Configuration, Switch};
pub(crate) use registered::Registered;

use crate::version::UcxVersion;
use pending::Pending;

/// Bytes of one entry. UCX takes entries from a pool whose elements are as large as a directory of its page table, 16 pointers and a
/// count (`ucs_rcache_t_init`, `ucs/datastruct/pgtable.h`), with the pool's own 8 bytes before each: 100,000 are 14 MB.
pub(crate) const ENTRY_BYTES: u64 = 144;

/// Addresses from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Range {
    /// `length` bytes at `start`. Nothing wraps around the end of the address space.
    pub(crate) fn of(start: u64, length: u64) -> Range {
        Range {
            start,
            end: start.saturating_add(length),
        }
    }

    /// Its bytes.
    pub(crate) fn length(self) -> u64 {
        self.end - self.start
    }

    /// Whether it has no addresses.
    pub(crate) fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The addresses that are in both.
    pub(crate) fn common(self, other: Range) -> Option<Range> {
        let common = Range {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        };
        (common.start < common.end).then_some(common)
    }
}

/// What was counted of one cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Unmaps that it heard of.
    pub(crate) unmaps: u64,
    /// Entries that are pending.
    pub(crate) entries: u64,
    /// The most that ever were.
    pub(crate) entries_max: u64,
    /// Nodes of its tree that the searches of all unmaps looked at; 0 as long as it has a queue.
    pub(crate) visited: u64,
    /// Times that it went through what was pending.
    pub(crate) drains: u64,
}

/// One context's registration cache.
#[derive(Debug)]
pub(crate) struct RegistrationCache {
    /// `UCX_RCACHE_MAX_UNRELEASED`, in bytes.
    unreleased_max: u64,
    pending: Pending,
    tally: Tally,
}

impl RegistrationCache {
    /// An empty one, as the release has it.
    pub(crate) fn new(version: UcxVersion, unreleased_max: u64) -> RegistrationCache {
        RegistrationCache {
            unreleased_max,
            pending: Pending::of(version),
            tally: Tally::default(),
        }
    }

    /// A range is about to be unmapped; returns the nodes of the tree that the search looked at. UCX looks at the limit before it writes
    /// the range down; its thread that then goes through what is pending is taken to be done at once.
    pub(crate) fn unmapped(&mut self, range: Range) -> u64 {
        if self.pending.bytes() > self.unreleased_max {
            self.drain();
        }
        let visited = self.pending.add(range);
        self.tally.visited += visited;
        self.tally.unmaps += 1;
        self.tally.entries = self.pending.entries();
        self.tally.entries_max = self.tally.entries_max.max(self.tally.entries);
        visited
    }

    /// Memory is registered: whatever is pending is gone through first (`ucs/memory/rcache.inl:ucs_rcache_lookup_unsafe` finds nothing
    /// while something is).
    pub(crate) fn registers(&mut self) {
        if self.pending.entries() > 0 {
            self.drain();
        }
    }

    /// What was counted.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    fn drain(&mut self) {
        self.pending.clear();
        self.tally.entries = 0;
        self.tally.drains += 1;
    }
}
