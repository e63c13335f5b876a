//! The kinds of object that UCX gives to a client, and the states they go through.

use std::fmt;

/// A kind of object. The names are those of `findings.jsonl`.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `ucp_config_t *`.
    Config = 0,
    /// `ucp_context_h`.
    Context = 1,
    /// `ucp_worker_h`.
    Worker = 2,
    /// `ucp_address_t *` got from a worker.
    Address = 3,
    /// `ucp_ep_h`.
    Endpoint = 4,
    /// `ucp_mem_h`.
    MemoryHandle = 5,
    /// Packed remote key.
    RkeyBuffer = 6,
    /// `ucp_rkey_h`.
    Rkey = 7,
    /// Request handle returned by a `_nbx` call.
    Request = 8,
    /// Active message data that a handler kept.
    AmData = 9,
    /// `ucp_device_*_mem_list_h`.
    MemList = 10,
}

/// Number of kinds.
pub const KIND_COUNT: usize = 11;

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Kind; KIND_COUNT] = [
        Kind::Config,
        Kind::Context,
        Kind::Worker,
        Kind::Address,
        Kind::Endpoint,
        Kind::MemoryHandle,
        Kind::RkeyBuffer,
        Kind::Rkey,
        Kind::Request,
        Kind::AmData,
        Kind::MemList,
    ];

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number)).copied()
    }

    /// Name in reports and in `findings.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Config => "config",
            Kind::Context => "context",
            Kind::Worker => "worker",
            Kind::Address => "address",
            Kind::Endpoint => "endpoint",
            Kind::MemoryHandle => "memory_handle",
            Kind::RkeyBuffer => "rkey_buffer",
            Kind::Rkey => "rkey",
            Kind::Request => "request",
            Kind::AmData => "am_data",
            Kind::MemList => "mem_list",
        }
    }
}

impl Kind {
    /// Name in fault specifications and traces: UCX's own abbreviation, where it has one.
    pub fn short_name(self) -> &'static str {
        match self {
            Kind::Endpoint => "ep",
            Kind::MemoryHandle => "memh",
            other => other.name(),
        }
    }

    /// The kind of this name, the short one or the long one.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name || kind.short_name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of an object.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectState {
    /// The slot was never used.
    Unused = 0,
    /// The client holds it, or ought to.
    Alive = 1,
    /// The client gave it back.
    Ended = 2,
    /// Its parent ended first: it can never be given back.
    Orphaned = 3,
    /// It was alive in the process from which this one was forked: never a leak here.
    Inherited = 4,
}

impl ObjectState {
    /// The state with this number; an unknown one counts as unused.
    pub fn from_number(number: u8) -> ObjectState {
        match number {
            1 => ObjectState::Alive,
            2 => ObjectState::Ended,
            3 => ObjectState::Orphaned,
            4 => ObjectState::Inherited,
            _ => ObjectState::Unused,
        }
    }
}

/// What was wrong with a handle or an argument.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Nothing to do with a handle's value; the rule says it all.
    None = 0,
    /// A null pointer.
    Null = 1,
    /// The object was given back before.
    Stale = 2,
    /// A live object, of another kind.
    OtherKind = 3,
    /// It looks like a handle of another process that uses the mock.
    OtherProcess = 4,
    /// Inside an object's address but not at its start.
    Misaligned = 5,
    /// A value that UCX never gave out.
    Unknown = 6,
    /// An error pointer (`UCS_PTR_IS_ERR`).
    ErrorPointer = 7,
    /// A live object of another parent.
    OtherParent = 8,
    /// An object of the process from which this one was forked.
    Inherited = 9,
}

impl Trouble {
    /// The trouble with this number.
    pub fn from_number(number: u8) -> Trouble {
        match number {
            1 => Trouble::Null,
            2 => Trouble::Stale,
            3 => Trouble::OtherKind,
            4 => Trouble::OtherProcess,
            5 => Trouble::Misaligned,
            6 => Trouble::Unknown,
            7 => Trouble::ErrorPointer,
            8 => Trouble::OtherParent,
            9 => Trouble::Inherited,
            _ => Trouble::None,
        }
    }

    /// In words, after "the handle is".
    pub fn words(self) -> &'static str {
        match self {
            Trouble::None => "as expected",
            Trouble::Null => "null",
            Trouble::Stale => "stale: the object was given back before",
            Trouble::OtherKind => "an object of another kind",
            Trouble::OtherProcess => "not of this process",
            Trouble::Misaligned => "not at the start of an object",
            Trouble::Unknown => "a value that UCX never gave out",
            Trouble::ErrorPointer => "an error pointer, not a handle",
            Trouble::OtherParent => "an object that belongs to another parent",
            Trouble::Inherited => "an object of the process this one was forked from",
        }
    }
}
