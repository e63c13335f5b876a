//! The reference model: what NIXL holds after each operation of a scenario, what a client may ask of it next, and what it may answer.
//!
//! It is fed what was really answered, so it never guesses: where the contract leaves something open, or a fault may have changed it,
//! it says that it does not know, and whoever asks must accept either. `contract` has what a client may ask at all, `allowed` the answers.

mod allowed;
mod apply;
mod contract;
mod lookup;
mod mail;
mod memory;
mod metadata;
mod questions;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::*;
use mail::Mail;
use memory::Contents;

pub use allowed::{Allowed, Answer};
pub use contract::{Forbidden, Hazard};
pub use memory::{Pattern, Range};

/// What came of an operation, as far as the model needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// It was done; this is what it answered besides its status.
    Done(&'a [String]),
    /// It was begun and is in progress.
    Begun,
    /// NIXL answered an error.
    Refused,
    /// NIXL was not asked.
    Skipped,
    /// It ended otherwise: in vain, with wrong bytes, or not at all.
    Broken,
}

/// A fact that may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// It is not so.
    No,
    /// It may be so.
    Maybe,
    /// It is so.
    Yes,
}

impl Known {
    fn and(self, other: Known) -> Known {
        self.min(other)
    }
}

/// An agent in the course of a scenario: those of one slot, one after the other, are different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life(u32);

#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) life: Life,
    pub(super) config: Option<AgentConfig>,
}

impl Agent {
    /// It has a thread that serves metadata.
    pub(super) fn listens(&self) -> bool {
        let config = self.config.as_ref();
        config.is_some_and(|config| config.listen_thread)
    }

    fn records_telemetry(&self) -> bool {
        let config = self.config.as_ref();
        config.is_some_and(|config| config.telemetry)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Backend {
    pub(super) agent: AgentSlot,
    pub(super) plugin: String,
}

/// A registration, by a number of its own: the same memory registered again is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RegistrationId(u32);

#[derive(Debug, Clone)]
pub(super) struct Registration {
    pub(super) id: RegistrationId,
    pub(super) agent: AgentSlot,
    pub(super) desc: Desc,
    pub(super) range: Range,
    pub(super) backend: Option<BackendSlot>,
    /// With the UCX backend.
    ucx: bool,
}

/// Memory of another agent, as its metadata told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remote {
    range: Range,
    registration: RegistrationId,
}

/// What an agent has loaded of another one.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// Its metadata is there.
    loaded: Known,
    /// With connection information, so that notifications can be sent.
    connection: Known,
    /// Whose it is, if that is known.
    life: Option<Life>,
    memory: Vec<Remote>,
    /// Told from what was loaded before and after by this number.
    generation: u32,
    /// Listener threads exchange it, at moments that nobody knows.
    open: bool,
    /// It was asked for, and nobody has waited for the answer.
    asked: bool,
}

impl Peer {
    /// Takes in memory that it did not know.
    fn learn(&mut self, memory: Vec<Remote>) {
        for one in memory {
            if !self.memory.contains(&one) {
                self.memory.push(one);
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Blob {
    agent: String,
    life: Life,
    connection: bool,
    memory: Vec<Remote>,
    /// It is no longer what NIXL made.
    damaged: bool,
}

/// What a prepared list or a transfer rests on.
#[derive(Debug, Clone, Default)]
pub(super) struct Ground {
    /// Every registration that it may use.
    registrations: BTreeSet<RegistrationId>,
    /// Each of its descriptors lies in a registration that is known.
    whole: bool,
}

#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) agent: AgentSlot,
    pub(super) side: Side,
    pub(super) descs: Vec<Range>,
    ground: Ground,
    /// Of the peer's metadata.
    generation: Option<u32>,
}

/// Where a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Never posted.
    Made,
    /// Posted; that it has ended was not seen.
    Posted,
    /// It ended well.
    Done,
    /// It ended with an error.
    Failed,
}

#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) agent: AgentSlot,
    pub(super) peer: AgentSlot,
    peer_name: String,
    /// The peer when the transfer was made.
    peer_life: Option<Life>,
    /// Of the peer's metadata that it was made from.
    generation: Option<u32>,
    source: Vec<Range>,
    target: Vec<Range>,
    notif: Option<Message>,
    /// That of a post which was refused while the transfer was, perhaps, under way: NIXL may have taken it over, or not.
    refused_notif: Option<Message>,
    pub(super) progress: Progress,
    ground: Ground,
    /// The peer was forgotten, or is gone, since it was made.
    stale: bool,
    /// Something else touched its bytes while it was under way.
    contended: bool,
    /// Its last post may not have begun: an end that is told may be that of the post before.
    in_doubt: bool,
}

#[derive(Debug, Clone)]
pub(super) struct View {
    agent: AgentSlot,
    /// Names of the agents whose memory it shows.
    peers: Vec<String>,
    ranges: Vec<Range>,
}

/// The state of the world of one scenario.
#[derive(Debug, Clone)]
pub struct Model {
    /// Nothing is made to fail.
    healthy: bool,
    pub(super) agents: BTreeMap<AgentSlot, Agent>,
    /// The last name of the agent in each slot; it outlives the agent.
    pub(super) names: BTreeMap<AgentSlot, String>,
    pub(super) backends: BTreeMap<BackendSlot, Backend>,
    /// Plugins of the agents, also of those whose backend handle was given back.
    pub(super) plugins: BTreeSet<(AgentSlot, String)>,
    pub(super) regions: BTreeMap<RegionSlot, Range>,
    arenas: BTreeMap<ArenaSlot, u32>,
    pub(super) registered: Vec<Registration>,
    /// Agents whose registrations are not known any more.
    in_doubt: BTreeSet<AgentSlot>,
    /// Registrations that their client gave back; those of an agent that died are not among them.
    given_back: BTreeSet<RegistrationId>,
    peers: BTreeMap<(AgentSlot, String), Peer>,
    pub(super) blobs: BTreeMap<BlobSlot, Blob>,
    pub(super) lists: BTreeMap<ListSlot, List>,
    pub(super) transfers: BTreeMap<TransferSlot, Transfer>,
    pub(super) views: BTreeMap<ViewSlot, View>,
    contents: Contents,
    /// Memory to which a transfer that has failed, or was given up while something failed, may still write.
    haunted: Vec<Range>,
    mail: Mail,
    next_mapping: u32,
    next_life: u32,
    next_registration: u32,
    next_generation: u32,
    /// Threads of NIXL's own run beside the client.
    threaded: bool,
    /// What came that was not sent, or came twice.
    unsent: Option<String>,
    /// Metadata was loaded that is not as NIXL made it.
    misled: bool,
}

impl Model {
    /// A world in which nothing is. In a healthy one nothing is made to fail.
    pub fn new(healthy: bool) -> Model {
        Model {
            healthy,
            agents: BTreeMap::new(),
            names: BTreeMap::new(),
            backends: BTreeMap::new(),
            plugins: BTreeSet::new(),
            regions: BTreeMap::new(),
            arenas: BTreeMap::new(),
            registered: Vec::new(),
            in_doubt: BTreeSet::new(),
            given_back: BTreeSet::new(),
            peers: BTreeMap::new(),
            blobs: BTreeMap::new(),
            lists: BTreeMap::new(),
            transfers: BTreeMap::new(),
            views: BTreeMap::new(),
            contents: Contents::default(),
            haunted: Vec::new(),
            mail: Mail::default(),
            next_mapping: 0,
            next_life: 0,
            next_registration: 0,
            next_generation: 0,
            threaded: false,
            unsent: None,
            misled: false,
        }
    }

    /// What of a descriptor's bytes is known, as spans of its region.
    pub fn known_bytes(&self, desc: Desc) -> Vec<(Span, Pattern)> {
        let (Some(range), Some(region)) = (self.range(desc), self.regions.get(&desc.region)) else {
            return Vec::new();
        };
        let span = |part: Range| Span {
            offset: (part.start - region.start) as u32,
            len: part.len() as u32,
        };
        let known = self.contents.known(range).into_iter();
        known.map(|(part, pattern)| (span(part), pattern)).collect()
    }

    /// Whether a descriptor's bytes must be these.
    pub fn must_hold(&self, desc: Desc, pattern: Pattern) -> bool {
        self.range(desc)
            .is_some_and(|range| self.contents.holds(range, pattern))
    }

    /// Whether this notification must come to an agent from another one.
    pub fn is_due(&self, at: AgentSlot, from: AgentSlot, message: &Message) -> bool {
        match (self.agents.get(&at), self.names.get(&from)) {
            (Some(agent), Some(name)) => self.mail.is_due(agent.life, name, message),
            _ => false,
        }
    }

    /// Whether an operation waits for a notification that cannot come.
    pub fn is_in_vain(&self, op: &Op) -> bool {
        let Op::ExpectNotif {
            agent,
            from,
            message,
        } = op
        else {
            return false;
        };
        match (self.agents.get(agent), self.names.get(from)) {
            (Some(agent), Some(name)) => !self.mail.may_come(agent.life, name, message),
            _ => true,
        }
    }

    /// A notification that an agent must still get, if none can be under way any more: with threads, one can.
    pub fn due(&self, at: AgentSlot) -> Option<String> {
        let agent = self.agents.get(&at).filter(|_| !self.threaded)?;
        let (sender, message) = self.mail.due(agent.life)?;
        Some(format!("{} from {sender}", Message(message.to_vec())))
    }

    /// Whether a transfer had ended well when its peer was forgotten, or ended: nothing of it can use the connection any more.
    pub fn is_over(&self, transfer: TransferSlot) -> bool {
        let transfer = self.transfers.get(&transfer);
        transfer.is_some_and(|one| one.progress == Progress::Done && one.stale)
    }

    /// A notification that came in the last operation although it was not sent, or had come before.
    pub fn unsent(&self) -> Option<&str> {
        self.unsent.as_deref()
    }

    /// Whether nothing is made to fail.
    pub fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// Whether NIXL was told an untruth and took it for true: what it answers and moves from there on may be anything.
    pub fn is_misled(&self) -> bool {
        self.misled
    }

    /// Whether threads of NIXL's own run beside the client, so that time matters.
    pub fn is_threaded(&self) -> bool {
        self.threaded
    }
}

#[cfg(test)]
mod tests;
