//! What may be answered to operations on lists and transfers.

use super::*;
use crate::scenario::model::transfers::chosen;

impl Model {
    pub(super) fn preparing(
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

    pub(super) fn making(&self, op: &Op) -> Allowed {
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
        if let Op::Make { remote, .. } = op
            && agent != peer
            && self.is_of_before(
                self.lists.get(remote).and_then(|list| list.generation),
                agent,
                peer,
            )
        {
            return Allowed::error("the list is of metadata that was forgotten since");
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

    /// Whether a peer's metadata of this generation was forgotten since, for sure, and others may be loaded.
    fn is_of_before(&self, generation: Option<u32>, agent: AgentSlot, peer: AgentSlot) -> bool {
        let now = self.peer(agent, peer);
        let differs = |then| now.is_none_or(|peer| !peer.open && peer.generation != then);
        self.healthy && generation.is_some_and(differs)
    }

    /// Whether a list may be of metadata that was forgotten since.
    fn is_outdated(&self, list: ListSlot, agent: AgentSlot, peer: AgentSlot) -> bool {
        let then = self.lists.get(&list).map(|list| list.generation);
        then != Some(self.peer(agent, peer).map(|peer| peer.generation))
    }

    pub(super) fn moving(&self, op: &Op, slot: TransferSlot) -> Allowed {
        let Some(transfer) = self.transfers.get(&slot) else {
            return Allowed::any("the transfer is not there");
        };
        let forgotten = self.is_of_before(transfer.generation, transfer.agent, transfer.peer);
        if matches!(op, Op::Post { .. }) && forgotten {
            return Allowed::error("the transfer is of metadata that was forgotten since");
        }
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

    pub(super) fn telling(&self, slot: TransferSlot) -> Allowed {
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
}
