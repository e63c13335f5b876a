//! The shape of the ledger file: fixed-size records that a supervisor can read while the client runs and after it is gone.
//!
//! Everything here is plain old data with a fixed layout. Numbers that both sides touch at the same time are atomics; all other
//! fields of a record are written before its `state`, and read after it.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

use crate::functions::FUNCTION_COUNT;
use crate::ledger::kind::KIND_COUNT;
pub use crate::ledger::layout_caches::{
    CacheCounters, CachePoint, HookState, POINT_CAPACITY, PointRecord, SITE_CAPACITY, SiteRecord,
};
use crate::schedule::{FAULTS_MAX, OUTCOMES_MAX, POINT_COUNT};

/// First eight bytes of every ledger file.
pub const MAGIC: u64 = u64::from_le_bytes(*b"mckucxL1");

/// Raised whenever a record changes shape, so that a reader of another build refuses the file.
pub const LAYOUT_VERSION: u32 = 9;

/// Object slots: four million live handles are 30 times what the largest vLLM deployment we know holds.
pub const OBJECT_CAPACITY: u32 = 1 << 22;
/// Stack trie nodes: 320,000 captures under NIXL needed 74.
pub const NODE_CAPACITY: u32 = 1 << 18;
/// Loaded modules: a Python process with NIXL has about 140.
pub const MODULE_CAPACITY: u32 = 2048;
/// Findings the mock records itself; repeats of one finding only raise its count.
pub const FINDING_CAPACITY: u32 = 4096;
/// The last calls kept for a report.
pub const EVENT_CAPACITY: u32 = 1 << 13;
/// Deviations: decisions that were not benign.
pub const FIRED_CAPACITY: u32 = 1 << 12;
/// Questions that were put to the decider, if they are recorded at all.
pub const ASKED_CAPACITY: u32 = 1 << 14;
/// Threads that can be inside a copy at once and still be named after a crash.
pub const COPY_SLOTS: usize = 64;
/// Bytes kept of a module's path.
pub const PATH_BYTES: usize = 504;
/// Bytes kept of a module's build id.
pub const BUILD_ID_BYTES: usize = 32;

/// The file's first page(s).
#[repr(C)]
pub struct Header {
    /// [`MAGIC`], written last.
    pub magic: AtomicU64,
    /// [`LAYOUT_VERSION`].
    pub layout: AtomicU32,
    /// Process that writes this file.
    pub pid: AtomicU32,
    /// Process that this one was forked from while it already used UCX, else 0.
    pub forked_from: AtomicU32,
    /// One of the `ENDED_*` numbers.
    pub ended: AtomicU32,
    /// Lowest handle value.
    pub handle_base: AtomicU64,
    /// Bytes reserved for handle values.
    pub handle_span: AtomicU64,
    /// Calls of `ucp_*` so far.
    pub step: AtomicU64,
    /// Calls until the client came to its end. Its other threads may make more while the supervisor looks at it.
    pub ending_step: AtomicU64,
    /// When it did, in nanoseconds of CLOCK_MONOTONIC; 0: it did not, or did not tell.
    pub ending_ns: AtomicU64,
    /// Operation of the client that is under way, as told by the harness; 0 if it says nothing.
    pub operation: AtomicU32,
    /// Object slots in use (high-water mark).
    pub objects: AtomicU32,
    /// Objects for which there was no slot.
    pub objects_dropped: AtomicU64,
    /// Stack nodes in use; node 0 is "no stack".
    pub nodes: AtomicU32,
    /// Module records in use.
    pub modules: AtomicU32,
    /// Findings in use.
    pub findings: AtomicU32,
    /// Findings for which there was no room.
    pub findings_dropped: AtomicU32,
    /// Deviations that are recorded.
    pub fired: AtomicU32,
    /// Deviations for which there was no room.
    pub fired_dropped: AtomicU32,
    /// Questions that are recorded.
    pub asked: AtomicU32,
    /// Non-zero once the mock itself panicked: nothing here can be vouched for.
    pub internal_errors: AtomicU32,
    /// Emulated UCX version: major << 16 | minor << 8 | patch.
    pub ucx_version: AtomicU32,
    /// Number of callback invocations of the client.
    pub upcalls: AtomicU32,
    /// Events recorded so far; the ring holds the last [`EVENT_CAPACITY`].
    pub events: AtomicU64,
    /// Objects created so far, by kind.
    pub created: [AtomicU64; KIND_COUNT],
    /// Objects alive, by kind.
    pub live: [AtomicU64; KIND_COUNT],
    /// Calls so far, by function.
    pub calls: [AtomicU64; FUNCTION_COUNT],
    /// Decisions so far, by point and outcome.
    pub outcomes: [[AtomicU32; OUTCOMES_MAX]; POINT_COUNT],
    /// How often each fault of the specification happened.
    pub faults_fired: [AtomicU64; FAULTS_MAX],
    /// Copies under way.
    pub copies: [CopySlot; COPY_SLOTS],
    /// What the registration caches of all contexts hold.
    pub caches: CacheCounters,
}

/// The process still runs, or ended without telling (`_exit`, abort, kill).
pub const ENDED_NOT: u32 = 0;
/// The process came to `exit`.
pub const ENDED_EXIT: u32 = 1;

/// A copy of client memory under way: when the process dies of SIGSEGV this says whose memory it was.
#[repr(C)]
pub struct CopySlot {
    /// Thread id as the kernel has it; 0 = free.
    pub thread: AtomicU32,
    /// Function under way.
    pub function: AtomicU32,
    /// First byte read.
    pub source: AtomicU64,
    /// First byte written.
    pub target: AtomicU64,
    /// Bytes.
    pub length: AtomicU64,
}

/// An object that was given to the client.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ObjectRecord {
    /// Unique for the process, in order of creation over all kinds; 0 = slot never used.
    pub serial: u64,
    /// Serial of the parent; 0 = none.
    pub parent: u64,
    /// Step of creation.
    pub created_step: u64,
    /// Step of the end.
    pub ended_step: u64,
    /// Handle value, exclusive-or [`HANDLE_MASK`], so that a scan of memory for the value never finds the ledger's copy.
    pub masked_handle: u64,
    /// First number that describes the object (a memory handle's address, a request's buffer ...).
    pub detail_a: u64,
    /// Second number (a length, a message id ...).
    pub detail_b: u64,
    /// Which one of its kind, from 1.
    pub ordinal: u32,
    /// Stack node of the creation.
    pub created_stack: u32,
    /// Stack node of the end.
    pub ended_stack: u32,
    /// Operation under way at creation.
    pub created_operation: u32,
    /// Operation under way at the end.
    pub ended_operation: u32,
    /// Thread of creation (ordinal).
    pub thread: u16,
    /// Function that created it.
    pub created_function: u16,
    /// Function that ended it.
    pub ended_function: u16,
    /// A [`crate::ledger::Kind`].
    pub kind: u8,
    /// A [`crate::ledger::ObjectState`].
    pub state: u8,
}

/// Handle values are stored exclusive-or this.
pub const HANDLE_MASK: u64 = 0xa5a5_0000_0000_5a5a;

/// First number of a request that lies in memory of the client (`UCP_OP_ATTR_FIELD_REQUEST`), so that nobody has to free it.
pub const REQUEST_OF_CLIENT: u64 = 1;

/// A node of the trie of call stacks.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct StackNode {
    /// Return address.
    pub pc: u64,
    /// Node of the caller; 0 = outermost.
    pub parent: u32,
    /// Keeps the size at 16.
    pub reserved: u32,
}

/// A module that was mapped when a stack was taken.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ModuleRecord {
    /// Load bias: address minus the file's virtual address.
    pub bias: u64,
    /// First mapped byte.
    pub start: u64,
    /// One past the last mapped byte.
    pub end: u64,
    /// Bytes of the path in use.
    pub path_length: u32,
    /// Bytes of the build id in use.
    pub build_id_length: u32,
    /// The path.
    pub path: [u8; PATH_BYTES],
    /// The build id.
    pub build_id: [u8; BUILD_ID_BYTES],
}

/// A rule that the client broke.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FindingRecord {
    /// Object concerned; 0 = none known.
    pub object: u64,
    /// Parent or second object concerned; 0 = none.
    pub other: u64,
    /// The value that was passed, exclusive-or [`HANDLE_MASK`].
    pub masked_value: u64,
    /// First number of the detail.
    pub detail_a: u64,
    /// Second number of the detail.
    pub detail_b: u64,
    /// Step at which it was seen first.
    pub step: u64,
    /// How often it was seen.
    pub count: u64,
    /// Stack node of the call.
    pub stack: u32,
    /// Operation under way.
    pub operation: u32,
    /// A [`crate::rules::Rule`].
    pub rule: u16,
    /// Function under way.
    pub function: u16,
    /// Index of the argument, 0xffff = none.
    pub argument: u16,
    /// A [`crate::ledger::Trouble`].
    pub trouble: u8,
    /// Non-zero when complete.
    pub state: u8,
}

/// One call of the client, in the ring of the last events. Three words, each written atomically, because calls do not wait for each
/// other here.
#[repr(C)]
pub struct EventRecord {
    /// Step.
    pub step: AtomicU64,
    /// Serial of the object concerned; 0 = none.
    pub object: AtomicU64,
    /// Function | thread << 16 | status << 32 (as a byte) | faulted << 40.
    pub packed: AtomicU64,
}

/// A decision that was not benign.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FiredRecord {
    /// What was asked.
    pub asked: AskedRecord,
    /// Stack node of the call.
    pub stack: u32,
    /// The choice's number.
    pub number: i32,
    /// Function under way.
    pub function: u16,
    /// The choice's tag.
    pub tag: u8,
    /// Index of the fault in the specification; [`NO_FAULT`] = none asked for it.
    pub fault: u8,
    /// Keeps the size at 48.
    pub reserved: [u8; 4],
}

/// The decision was not asked for by a fault of a specification.
pub const NO_FAULT: u8 = u8::MAX;
/// No function of UCX was called.
pub const NO_FUNCTION: u16 = u16::MAX;

/// A question that was put to the decider.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct AskedRecord {
    /// Step.
    pub step: u64,
    /// How often its point was reached in the process.
    pub occurrence: u32,
    /// How often with that object, or in that operation.
    pub of_object: u32,
    /// The object's place among its kind; 0 = no object.
    pub ordinal: u32,
    /// Operation under way.
    pub operation: u32,
    /// Where in the client's code, if the system was asked there for the first time; else 0.
    pub place: u32,
    /// The point's number.
    pub point: u16,
    /// Thread (ordinal).
    pub thread: u16,
    /// The object's kind.
    pub kind: u8,
    /// Keeps the size at 40.
    pub reserved: [u8; 7],
}

const fn page_up(bytes: usize) -> usize {
    bytes.next_multiple_of(4096)
}

/// Where each table starts, in bytes from the start of the file.
#[derive(Clone, Copy, Debug)]
pub struct Offsets {
    /// [`StackNode`]s.
    pub nodes: usize,
    /// [`ModuleRecord`]s.
    pub modules: usize,
    /// [`FindingRecord`]s.
    pub findings: usize,
    /// [`EventRecord`]s.
    pub events: usize,
    /// [`FiredRecord`]s.
    pub fired: usize,
    /// [`AskedRecord`]s.
    pub asked: usize,
    /// [`ObjectRecord`]s, last because it is the largest.
    pub objects: usize,
    /// Size of the file.
    pub total: usize,
}

/// The one arrangement of this layout version. The file is sparse: only pages that were touched cost anything.
pub const OFFSETS: Offsets = {
    let nodes = page_up(size_of::<Header>());
    let modules = page_up(nodes + NODE_CAPACITY as usize * size_of::<StackNode>());
    let findings = page_up(modules + MODULE_CAPACITY as usize * size_of::<ModuleRecord>());
    let events = page_up(findings + FINDING_CAPACITY as usize * size_of::<FindingRecord>());
    let fired = page_up(events + EVENT_CAPACITY as usize * size_of::<EventRecord>());
    let asked = page_up(fired + FIRED_CAPACITY as usize * size_of::<FiredRecord>());
    let objects = page_up(asked + ASKED_CAPACITY as usize * size_of::<AskedRecord>());
    let total = page_up(objects + OBJECT_CAPACITY as usize * size_of::<ObjectRecord>());
    Offsets {
        nodes,
        modules,
        findings,
        events,
        fired,
        asked,
        objects,
        total,
    }
};

/// Byte offset of [`ObjectRecord::state`], which is written last, atomically.
pub const OBJECT_STATE_OFFSET: usize = std::mem::offset_of!(ObjectRecord, state);

/// Views a byte of a record as an atomic.
///
/// # Safety
/// `byte` is valid for reads and writes and lies in a mapping that lives as long as `'a`.
pub(crate) unsafe fn atomic_u8<'a>(byte: *mut u8) -> &'a AtomicU8 {
    // SAFETY: the caller vouches for the pointer; a byte is always aligned.
    unsafe { AtomicU8::from_ptr(byte) }
}
