//! Prepared lists, transfers and memory views.

use std::ffi::c_int;

use super::reply::{Played, Reply, Stop, skip};
use super::world::{HeldList, HeldTransfer, HeldView, World, held, held_mut, regions_of, vacant};
use crate::nixl::capi::{CallError, MemType, OptArgs, RemoteDlist, Status, XferOp};
use crate::scenario::*;

impl World {
    pub(super) fn prep(
        &mut self,
        slot: ListSlot,
        agent: AgentSlot,
        side: Side,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Played {
        vacant(&self.lists, slot)?;
        let initiator = self.held_agent(agent)?;
        let owner = match side {
            Side::Local => "",
            Side::Remote(owner) => self.name_of(owner)?,
        };
        let (list, args) = (self.xfer_list(descs)?, self.limited_to(agent, backend)?);
        let handle = initiator.agent.prepare(owner, &list, args.as_ref())?;
        let held = HeldList {
            handle,
            agent,
            len: descs.len(),
            regions: regions_of(descs),
        };
        self.lists.insert(slot, held);
        Ok(Reply::done())
    }

    pub(super) fn release_list(&mut self, slot: ListSlot) -> Played {
        let Some(held) = self.lists.remove(&slot) else {
            return skip(format!("{slot} is empty"));
        };
        Ok(Reply::status(held.handle.release()?))
    }

    pub(super) fn make(
        &mut self,
        slot: TransferSlot,
        agent: AgentSlot,
        direction: Direction,
        (local, local_indices): (ListSlot, &[u16]),
        (remote, remote_indices): (ListSlot, &[u16]),
        options: &TransferOptions,
    ) -> Played {
        vacant(&self.transfers, slot)?;
        let initiator = self.held_agent(agent)?;
        let (local, remote) = (held(&self.lists, local)?, held(&self.lists, remote)?);
        if local.agent != agent || remote.agent != agent {
            return skip(format!("a list was not prepared by {agent}"));
        }
        let args = self.transfer_args(agent, options)?;
        let local_side = (&local.handle, &*indices(local_indices, local.len));
        let remote_side = (&remote.handle, &*indices(remote_indices, remote.len));
        let request = initiator.agent.make_request(
            operation(direction),
            local_side,
            remote_side,
            args.as_ref(),
        )?;
        let regions = local
            .regions
            .iter()
            .chain(&remote.regions)
            .copied()
            .collect();
        self.transfers.insert(
            slot,
            HeldTransfer {
                request,
                agent,
                regions,
            },
        );
        Ok(Reply::done())
    }

    pub(super) fn create(
        &mut self,
        slot: TransferSlot,
        agent: AgentSlot,
        direction: Direction,
        local: &[Desc],
        (remote_agent, remote): (AgentSlot, &[Desc]),
        options: &TransferOptions,
    ) -> Played {
        vacant(&self.transfers, slot)?;
        let initiator = self.held_agent(agent)?;
        let peer = self.name_of(remote_agent)?;
        let args = self.transfer_args(agent, options)?;
        let (local_list, remote_list) = (self.xfer_list(local)?, self.xfer_list(remote)?);
        let request = initiator.agent.create_request(
            operation(direction),
            &local_list,
            &remote_list,
            peer,
            args.as_ref(),
        )?;
        let regions = regions_of(local)
            .into_iter()
            .chain(regions_of(remote))
            .collect();
        self.transfers.insert(
            slot,
            HeldTransfer {
                request,
                agent,
                regions,
            },
        );
        Ok(Reply::done())
    }

    /// The optional arguments of a new transfer; none where nothing is asked for.
    fn transfer_args(
        &self,
        agent: AgentSlot,
        options: &TransferOptions,
    ) -> Result<Option<OptArgs>, Stop> {
        if *options == TransferOptions::default() {
            return Ok(None);
        }
        let mut args = OptArgs::new(self.api)?;
        if let Some(backend) = options.backend {
            args.add_backend(self.backend_of(agent, backend)?)?;
        }
        if let Some(message) = &options.notif {
            args.set_notification(&message.0)?;
            args.set_has_notification(true)?;
        }
        if options.skip_merge {
            args.set_skip_merge(true)?;
        }
        if let Some(custom) = &options.custom {
            args.set_custom(custom.as_bytes())?;
        }
        Ok(Some(args))
    }

    pub(super) fn post(&mut self, slot: TransferSlot, notif: Option<&Message>) -> Played {
        let args = match notif {
            None => None,
            Some(message) => {
                let mut args = OptArgs::new(self.api)?;
                args.set_notification(&message.0)?;
                args.set_has_notification(true)?;
                Some(args)
            }
        };
        let status = held_mut(&mut self.transfers, slot)?
            .request
            .post(args.as_ref())?;
        // Whether a transfer is done at once is a matter of speed.
        Ok(Reply::done().measured(status.to_string()))
    }

    pub(super) fn poll(&mut self, slot: TransferSlot) -> Played {
        Ok(Reply::status(
            held(&self.transfers, slot)?.request.status()?,
        ))
    }

    pub(super) fn wait(&mut self, slot: TransferSlot) -> Played {
        held(&self.transfers, slot)?;
        let mut wait = self.patient();
        loop {
            let status = held(&self.transfers, slot)?.request.status()?;
            if status != Status::InProgress {
                return Ok(Reply::status(status).measured(format!("{} polls", wait.polls())));
            }
            if wait.is_over() {
                return Err(Stop::TimedOut(format!("{slot} to be done")));
            }
            // With UCX the target must be polled too, else the initiator never gets connected.
            self.poll_everyone();
            wait.polled();
        }
    }

    pub(super) fn release(&mut self, slot: TransferSlot) -> Played {
        let held = held_mut(&mut self.transfers, slot)?;
        let status = held.request.release()?;
        if status == Status::InProgress {
            return Ok(Reply::status(status));
        }
        let Some(held) = self.transfers.remove(&slot) else {
            return skip(format!("{slot} is empty"));
        };
        match held.request.destroy() {
            Ok(()) => Ok(Reply::status(status)),
            Err((error, request)) => {
                // Released but not destroyed: only the wrapper is left, and NIXL refuses to drop it.
                request.forget();
                Err(error.into())
            }
        }
    }

    pub(super) fn cost(&mut self, slot: TransferSlot) -> Played {
        let cost = held(&self.transfers, slot)?.request.estimate(None)?;
        let (duration, margin) = (cost.duration_us, cost.error_margin_us);
        Ok(Reply::done()
            .answer(format!("method {}", cost.method))
            .measured(format!("{duration} us, give or take {margin}")))
    }

    pub(super) fn transfer_backend(&mut self, slot: TransferSlot) -> Played {
        held(&self.transfers, slot)?.request.backend()?.destroy()?;
        Ok(Reply::done())
    }

    pub(super) fn telemetry(&mut self, slot: TransferSlot) -> Played {
        let telemetry = held(&self.transfers, slot)?.request.telemetry()?;
        Ok(Reply::done()
            .answer(format!("{} bytes", telemetry.total_bytes))
            .answer(format!("{} descriptors", telemetry.desc_count))
            .measured(format!("post {} us", telemetry.post_duration_us))
            .measured(format!("transfer {} us", telemetry.xfer_duration_us)))
    }

    pub(super) fn local_view(
        &mut self,
        slot: ViewSlot,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Played {
        vacant(&self.views, slot)?;
        let initiator = self.held_agent(agent)?;
        let (list, args) = (self.xfer_list(descs)?, self.limited_to(agent, backend)?);
        let view = initiator.agent.view_local(&list, args.as_ref())?;
        self.views.insert(
            slot,
            HeldView {
                view,
                agent,
                regions: regions_of(descs),
            },
        );
        Ok(Reply::done())
    }

    pub(super) fn remote_view(
        &mut self,
        slot: ViewSlot,
        agent: AgentSlot,
        descs: &[RemoteDesc],
        backend: Option<BackendSlot>,
    ) -> Played {
        vacant(&self.views, slot)?;
        let initiator = self.held_agent(agent)?;
        let args = self.limited_to(agent, backend)?;
        let mut list = RemoteDlist::new(self.api, MemType::Dram)?;
        for one in descs {
            let (address, len) = self.range_of(one.desc)?;
            let owner = one.agent.map(|owner| self.name_of(owner)).transpose()?;
            // SAFETY: as for transfer lists: the region stays mapped while a view names it.
            unsafe { list.add(address, len, 0, owner) }?;
        }
        let view = initiator.agent.view_remote(&list, args.as_ref())?;
        let regions = descs.iter().map(|one| one.desc.region).collect();
        self.views.insert(
            slot,
            HeldView {
                view,
                agent,
                regions,
            },
        );
        Ok(Reply::done())
    }

    pub(super) fn release_view(&mut self, slot: ViewSlot) -> Played {
        let Some(held) = self.views.remove(&slot) else {
            return skip(format!("{slot} is empty"));
        };
        Ok(Reply::status(held.view.release()?))
    }

    /// Gives a transfer up that NIXL does not let go.
    pub(super) fn give_up(&mut self, slot: TransferSlot) {
        if let Some(held) = self.transfers.remove(&slot) {
            held.request.forget();
        }
    }

    /// Polls until a transfer is done or failed, or the patience is over.
    pub(super) fn settle(&mut self, slot: TransferSlot) {
        // Whatever it ends with: only that it ended matters here.
        let _: Result<Reply, Stop> = self.wait(slot).or_else(|stop| match stop {
            Stop::Call(CallError::Refused { .. }) => Ok(Reply::done()),
            other => Err(other),
        });
    }
}

fn operation(direction: Direction) -> XferOp {
    match direction {
        Direction::Read => XferOp::Read,
        Direction::Write => XferOp::Write,
    }
}

/// Indices into a list of `len` descriptors: all of them where none is named, and wrapped into it.
fn indices(named: &[u16], len: usize) -> Vec<c_int> {
    let all = 0..len as c_int;
    match (named, len) {
        ([], _) => all.collect(),
        (_, 0) => Vec::new(),
        (named, len) => named
            .iter()
            .map(|index| (usize::from(*index) % len) as c_int)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_all_or_those_named_wrapped_into_the_list() {
        assert_eq!(indices(&[], 3), [0, 1, 2]);
        assert_eq!(indices(&[2, 0, 7], 3), [2, 0, 1]);
        assert_eq!(indices(&[5], 0), [0; 0]);
    }
}
