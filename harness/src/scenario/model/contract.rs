//! What a client may ask of NIXL at all. The sources are files of ai-dynamo/nixl, as on main in August 2026, from which 1.5 was made.

use std::fmt;

use super::memory::overlap;
use super::*;

/// Why an operation breaks NIXL's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    /// What the contract says.
    pub rule: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.rule, self.source)
    }
}

const UNIQUE_NAME: Forbidden = Forbidden {
    rule: "each agent has a name of its own",
    source: "docs/nixl.md, Design",
};
const DISTINCT: Forbidden = Forbidden {
    rule: "a registration that is given back can be told from others",
    source: "src/api/cpp/nixl.h, deregisterMem",
};
const REGISTERED: Forbidden = Forbidden {
    rule: "the buffers of a transfer, on both sides, are registered from its making to its end",
    source: "docs/nixl.md, Transfer",
};
const SYNCHRONISED: Forbidden = Forbidden {
    rule: "an agent that several threads use is made with a synchronisation mode, and a transfer is one thread's",
    source: "src/api/cpp/nixl_params.h, nixlAgentConfig::syncMode; docs/nixl.md, Transfer",
};
const ANSWERED: Forbidden = Forbidden {
    rule: "metadata that is still on its way may come after an invalidation: it is waited for before its end is",
    source: "src/api/cpp/nixl.h, fetchRemoteMD and invalidateLocalMD: no order between the two is promised",
};
const VIEWED: Forbidden = Forbidden {
    rule: "a memory view shows memory that is registered and a peer that is loaded",
    source: "src/api/cpp/nixl.h, prepMemView",
};

/// Something that the contract permits and that crashes NIXL 1.5.1: known, and avoided most of the time so that what lies behind it is
/// reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hazard {
    /// The same memory registered twice with an agent: deregistering both in one call follows a pointer that is gone.
    RegisteredTwice,
}

impl Model {
    /// Whether the contract lets a client do this now. What NIXL checks and answers by an error is permitted.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn permits(&self, op: &Op) -> Result<(), Forbidden> {
        match op {
            Op::Agent { agent, name, .. } => {
                let name = name.clone().unwrap_or_else(|| agent.to_string());
                let mut others = self.agents.iter().filter(|(slot, _)| *slot != agent);
                let taken = others.any(|(_, other)| other.name == name);
                forbidden(taken, UNIQUE_NAME)
            }
            Op::Deregister {
                agent,
                descs,
                backend,
            } => self.permits_deregistering(*agent, descs, *backend),
            Op::Invalidate { agent, remote } => {
                let Some(name) = self.names.get(remote) else {
                    return Ok(());
                };
                let shown = |view: &View| view.agent == *agent && view.peers.contains(name);
                forbidden(self.views.values().any(shown), VIEWED)
            }
            Op::Make {
                agent,
                local,
                remote,
                ..
            } => {
                let firm = |list: &ListSlot| {
                    let list = self.lists.get(list);
                    list.is_none_or(|list| {
                        let own = list.side == Side::Local || list.side == Side::Remote(*agent);
                        !own || self.is_firm(&list.ground)
                    })
                };
                forbidden(!firm(local) || !firm(remote), REGISTERED)
            }
            Op::Post { transfer, .. } | Op::Cost { transfer } => {
                let transfer = self.transfers.get(transfer);
                let firm = transfer.is_none_or(|transfer| self.is_firm(&transfer.ground));
                forbidden(!firm, REGISTERED)
            }
            Op::WaitMd {
                agent,
                remote,
                gone: true,
            } => forbidden(self.is_asked_for(*agent, *remote), ANSWERED),
            Op::Together { lanes } => self.permits_together(lanes),
            _ => Ok(()),
        }
    }

    /// A thread with a transfer polls all agents, so all of them must be made for several threads.
    fn permits_together(&self, lanes: &[Lane]) -> Result<(), Forbidden> {
        let lanes = &lanes[..lanes.len().min(LANES_MAX)];
        let guarded = |agent: &Agent| {
            let config = agent.config.as_ref();
            config.is_some_and(|config| config.sync != Sync::None)
        };
        let twice = (1..lanes.len()).any(|index| lanes[..index].contains(&lanes[index]));
        let unguarded = !self.agents.values().all(guarded);
        forbidden(twice || (lanes.len() > 1 && unguarded), SYNCHRONISED)?;
        for lane in lanes {
            match lane {
                Lane::Transfer(transfer) => self.permits(&Op::Post {
                    transfer: *transfer,
                    notif: None,
                })?,
                // Equal registrations cannot be told apart when one of them is given back.
                Lane::Register(agent, desc) => {
                    let known = |one: &Registration| {
                        one.agent == *agent && Some(one.range) == self.range(*desc)
                    };
                    forbidden(self.registered.iter().any(known), DISTINCT)?;
                }
                Lane::Notifs(_) => {}
            }
        }
        Ok(())
    }

    fn permits_deregistering(
        &self,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Result<(), Forbidden> {
        let mut left: Vec<&Registration> = self
            .registered
            .iter()
            .filter(|one| one.agent == agent)
            .collect();
        let mut ranges = Vec::new();
        for desc in descs {
            let fits = |one: &&Registration| {
                // Without its handle a backend cannot be named any more: then all are meant.
                let nameless = |slot: BackendSlot| !self.backends.contains_key(&slot);
                let same = one.backend == backend
                    || (backend.is_none() && one.backend.is_some_and(nameless));
                one.desc == *desc && same
            };
            match left.iter().position(fits) {
                Some(index) => ranges.push(left.remove(index).range),
                // "Each descriptor in the list should match a descriptor used during registration" (src/api/cpp/nixl.h): the interpreter
                // does not ask NIXL for anything else.
                None => return Ok(()),
            }
        }
        let used = |transfer: &Transfer| {
            let concerned = transfer.agent == agent || transfer.peer == agent;
            let touched = overlap(&transfer.source, &ranges) || overlap(&transfer.target, &ranges);
            transfer.progress == Progress::Posted && concerned && touched
        };
        forbidden(self.transfers.values().any(used), REGISTERED)?;
        let name = self.names.get(&agent);
        let shown = |view: &View| {
            let concerned =
                view.agent == agent || name.is_some_and(|name| view.peers.contains(name));
            concerned && overlap(&view.ranges, &ranges)
        };
        forbidden(self.views.values().any(shown), VIEWED)
    }

    /// The known crash that this operation, though permitted, may lead to.
    pub fn hazard(&self, op: &Op) -> Option<Hazard> {
        match op {
            Op::Register { agent, descs, .. } => {
                let own = self.registered.iter().filter(|one| one.agent == *agent);
                let mut known: Vec<Range> = own.map(|one| one.range).collect();
                let mut twice = false;
                for range in descs.iter().filter_map(|desc| self.range(*desc)) {
                    twice |= known.contains(&range);
                    known.push(range);
                }
                twice.then_some(Hazard::RegisteredTwice)
            }
            _ => None,
        }
    }
}

fn forbidden(is: bool, rule: Forbidden) -> Result<(), Forbidden> {
    if is { Err(rule) } else { Ok(()) }
}
