//! How the tables lie in memory, or in the file that a supervisor reads.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

/// First word of a file.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"allocs\0\x01");
/// Changes with everything below.
pub(crate) const LAYOUT_VERSION: u32 = 2;

/// Frames kept of a stack, the innermost ones: a Python program is 20-24 deep when it comes to UCX, and an unmap that makes UCX's pool grow
/// some ten more.
pub const FRAMES_MAX: usize = 40;
/// Call stacks: NIXL under Python comes to some hundreds.
pub(crate) const SITE_CAPACITY: usize = 1 << 13;
/// Blocks of the heap. Their pages are only touched as far as they are used.
pub(crate) const BLOCK_CAPACITY: usize = 1 << 20;
/// Mappings. UCX's pool of invalidations takes some 350 for 100,000 unmaps.
pub(crate) const MAPPING_CAPACITY: usize = 1 << 14;

/// Slots that are looked through together: one cache line of keys.
pub(crate) const BUCKET: usize = 8;

/// The site of what found no room among the sites.
pub(crate) const SITE_OF_THE_REST: u32 = 0;

/// A call stack and what is live of what it allocated.
#[repr(C)]
pub(crate) struct Site {
    /// Of its kind and its frames; 0 is a free one.
    pub(crate) hash: AtomicU64,
    /// Frames that are valid, one more than there are: 0 says that they are still being written.
    pub(crate) frames_written: AtomicU32,
    pub(crate) kind: AtomicU32,
    pub(crate) live_bytes: AtomicI64,
    pub(crate) live_count: AtomicI64,
    /// All that it ever did.
    pub(crate) total_count: AtomicU64,
    pub(crate) total_bytes: AtomicU64,
    /// Of unmaps: the processor time that they took.
    pub(crate) total_ns: AtomicU64,
    pub(crate) frames: [AtomicU64; FRAMES_MAX],
}

/// Live blocks by address: keys in buckets, values beside them.
#[repr(C)]
pub(crate) struct Blocks<const N: usize> {
    pub(crate) keys: [AtomicU64; N],
    /// Site in the upper 16 bits, bytes in the lower 48.
    pub(crate) values: [AtomicU64; N],
    /// Buckets (one of [`BUCKET`] entries is used) that were passed because they were full.
    pub(crate) overflowed: [AtomicU8; N],
}

/// All of it. Zeroes are the valid beginning.
#[repr(C)]
pub(crate) struct Tables {
    pub(crate) magic: AtomicU64,
    pub(crate) layout: AtomicU32,
    pub(crate) pid: AtomicU32,
    /// Blocks that found no room: what is said of live memory is then too little.
    pub(crate) blocks_dropped: AtomicU64,
    /// Blocks whose stack found no room among the sites.
    pub(crate) sites_dropped: AtomicU64,
    pub(crate) sites: [Site; SITE_CAPACITY],
    pub(crate) heap: Blocks<BLOCK_CAPACITY>,
    pub(crate) mappings: Blocks<MAPPING_CAPACITY>,
}

const _: () = assert!(SITE_CAPACITY <= 1 << 16);
