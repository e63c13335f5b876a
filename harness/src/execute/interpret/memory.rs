//! Regions, and what is registered of them.

use std::io;
use std::rc::Rc;

use super::reply::{Played, Reply, Stop, skip};
use super::world::{HeldRegion, Registration, World, cut, held, vacant};
use crate::execute::region::Mapping;
use crate::nixl::capi::{MemType, QueryRespList, RegDlist};
use crate::scenario::*;

impl World {
    pub(super) fn region(
        &mut self,
        slot: RegionSlot,
        size: u32,
        seed: u8,
        place: Option<Place>,
    ) -> Played {
        vacant(&self.regions, slot)?;
        let size = size.clamp(1, REGION_BYTES_MAX) as usize;
        let region = match place {
            None => HeldRegion {
                mapping: Rc::new(mapped(Mapping::filled(size, seed), size)?),
                offset: 0,
                len: size,
            },
            Some(place) => {
                let offset = place.offset as usize % ARENA_BYTES as usize;
                let (mapping, len) = (
                    self.arena(place.arena)?,
                    size.min(ARENA_BYTES as usize - offset),
                );
                mapping.fill(offset, len, seed);
                HeldRegion {
                    mapping,
                    offset,
                    len,
                }
            }
        };
        self.regions.insert(slot, region);
        Ok(Reply::done())
    }

    fn arena(&mut self, slot: ArenaSlot) -> Result<Rc<Mapping>, Stop> {
        if let Some(arena) = self.arenas.get(&slot) {
            return Ok(Rc::clone(arena));
        }
        let arena = Rc::new(mapped(
            Mapping::new(ARENA_BYTES as usize),
            ARENA_BYTES as usize,
        )?);
        self.arenas.insert(slot, Rc::clone(&arena));
        Ok(arena)
    }

    pub(super) fn fill(&mut self, slot: RegionSlot, seed: u8) -> Played {
        let region = held(&self.regions, slot)?;
        region.mapping.fill(region.offset, region.len, seed);
        Ok(Reply::done())
    }

    pub(super) fn free(&mut self, slot: RegionSlot) -> Played {
        held(&self.regions, slot)?;
        if self.is_in_use(slot) {
            return skip(format!("{slot} is still in use"));
        }
        self.regions.remove(&slot);
        Ok(Reply::done())
    }

    pub(super) fn expect_bytes(&mut self, desc: Desc, seed: u8, from: u32) -> Played {
        let region = held(&self.regions, desc.region)?;
        let (offset, len) = cut(desc.span, region.len);
        let difference =
            region
                .mapping
                .first_difference(region.offset + offset, len, seed, u64::from(from));
        match difference {
            None => Ok(Reply::done()),
            Some((position, found, wanted)) => Err(Stop::Wrong(format!(
                "byte {} of {} is {found:#04x}; pattern {seed} has {wanted:#04x} there",
                offset + position,
                desc.region,
            ))),
        }
    }

    /// A registration list of descriptors.
    pub(super) fn reg_list(&self, descs: &[Desc]) -> Result<RegDlist, Stop> {
        let mut list = RegDlist::new(self.api, MemType::Dram)?;
        for desc in descs {
            let (address, len) = self.range_of(*desc)?;
            // SAFETY: the region stays mapped while it is registered (`is_in_use`), and until all
            // agents are gone (the order of `World`'s fields); peers may write to it.
            unsafe { list.add(address, len, 0, &[]) }?;
        }
        Ok(list)
    }

    pub(super) fn register(
        &mut self,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Played {
        let owner = self.held_agent(agent)?;
        let (list, args) = (self.reg_list(descs)?, self.limited_to(agent, backend)?);
        let status = owner.agent.register(&list, args.as_ref())?;
        let registered = descs.iter().map(|desc| Registration {
            agent,
            desc: *desc,
            backend,
            tried: false,
        });
        self.registered.extend(registered);
        Ok(Reply::status(status))
    }

    pub(super) fn deregister(
        &mut self,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Played {
        let owner = self.held_agent(agent)?;
        // NIXL: "each descriptor in the list should match a descriptor used during registration".
        let mut left = self.registered.clone();
        for desc in descs {
            let known = left
                .iter()
                .position(|one| one.agent == agent && one.desc == *desc);
            match known {
                Some(index) => drop(left.remove(index)),
                None => return skip(format!("{desc} is not registered with {agent}")),
            }
        }
        let (list, args) = (self.reg_list(descs)?, self.limited_to(agent, backend)?);
        let status = owner.agent.deregister(&list, args.as_ref())?;
        self.registered = left;
        Ok(Reply::status(status))
    }

    pub(super) fn query_mem(
        &mut self,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Played {
        let list = self.reg_list(descs)?;
        self.query(agent, &list, backend)
    }

    pub(super) fn query_file(
        &mut self,
        agent: AgentSlot,
        path: &str,
        backend: Option<BackendSlot>,
    ) -> Played {
        let mut list = RegDlist::new(self.api, MemType::File)?;
        // SAFETY: a file is named by its path; there is no memory behind the descriptor.
        unsafe { list.add(0, 0, 0, path.as_bytes()) }?;
        self.query(agent, &list, backend)
    }

    fn query(&self, agent: AgentSlot, list: &RegDlist, backend: Option<BackendSlot>) -> Played {
        let owner = self.held_agent(agent)?;
        let args = self.limited_to(agent, backend)?;
        let mut answers = QueryRespList::new(self.api)?;
        let status = owner.agent.query(list, &mut answers, args.as_ref())?;
        let mut reply = Reply::status(status);
        for index in 0..answers.len()? {
            reply = match answers.get(index)? {
                // A file's times and sizes are its own business.
                Some(params) => reply
                    .answer("found")
                    .measured(format!("{:?}", params.entries()?)),
                None => reply.answer("nothing"),
            };
        }
        Ok(reply)
    }
}

fn mapped(mapping: io::Result<Mapping>, size: usize) -> Result<Mapping, Stop> {
    mapping.or_else(|error| skip(format!("cannot map {size} bytes: {error}")))
}
