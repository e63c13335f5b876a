//! What is still held at the end, in the order in which NIXL's documentation has it given back.

use super::world::World;
use crate::scenario::*;

/// Polls for last notifications. Without progress threads what was sent is there at the first; a few
/// more leave an adversary room, and cost microseconds.
const LAST_POLLS: u8 = 16;

impl World {
    /// The next thing to give back; `None` when nothing is left. Whatever it answers, the thing is
    /// not asked for a second time, save a transfer that refused because it was still running.
    pub(super) fn next_to_release(&mut self) -> Option<Line> {
        let op = self
            .next_inbox()
            .or_else(|| self.next_handle())
            .or_else(|| self.next_memory())
            .or_else(|| self.next_agent())?;
        // A peer may have been forgotten already through its listener thread, and notifications of a
        // peer that failed are none to judge.
        let expect = matches!(op, Op::Invalidate { .. } | Op::Notifs { .. }).then_some(Expect::Any);
        Some(Line { op, expect })
    }

    /// Notifications that are still on their way; NIXL drops them with their agent.
    fn next_inbox(&mut self) -> Option<Op> {
        let agent = self
            .agents
            .keys()
            .copied()
            .find(|agent| !self.emptied.contains(agent))?;
        self.emptied.insert(agent);
        Some(Op::Notifs {
            agent,
            times: LAST_POLLS,
        })
    }

    /// Transfers, views, lists: all need their agent.
    fn next_handle(&mut self) -> Option<Op> {
        while let Some(transfer) = self.transfers.keys().next().copied() {
            let releases = self.releases.entry(transfer).or_insert(0);
            *releases += 1;
            match *releases {
                1 => return Some(Op::Release { transfer }),
                // The first was refused: the transfer is under way. Once it has ended it can be released.
                2 => {
                    self.settle(transfer);
                    return Some(Op::Release { transfer });
                }
                _ => self.give_up(transfer),
            }
        }
        if let Some(view) = self.views.keys().next().copied() {
            return Some(Op::ReleaseView { view });
        }
        let list = self.lists.keys().next().copied()?;
        Some(Op::ReleaseList { list })
    }

    /// Registrations, in one call those of one agent and backend; then what is known of peers.
    fn next_memory(&mut self) -> Option<Op> {
        if let Some(first) = self.registered.iter().find(|one| !one.tried) {
            let (agent, backend) = (first.agent, first.backend);
            let mut descs = Vec::new();
            for one in &mut self.registered {
                if !one.tried && one.agent == agent && one.backend == backend {
                    one.tried = true;
                    descs.push(one.desc);
                }
            }
            // Without its handle the backend cannot be named any more: then it is all backends.
            let backend = backend.filter(|slot| self.backends.contains_key(slot));
            return Some(Op::Deregister {
                agent,
                descs,
                backend,
            });
        }
        let (agent, remote) = self.loaded.iter().next().copied()?;
        Some(Op::Invalidate { agent, remote })
    }

    /// Backend handles, then agents.
    fn next_agent(&mut self) -> Option<Op> {
        if let Some(backend) = self.backends.keys().next().copied() {
            return Some(Op::DestroyBackend { backend });
        }
        let agent = self.agents.keys().next().copied()?;
        Some(Op::DestroyAgent { agent })
    }
}
