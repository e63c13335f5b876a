//! What a play holds at the moment: objects by slot, memory, messages that arrived.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::reply::{Stop, skip};
use super::wait::{Patience, Wait};
use crate::execute::region::Mapping;
use crate::nixl::capi::{
    Agent, Api, Backend, MemView, NotifMap, OptArgs, XferDlistHandle, XferReq,
};
use crate::scenario::*;

/// An agent that is alive.
pub(super) struct HeldAgent {
    pub(super) agent: Agent,
    /// Port of its listener thread, if it has one.
    pub(super) port: Option<u16>,
    /// Threads make progress: its own, or those of a backend, which stay when the handle of that is given back.
    pub(super) threaded: bool,
}

/// A backend handle.
pub(super) struct HeldBackend {
    pub(super) backend: Backend,
    pub(super) agent: AgentSlot,
}

/// Memory of a region.
pub(super) struct HeldRegion {
    pub(super) mapping: Rc<Mapping>,
    pub(super) offset: usize,
    pub(super) len: usize,
}

/// A prepared list.
pub(super) struct HeldList {
    pub(super) handle: XferDlistHandle,
    pub(super) agent: AgentSlot,
    pub(super) len: usize,
    pub(super) regions: Vec<RegionSlot>,
}

/// A transfer.
pub(super) struct HeldTransfer {
    pub(super) request: XferReq,
    pub(super) agent: AgentSlot,
    pub(super) regions: Vec<RegionSlot>,
}

/// A memory view.
pub(super) struct HeldView {
    pub(super) view: MemView,
    pub(super) agent: AgentSlot,
    pub(super) regions: Vec<RegionSlot>,
}

/// A registration that succeeded.
#[derive(Debug, Clone)]
pub(super) struct Registration {
    pub(super) agent: AgentSlot,
    pub(super) desc: Desc,
    pub(super) backend: Option<BackendSlot>,
    /// The teardown has tried to give it back.
    pub(super) tried: bool,
}

/// Everything. All maps are ordered, so that every walk has the same order in every run.
pub(super) struct World {
    pub(super) api: &'static Api,
    pub(super) patience: Patience,
    /// What NIXL's contract forbids is not asked of it: a scenario keeps it on paper, but may be led astray by what it is answered.
    pub(super) lawful: bool,
    // Objects that need an agent stand before the agents: this is the order of a drop.
    pub(super) views: BTreeMap<ViewSlot, HeldView>,
    pub(super) transfers: BTreeMap<TransferSlot, HeldTransfer>,
    pub(super) lists: BTreeMap<ListSlot, HeldList>,
    pub(super) backends: BTreeMap<BackendSlot, HeldBackend>,
    pub(super) agents: BTreeMap<AgentSlot, HeldAgent>,
    pub(super) registered: Vec<Registration>,
    /// Who has loaded whose metadata.
    pub(super) loaded: BTreeSet<(AgentSlot, AgentSlot)>,
    /// The last name of the agent in each slot; it outlives the agent.
    pub(super) names: BTreeMap<AgentSlot, String>,
    pub(super) blobs: BTreeMap<BlobSlot, Vec<u8>>,
    pub(super) inboxes: BTreeMap<(AgentSlot, String), VecDeque<Vec<u8>>>,
    pub(super) notif_map: Option<NotifMap>,
    /// Agents whose last notifications the teardown has taken.
    pub(super) emptied: BTreeSet<AgentSlot>,
    /// How often the teardown has released a transfer that is still there.
    pub(super) releases: BTreeMap<TransferSlot, u32>,
    /// Blocks that were churned so far, by the pattern of their addresses.
    pub(super) churned: BTreeMap<Addresses, u64>,
    /// Memory goes last: NIXL may use it until its agents are gone.
    pub(super) regions: BTreeMap<RegionSlot, HeldRegion>,
    pub(super) arenas: BTreeMap<ArenaSlot, Rc<Mapping>>,
}

impl World {
    pub(super) fn new(api: &'static Api, patience: Patience, lawful: bool) -> Self {
        Self {
            api,
            patience,
            lawful,
            views: BTreeMap::new(),
            transfers: BTreeMap::new(),
            lists: BTreeMap::new(),
            backends: BTreeMap::new(),
            agents: BTreeMap::new(),
            registered: Vec::new(),
            loaded: BTreeSet::new(),
            names: BTreeMap::new(),
            blobs: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            notif_map: None,
            emptied: BTreeSet::new(),
            releases: BTreeMap::new(),
            churned: BTreeMap::new(),
            regions: BTreeMap::new(),
            arenas: BTreeMap::new(),
        }
    }

    pub(super) fn held_agent(&self, slot: AgentSlot) -> Result<&HeldAgent, Stop> {
        held(&self.agents, slot)
    }

    /// The name that the agent of a slot has or had.
    pub(super) fn name_of(&self, slot: AgentSlot) -> Result<&str, Stop> {
        match self.names.get(&slot) {
            Some(name) => Ok(name),
            None => skip(format!("there was never an agent in {slot}")),
        }
    }

    /// Address and length of a descriptor, cut off at the end of its region.
    pub(super) fn range_of(&self, desc: Desc) -> Result<(usize, usize), Stop> {
        let region = held(&self.regions, desc.region)?;
        let (offset, len) = cut(desc.span, region.len);
        Ok((region.mapping.address(region.offset + offset), len))
    }

    /// The optional argument that limits a call to a backend of `agent`; none where none is asked for.
    pub(super) fn limited_to(
        &self,
        agent: AgentSlot,
        backend: Option<BackendSlot>,
    ) -> Result<Option<OptArgs>, Stop> {
        let Some(slot) = backend else { return Ok(None) };
        let mut args = OptArgs::new(self.api)?;
        args.add_backend(self.backend_of(agent, slot)?)?;
        Ok(Some(args))
    }

    /// The backend of a slot, which must belong to `agent`: NIXL follows the handle without a check.
    pub(super) fn backend_of(&self, agent: AgentSlot, slot: BackendSlot) -> Result<&Backend, Stop> {
        let held = held(&self.backends, slot)?;
        if held.agent != agent {
            return skip(format!("{slot} belongs to {}, not to {agent}", held.agent));
        }
        Ok(&held.backend)
    }

    /// A wait, as patient as the threads that are there ask for.
    pub(super) fn patient(&self) -> Wait {
        let threaded = self.agents.values().any(|agent| agent.threaded);
        Wait::new(self.patience, threaded)
    }

    /// Is memory of the region still known to NIXL?
    pub(super) fn is_in_use(&self, region: RegionSlot) -> bool {
        self.registered.iter().any(|one| one.desc.region == region)
            || self.lists.values().any(|one| one.regions.contains(&region))
            || self
                .transfers
                .values()
                .any(|one| one.regions.contains(&region))
            || self.views.values().any(|one| one.regions.contains(&region))
    }
}

/// The object in a slot.
pub(super) fn held<S: Slot + std::fmt::Display, T>(
    map: &BTreeMap<S, T>,
    slot: S,
) -> Result<&T, Stop> {
    match map.get(&slot) {
        Some(object) => Ok(object),
        None => skip(format!("{slot} is empty")),
    }
}

/// The same, to change it.
pub(super) fn held_mut<S: Slot + std::fmt::Display, T>(
    map: &mut BTreeMap<S, T>,
    slot: S,
) -> Result<&mut T, Stop> {
    match map.get_mut(&slot) {
        Some(object) => Ok(object),
        None => skip(format!("{slot} is empty")),
    }
}

/// The slot must be free for a new object.
pub(super) fn vacant<S: Slot + std::fmt::Display, T>(
    map: &BTreeMap<S, T>,
    slot: S,
) -> Result<(), Stop> {
    if map.contains_key(&slot) {
        return skip(format!("{slot} is occupied"));
    }
    Ok(())
}

/// A span of a region of `len` bytes, cut off at its end.
pub(super) fn cut(span: Option<Span>, len: usize) -> (usize, usize) {
    let Some(span) = span else { return (0, len) };
    let offset = (span.offset as usize).min(len);
    (offset, (span.len as usize).min(len - offset))
}

/// The regions of descriptors.
pub(super) fn regions_of(descs: &[Desc]) -> Vec<RegionSlot> {
    descs.iter().map(|desc| desc.region).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_off_at_the_end_of_its_region() {
        let span = |offset, len| Some(Span { offset, len });
        assert_eq!(cut(None, 10), (0, 10));
        assert_eq!(cut(span(2, 3), 10), (2, 3));
        assert_eq!(cut(span(8, 3), 10), (8, 2));
        assert_eq!(cut(span(20, 3), 10), (10, 0));
        assert_eq!(cut(span(u32::MAX, u32::MAX), 10), (10, 0));
    }
}
