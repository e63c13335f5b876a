//! What becomes of lists, transfers, views and notifications.

use super::memory::overlap;
use super::*;

impl Model {
    pub(super) fn transfer_done(&mut self, op: &Op) {
        match op {
            Op::Prep {
                list,
                agent,
                side,
                descs,
                ..
            } => self.prep(*list, *agent, *side, descs),
            Op::ReleaseList { list } => drop(self.lists.remove(list)),
            Op::Make { .. } | Op::Create { .. } => {
                if let Some((slot, made)) = self.made(op) {
                    self.transfers.insert(slot, made);
                }
            }
            Op::Post { transfer, notif } => self.post(*transfer, notif.as_ref()),
            Op::Wait { transfer } | Op::Poll { transfer } => self.ended(*transfer),
            Op::Together { lanes } => self.together(lanes, Seen::Done(&[])),
            Op::Release { transfer } => {
                let released = self.transfers.remove(transfer);
                let given_up = released.filter(|one| one.progress == Progress::Posted);
                self.haunt(given_up.map(|one| one.target).unwrap_or_default());
            }
            Op::LocalView {
                view, agent, descs, ..
            } => {
                let ranges = self.ranges(descs).unwrap_or_default();
                let peers = Vec::new();
                self.views.insert(
                    *view,
                    View {
                        agent: *agent,
                        peers,
                        ranges,
                    },
                );
            }
            Op::RemoteView {
                view, agent, descs, ..
            } => {
                let shown = descs.iter().filter(|one| one.agent.is_some());
                let owners = shown.clone().filter_map(|one| self.names.get(&one.agent?));
                let made = View {
                    agent: *agent,
                    peers: owners.cloned().collect(),
                    ranges: shown.filter_map(|one| self.range(one.desc)).collect(),
                };
                self.views.insert(*view, made);
            }
            Op::ReleaseView { view } => drop(self.views.remove(view)),
            _ => {}
        }
    }

    /// What client threads did at once: transfers that use the same memory carry anything.
    pub(super) fn together(&mut self, lanes: &[Lane], seen: Seen<'_>) {
        let slots = lanes.iter().take(LANES_MAX).filter_map(|lane| match lane {
            Lane::Transfer(slot) => Some(*slot),
            _ => None,
        });
        let slots: Vec<TransferSlot> = slots.collect();
        for slot in &slots {
            self.post(*slot, None);
        }
        for slot in &slots {
            match seen {
                Seen::Done(_) => self.ended(*slot),
                // Which thread it was that failed is not told: each may have, and none may be over.
                _ => self.may_have_failed(*slot),
            }
        }
        if !matches!(seen, Seen::Done(_)) {
            let registering = lanes.iter().filter_map(|lane| match lane {
                Lane::Register(agent, _) => Some(*agent),
                _ => None,
            });
            self.in_doubt.extend(registering);
        }
    }

    fn may_have_failed(&mut self, slot: TransferSlot) {
        if let Some(transfer) = self.transfers.get_mut(&slot) {
            transfer.in_doubt = true;
            let target = transfer.target.clone();
            self.haunt(target);
        }
    }

    fn prep(&mut self, slot: ListSlot, agent: AgentSlot, side: Side, descs: &[Desc]) {
        let Some(descs) = self.ranges(descs) else {
            return;
        };
        let (ground, generation) = match side {
            Side::Local => (self.local_ground(agent, &descs), None),
            Side::Remote(owner) => (
                self.remote_ground(agent, owner, &descs),
                self.peer(agent, owner).map(|peer| peer.generation),
            ),
        };
        let made = List {
            agent,
            side,
            descs,
            ground,
            generation,
        };
        self.lists.insert(slot, made);
    }

    /// The transfer that an operation makes.
    fn made(&self, op: &Op) -> Option<(TransferSlot, Transfer)> {
        let generation;
        let (slot, agent, direction, peer, (local, local_ground), (remote, remote_ground), options) =
            match op {
                Op::Create {
                    transfer,
                    agent,
                    direction,
                    local,
                    remote_agent,
                    remote,
                    options,
                } => {
                    let (local, remote) = (self.ranges(local)?, self.ranges(remote)?);
                    generation = self.peer(*agent, *remote_agent).map(|peer| peer.generation);
                    let local_ground = self.local_ground(*agent, &local);
                    let remote_ground = self.remote_ground(*agent, *remote_agent, &remote);
                    let sides = ((local, local_ground), (remote, remote_ground));
                    (
                        *transfer,
                        *agent,
                        *direction,
                        *remote_agent,
                        sides.0,
                        sides.1,
                        options,
                    )
                }
                Op::Make {
                    transfer,
                    agent,
                    direction,
                    local,
                    local_indices,
                    remote,
                    remote_indices,
                    options,
                } => {
                    let (local, remote) = (self.lists.get(local)?, self.lists.get(remote)?);
                    let Side::Remote(peer) = remote.side else {
                        return None;
                    };
                    generation = remote.generation;
                    let local = (chosen(&local.descs, local_indices), local.ground.clone());
                    let remote = (chosen(&remote.descs, remote_indices), remote.ground.clone());
                    (*transfer, *agent, *direction, peer, local, remote, options)
                }
                _ => return None,
            };
        let (source, target) = match direction {
            Direction::Write => (local, remote),
            Direction::Read => (remote, local),
        };
        let peer_life = if agent == peer {
            self.agents.get(&agent).map(|agent| agent.life)
        } else {
            self.peer(agent, peer).and_then(|peer| peer.life)
        };
        let ground = Ground {
            whole: local_ground.whole && remote_ground.whole,
            registrations: &local_ground.registrations | &remote_ground.registrations,
        };
        let made = Transfer {
            agent,
            peer,
            peer_name: self.names.get(&peer).cloned().unwrap_or_default(),
            peer_life,
            generation,
            source,
            target,
            notif: options.notif.clone(),
            refused_notif: None,
            progress: Progress::Made,
            ground,
            stale: agent != peer && !self.is_current(agent, peer),
            contended: false,
            in_doubt: false,
        };
        Some((slot, made))
    }

    fn post(&mut self, slot: TransferSlot, notif: Option<&Message>) {
        let Some(mut posted) = self.transfers.remove(&slot) else {
            return;
        };
        posted.in_doubt = false;
        posted.contended = overlap(&posted.source, &posted.target);
        for other in self.transfers.values_mut() {
            let meet = overlap(&other.target, &posted.source)
                || overlap(&other.target, &posted.target)
                || overlap(&other.source, &posted.target);
            if other.progress == Progress::Posted && meet {
                posted.contended = true;
                other.contended = true;
            }
        }
        for range in &posted.target {
            self.contents.set(*range, None);
        }
        if let Some(notif) = notif {
            posted.notif = Some(notif.clone());
            posted.refused_notif = None;
        }
        if let Some((to, sender)) = self.route(&posted) {
            for message in posted.notif.iter().chain(&posted.refused_notif) {
                self.mail.send(to, &sender, message, false);
            }
        }
        posted.progress = Progress::Posted;
        self.transfers.insert(slot, posted);
    }

    /// A post that was refused may have begun all the same. One of a transfer under way leaves that as it is, unless NIXL finds that it has
    /// ended: then it has begun another, which sends the new notification, or the last one again.
    pub(super) fn post_refused(&mut self, slot: TransferSlot, notif: Option<&Message>) {
        let under_way = |one: &Transfer| one.progress == Progress::Posted;
        if let Some(posted) = self.transfers.get(&slot).filter(|one| under_way(one)) {
            let last = posted.notif.iter().chain(&posted.refused_notif);
            let sent: Vec<Message> = match notif {
                Some(notif) => vec![notif.clone()],
                None => last.cloned().collect(),
            };
            if let Some((to, sender)) = self.route(posted) {
                for message in &sent {
                    self.mail.send(to, &sender, message, false);
                }
            }
            if let Some(posted) = self.transfers.get_mut(&slot) {
                posted.refused_notif = notif.cloned().or(posted.refused_notif.take());
            }
            return;
        }
        self.post(slot, notif);
        self.failed(slot);
        if let Some(refused) = self.transfers.get_mut(&slot) {
            refused.in_doubt = true;
        }
    }

    /// To whom a transfer's notification goes, and under which name.
    fn route(&self, transfer: &Transfer) -> Option<(Life, String)> {
        let sender = self.agents.get(&transfer.agent)?.name.clone();
        let now = self.agents.get(&transfer.peer).map(|agent| agent.life);
        Some((transfer.peer_life.or(now)?, sender))
    }

    fn ended(&mut self, slot: TransferSlot) {
        let Some(transfer) = self.transfers.get_mut(&slot) else {
            return;
        };
        if transfer.progress != Progress::Posted {
            return;
        }
        transfer.progress = Progress::Done;
        if transfer.in_doubt {
            return;
        }
        let transfer = transfer.clone();
        let twice = transfer.target.iter().enumerate().any(|(index, one)| {
            let before = &transfer.target[..index];
            before.iter().any(|other| other.overlaps(*one))
        });
        if !transfer.contended && !twice && transfer.ground.whole {
            for (from, to) in transfer.source.iter().zip(&transfer.target) {
                self.contents.copy(*from, *to);
            }
            self.forget_haunted();
        }
        if self.healthy
            && !transfer.stale
            && transfer.refused_notif.is_none()
            && let (Some(message), Some((to, sender))) = (&transfer.notif, self.route(&transfer))
        {
            self.mail.confirm(to, &sender, message);
        }
    }

    pub(super) fn failed(&mut self, slot: TransferSlot) {
        let Some(transfer) = self.transfers.get_mut(&slot) else {
            return;
        };
        if matches!(transfer.progress, Progress::Made | Progress::Done) {
            // It was never posted, or its end was told before: nothing new has happened to its bytes.
            return;
        }
        // Of a peer that was forgotten NIXL says "not found", whatever the transfer does: it counts as under way until it is released.
        if !transfer.stale {
            transfer.progress = Progress::Failed;
        }
        let target = transfer.target.clone();
        self.haunt(target);
    }

    /// A transfer that failed, or that was given up, may have written, and where something fails may write later still. What is given up on
    /// a healthy network must be over: NIXL cancels it, or says that it cannot.
    fn haunt(&mut self, target: Vec<Range>) {
        for range in &target {
            self.contents.set(*range, None);
        }
        if !self.healthy {
            let new = target
                .into_iter()
                .filter(|range| !self.haunted.contains(range));
            let new: Vec<Range> = new.collect();
            self.haunted.extend(new);
        }
    }

    pub(super) fn notify(&mut self, agent: AgentSlot, to: AgentSlot, message: &Message) {
        let certain = self.healthy && self.is_current(agent, to) && self.agents.contains_key(&to);
        self.send(agent, to, message, certain);
    }

    pub(super) fn perhaps_notify(&mut self, agent: AgentSlot, to: AgentSlot, message: &Message) {
        self.send(agent, to, message, false);
    }

    fn send(&mut self, agent: AgentSlot, to: AgentSlot, message: &Message, certain: bool) {
        let Some(sender) = self.agents.get(&agent).map(|agent| agent.name.clone()) else {
            return;
        };
        // Several agents may have had the name: the message goes to the one that was loaded, if it is known which.
        let loaded = self.peer(agent, to).and_then(|peer| peer.life);
        let now = self.agents.get(&to).map(|agent| agent.life);
        if let Some(life) = loaded.or(now) {
            self.mail.send(life, &sender, message, certain);
        }
    }
}

/// The descriptors that indices choose: all where there is none, wrapped into the list, as the interpreter does.
pub(super) fn chosen(descs: &[Range], indices: &[u16]) -> Vec<Range> {
    match (indices, descs.len()) {
        ([], _) => descs.to_vec(),
        (_, 0) => Vec::new(),
        (indices, len) => indices
            .iter()
            .map(|index| descs[usize::from(*index) % len])
            .collect(),
    }
}
