//! Notifications: sent, taken, waited for.

use super::reply::{Played, Reply, Stop};
use super::world::World;
use crate::nixl::capi::{NotifMap, Status};
use crate::scenario::*;

impl World {
    pub(super) fn notify(
        &mut self,
        agent: AgentSlot,
        to: AgentSlot,
        message: &Message,
        backend: Option<BackendSlot>,
    ) -> Played {
        let args = self.limited_to(agent, backend)?;
        let name = self.name_of(to)?;
        let status = self
            .held_agent(agent)?
            .agent
            .notify(name, &message.0, args.as_ref())?;
        Ok(Reply::status(status))
    }

    /// Polls one agent once; what arrived goes to its inbox.
    fn poll_agent(&mut self, slot: AgentSlot) -> Result<Status, Stop> {
        let mut map = match self.notif_map.take() {
            Some(map) => map,
            None => NotifMap::new(self.api)?,
        };
        let polled = self.held_agent(slot)?.agent.notifications(&mut map, None);
        // Even a poll that failed may have brought something before it did.
        let arrived = if map.is_empty()? {
            Vec::new()
        } else {
            map.entries()?
        };
        if !arrived.is_empty() {
            map.clear()?;
        }
        self.notif_map = Some(map);
        for (sender, messages) in arrived {
            self.inboxes
                .entry((slot, sender))
                .or_default()
                .extend(messages);
        }
        Ok(polled?)
    }

    /// Polls every agent once. A poll that fails is not what the caller asked about.
    pub(super) fn poll_everyone(&mut self) {
        let slots: Vec<AgentSlot> = self.agents.keys().copied().collect();
        for slot in slots {
            let _ = self.poll_agent(slot);
        }
    }

    pub(super) fn notifs(&mut self, agent: AgentSlot, times: u8) -> Played {
        let mut status = self.poll_agent(agent)?;
        for _ in 1..times {
            status = self.poll_agent(agent)?;
        }
        let mut taken = Vec::new();
        for ((receiver, sender), messages) in &mut self.inboxes {
            if *receiver == agent {
                taken.extend(
                    messages
                        .drain(..)
                        .map(|message| format!("{sender}: {}", Message(message))),
                );
            }
        }
        Ok(Reply::status(status).answers(taken))
    }

    pub(super) fn expect_notif(
        &mut self,
        agent: AgentSlot,
        from: AgentSlot,
        message: &Message,
    ) -> Played {
        let key = (agent, self.name_of(from)?.to_owned());
        let mut wait = self.patient();
        loop {
            self.poll_agent(agent)?;
            if let Some(inbox) = self.inboxes.get_mut(&key)
                && let Some(index) = inbox.iter().position(|known| *known == message.0)
            {
                inbox.remove(index);
                return Ok(Reply::done().measured(format!("{} polls", wait.polls())));
            }
            if wait.is_over() {
                return Err(Stop::TimedOut(format!("{message} from {from} at {agent}")));
            }
            self.poll_everyone();
            wait.polled();
        }
    }
}
