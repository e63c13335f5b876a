//! The part of the ledger's header that is about unmaps and the registration caches that hear of them.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

/// Notes of how the caches stand, spread over the process's life: enough to tell a line from a step.
pub const POINT_CAPACITY: u32 = 256;
/// Call stacks from which memory is unmapped: a serving process has a dozen.
pub const SITE_CAPACITY: u32 = 64;
/// Bytes kept of the reason why unmaps are not seen.
const UNSEEN_BYTES: usize = 160;

/// What is counted of the registration caches of a process, over all its contexts.
#[repr(C)]
pub struct CacheCounters {
    /// Caches that were made.
    pub made: AtomicU64,
    /// Unmaps that they heard of.
    pub unmaps: AtomicU64,
    /// Entries that are pending in the fullest.
    pub entries: AtomicU64,
    /// The most that ever were.
    pub entries_max: AtomicU64,
    /// Nodes of its tree that the searches of all unmaps looked at: for each unmap those of the cache that had to look at most.
    pub visited: AtomicU64,
    /// Times that one went through what was pending.
    pub drains: AtomicU64,
    /// Unmaps that the caches did not hear of, because more came between two calls of UCX than there was room for.
    pub missed: AtomicU64,
    /// Samples of stacks for which there was no room.
    pub sites_dropped: AtomicU64,
    /// Unmaps at which the next note is made.
    pub next_point: AtomicU64,
    /// Unmaps between two notes.
    pub point_stride: AtomicU64,
    /// A [`HookState`].
    pub hooks: AtomicU32,
    /// Notes in use.
    pub points: AtomicU32,
    /// Sites in use.
    pub sites: AtomicU32,
    /// Keeps what follows aligned.
    pub reserved: AtomicU32,
    /// Why unmaps are not seen; zeros follow the text.
    pub unseen: [AtomicU8; UNSEEN_BYTES],
    /// Notes, oldest first.
    pub point: [PointRecord; POINT_CAPACITY as usize],
    /// Sites, in the order in which they were seen first.
    pub site: [SiteRecord; SITE_CAPACITY as usize],
}

/// Whether unmaps are seen.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookState {
    /// Nobody wanted to.
    Unwanted,
    /// Yes.
    Installed,
    /// It did not work.
    Failed,
}

impl HookState {
    /// The state with this number.
    pub fn from_number(number: u32) -> HookState {
        match number {
            1 => HookState::Installed,
            2 => HookState::Failed,
            _ => HookState::Unwanted,
        }
    }
}

/// How the caches stood at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CachePoint {
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub at_ns: u64,
    /// Calls of UCX so far.
    pub step: u64,
    /// Operation of the client; 0 if it says nothing.
    pub operation: u64,
    /// Unmaps so far.
    pub unmaps: u64,
    /// Mappings that the process had made before the last of them.
    pub mappings: u64,
    /// Entries that were pending in the fullest cache.
    pub entries: u64,
    /// Nodes that were looked at so far.
    pub visited: u64,
    /// Times that one went through what was pending, so far.
    pub drains: u64,
}

/// Numbers of a [`CachePoint`].
const POINT_NUMBERS: usize = 8;

/// A [`CachePoint`] in the file.
#[repr(C)]
pub struct PointRecord([AtomicU64; POINT_NUMBERS]);

impl PointRecord {
    /// Writes it.
    pub(crate) fn set(&self, point: CachePoint) {
        let numbers: [u64; POINT_NUMBERS] = [
            point.at_ns,
            point.step,
            point.operation,
            point.unmaps,
            point.mappings,
            point.entries,
            point.visited,
            point.drains,
        ];
        for (place, number) in self.0.iter().zip(numbers) {
            place.store(number, Relaxed);
        }
    }

    /// Reads it.
    pub(crate) fn get(&self) -> CachePoint {
        let [
            at_ns,
            step,
            operation,
            unmaps,
            mappings,
            entries,
            visited,
            drains,
        ] = std::array::from_fn(|index| self.0[index].load(Relaxed));
        CachePoint {
            at_ns,
            step,
            operation,
            unmaps,
            mappings,
            entries,
            visited,
            drains,
        }
    }
}

/// A call stack from which memory was unmapped.
#[repr(C)]
pub struct SiteRecord {
    /// Stack node.
    pub stack: AtomicU32,
    /// Which function it was.
    pub kind: AtomicU32,
    /// Times that it was found among the samples.
    pub samples: AtomicU64,
}
