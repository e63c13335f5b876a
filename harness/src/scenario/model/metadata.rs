//! What becomes of metadata: taken, damaged, loaded, forgotten, exchanged by listener threads.

use super::*;

impl Model {
    /// What an operation on metadata changes; false: it is none.
    pub(super) fn exchange(&mut self, op: &Op) -> bool {
        match op {
            Op::GetMd { blob, agent } => self.take(*blob, *agent, None),
            Op::GetPartialMd {
                blob, agent, descs, ..
            } => self.take(*blob, *agent, Some(descs)),
            Op::CutMd { blob, .. } => self.damage(*blob),
            Op::ChangeMd { blob, .. } | Op::WriteMd { blob, .. } | Op::SpliceMd { blob, .. } => {
                self.damage(*blob);
            }
            Op::LoadMd { agent, blob } => self.load(*agent, *blob),
            Op::Invalidate { agent, remote } => self.forget(*agent, *remote),
            Op::WaitMd {
                agent,
                remote,
                gone,
            } => self.waited_for(*agent, *remote, *gone),
            Op::SendMd { agent, to: at, .. } | Op::InvalidateLocalMd { agent, at } => {
                self.open(*at, *agent);
            }
            Op::FetchMd { agent, from } => {
                self.open(*agent, *from);
                self.ask(*agent, *from, true);
            }
            Op::Intrude { agent, .. } => {
                let keys: Vec<_> = self
                    .peers
                    .keys()
                    .filter(|key| key.0 == *agent)
                    .cloned()
                    .collect();
                keys.into_iter().for_each(|key| self.unsettle_name(key));
            }
            _ => return false,
        }
        true
    }

    fn take(&mut self, blob: BlobSlot, agent: AgentSlot, descs: Option<&[Desc]>) {
        let Some(owner) = self.agents.get(&agent) else {
            return;
        };
        let ranges = descs.map(|descs| self.ranges(descs).unwrap_or_default());
        let told = |one: &&Registration| {
            let wanted = ranges
                .as_ref()
                .is_none_or(|ranges| ranges.contains(&one.range));
            one.agent == agent && one.ucx && wanted
        };
        let memory = self.registered.iter().filter(told).map(|one| Remote {
            range: one.range,
            registration: one.id,
        });
        let taken = Blob {
            agent: owner.name.clone(),
            life: owner.life,
            // That of its backends: an agent without one has nothing to tell.
            connection: self.has_ucx(agent) && descs.is_none_or(<[Desc]>::is_empty),
            memory: memory.collect(),
            damaged: false,
        };
        self.blobs.insert(blob, taken);
    }

    fn damage(&mut self, blob: BlobSlot) {
        if let Some(blob) = self.blobs.get_mut(&blob) {
            blob.damaged = true;
        }
    }

    fn load(&mut self, agent: AgentSlot, blob: BlobSlot) {
        let Some(blob) = self.blobs.get(&blob).cloned() else {
            return;
        };
        let key = (agent, blob.agent.clone());
        let peer = self.peer_entry(key.clone());
        if peer.open || blob.damaged {
            peer.learn(blob.memory);
            self.unsettle_name(key);
            if blob.damaged {
                self.unsettle_all(agent);
                self.misled = true;
            }
            return;
        }
        let anew = peer.loaded == Known::No;
        let same = peer.life == Some(blob.life) || anew;
        // Metadata of an agent that took the place of another one, on top of the other's: which of them counts is not promised.
        peer.life = Some(blob.life).filter(|_| same);
        peer.loaded = if same { Known::Yes } else { Known::Maybe };
        if blob.connection {
            peer.connection = peer.loaded;
        }
        peer.learn(blob.memory);
    }

    /// What an agent knows of another one, as a new entry if it knew nothing.
    fn peer_entry(&mut self, key: (AgentSlot, String)) -> &mut Peer {
        let next = &mut self.next_generation;
        self.peers.entry(key).or_insert_with(|| {
            *next += 1;
            Peer {
                loaded: Known::No,
                connection: Known::No,
                life: None,
                memory: Vec::new(),
                generation: *next,
                open: false,
                asked: false,
            }
        })
    }

    pub(super) fn load_refused(&mut self, agent: AgentSlot, blob: BlobSlot) {
        if let Some(blob) = self.blobs.get(&blob) {
            let damaged = blob.damaged;
            // What was loaded before may be gone, or not; what is new may be there in part.
            let key = (agent, blob.agent.clone());
            if self.agents.get(&agent).is_some_and(|own| own.name != key.1) {
                self.unsettle_name(key);
            }
            if damaged {
                self.unsettle_all(agent);
            }
        }
    }

    /// Metadata whose name may have been changed is loaded, or refused, as that of anybody.
    fn unsettle_all(&mut self, agent: AgentSlot) {
        let others = self
            .names
            .values()
            .filter(|name| match self.agents.get(&agent) {
                Some(own) => own.name != **name,
                None => false,
            });
        let keys: Vec<_> = others.map(|name| (agent, name.clone())).collect();
        keys.into_iter().for_each(|key| self.unsettle_name(key));
    }

    /// An agent forgets another one.
    pub(super) fn forget(&mut self, agent: AgentSlot, remote: AgentSlot) {
        let Some(name) = self.names.get(&remote).cloned() else {
            return;
        };
        let key = (agent, name);
        self.let_go(&key);
        if self.peers.get(&key).is_some_and(|peer| peer.open) {
            self.unsettle_name(key);
        } else {
            self.peers.remove(&key);
        }
        self.mail.doubt();
    }

    fn waited_for(&mut self, agent: AgentSlot, remote: AgentSlot, gone: bool) {
        let Some(name) = self.names.get(&remote).cloned() else {
            return;
        };
        let key = (agent, name);
        if gone {
            self.let_go(&key);
            self.mail.doubt();
        }
        self.unsettle_name(key.clone());
        if !gone {
            self.ask(agent, remote, false);
        }
        let life = self.agents.get(&remote).map(|agent| agent.life);
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.life = life;
        }
    }

    /// Listener threads will exchange metadata, at a moment that nobody knows.
    fn open(&mut self, agent: AgentSlot, remote: AgentSlot) {
        let Some(name) = self.names.get(&remote).cloned() else {
            return;
        };
        let memory: Vec<Remote> = self
            .registered
            .iter()
            .filter(|one| one.agent == remote && one.ucx)
            .map(|one| Remote {
                range: one.range,
                registration: one.id,
            })
            .collect();
        let key = (agent, name);
        let peer = self.peer_entry(key.clone());
        peer.open = true;
        peer.learn(memory);
        self.unsettle_name(key);
    }

    /// The metadata of `remote` is on its way to `agent`, which asked for it, or not any more.
    fn ask(&mut self, agent: AgentSlot, remote: AgentSlot, asked: bool) {
        if let Some(name) = self.names.get(&remote).cloned() {
            self.peer_entry((agent, name)).asked = asked;
        }
    }

    /// Whether the metadata of `remote` is on its way to `agent`.
    pub(super) fn is_asked_for(&self, agent: AgentSlot, remote: AgentSlot) -> bool {
        let name = self.names.get(&remote).cloned();
        let peer = name.and_then(|name| self.peers.get(&(agent, name)));
        peer.is_some_and(|peer| peer.asked)
    }

    /// What `agent` knows of `remote` may be anything from here on.
    pub(super) fn unsettle(&mut self, agent: AgentSlot, remote: AgentSlot) {
        if let Some(name) = self.names.get(&remote).cloned() {
            self.unsettle_name((agent, name));
        }
    }

    pub(super) fn unsettle_name(&mut self, key: (AgentSlot, String)) {
        self.let_go(&key);
        let peer = self.peer_entry(key);
        peer.loaded = Known::Maybe;
        peer.connection = Known::Maybe;
    }

    /// Transfers to a peer that may have been forgotten.
    fn let_go(&mut self, (agent, name): &(AgentSlot, String)) {
        for transfer in self.transfers.values_mut() {
            transfer.stale |= transfer.agent == *agent && transfer.peer_name == *name;
        }
    }
}
