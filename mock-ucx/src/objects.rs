//! What the mock knows of each live object beyond its ledger record.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use parking_lot::ReentrantMutex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::abi::types::{
    UcpAmRecvCallback, UcpAmRecvDataNbxCallback, UcpErrHandlerCb, UcpRequestCleanupCallback,
    UcpRequestInitCallback, UcpSendNbxCallback, UcsStatus,
};
use crate::counts::OfObject;
use crate::fabric::endpoint::Target;
use crate::fabric::memory::Region;
use crate::hidden::Bytes;
use crate::ledger::Kind;
use crate::occupancy::Occupancy;
use crate::rcache::Configuration;
use crate::schedule::Choice;
use crate::universe::State;
use crate::unmaps::Pages;

/// The live objects by serial.
pub(crate) type Objects = HashMap<u64, Entry, BuildHasherDefault<SerialHasher>>;

/// Hashes serials so that those of objects made one after the other lie side by side in the table: with a million objects each place
/// anywhere else is a miss in all of a processor's caches.
#[derive(Default)]
pub(crate) struct SerialHasher(u64);

impl SerialHasher {
    /// Serials that lie side by side: as many as `hashbrown` looks at in one go.
    const BLOCK_BITS: u32 = 4;
    /// Of a hash's bits `hashbrown` takes the lowest for the place, and so many of the highest to tell neighbours apart.
    const TAG_BITS: u32 = 7;
}

impl Hasher for SerialHasher {
    fn write_u64(&mut self, serial: u64) {
        let within = serial & ((1 << Self::BLOCK_BITS) - 1);
        // The end of SplitMix64: every bit of it depends on all bits of the number.
        let mixed = (serial >> Self::BLOCK_BITS).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let block = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let place = (block >> 32) << Self::BLOCK_BITS | within;
        let tag = (block & 0b111) << Self::BLOCK_BITS | within;
        self.0 = tag << (u64::BITS - Self::TAG_BITS) | place;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("serials are hashed as numbers of 64 bits");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A live object.
pub(crate) struct Entry {
    /// Its record in the ledger.
    pub(crate) slot: u32,
    /// Objects that name it as their parent.
    pub(crate) children: u32,
    /// Serial of the parent; 0 = none.
    pub(crate) parent: u64,
    /// Hash of the place in the tree of objects ([`Question::path`](crate::schedule::Question::path)).
    pub(crate) path: u64,
    /// What was counted of it, once anybody asked.
    pub(crate) counts: Option<Box<OfObject>>,
    pub(crate) body: Body,
}

/// What is particular to a kind. Large ones are boxed: a process may hold a million memory handles.
pub(crate) enum Body {
    Config(Box<Config>),
    Context(Box<Context>),
    Worker(Box<Worker>),
    Address(Bytes),
    Endpoint(Box<Endpoint>),
    Memory(Memory),
    RkeyBuffer(Bytes),
    Rkey(Box<Rkey>),
    Request(Box<Request>),
    AmData(Box<AmData>),
    /// The objects that it was made of.
    MemList(Box<[u64]>),
}

impl Body {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Body::Config(_) => Kind::Config,
            Body::Context(_) => Kind::Context,
            Body::Worker(_) => Kind::Worker,
            Body::Address(_) => Kind::Address,
            Body::Endpoint(_) => Kind::Endpoint,
            Body::Memory(_) => Kind::MemoryHandle,
            Body::RkeyBuffer(_) => Kind::RkeyBuffer,
            Body::Rkey(_) => Kind::Rkey,
            Body::Request(_) => Kind::Request,
            Body::AmData(_) => Kind::AmData,
            Body::MemList(_) => Kind::MemList,
        }
    }

    /// Bytes of memory at the handle, for kinds whose handle is a pointer into memory of ours.
    pub(crate) fn memory_length(&self) -> usize {
        match self {
            Body::Address(bytes) | Body::RkeyBuffer(bytes) => bytes.len(),
            Body::Request(request) => request.area.as_ref().map_or(0, Bytes::len),
            Body::AmData(data) => match &data.payload {
                Payload::Eager(bytes) => bytes.len(),
                Payload::Rendezvous { .. } => 0,
            },
            _ => 0,
        }
    }
}

/// A configuration: what the client changed of that which matters here.
#[derive(Default)]
pub(crate) struct Config {
    /// `RNDV_THRESH`, in bytes.
    pub(crate) rendezvous_threshold: Option<usize>,
    /// What is said about the registration cache.
    pub(crate) cache: Configuration,
}

/// A context.
pub(crate) struct Context {
    pub(crate) features: u64,
    pub(crate) name: String,
    pub(crate) mt_workers_shared: bool,
    /// Longest active message that is sent eagerly unless the client says otherwise, in bytes.
    pub(crate) rendezvous_threshold: usize,
    pub(crate) request_size: usize,
    pub(crate) request_init: UcpRequestInitCallback,
    pub(crate) request_cleanup: UcpRequestCleanupCallback,
    /// Threads inside calls on it.
    pub(crate) occupancy: Arc<Occupancy>,
}

/// A worker.
pub(crate) struct Worker {
    pub(crate) context: u64,
    pub(crate) features: u64,
    pub(crate) thread_mode: u32,
    pub(crate) flags: u64,
    pub(crate) name: String,
    pub(crate) am_alignment: usize,
    /// The event descriptor, once the client asked for it.
    pub(crate) wakeup: Option<Wakeup>,
    pub(crate) armed: bool,
    /// Times that arming was refused since the worker was progressed.
    pub(crate) arms_refused: u32,
    /// Times that a request was told to be in progress since the worker was progressed.
    pub(crate) polls: u32,
    /// Progress calls so far.
    pub(crate) progressed: u64,
    /// Progress calls since something was done, while something is withheld.
    pub(crate) idle: u64,
    /// Deviations in a row that are bounded: busy progress counts, busy arms.
    pub(crate) busy_in_a_row: u32,
    /// Endpoints of this worker.
    pub(crate) endpoints: BTreeSet<u64>,
    /// What the next progress calls will find.
    pub(crate) inbox: VecDeque<Event>,
    pub(crate) handlers: FxHashMap<u16, AmHandler>,
    /// UCX's lock of a worker in multi-thread mode: held while its callbacks run.
    pub(crate) lock: Option<Arc<ReentrantMutex<()>>>,
    /// Thread that made it.
    pub(crate) owner: u16,
    /// Threads inside calls on it.
    pub(crate) occupancy: Arc<Occupancy>,
    /// Threads with a progress call under way on it, one for each call: the lock is recursive, and a client that breaks the thread mode
    /// comes with several.
    pub(crate) progressing: Vec<u16>,
    /// Endpoints of any worker of this process that lead here.
    pub(crate) peers: FxHashSet<u64>,
    /// Request areas that were given back, oldest first.
    pub(crate) pool: VecDeque<Bytes>,
    /// Endpoints (serials) that were made to answer active messages, by the sender's worker. The library owns them.
    pub(crate) reply_endpoints: FxHashMap<Target, u64>,
    /// Requests whose data a receiver may not fetch any more.
    pub(crate) given_up: FxHashSet<u64>,
}

/// The descriptors on which a worker's client sleeps.
pub(crate) struct Wakeup {
    /// Signalled by this process.
    pub(crate) event: OwnedFd,
    /// What the client was given: it tells of the event and of what comes from other processes. Without these it is the event alone.
    pub(crate) both: Option<OwnedFd>,
    /// What the client was given is this file, as long as it leaves it open.
    pub(crate) file: Option<FileId>,
    /// It is in an epoll set of the client's.
    pub(crate) joined: bool,
}

/// A file, by device and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) number: u64,
}

/// Something that a progress call will do.
pub(crate) enum Event {
    /// An active message arrived.
    Message(Message),
    /// A request is complete.
    Complete { request: u64, status: UcsStatus },
    /// An endpoint failed; its client is to be told.
    Failed { endpoint: u64, status: UcsStatus },
}

/// An active message on its way.
pub(crate) struct Message {
    pub(crate) id: u16,
    pub(crate) header: Bytes,
    pub(crate) payload: Payload,
    /// Worker that wants an answer, if it asked for a reply endpoint.
    pub(crate) reply_to: Option<Target>,
}

/// The data of an active message.
pub(crate) enum Payload {
    /// It came with the message.
    Eager(Bytes),
    /// It is still in the sender's buffer, and the sender waits until it was fetched or dropped.
    Rendezvous { source: Region, sender: Sender },
}

/// Who waits until the data of a rendezvous was fetched.
#[derive(Clone, Copy)]
pub(crate) enum Sender {
    /// A request of this process; `worker` is the sender's, with which the data goes.
    Request { request: u64, worker: u64 },
    /// An operation of another process.
    Remote { peer: u64, operation: u64 },
}

impl Payload {
    pub(crate) fn len(&self) -> usize {
        match self {
            Payload::Eager(bytes) => bytes.len(),
            Payload::Rendezvous { source, .. } => source.length,
        }
    }
}

/// A receive handler.
#[derive(Clone, Copy)]
pub(crate) struct AmHandler {
    pub(crate) callback: UcpAmRecvCallback,
    pub(crate) argument: u64,
    pub(crate) flags: u32,
}

/// An endpoint.
pub(crate) struct Endpoint {
    pub(crate) worker: u64,
    /// The worker it leads to.
    pub(crate) target: Target,
    pub(crate) error_mode: u32,
    pub(crate) error_callback: UcpErrHandlerCb,
    pub(crate) error_argument: u64,
    pub(crate) failed: Option<UcsStatus>,
    /// Remote keys that were unpacked on it and are alive.
    pub(crate) rkeys: u32,
    /// The error handler runs before the requests fail.
    pub(crate) handler_first: bool,
    /// When it notices that its peer is gone: at once, some progress calls later, or not before the healing.
    pub(crate) notice: Choice,
    /// Its peer is gone, and it has not noticed.
    pub(crate) silent: bool,
}

/// A memory handle.
pub(crate) struct Memory {
    pub(crate) region: Region,
    pub(crate) memory_type: u32,
    /// What may be done with it.
    pub(crate) protection: u32,
    /// UCX allocated the memory, so unmap frees it.
    pub(crate) allocated: bool,
    /// What became of the memory, as far as unmaps are seen.
    pub(crate) pages: Pages,
}

/// An unpacked remote key.
pub(crate) struct Rkey {
    pub(crate) endpoint: u64,
    pub(crate) worker: u64,
    /// Process that packed it.
    pub(crate) nonce: u64,
    /// Serial of the memory handle that was packed.
    pub(crate) memory: u64,
    pub(crate) region: Region,
}

/// A request that the client holds.
pub(crate) struct Request {
    pub(crate) worker: u64,
    /// Endpoint with which it fails; 0 = none.
    pub(crate) endpoint: u64,
    pub(crate) status: UcsStatus,
    pub(crate) callback: Callback,
    pub(crate) user_data: u64,
    /// Handle value, exclusive-or [`POINTER_MASK`](crate::hidden::POINTER_MASK).
    pub(crate) masked_handle: u64,
    pub(crate) area: Option<Bytes>,
    /// The client brought the memory: it is never freed through UCX.
    pub(crate) external: bool,
    /// How long its completion is held back once the operation is done.
    pub(crate) delay: Choice,
    /// Endpoint that it flushes or closes; 0 = it does neither.
    pub(crate) flushes: u64,
}

/// A completion callback.
#[derive(Clone, Copy)]
pub(crate) enum Callback {
    Send(UcpSendNbxCallback),
    /// The length is that of the received data, in bytes.
    AmReceive(UcpAmRecvDataNbxCallback, usize),
}

impl Callback {
    /// The client gave one.
    pub(crate) fn is_some(self) -> bool {
        match self {
            Callback::Send(callback) => callback.is_some(),
            Callback::AmReceive(callback, _) => callback.is_some(),
        }
    }
}

/// Active message data that a handler may keep.
pub(crate) struct AmData {
    pub(crate) worker: u64,
    pub(crate) payload: Payload,
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $variant:ident => $type:ty;)*) => {
        impl State {
            $(
                $(#[$doc])*
                pub(crate) fn $name(&self, serial: u64) -> Option<&$type> {
                    match self.objects.get(&serial) {
                        Some(Entry { body: Body::$variant(body), .. }) => Some(body),
                        _ => None,
                    }
                }
            )*
        }
    };
}

macro_rules! mutable_accessors {
    ($($(#[$doc:meta])* $name:ident: $variant:ident => $type:ty;)*) => {
        impl State {
            $(
                $(#[$doc])*
                pub(crate) fn $name(&mut self, serial: u64) -> Option<&mut $type> {
                    match self.objects.get_mut(&serial) {
                        Some(Entry { body: Body::$variant(body), .. }) => Some(body),
                        _ => None,
                    }
                }
            )*
        }
    };
}

accessors! {
    /// A live configuration.
    config: Config => Config;
    /// A live context.
    context: Context => Context;
    /// A live worker.
    worker: Worker => Worker;
    /// A live endpoint.
    endpoint: Endpoint => Endpoint;
    /// A live memory handle.
    memory: Memory => Memory;
    /// A live remote key.
    rkey: Rkey => Rkey;
    /// A request that the client holds, or that still runs.
    request: Request => Request;
    /// Active message data that the client holds.
    am_data: AmData => AmData;
}

mutable_accessors! {
    /// A live configuration, to be changed.
    config_mut: Config => Config;
    /// A live worker, to be changed.
    worker_mut: Worker => Worker;
    /// A live endpoint, to be changed.
    endpoint_mut: Endpoint => Endpoint;
    /// A live memory handle, to be changed.
    memory_mut: Memory => Memory;
    /// A request, to be changed.
    request_mut: Request => Request;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(serial: u64) -> u64 {
        let mut hasher = SerialHasher::default();
        hasher.write_u64(serial);
        hasher.finish()
    }

    #[test]
    fn neighbours_lie_side_by_side_and_are_told_apart_by_their_tags() {
        let block: Vec<u64> = (160..176).map(hash).collect();
        for pair in block.windows(2) {
            assert_eq!((pair[1] as u32).wrapping_sub(pair[0] as u32), 1);
        }
        let mut tags: Vec<u64> = block.iter().map(|hash| hash >> 57).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), block.len());
    }

    #[test]
    fn blocks_spread_over_a_table_of_any_size() {
        for bits in 8..20 {
            let blocks = 1_u64 << (bits - SerialHasher::BLOCK_BITS);
            let mut places: Vec<u64> = (0..blocks)
                .map(|block| hash(block * 16) & ((1 << bits) - 1))
                .collect();
            places.sort_unstable();
            places.dedup();
            // Thrown at random, blocks would take about 63 % of the places, more or less in a small table.
            assert!(places.len() as u64 * 2 > blocks, "{bits}: {}", places.len());
        }
    }
}
