//! What may be answered to operations on metadata and to notifications.

use super::*;

impl Model {
    pub(super) fn loading(&self, agent: AgentSlot, blob: BlobSlot) -> Allowed {
        let (Some(own), Some(blob)) = (self.agents.get(&agent), self.blobs.get(&blob)) else {
            return Allowed::any("the agent or the blob is not there");
        };
        if blob.damaged {
            return Allowed::any("the metadata is damaged");
        }
        if blob.agent == own.name {
            return Allowed::error("it is the agent's own metadata");
        }
        if !self.has_ucx(agent) {
            return Allowed::any("the agents have no backend in common");
        }
        let alive = self.agents.values().any(|agent| agent.life == blob.life);
        let outdated = blob
            .memory
            .iter()
            .any(|one| self.given_back.contains(&one.registration));
        if !alive || outdated {
            return Allowed::any("the metadata is old");
        }
        let ranges: Vec<Range> = blob.memory.iter().map(|one| one.range).collect();
        if (1..ranges.len()).any(|index| ranges[..index].contains(&ranges[index])) {
            return Allowed::any("the same memory is registered twice, under keys that may differ");
        }
        match self.peers.get(&(agent, blob.agent.clone())) {
            None if blob.connection => {
                Allowed::success("the metadata is whole and the peer is new")
            }
            None if blob.memory.is_empty() => Allowed::any("the metadata says nothing"),
            None => {
                Allowed::error("the metadata has no connection information, and none is loaded")
            }
            Some(peer) if peer.life == Some(blob.life) && self.agrees(peer, blob) => {
                Allowed::success("the metadata agrees with what is loaded")
            }
            Some(_) => Allowed::any("something else is loaded of the peer"),
        }
    }

    /// Whether a blob and what is loaded tell the same of the memory that both know.
    fn agrees(&self, peer: &Peer, blob: &Blob) -> bool {
        let outdated = |one: &Remote| self.given_back.contains(&one.registration);
        let differs = |one: &Remote| {
            let other = |known: &&Remote| known.range == one.range;
            let mut known = peer.memory.iter().filter(other);
            known.any(|known| known.registration != one.registration)
        };
        peer.loaded == Known::Yes
            && (peer.connection == Known::Yes || blob.connection)
            && !peer.memory.iter().any(outdated)
            && !blob.memory.iter().any(differs)
    }

    pub(super) fn forgetting(&self, agent: AgentSlot, remote: AgentSlot) -> Allowed {
        if self.is_named_alike(agent, remote) {
            return Allowed::error("an agent cannot forget itself");
        }
        match self.loaded(agent, remote) {
            Known::Yes => Allowed::success("the peer is loaded"),
            Known::No => Allowed::not_found("the peer is not loaded"),
            Known::Maybe => Allowed::any("whether the peer is loaded is not known"),
        }
    }

    pub(super) fn checking(&self, agent: AgentSlot, remote: AgentSlot, descs: &[Desc]) -> Allowed {
        let Some(ranges) = self.ranges(descs) else {
            return Allowed::any("a region is not there");
        };
        if self.is_named_alike(agent, remote) {
            return Allowed::any("what an agent knows of itself is its own business");
        }
        match self
            .loaded(agent, remote)
            .and(self.remote(agent, remote, &ranges))
        {
            Known::No => Allowed::not_found("the metadata is not loaded"),
            Known::Yes if self.connection(agent, remote) == Known::Yes => {
                Allowed::success("the metadata is loaded")
            }
            _ => Allowed::any("whether the metadata is loaded is not known"),
        }
    }

    pub(super) fn notifying(&self, agent: AgentSlot, to: AgentSlot) -> Allowed {
        if self.is_named_alike(agent, to) {
            return match self.has_ucx(agent) {
                true if agent == to => Allowed::success("an agent can notify itself"),
                true => Allowed::any("two agents had this name"),
                false => Allowed::error("no backend can send notifications"),
            };
        }
        match self.connection(agent, to) {
            Known::Yes if self.is_current(agent, to) && self.agents.contains_key(&to) => {
                Allowed::success("the peer is loaded and there")
            }
            Known::No => Allowed::error("the peer's connection information is not loaded"),
            _ => Allowed::any("whether the peer is loaded and there is not known"),
        }
    }

    pub(super) fn connecting(&self, agent: AgentSlot, remote: AgentSlot) -> Allowed {
        match self.connection(agent, remote) {
            _ if agent == remote => {
                Allowed::any("what an agent knows of itself is its own business")
            }
            Known::Yes if self.is_current(agent, remote) => {
                Allowed::success("the peer's connection information is loaded")
            }
            Known::No => Allowed::error("the peer's connection information is not loaded"),
            _ => Allowed::any("whether the peer is loaded is not known"),
        }
    }
}
