//! What operations are applied to: slots, descriptors, messages and the small settings around them.
//!
//! Slots are plain numbers so that a byte generator and a shrinker can work on them. No value is
//! invalid: a slot that holds nothing makes its operation a skipped one.

/// A numbered place that holds one object of a kind.
pub trait Slot: Copy + Eq + Ord {
    /// The letter the slot starts with in the text form.
    const LETTER: char;
    /// What the slot holds, for messages.
    const KIND: &'static str;
    /// The largest slot number.
    const MAX: u16;
    /// The slot with this number, if there is one.
    fn from_number(number: u16) -> Option<Self>;
    /// The number of the slot.
    fn number(self) -> u16;
}

macro_rules! slot {
    ($name:ident, $int:ty, $letter:literal, $kind:literal) => {
        #[doc = concat!("The slot of ", $kind, ", written `", $letter, "0`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl Slot for $name {
            const LETTER: char = $letter;
            const KIND: &'static str = $kind;
            const MAX: u16 = <$int>::MAX as u16;
            fn from_number(number: u16) -> Option<Self> {
                <$int>::try_from(number).ok().map(Self)
            }
            fn number(self) -> u16 {
                u16::from(self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}{}", $letter, self.0)
            }
        }
    };
}

slot!(AgentSlot, u8, 'a', "an agent");
slot!(BackendSlot, u8, 'b', "a backend");
slot!(RegionSlot, u16, 'r', "a region");
slot!(ListSlot, u8, 'd', "a prepared descriptor list");
slot!(TransferSlot, u16, 'x', "a transfer");
slot!(BlobSlot, u8, 'm', "a metadata blob");
slot!(ViewSlot, u8, 'v', "a memory view");
slot!(ArenaSlot, u8, 'n', "an arena");

/// Bytes `offset .. offset + len` of a region. The interpreter clamps them to the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub offset: u32,
    /// Number of bytes.
    pub len: u32,
}

/// One descriptor: a region or a span of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Desc {
    /// The region it lies in.
    pub region: RegionSlot,
    /// The part of it; `None` is all of it.
    pub span: Option<Span>,
}

/// One descriptor of a remote memory view. `agent: None` is NIXL's null agent, a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RemoteDesc {
    /// Who owns the buffer.
    pub agent: Option<AgentSlot>,
    /// The buffer.
    pub desc: Desc,
}

/// Where a region lies that shares its mapping with others: adjacent, nested, overlapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The shared mapping.
    pub arena: ArenaSlot,
    /// First byte within it.
    pub offset: u32,
}

/// How the blocks of a churn lie to each other, over all churns of a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Addresses {
    /// Each where the one before was.
    Reused,
    /// Each behind the one before, without a gap.
    Adjacent,
    /// Each behind the one before, with a gap as large as a block.
    Scattered,
    /// Anywhere, the same places in each play.
    Random,
}

/// The bytes of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message(pub Vec<u8>);

/// One parameter of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Param {
    /// A word of letters, digits, `_`, `.` and `-`.
    pub key: String,
    /// Any text.
    pub value: String,
}

/// How an agent guards itself against several client threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sync {
    /// No lock.
    #[default]
    None,
    /// One mutex.
    Strict,
    /// Readers and writers.
    ReadWrite,
}

/// The settings of `nixl_capi_create_configured_agent`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AgentConfig {
    /// A thread of the agent makes progress.
    pub progress_thread: bool,
    /// A thread of the agent serves metadata over TCP.
    pub listen_thread: bool,
    /// Its port; 0 lets the interpreter choose a free one.
    pub listen_port: u16,
    /// Lock mode.
    pub sync: Sync,
    /// Workers of each backend (ignored by some releases; the backend parameter counts).
    pub num_workers: u16,
    /// How long the progress thread rests.
    pub pthr_delay_us: u32,
    /// How long the listener thread rests.
    pub lthr_delay_us: u32,
    /// Record the telemetry of transfers.
    pub telemetry: bool,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            progress_thread: false,
            listen_thread: false,
            listen_port: 0,
            sync: Sync::None,
            num_workers: 1,
            pthr_delay_us: 0,
            // NIXL's own default.
            lthr_delay_us: 100_000,
            telemetry: false,
        }
    }
}

/// Client threads of one operation.
pub const LANES_MAX: usize = 3;

/// What one of several client threads does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Posts a transfer and waits for its end, written `x0`.
    Transfer(TransferSlot),
    /// Takes notifications, written `a0`.
    Notifs(AgentSlot),
    /// Registers memory and deregisters it again, several times over, written `a0:r0`.
    Register(AgentSlot, Desc),
}

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the remote side to the local one.
    Read,
    /// From the local side to the remote one.
    Write,
}

/// Which side of a transfer a prepared list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The initiator's own buffers.
    Local,
    /// Buffers of this agent; the initiator itself for a loopback.
    Remote(AgentSlot),
}

/// The optional arguments of making a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TransferOptions {
    /// Only this backend.
    pub backend: Option<BackendSlot>,
    /// Sent to the target when the transfer is done.
    pub notif: Option<Message>,
    /// Leave adjacent descriptors as they are.
    pub skip_merge: bool,
    /// The backend's own parameter, e.g. `worker_id=1` (C API of 1.5).
    pub custom: Option<String>,
}

/// What a line says its operation will answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expect {
    /// Success, or in progress where that is a success.
    Ok,
    /// Any error.
    Error,
    /// Whatever it answers is right.
    Any,
    /// Exactly this status.
    Status(StatusWord),
}

/// The statuses of the C API by the names used in scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusWord {
    /// 1
    InProgress,
    /// -1
    InvalidParam,
    /// -2
    Backend,
    /// -3
    InvalidState,
    /// -4
    Exception,
    /// -5
    NoTelemetry,
    /// -6 (from 1.5)
    NotFound,
}

impl StatusWord {
    /// The number in the C API.
    pub const fn code(self) -> i32 {
        match self {
            Self::InProgress => 1,
            Self::InvalidParam => -1,
            Self::Backend => -2,
            Self::InvalidState => -3,
            Self::Exception => -4,
            Self::NoTelemetry => -5,
            Self::NotFound => -6,
        }
    }
}

/// A setting with a fixed set of words.
pub(super) trait Keyword: Copy + 'static {
    /// Every value with its word.
    const WORDS: &'static [(&'static str, Self)];
}

impl Keyword for bool {
    const WORDS: &'static [(&'static str, Self)] = &[("on", true), ("off", false)];
}

impl Keyword for Sync {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("strict", Self::Strict),
        ("rw", Self::ReadWrite),
    ];
}

impl Keyword for Addresses {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("reused", Self::Reused),
        ("adjacent", Self::Adjacent),
        ("scattered", Self::Scattered),
        ("random", Self::Random),
    ];
}

impl Keyword for Direction {
    const WORDS: &'static [(&'static str, Self)] = &[("read", Self::Read), ("write", Self::Write)];
}

impl Keyword for Expect {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("ok", Self::Ok),
        ("error", Self::Error),
        ("any", Self::Any),
        ("in_progress", Self::Status(StatusWord::InProgress)),
        ("invalid_param", Self::Status(StatusWord::InvalidParam)),
        ("backend", Self::Status(StatusWord::Backend)),
        ("invalid_state", Self::Status(StatusWord::InvalidState)),
        ("exception", Self::Status(StatusWord::Exception)),
        ("no_telemetry", Self::Status(StatusWord::NoTelemetry)),
        ("not_found", Self::Status(StatusWord::NotFound)),
    ];
}

/// The word of a value.
pub(super) fn word_of<K: Keyword + PartialEq>(value: K) -> &'static str {
    K::WORDS
        .iter()
        .find(|(_, known)| *known == value)
        .map_or("?", |(word, _)| word)
}
