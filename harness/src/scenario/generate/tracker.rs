//! The scenario so far, and what the model says that NIXL holds after it if all goes well.

use super::Class;
use super::switches::Switches;
use crate::scenario::model::{Model, Seen};
use crate::scenario::*;

pub(super) struct Tracker {
    pub(super) model: Model,
    pub(super) class: Class,
    pub(super) switches: Switches,
    /// What the contract forbids is not avoided.
    pub(super) lawless: bool,
    steps: Vec<Step>,
}

impl Tracker {
    pub(super) fn new(class: Class, switches: Switches) -> Tracker {
        Tracker {
            model: Model::new(true),
            class,
            switches,
            lawless: false,
            steps: Vec::new(),
        }
    }

    /// Whether the operation may come next: within the contract, and no known crash.
    pub(super) fn accepts(&self, op: &Op) -> bool {
        self.lawless
            || self.model.permits(op).is_ok()
                && (self.switches.hazards || self.model.hazard(op).is_none())
    }

    /// The operation comes next; what is sure to be refused is taken as refused, all else as done.
    pub(super) fn push(&mut self, op: Op) {
        let waiting = match &op {
            Op::Notifs { agent, .. } => self.model.on_its_way(*agent),
            _ => Vec::new(),
        };
        let seen = match self.model.allowed(&op).is_error() {
            true => Seen::Refused,
            false => Seen::Done(&waiting),
        };
        self.model.apply(&op, seen);
        self.steps.push(Step::from(op));
    }

    /// The operations so far.
    pub(super) fn ops(&self) -> impl Iterator<Item = &Op> {
        self.steps.iter().filter_map(|step| match step {
            Step::Line(line) => Some(&line.op),
            Step::Repeat { .. } => None,
        })
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// The agents that are there.
    pub(super) fn agents(&self) -> Vec<AgentSlot> {
        self.model.agents.keys().copied().collect()
    }

    /// The backends of an agent whose handle is held, with their plugins.
    pub(super) fn backends_of(&self, agent: AgentSlot) -> Vec<(BackendSlot, &str)> {
        let own = self
            .model
            .backends
            .iter()
            .filter(|(_, one)| one.agent == agent);
        own.map(|(slot, one)| (*slot, one.plugin.as_str()))
            .collect()
    }

    /// What an agent has registered: the descriptors and their lengths in bytes.
    pub(super) fn registered(&self, agent: AgentSlot) -> Vec<(Desc, u32)> {
        let own = self
            .model
            .registered
            .iter()
            .filter(|one| one.agent == agent);
        own.map(|one| (one.desc, one.range.len() as u32)).collect()
    }
}

/// The slots that are there, the one that the operand means first: those from its number on, then those before it.
pub(super) fn from_operand<S: Slot>(slots: impl IntoIterator<Item = S>, operand: u8) -> Vec<S> {
    let slots: Vec<S> = slots.into_iter().collect();
    let wanted = u16::from(operand) % u16::from(SLOTS);
    let (before, mut from): (Vec<S>, Vec<S>) =
        slots.into_iter().partition(|slot| slot.number() < wanted);
    from.extend(before);
    from
}

/// The first free slot from the one that the operand means on.
pub(super) fn vacant<S: Slot>(taken: impl Fn(S) -> bool, operand: u8) -> Option<S> {
    let all = (0..u16::from(SLOTS)).filter_map(S::from_number);
    from_operand(all, operand)
        .into_iter()
        .find(|slot| !taken(*slot))
}

/// Objects of one kind at a time.
pub(super) const SLOTS: u8 = 8;
