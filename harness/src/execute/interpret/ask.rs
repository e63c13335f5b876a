//! What can be asked, and tours through the small functions of the C API.

use super::reply::{Played, Reply, Stop, skip};
use super::world::{World, held};
use crate::nixl::capi::{MemList, MemType, NotifMap, OptArgs, Params, RegDlist, RemoteDlist};
use crate::scenario::*;

impl World {
    pub(super) fn plugins(&mut self, agent: AgentSlot) -> Played {
        let plugins = self.held_agent(agent)?.agent.plugins()?;
        Ok(Reply::done().answers(plugins.entries()?))
    }

    pub(super) fn plugin_params(&mut self, agent: AgentSlot, plugin: &str) -> Played {
        let (mems, params) = self.held_agent(agent)?.agent.plugin_params(plugin)?;
        self.described(mems, params)
    }

    pub(super) fn backend_params(&mut self, slot: BackendSlot) -> Played {
        let backend = held(&self.backends, slot)?;
        let (mems, params) = self
            .held_agent(backend.agent)?
            .agent
            .backend_params(&backend.backend)?;
        self.described(mems, params)
    }

    /// Memory kinds and parameters as an answer.
    fn described(&self, mems: MemList, params: Params) -> Played {
        let mut reply = Reply::done();
        if !mems.is_empty()? {
            for mem in mems.entries()? {
                reply = reply.answer(mem.name(self.api)?);
            }
        }
        let pairs = params.entries()?;
        Ok(reply.answers(
            pairs
                .into_iter()
                .map(|(key, value)| format!("{key}={value}")),
        ))
    }

    pub(super) fn tour_lists(&mut self, descs: &[Desc]) -> Played {
        let mut list = self.xfer_list(descs)?;
        list.print()?;
        same(
            "the length by its older name",
            list.len_deprecated()?,
            descs.len(),
        )?;
        same("the kind", list.kind()?, MemType::Dram)?;
        list.trim()?;
        list.remove(0)?;
        same("the length after a removal", list.len()?, descs.len() - 1)?;
        list.resize(descs.len() + 2)?;
        same("the length after a resize", list.len()?, descs.len() + 2)?;
        list.clear()?;
        same("emptiness after a clear", list.is_empty()?, true)?;
        list.destroy()?;
        self.tour_reg_list(descs)?;
        self.tour_remote_list(descs)?;
        Ok(Reply::done())
    }

    fn tour_reg_list(&self, descs: &[Desc]) -> Result<(), Stop> {
        let mut list: RegDlist = self.reg_list(descs)?;
        list.print()?;
        same("the kind", list.kind()?, MemType::Dram)?;
        list.trim()?;
        list.remove(0)?;
        same("the length after a removal", list.len()?, descs.len() - 1)?;
        list.resize(descs.len() + 2)?;
        same("the length after a resize", list.len()?, descs.len() + 2)?;
        list.clear()?;
        same("emptiness after a clear", list.is_empty()?, true)?;
        Ok(list.destroy()?)
    }

    fn tour_remote_list(&self, descs: &[Desc]) -> Result<(), Stop> {
        let mut list = RemoteDlist::new(self.api, MemType::Dram)?;
        for (index, desc) in descs.iter().enumerate() {
            let (address, len) = self.range_of(*desc)?;
            let owner = (index > 0).then_some("someone");
            // SAFETY: no view is ever made of this list.
            unsafe { list.add(address, len, 0, owner) }?;
        }
        Ok(list.destroy()?)
    }

    pub(super) fn tour_options(&mut self, backend: Option<BackendSlot>) -> Played {
        let mut args = OptArgs::new(self.api)?;
        if let Some(slot) = backend {
            args.add_backend(&held(&self.backends, slot)?.backend)?;
        }
        same(
            "the notification before it is set",
            args.has_notification()?,
            false,
        )?;
        args.set_notification(b"a\0b")?;
        same("the message", args.notification()?, b"a\0b".to_vec())?;
        args.set_has_notification(true)?;
        same("the notification", args.has_notification()?, true)?;
        args.set_has_notification(false)?;
        same(
            "the notification after it is unset",
            args.has_notification()?,
            false,
        )?;
        args.set_skip_merge(true)?;
        same("the merge setting", args.skip_merge()?, true)?;
        args.set_ip("127.0.0.1")?;
        args.set_port(1)?;
        args.set_custom(b"worker_id=0")?;
        same(
            "the custom parameter",
            args.custom()?,
            b"worker_id=0".to_vec(),
        )?;
        args.destroy()?;
        Ok(Reply::done())
    }

    pub(super) fn tour_notif_map(&mut self) -> Played {
        let mut map = NotifMap::new(self.api)?;
        same("emptiness", map.is_empty()?, true)?;
        same("the entries", map.entries()?.len(), 0)?;
        map.clear()?;
        map.destroy()?;
        if self.api.is_stub()? {
            return skip("this library is NIXL's stub");
        }
        Ok(Reply::done())
    }
}

/// NIXL must answer what was set.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), Stop> {
    if found == wanted {
        return Ok(());
    }
    Err(Stop::Wrong(format!("{what} is {found:?}, not {wanted:?}")))
}
