//! What an operation changes: agents, backends and memory; metadata and transfers have files of their own.

use super::memory::overlap;
use super::*;

/// Registrations that were given back and are remembered; a scenario without repeats has fewer.
const GIVEN_BACK_MAX: usize = 256;

impl Model {
    /// Takes in what came of an operation.
    pub fn apply(&mut self, op: &Op, seen: Seen<'_>) {
        self.unsent = None;
        match seen {
            Seen::Skipped => {}
            Seen::Done(answers) => self.done(op, answers),
            Seen::Begun => self.begun(op),
            Seen::Refused | Seen::Broken => {
                if !self.healthy {
                    self.doubt(op);
                }
                self.not_done(op, seen);
            }
        }
    }

    fn done(&mut self, op: &Op, answers: &[String]) {
        match op {
            Op::Agent { .. } | Op::Backend { .. } | Op::DestroyBackend { .. } => self.set_up(op),
            Op::DestroyAgent { agent } => self.end_agent(*agent),
            Op::Region { .. } | Op::Fill { .. } | Op::Free { .. } => self.shape_memory(op),
            Op::Register {
                agent,
                descs,
                backend,
            } => self.register(*agent, descs, *backend),
            Op::Deregister {
                agent,
                descs,
                backend,
            } => self.deregister(*agent, descs, *backend),
            Op::Notifs { agent, .. } => self.notified(*agent, answers),
            Op::ExpectNotif {
                agent,
                from,
                message,
            } => {
                if let Some(name) = self.names.get(from).cloned() {
                    self.arrive(*agent, &name, &message.0);
                }
            }
            Op::Notify {
                agent, to, message, ..
            } => self.notify(*agent, *to, message),
            _ if self.exchange(op) => {}
            _ => self.transfer_done(op),
        }
    }

    fn begun(&mut self, op: &Op) {
        // A poll or a release of a transfer that is under way changes nothing; whatever else is begun will be done.
        if !matches!(
            op,
            Op::Poll { .. } | Op::Wait { .. } | Op::Release { .. } | Op::CheckMd { .. }
        ) {
            self.done(op, &[]);
        }
    }

    /// What changes although an operation was not done.
    fn not_done(&mut self, op: &Op, seen: Seen<'_>) {
        match op {
            // The interpreter drops these whatever is answered.
            Op::DestroyAgent { agent } => self.end_agent(*agent),
            Op::DestroyBackend { backend } => drop(self.backends.remove(backend)),
            Op::ReleaseList { list } => drop(self.lists.remove(list)),
            Op::ReleaseView { view } => drop(self.views.remove(view)),
            Op::Wait { transfer } | Op::Poll { transfer } if seen == Seen::Refused => {
                self.failed(*transfer);
            }
            Op::Together { lanes } => self.together(lanes, seen),
            Op::Post { transfer, notif } => self.post_refused(*transfer, notif.as_ref()),
            // It may have got lost on its way back only.
            Op::Notify {
                agent, to, message, ..
            } => self.perhaps_notify(*agent, *to, message),
            Op::Deregister {
                agent,
                descs,
                backend,
            } => {
                // What is left of a deregistration that failed is not promised: nothing may rest on it.
                let before = self.registered.clone();
                self.deregister(*agent, descs, *backend);
                self.registered = before;
                self.in_doubt.insert(*agent);
            }
            Op::Invalidate { agent, remote } => self.forget(*agent, *remote),
            Op::Connect { agent, remote, .. } => self.unsettle(*agent, *remote),
            Op::LoadMd { agent, blob } => self.load_refused(*agent, *blob),
            Op::WaitMd { agent, remote, .. } => self.unsettle(*agent, *remote),
            _ => {}
        }
    }

    /// A fault was noticed: what is under way may get lost, and what is loaded may be dropped, as NIXL does for a peer that disconnects.
    fn doubt(&mut self, op: &Op) {
        self.mail.doubt();
        let local = matches!(
            op,
            Op::Register { .. } | Op::Backend { .. } | Op::Agent { .. } | Op::CheckMd { .. }
        );
        if !local && !self.is_of_the_past(op) {
            let keys: Vec<_> = self.peers.keys().cloned().collect();
            keys.into_iter().for_each(|key| self.unsettle_name(key));
        }
    }

    /// An operation on a transfer to a peer that was forgotten, and perhaps loaded again: what it comes to says nothing of what is loaded now.
    fn is_of_the_past(&self, op: &Op) -> bool {
        let (Op::Poll { transfer } | Op::Wait { transfer } | Op::Post { transfer, .. }) = op else {
            return false;
        };
        let Some(transfer) = self.transfers.get(transfer) else {
            return false;
        };
        let now = self.peer(transfer.agent, transfer.peer);
        let differs = |made| now.is_none_or(|peer| peer.generation != made);
        transfer.generation.is_some_and(differs)
    }

    fn set_up(&mut self, op: &Op) {
        self.threaded |= op.starts_threads();
        match op {
            Op::Agent {
                agent,
                name,
                config,
            } => {
                let name = name.clone().unwrap_or_else(|| agent.to_string());
                self.next_life += 1;
                self.names.insert(*agent, name.clone());
                let born = Agent {
                    name,
                    life: Life(self.next_life),
                    config: config.clone(),
                };
                self.agents.insert(*agent, born);
            }
            Op::Backend {
                backend,
                agent,
                plugin,
                ..
            } => {
                self.plugins.insert((*agent, plugin.clone()));
                let made = Backend {
                    agent: *agent,
                    plugin: plugin.clone(),
                };
                self.backends.insert(*backend, made);
            }
            Op::DestroyBackend { backend } => drop(self.backends.remove(backend)),
            _ => {}
        }
    }

    fn end_agent(&mut self, slot: AgentSlot) {
        let Some(agent) = self.agents.remove(&slot) else {
            return;
        };
        self.backends.retain(|_, backend| backend.agent != slot);
        self.plugins.retain(|(owner, _)| *owner != slot);
        self.registered.retain(|one| one.agent != slot);
        self.in_doubt.remove(&slot);
        self.peers.retain(|(owner, _), _| *owner != slot);
        let gone = Some(agent.life);
        for peer in self.peers.values_mut().filter(|peer| peer.life == gone) {
            peer.loaded = peer.loaded.min(Known::Maybe);
            peer.connection = peer.connection.min(Known::Maybe);
        }
        for transfer in self.transfers.values_mut() {
            transfer.stale |= transfer.peer_life == gone;
        }
        // What a peer that is gone had sent may be lost with it.
        self.mail.doubt();
    }

    fn shape_memory(&mut self, op: &Op) {
        match op {
            Op::Region {
                region,
                size,
                seed,
                place,
            } => {
                let range = self.map(u64::from((*size).clamp(1, REGION_BYTES_MAX)), *place);
                self.regions.insert(*region, range);
                self.write(range, *seed);
            }
            Op::Fill { region, seed } => {
                if let Some(range) = self.regions.get(region).copied() {
                    self.write(range, *seed);
                }
            }
            Op::Free { region } => drop(self.regions.remove(region)),
            _ => {}
        }
    }

    fn map(&mut self, size: u64, place: Option<Place>) -> Range {
        let mut mapping = || {
            self.next_mapping += 1;
            self.next_mapping
        };
        match place {
            None => Range {
                mapping: mapping(),
                start: 0,
                end: size,
            },
            Some(place) => {
                let start = u64::from(place.offset % ARENA_BYTES);
                let mapping = *self.arenas.entry(place.arena).or_insert_with(mapping);
                Range {
                    mapping,
                    start,
                    end: (start + size).min(u64::from(ARENA_BYTES)),
                }
            }
        }
    }

    /// The client fills memory; transfers that use it at the same time carry anything.
    fn write(&mut self, range: Range, seed: u8) {
        let under_way = |one: &Transfer| one.progress == Progress::Posted;
        let mut written_to = false;
        for transfer in self.transfers.values_mut().filter(|one| under_way(one)) {
            let target = overlap(&transfer.target, &[range]);
            written_to |= target;
            transfer.contended |= target || overlap(&transfer.source, &[range]);
        }
        let pattern = Pattern { seed, from: 0 };
        self.contents.set(range, (!written_to).then_some(pattern));
        self.forget_haunted();
    }

    /// Nothing is known of memory to which something may still be written.
    pub(super) fn forget_haunted(&mut self) {
        for range in &self.haunted {
            self.contents.set(*range, None);
        }
    }

    fn register(&mut self, agent: AgentSlot, descs: &[Desc], backend: Option<BackendSlot>) {
        let ucx = match backend {
            None => self.has_ucx(agent),
            Some(backend) => self.is_ucx(backend, agent),
        };
        for desc in descs {
            let Some(range) = self.range(*desc) else {
                continue;
            };
            self.next_registration += 1;
            self.registered.push(Registration {
                id: RegistrationId(self.next_registration),
                agent,
                desc: *desc,
                range,
                backend,
                ucx,
            });
        }
    }

    fn deregister(&mut self, agent: AgentSlot, descs: &[Desc], backend: Option<BackendSlot>) {
        for desc in descs {
            let fits = |one: &Registration| one.agent == agent && one.desc == *desc;
            let exact = self
                .registered
                .iter()
                .position(|one| fits(one) && one.backend == backend);
            let Some(index) = exact.or_else(|| self.registered.iter().position(fits)) else {
                continue;
            };
            let gone = self.registered.remove(index);
            // Equal ones cannot be told apart: nothing may rest on any of them.
            let equal = |one: &&Registration| one.agent == agent && one.range == gone.range;
            let equals: Vec<_> = self
                .registered
                .iter()
                .filter(equal)
                .map(|one| one.id)
                .collect();
            self.given_back.extend(equals);
            self.given_back.insert(gone.id);
        }
        self.forget_given_back();
    }

    /// Registrations that nothing rests on any more are forgotten, so that a long play needs no more memory than a short one.
    fn forget_given_back(&mut self) {
        if self.given_back.len() <= GIVEN_BACK_MAX {
            return;
        }
        let grounds = self.lists.values().map(|one| &one.ground);
        let grounds = grounds.chain(self.transfers.values().map(|one| &one.ground));
        let mut used: BTreeSet<RegistrationId> = grounds
            .flat_map(|ground| ground.registrations.iter().copied())
            .collect();
        let told = self.peers.values().map(|peer| &peer.memory);
        let told = told.chain(self.blobs.values().map(|blob| &blob.memory));
        used.extend(told.flatten().map(|one| one.registration));
        self.given_back.retain(|id| used.contains(id));
    }

    fn notified(&mut self, agent: AgentSlot, answers: &[String]) {
        for answer in answers {
            // A name may have a colon and a message too: what was sent tells where the one ends.
            let Some(life) = self.agents.get(&agent).map(|agent| agent.life) else {
                return;
            };
            if !self.mail.arrive_as_told(life, answer) && self.unsent.is_none() {
                self.unsent = Some(answer.clone());
            }
        }
    }

    fn arrive(&mut self, at: AgentSlot, sender: &str, message: &[u8]) {
        let Some(life) = self.agents.get(&at).map(|agent| agent.life) else {
            return;
        };
        if !self.mail.arrive(life, sender, message) && self.unsent.is_none() {
            self.unsent = Some(format!("{sender}: {}", Message(message.to_vec())));
        }
    }
}
