//! The operations a scenario is made of.
//!
//! One variant is one thing a client of NIXL does; most are one call of its C API, with the calls
//! that build and drop its arguments. Creating into an occupied slot, or using an empty one, makes
//! the operation a skipped one, so every list of operations can be played.

use super::operand::*;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// Create an agent. `config: None` takes NIXL's default (progress thread on).
    Agent {
        /// Where it goes.
        agent: AgentSlot,
        /// Its name; `None` is the name of the slot.
        name: Option<String>,
        /// Its settings.
        config: Option<AgentConfig>,
    },
    /// Create a backend of a plugin.
    Backend {
        /// Where it goes.
        backend: BackendSlot,
        /// Whose it is.
        agent: AgentSlot,
        /// `UCX`, `POSIX`, ...
        plugin: String,
        /// Its parameters, each key once.
        params: Vec<Param>,
    },
    /// Give back the client's handle of a backend (the agent keeps the backend).
    DestroyBackend {
        /// Which.
        backend: BackendSlot,
    },
    /// Destroy an agent. Skipped while transfers, lists or views of it are held.
    DestroyAgent {
        /// Which.
        agent: AgentSlot,
    },

    /// Map memory and fill it.
    Region {
        /// Where it goes.
        region: RegionSlot,
        /// Its size in bytes; at least 1.
        size: u32,
        /// The pattern it is filled with.
        seed: u8,
        /// Within an arena, or `None`: a mapping of its own.
        place: Option<Place>,
    },
    /// Fill a region with another pattern.
    Fill {
        /// Which.
        region: RegionSlot,
        /// The pattern.
        seed: u8,
    },
    /// Unmap a region. Skipped while it is registered.
    Free {
        /// Which.
        region: RegionSlot,
    },
    /// Map a block of memory, touch it and unmap it, several times over, as an allocator does whose pools come and go.
    Churn {
        /// Its size in bytes; at least 1.
        size: u32,
        /// How the blocks lie to each other.
        addresses: Addresses,
        /// How many blocks; at least once.
        times: u16,
    },
    /// Register descriptors in one list.
    Register {
        /// With whom.
        agent: AgentSlot,
        /// What.
        descs: Vec<Desc>,
        /// Only this backend.
        backend: Option<BackendSlot>,
    },
    /// Deregister descriptors in one list.
    Deregister {
        /// With whom.
        agent: AgentSlot,
        /// What.
        descs: Vec<Desc>,
        /// Only this backend.
        backend: Option<BackendSlot>,
    },
    /// Ask a backend about memory.
    QueryMem {
        /// Whom.
        agent: AgentSlot,
        /// What.
        descs: Vec<Desc>,
        /// The backend that is asked.
        backend: Option<BackendSlot>,
    },

    /// Ask a backend about a file.
    QueryFile {
        /// Whom.
        agent: AgentSlot,
        /// Its path.
        path: String,
        /// The backend that is asked.
        backend: Option<BackendSlot>,
    },

    /// Take the metadata of an agent.
    GetMd {
        /// Where the bytes go; what was there is dropped.
        blob: BlobSlot,
        /// Whose.
        agent: AgentSlot,
    },
    /// Take the metadata of some descriptors only.
    GetPartialMd {
        /// Where the bytes go; what was there is dropped.
        blob: BlobSlot,
        /// Whose.
        agent: AgentSlot,
        /// Which; none is the connection information only.
        descs: Vec<Desc>,
        /// Only this backend.
        backend: Option<BackendSlot>,
    },
    /// Load metadata.
    LoadMd {
        /// Who loads.
        agent: AgentSlot,
        /// What.
        blob: BlobSlot,
    },
    /// Cut a blob off, as a connection does that breaks.
    CutMd {
        /// Which.
        blob: BlobSlot,
        /// How many bytes are left, wrapped into its length.
        len: u32,
    },
    /// Change one byte of a blob.
    ChangeMd {
        /// Which.
        blob: BlobSlot,
        /// Where, wrapped into its length.
        at: u32,
        /// The bits that are turned over.
        mask: u8,
    },
    /// Put other bytes over some of a blob, which keeps its length.
    WriteMd {
        /// Which.
        blob: BlobSlot,
        /// Where, wrapped into its length.
        at: u32,
        /// What is put there; what would go beyond the end is left out.
        bytes: Message,
    },
    /// Replace a piece of a blob by a piece of another, or of itself.
    SpliceMd {
        /// Which.
        blob: BlobSlot,
        /// Where, wrapped into its length.
        at: u32,
        /// How many bytes go, as far as there are so many.
        cut: u32,
        /// Whose bytes come.
        from: BlobSlot,
        /// Where they begin, wrapped into its length.
        start: u32,
        /// How many come, as far as there are so many.
        count: u32,
    },
    /// Forget the metadata of a peer.
    Invalidate {
        /// Who forgets.
        agent: AgentSlot,
        /// Whom.
        remote: AgentSlot,
    },
    /// Is metadata of a peer loaded?
    CheckMd {
        /// Who is asked.
        agent: AgentSlot,
        /// About whom.
        remote: AgentSlot,
        /// About these descriptors, or none.
        descs: Vec<Desc>,
    },
    /// Ask until metadata of a peer is loaded, or gone.
    WaitMd {
        /// Who is asked.
        agent: AgentSlot,
        /// About whom.
        remote: AgentSlot,
        /// Wait until it is gone.
        gone: bool,
    },
    /// Send one's metadata to a peer's listener thread; with descriptors, only theirs.
    SendMd {
        /// Who sends.
        agent: AgentSlot,
        /// To whom.
        to: AgentSlot,
        /// Only these; none is everything.
        descs: Vec<Desc>,
    },
    /// Fetch the metadata of a peer from its listener thread.
    FetchMd {
        /// Who fetches.
        agent: AgentSlot,
        /// From whom.
        from: AgentSlot,
    },
    /// Tell a peer's listener thread to forget one's metadata.
    InvalidateLocalMd {
        /// Who is to be forgotten.
        agent: AgentSlot,
        /// By whom.
        at: AgentSlot,
    },
    /// Send bytes to a listener thread over a bare TCP connection, and close it.
    Intrude {
        /// Whose listener thread.
        agent: AgentSlot,
        /// What is sent.
        bytes: Message,
    },
    /// Connect before the first transfer.
    Connect {
        /// Who connects.
        agent: AgentSlot,
        /// To whom.
        remote: AgentSlot,
        /// Only this backend.
        backend: Option<BackendSlot>,
    },

    /// Prepare a descriptor list.
    Prep {
        /// Where it goes.
        list: ListSlot,
        /// The initiator.
        agent: AgentSlot,
        /// For which side.
        side: Side,
        /// The descriptors.
        descs: Vec<Desc>,
        /// Only this backend.
        backend: Option<BackendSlot>,
    },
    /// Release a prepared list.
    ReleaseList {
        /// Which.
        list: ListSlot,
    },
    /// Make a transfer from prepared lists.
    Make {
        /// Where it goes.
        transfer: TransferSlot,
        /// The initiator.
        agent: AgentSlot,
        /// Which way.
        direction: Direction,
        /// The local list.
        local: ListSlot,
        /// Which of its descriptors; none is all.
        local_indices: Vec<u16>,
        /// The remote list.
        remote: ListSlot,
        /// Which of its descriptors; none is all.
        remote_indices: Vec<u16>,
        /// The rest.
        options: TransferOptions,
    },
    /// Make a transfer from descriptors.
    Create {
        /// Where it goes.
        transfer: TransferSlot,
        /// The initiator.
        agent: AgentSlot,
        /// Which way.
        direction: Direction,
        /// The local descriptors.
        local: Vec<Desc>,
        /// The owner of the remote ones.
        remote_agent: AgentSlot,
        /// The remote descriptors.
        remote: Vec<Desc>,
        /// The rest.
        options: TransferOptions,
    },
    /// Start a transfer.
    Post {
        /// Which.
        transfer: TransferSlot,
        /// The notification of this post.
        notif: Option<Message>,
    },
    /// Ask for the status of a transfer until it is done; every agent is polled meanwhile.
    Wait {
        /// Which.
        transfer: TransferSlot,
    },
    /// Ask for the status of a transfer once.
    Poll {
        /// Which.
        transfer: TransferSlot,
    },
    /// Several client threads at once, each with one thing to do. Their agents must be made for that (`sync`).
    Together {
        /// What each thread does; at most [`LANES_MAX`] of them are played.
        lanes: Vec<Lane>,
    },
    /// Release a transfer.
    Release {
        /// Which.
        transfer: TransferSlot,
    },
    /// Estimate what a transfer costs.
    Cost {
        /// Which.
        transfer: TransferSlot,
    },
    /// Ask which backend a transfer uses.
    TransferBackend {
        /// Which.
        transfer: TransferSlot,
    },
    /// Ask for the telemetry of a transfer.
    Telemetry {
        /// Which.
        transfer: TransferSlot,
    },

    /// Send a notification that belongs to no transfer.
    Notify {
        /// Who sends.
        agent: AgentSlot,
        /// To whom.
        to: AgentSlot,
        /// What.
        message: Message,
        /// Over this backend.
        backend: Option<BackendSlot>,
    },
    /// Take the notifications that are there.
    Notifs {
        /// Whose.
        agent: AgentSlot,
        /// How often to ask; at least once.
        times: u8,
    },
    /// Take notifications until this one came, and use it up.
    ExpectNotif {
        /// Whose.
        agent: AgentSlot,
        /// Who sent it.
        from: AgentSlot,
        /// What it says.
        message: Message,
    },
    /// A span holds the bytes of a pattern.
    ExpectBytes {
        /// Where to look.
        desc: Desc,
        /// The pattern.
        seed: u8,
        /// The pattern's position that the span's first byte must have.
        from: u32,
    },

    /// Prepare a memory view of local buffers.
    LocalView {
        /// Where it goes.
        view: ViewSlot,
        /// Whose.
        agent: AgentSlot,
        /// Of what.
        descs: Vec<Desc>,
        /// Only this backend.
        backend: Option<BackendSlot>,
    },
    /// Prepare a memory view of remote buffers.
    RemoteView {
        /// Where it goes.
        view: ViewSlot,
        /// The initiator.
        agent: AgentSlot,
        /// Of what.
        descs: Vec<RemoteDesc>,
        /// Only this backend.
        backend: Option<BackendSlot>,
    },
    /// Release a memory view.
    ReleaseView {
        /// Which.
        view: ViewSlot,
    },

    /// List the plugins that are there.
    Plugins {
        /// Whom to ask.
        agent: AgentSlot,
    },
    /// Ask for the memory kinds and the default parameters of a plugin.
    PluginParams {
        /// Whom to ask.
        agent: AgentSlot,
        /// About which.
        plugin: String,
    },
    /// Ask for the memory kinds and the parameters of a backend.
    BackendParams {
        /// Which.
        backend: BackendSlot,
    },
    /// Build, change, print and drop descriptor lists of all kinds.
    TourLists {
        /// With these.
        descs: Vec<Desc>,
    },
    /// Set and read back every optional argument.
    TourOptions {
        /// One to add.
        backend: Option<BackendSlot>,
    },
    /// Create, clear and drop an empty notification map, and ask it for what it does not have.
    TourNotifMap,
}

impl Op {
    /// The word the operation starts with in the text form.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Agent { .. } => "agent",
            Self::Backend { .. } => "backend",
            Self::DestroyBackend { .. } => "destroy_backend",
            Self::DestroyAgent { .. } => "destroy_agent",
            Self::Region { .. } => "region",
            Self::Fill { .. } => "fill",
            Self::Free { .. } => "free",
            Self::Churn { .. } => "churn",
            Self::Register { .. } => "register",
            Self::Deregister { .. } => "deregister",
            Self::QueryMem { .. } => "query_mem",
            Self::QueryFile { .. } => "query_file",
            Self::GetMd { .. } => "get_md",
            Self::GetPartialMd { .. } => "get_partial_md",
            Self::LoadMd { .. } => "load_md",
            Self::CutMd { .. } => "cut_md",
            Self::ChangeMd { .. } => "change_md",
            Self::WriteMd { .. } => "write_md",
            Self::SpliceMd { .. } => "splice_md",
            Self::Invalidate { .. } => "invalidate",
            Self::CheckMd { .. } => "check_md",
            Self::WaitMd { .. } => "wait_md",
            Self::SendMd { .. } => "send_md",
            Self::FetchMd { .. } => "fetch_md",
            Self::InvalidateLocalMd { .. } => "invalidate_local_md",
            Self::Intrude { .. } => "intrude",
            Self::Connect { .. } => "connect",
            Self::Prep { .. } => "prep",
            Self::ReleaseList { .. } => "release_list",
            Self::Make { .. } => "make",
            Self::Create { .. } => "create",
            Self::Post { .. } => "post",
            Self::Wait { .. } => "wait",
            Self::Poll { .. } => "poll",
            Self::Together { .. } => "together",
            Self::Release { .. } => "release",
            Self::Cost { .. } => "cost",
            Self::TransferBackend { .. } => "transfer_backend",
            Self::Telemetry { .. } => "telemetry",
            Self::Notify { .. } => "notify",
            Self::Notifs { .. } => "notifs",
            Self::ExpectNotif { .. } => "expect_notif",
            Self::ExpectBytes { .. } => "expect_bytes",
            Self::LocalView { .. } => "local_view",
            Self::RemoteView { .. } => "remote_view",
            Self::ReleaseView { .. } => "release_view",
            Self::Plugins { .. } => "plugins",
            Self::PluginParams { .. } => "plugin_params",
            Self::BackendParams { .. } => "backend_params",
            Self::TourLists { .. } => "tour_lists",
            Self::TourOptions { .. } => "tour_options",
            Self::TourNotifMap => "tour_notif_map",
        }
    }
}
