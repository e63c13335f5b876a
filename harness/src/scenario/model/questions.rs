//! What a generator asks of the model besides what is allowed.

use super::*;

impl Model {
    pub(in crate::scenario) fn has_views(&self, agent: AgentSlot) -> bool {
        self.views.values().any(|view| view.agent == agent)
    }

    /// Whether a blob is the metadata of this very agent, or of one of its name.
    pub(in crate::scenario) fn is_own(&self, agent: AgentSlot, blob: BlobSlot) -> bool {
        let own = self.agents.get(&agent).map(|agent| &agent.name);
        own.is_some() && own == self.blobs.get(&blob).map(|blob| &blob.agent)
    }

    /// Offset and length in bytes of the last region in an arena.
    pub(in crate::scenario) fn last_in_arena(&self, arena: ArenaSlot) -> Option<(u32, u32)> {
        let mapping = *self.arenas.get(&arena)?;
        let mut regions = self.regions.values();
        let last = regions.rfind(|region| region.mapping == mapping)?;
        Some((last.start as u32, last.len() as u32))
    }

    /// Whether a transfer that may be under way uses the region, or memory that it shares with others.
    pub(in crate::scenario) fn is_moving(&self, region: RegionSlot) -> bool {
        let range = self.regions.get(&region).copied();
        let moves = |range: Range| {
            let posted = |one: &&Transfer| one.progress == Progress::Posted;
            let mut posted = self.transfers.values().filter(posted);
            posted.any(|one| {
                memory::overlap(&one.source, &[range]) || memory::overlap(&one.target, &[range])
            })
        };
        range.is_some_and(moves)
    }

    /// Whether anything that is held names the region.
    pub(in crate::scenario) fn is_in_use(&self, region: RegionSlot) -> bool {
        let Some(range) = self.regions.get(&region).copied() else {
            return false;
        };
        let touches = |ranges: &[Range]| ranges.iter().any(|one| one.meets(range));
        self.registered
            .iter()
            .any(|one| one.desc.region == region || one.range.meets(range))
            || self.lists.values().any(|one| touches(&one.descs))
            || self
                .transfers
                .values()
                .any(|one| touches(&one.source) || touches(&one.target))
            || self.views.values().any(|one| touches(&one.ranges))
    }

    /// What is on its way to an agent and may come, in the words of the interpreter.
    pub(in crate::scenario) fn on_its_way(&self, agent: AgentSlot) -> Vec<String> {
        let life = self.agents.get(&agent).map(|agent| agent.life);
        life.map(|life| self.mail.on_its_way(life))
            .unwrap_or_default()
    }

    /// All notifications that must come: to whom, from whom, what.
    pub(in crate::scenario) fn all_due(&self) -> Vec<(AgentSlot, AgentSlot, Message)> {
        let mut due = Vec::new();
        for (slot, agent) in &self.agents {
            for (sender, message) in self.mail.all_due(agent.life) {
                let from = self.names.iter().find(|(_, name)| name.as_str() == sender);
                due.extend(from.map(|(from, _)| (*slot, *from, Message(message.to_vec()))));
            }
        }
        due
    }
}

impl List {
    /// The lengths in bytes of its descriptors.
    pub(in crate::scenario) fn descs_len(&self) -> Vec<u64> {
        self.descs.iter().map(|desc| desc.len()).collect()
    }
}
