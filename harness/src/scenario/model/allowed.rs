//! What NIXL may answer, as a set of statuses with the reason. Where the contract leaves it open, or a fault may have its hand in it, any
//! answer is allowed.

use super::transfers::chosen;
use super::*;

/// What NIXL may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Success, or in progress.
    Success,
    /// An error: one of these, or any if none is named.
    Error(&'static [StatusWord]),
    /// Either.
    Any,
}

/// What NIXL may answer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// The statuses.
    pub answer: Answer,
    /// Why these: what is known, or what is not.
    pub why: &'static str,
}

impl Allowed {
    fn any(why: &'static str) -> Allowed {
        Allowed {
            answer: Answer::Any,
            why,
        }
    }

    fn success(why: &'static str) -> Allowed {
        Allowed {
            answer: Answer::Success,
            why,
        }
    }

    fn error(why: &'static str) -> Allowed {
        Allowed {
            answer: Answer::Error(&[]),
            why,
        }
    }

    fn not_found(why: &'static str) -> Allowed {
        Allowed {
            // Releases before 1.5 have no word of its own for it in the C API.
            answer: Answer::Error(&[StatusWord::NotFound, StatusWord::Backend]),
            why,
        }
    }

    /// Whether the operation must be done.
    pub fn is_success(self) -> bool {
        self.answer == Answer::Success
    }

    /// Whether the operation must be refused.
    pub fn is_error(self) -> bool {
        matches!(self.answer, Answer::Error(_))
    }
}

impl Model {
    /// What may be answered to an operation that is asked now.
    pub fn allowed(&self, op: &Op) -> Allowed {
        let allowed = self.allowed_when_healthy(op);
        if !self.healthy && allowed.is_success() {
            return Allowed::any("a fault may have its hand in it");
        }
        allowed
    }

    fn allowed_when_healthy(&self, op: &Op) -> Allowed {
        match op {
            Op::Register {
                agent,
                descs,
                backend,
            } => self.registering(*agent, descs, *backend),
            Op::Deregister { agent, descs, .. } => {
                let mut left: Vec<Desc> = self.registrations_of(*agent);
                let all = descs.iter().all(|desc| {
                    let index = left.iter().position(|known| known == desc);
                    index.map(|index| left.remove(index)).is_some()
                });
                if !all || self.in_doubt.contains(agent) {
                    Allowed::any("not all of it is registered, or that is not known")
                } else if self.has_others(*agent) {
                    Allowed::any("another backend may not know what it was created after")
                } else {
                    Allowed::success("all of it is registered")
                }
            }
            Op::GetMd { agent, .. } if self.has_ucx(*agent) => {
                Allowed::success("a backend can be reached from outside")
            }
            Op::GetMd { .. } => Allowed::error("no backend can be reached from outside"),
            Op::LoadMd { agent, blob } => self.loading(*agent, *blob),
            Op::Invalidate { agent, remote } => self.forgetting(*agent, *remote),
            Op::CheckMd {
                agent,
                remote,
                descs,
            } => self.checking(*agent, *remote, descs),
            Op::Connect {
                agent,
                remote,
                backend,
            } if backend.is_none() && agent != remote => match self.connection(*agent, *remote) {
                Known::Yes if self.is_current(*agent, *remote) => {
                    Allowed::success("the peer's connection information is loaded")
                }
                Known::No => Allowed::error("the peer's connection information is not loaded"),
                _ => Allowed::any("whether the peer is loaded is not known"),
            },
            Op::Prep {
                agent,
                side,
                descs,
                backend,
                ..
            } => self.preparing(*agent, *side, descs, *backend),
            Op::Create { .. } | Op::Make { .. } => self.making(op),
            Op::Post { transfer, .. } | Op::Wait { transfer } | Op::Poll { transfer } => {
                self.moving(op, *transfer)
            }
            Op::Release { transfer } => match self.transfers.get(transfer) {
                Some(one) if one.progress != Progress::Posted => {
                    Allowed::success("the transfer is not under way")
                }
                _ => Allowed::any("the transfer may be under way"),
            },
            Op::ReleaseList { .. } | Op::DestroyAgent { .. } | Op::DestroyBackend { .. } => {
                Allowed::success("what is there can be given back")
            }
            Op::Telemetry { transfer } => self.telling(*transfer),
            Op::Notify {
                agent,
                to,
                backend: None,
                ..
            } => self.notifying(*agent, *to),
            _ => Allowed::any("nothing is promised"),
        }
    }

    /// The agent has another backend than UCX.
    fn has_others(&self, agent: AgentSlot) -> bool {
        let mut plugins = self.plugins.iter();
        plugins.any(|(owner, plugin)| *owner == agent && plugin != "UCX")
    }

    fn registrations_of(&self, agent: AgentSlot) -> Vec<Desc> {
        let own = self.registered.iter().filter(|one| one.agent == agent);
        own.map(|one| one.desc).collect()
    }

    fn registering(
        &self,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Allowed {
        let Some(ranges) = self.ranges(descs) else {
            return Allowed::any("a region is not there");
        };
        let ucx = backend.map_or(self.has_ucx(agent), |slot| self.is_ucx(slot, agent));
        let has_any = self.plugins.iter().any(|(owner, _)| *owner == agent);
        match backend {
            None if !has_any => Allowed::error("the agent has no backend"),
            _ if !ucx => Allowed::any("what other backends take is their business"),
            _ if ranges.iter().any(|range| range.is_empty()) => {
                Allowed::any("nothing is said of empty memory")
            }
            _ => Allowed::success("the UCX backend takes ordinary memory"),
        }
    }

    fn loading(&self, agent: AgentSlot, blob: BlobSlot) -> Allowed {
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

    fn forgetting(&self, agent: AgentSlot, remote: AgentSlot) -> Allowed {
        if self.is_named_alike(agent, remote) {
            return Allowed::error("an agent cannot forget itself");
        }
        match self.loaded(agent, remote) {
            Known::Yes => Allowed::success("the peer is loaded"),
            Known::No => Allowed::not_found("the peer is not loaded"),
            Known::Maybe => Allowed::any("whether the peer is loaded is not known"),
        }
    }

    fn is_named_alike(&self, agent: AgentSlot, other: AgentSlot) -> bool {
        let own = self.agents.get(&agent).map(|agent| &agent.name);
        own.is_some() && own == self.names.get(&other)
    }

    fn checking(&self, agent: AgentSlot, remote: AgentSlot, descs: &[Desc]) -> Allowed {
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

    fn preparing(
        &self,
        agent: AgentSlot,
        side: Side,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Allowed {
        let Some(ranges) = self.ranges(descs) else {
            return Allowed::any("a region is not there");
        };
        if backend.is_some_and(|slot| !self.is_ucx(slot, agent)) {
            return Allowed::any("what other backends take is their business");
        }
        if ranges.is_empty() {
            return Allowed::error("the list is empty");
        }
        let known = match side {
            Side::Local => self.local(agent, &ranges),
            Side::Remote(owner) => self.remote(agent, owner, &ranges),
        };
        self.by_registration(agent, known)
    }

    /// Descriptors are accepted if they are registered. Another backend than UCX may know memory that UCX does not.
    fn by_registration(&self, agent: AgentSlot, known: Known) -> Allowed {
        match known {
            Known::Yes => Allowed::success("all of it is registered, and loaded if it is remote"),
            Known::No if !self.has_others(agent) => {
                Allowed::error("not all of it is registered and loaded")
            }
            _ => Allowed::any("whether all of it is registered and loaded is not known"),
        }
    }

    fn making(&self, op: &Op) -> Allowed {
        let (agent, local, peer, remote, options) = match op {
            Op::Create {
                agent,
                local,
                remote_agent,
                remote,
                options,
                ..
            } => match (self.ranges(local), self.ranges(remote)) {
                (Some(local), Some(remote)) => (*agent, local, *remote_agent, remote, options),
                _ => return Allowed::any("a region is not there"),
            },
            Op::Make {
                agent,
                local,
                local_indices,
                remote,
                remote_indices,
                options,
                ..
            } => match (self.lists.get(local), self.lists.get(remote)) {
                (Some(local), Some(remote)) => match (local.side, remote.side) {
                    (Side::Local, Side::Remote(peer)) => {
                        let local = chosen(&local.descs, local_indices);
                        (
                            *agent,
                            local,
                            peer,
                            chosen(&remote.descs, remote_indices),
                            options,
                        )
                    }
                    _ => return Allowed::error("a list is for the other side"),
                },
                _ => return Allowed::any("a list is not there"),
            },
            _ => return Allowed::any("nothing is promised"),
        };
        let lengths = |ranges: &[Range]| ranges.iter().map(|range| range.len()).collect::<Vec<_>>();
        if local.is_empty() || lengths(&local) != lengths(&remote) {
            return Allowed::error("the two sides do not match");
        }
        if options.custom.is_some()
            || options
                .backend
                .is_some_and(|slot| !self.is_ucx(slot, agent))
        {
            return Allowed::any("what a backend takes is its own business");
        }
        let known = match op {
            Op::Create { .. } => self
                .local(agent, &local)
                .and(self.remote(agent, peer, &remote)),
            // The lists were prepared, so their descriptors are known; the peer may have been forgotten since, and loaded again.
            _ if agent == peer => Known::Yes,
            Op::Make { remote, .. } if self.is_outdated(*remote, agent, peer) => {
                self.loaded(agent, peer).and(Known::Maybe)
            }
            _ => self.loaded(agent, peer),
        };
        self.by_registration(agent, known)
    }

    /// Whether a list is of metadata that was forgotten since.
    fn is_outdated(&self, list: ListSlot, agent: AgentSlot, peer: AgentSlot) -> bool {
        let then = self.lists.get(&list).map(|list| list.generation);
        then != Some(self.peer(agent, peer).map(|peer| peer.generation))
    }

    fn moving(&self, op: &Op, slot: TransferSlot) -> Allowed {
        let Some(transfer) = self.transfers.get(&slot) else {
            return Allowed::any("the transfer is not there");
        };
        if transfer.stale || !self.is_firm(&transfer.ground) {
            return Allowed::any(
                "the peer or the memory is not what it was when the transfer was made",
            );
        }
        match (op, transfer.progress) {
            (Op::Post { .. }, Progress::Posted) => Allowed::any("the transfer may be under way"),
            (Op::Post { .. }, Progress::Made | Progress::Done) => {
                Allowed::success("all that the transfer needs is there")
            }
            (Op::Wait { .. } | Op::Poll { .. }, Progress::Made) => {
                Allowed::error("the transfer was never posted")
            }
            (Op::Wait { .. } | Op::Poll { .. }, Progress::Posted | Progress::Done) => {
                Allowed::success("nothing is in the transfer's way")
            }
            _ => Allowed::any("the transfer has failed before"),
        }
    }

    fn telling(&self, slot: TransferSlot) -> Allowed {
        let Some(transfer) = self.transfers.get(&slot) else {
            return Allowed::any("the transfer is not there");
        };
        let records = self
            .agents
            .get(&transfer.agent)
            .is_some_and(Agent::records_telemetry);
        match transfer.progress {
            _ if !records => Allowed::error("the agent records no telemetry"),
            Progress::Done => Allowed::success("the transfer is done"),
            _ => Allowed::any("the transfer may not be done"),
        }
    }

    fn notifying(&self, agent: AgentSlot, to: AgentSlot) -> Allowed {
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
}
