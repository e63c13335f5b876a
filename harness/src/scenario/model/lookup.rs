//! What the model knows of memory: where it lies, and who can reach it.

use super::*;

impl Model {
    /// The bytes of a descriptor; `None`: its region does not exist.
    pub(super) fn range(&self, desc: Desc) -> Option<Range> {
        let region = *self.regions.get(&desc.region)?;
        let Some(span) = desc.span else {
            return Some(region);
        };
        let start = region.start + u64::from(span.offset).min(region.len());
        let end = (start + u64::from(span.len)).min(region.end);
        Some(Range {
            start,
            end,
            ..region
        })
    }

    pub(super) fn ranges(&self, descs: &[Desc]) -> Option<Vec<Range>> {
        descs.iter().map(|desc| self.range(*desc)).collect()
    }

    pub(in crate::scenario) fn has_ucx(&self, agent: AgentSlot) -> bool {
        self.plugins.contains(&(agent, "UCX".to_owned()))
    }

    pub(super) fn is_ucx(&self, backend: BackendSlot, agent: AgentSlot) -> bool {
        self.backends
            .get(&backend)
            .is_some_and(|one| one.agent == agent && one.plugin == "UCX")
    }

    /// Memory of an agent that its UCX backend knows.
    fn own_memory(&self, agent: AgentSlot) -> Vec<Remote> {
        self.registered
            .iter()
            .filter(|one| one.agent == agent && one.ucx)
            .map(|one| Remote {
                range: one.range,
                registration: one.id,
            })
            .collect()
    }

    /// Memory of an agent that another one, or it itself, can name as remote.
    fn memory_of(&self, agent: AgentSlot, owner: AgentSlot) -> Vec<Remote> {
        if agent == owner {
            return self.own_memory(agent);
        }
        let Some(peer) = self.peer(agent, owner) else {
            return Vec::new();
        };
        let mut memory = peer.memory.clone();
        if peer.open {
            memory.extend(self.own_memory(owner));
        }
        memory
    }

    /// Whether these bytes are registered with an agent's UCX backend, each descriptor in one registration.
    pub(super) fn local(&self, agent: AgentSlot, wanted: &[Range]) -> Known {
        if self.in_doubt.contains(&agent) {
            return Known::Maybe;
        }
        all_looked_up(&self.own_memory(agent), wanted)
    }

    /// Whether an agent can reach these bytes of another one, or of itself.
    pub(super) fn remote(&self, agent: AgentSlot, owner: AgentSlot, wanted: &[Range]) -> Known {
        if agent == owner {
            return self.local(agent, wanted);
        }
        let Some(peer) = self.peer(agent, owner) else {
            return Known::No;
        };
        let known = all_looked_up(&peer.memory, wanted);
        let outdated = |one: &Remote| self.given_back.contains(&one.registration);
        // Memory that was given back may be mapped anew, at the same address, which is all that the metadata knows.
        let doubtful = peer.open || peer.memory.iter().any(outdated);
        peer.loaded.and(match known {
            Known::No if doubtful => Known::Maybe,
            known => known,
        })
    }

    pub(super) fn local_ground(&self, agent: AgentSlot, descs: &[Range]) -> Ground {
        ground(&self.own_memory(agent), descs)
    }

    pub(super) fn remote_ground(
        &self,
        agent: AgentSlot,
        owner: AgentSlot,
        descs: &[Range],
    ) -> Ground {
        let memory = self.memory_of(agent, owner);
        let mut ground = ground(&memory, descs);
        let mapped = |range: Range| {
            self.regions
                .values()
                .any(|region| region.mapping == range.mapping)
        };
        // The metadata knows addresses only: what is mapped there now may be taken for what was there before.
        ground.whole &= memory
            .iter()
            .all(|one| !self.given_back.contains(&one.registration) || mapped(one.range));
        ground
    }

    /// Nothing that it rests on was given back.
    pub(super) fn is_firm(&self, ground: &Ground) -> bool {
        ground.whole && ground.registrations.is_disjoint(&self.given_back)
    }

    pub(super) fn peer(&self, agent: AgentSlot, remote: AgentSlot) -> Option<&Peer> {
        let name = self.names.get(&remote)?;
        self.peers.get(&(agent, name.clone()))
    }

    /// Whether the metadata of an agent is loaded by another one.
    pub(in crate::scenario) fn loaded(&self, agent: AgentSlot, remote: AgentSlot) -> Known {
        self.peer(agent, remote)
            .map_or(Known::No, |peer| peer.loaded)
    }

    /// Whether an agent can send notifications to another one.
    pub(super) fn connection(&self, agent: AgentSlot, remote: AgentSlot) -> Known {
        self.peer(agent, remote)
            .map_or(Known::No, |peer| peer.connection)
    }

    /// The agent of a slot is the one whose metadata was loaded.
    pub(super) fn is_current(&self, agent: AgentSlot, remote: AgentSlot) -> bool {
        let life = self.agents.get(&remote).map(|agent| agent.life);
        let loaded = self.peer(agent, remote).map(|peer| peer.life);
        agent == remote || (life.is_some() && loaded == Some(life))
    }
}

/// Registrations that lie in each other are looked up by an order that nothing promises (NIXL, src/infra/nixl_memory_section.cpp,
/// addDescList: it trusts the client for now, and may look for overlaps some day).
fn looked_up(registered: &[Remote], wanted: Range) -> Known {
    let touched = |one: &&Remote| one.range.overlaps(wanted) || one.range.covers(wanted);
    let near: Vec<Range> = registered
        .iter()
        .filter(touched)
        .map(|one| one.range)
        .collect();
    if wanted.is_empty() {
        return Known::Maybe;
    }
    match near.as_slice() {
        [] => Known::No,
        [one] if one.covers(wanted) => {
            let inside = registered.iter().filter(|other| one.meets(other.range));
            if inside.count() > 1 {
                Known::Maybe
            } else {
                Known::Yes
            }
        }
        [_] => Known::No,
        _ => Known::Maybe,
    }
}

fn all_looked_up(registered: &[Remote], wanted: &[Range]) -> Known {
    wanted
        .iter()
        .map(|wanted| looked_up(registered, *wanted))
        .fold(Known::Yes, Known::and)
}

/// What descriptors rest on: all registrations that a lookup may find for them.
fn ground(memory: &[Remote], descs: &[Range]) -> Ground {
    let found = |desc: &Range| {
        memory
            .iter()
            .filter(|one| one.range.covers(*desc))
            .map(|one| one.registration)
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = descs.iter().map(found).collect();
    Ground {
        whole: all.iter().all(|found| !found.is_empty()),
        registrations: all.into_iter().flatten().collect(),
    }
}
