//! What NIXL may answer, as a set of statuses with the reason. Where the contract leaves it open, or a fault may have its hand in it, any
//! answer is allowed.

mod metadata;
mod transfers;

use super::*;

/// What NIXL may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Success, or in progress.
    Success,
    /// An error: one of these, or any if none is named.
    Error(&'static [StatusWord]),
    /// Either.
    Any,
}

/// What NIXL may answer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// The statuses.
    pub answer: Answer,
    /// Why these: what is known, or what is not.
    pub why: &'static str,
}

impl Allowed {
    fn any(why: &'static str) -> Allowed {
        Allowed {
            answer: Answer::Any,
            why,
        }
    }

    fn success(why: &'static str) -> Allowed {
        Allowed {
            answer: Answer::Success,
            why,
        }
    }

    fn error(why: &'static str) -> Allowed {
        Allowed {
            answer: Answer::Error(&[]),
            why,
        }
    }

    fn not_found(why: &'static str) -> Allowed {
        Allowed {
            // Releases before 1.5 have no word of its own for it in the C API.
            answer: Answer::Error(&[StatusWord::NotFound, StatusWord::Backend]),
            why,
        }
    }

    /// Whether the operation must be done.
    pub fn is_success(self) -> bool {
        self.answer == Answer::Success
    }

    /// Whether the operation must be refused.
    pub fn is_error(self) -> bool {
        matches!(self.answer, Answer::Error(_))
    }
}

impl Model {
    /// What may be answered to an operation that is asked now.
    pub fn allowed(&self, op: &Op) -> Allowed {
        let allowed = self.allowed_when_healthy(op);
        if self.healthy || !allowed.is_success() || asks_for_a_name(op) {
            return allowed;
        }
        Allowed::any("a fault may have its hand in it")
    }

    fn allowed_when_healthy(&self, op: &Op) -> Allowed {
        match op {
            Op::Register {
                agent,
                descs,
                backend,
            } => self.registering(*agent, descs, *backend),
            Op::Deregister { agent, descs, .. } => self.deregistering(*agent, descs),
            Op::GetMd { agent, .. } if self.has_ucx(*agent) => {
                Allowed::success("a backend can be reached from outside")
            }
            Op::GetMd { .. } => Allowed::error("no backend can be reached from outside"),
            Op::LoadMd { agent, blob } => self.loading(*agent, *blob),
            Op::Invalidate { agent, remote } => self.forgetting(*agent, *remote),
            Op::CheckMd {
                agent,
                remote,
                descs,
            } => self.checking(*agent, *remote, descs),
            Op::Connect {
                agent,
                remote,
                backend: None,
            } => self.connecting(*agent, *remote),
            Op::Prep {
                agent,
                side,
                descs,
                backend,
                ..
            } => self.preparing(*agent, *side, descs, *backend),
            Op::Create { .. } | Op::Make { .. } => self.making(op),
            Op::Post { transfer, .. } | Op::Wait { transfer } | Op::Poll { transfer } => {
                self.moving(op, *transfer)
            }
            Op::Release { transfer } => match self.transfers.get(transfer) {
                Some(one) if one.progress != Progress::Posted => {
                    Allowed::success("the transfer is not under way")
                }
                _ => Allowed::any("the transfer may be under way"),
            },
            Op::ReleaseList { .. } | Op::DestroyAgent { .. } | Op::DestroyBackend { .. } => {
                Allowed::success("what is there can be given back")
            }
            Op::Telemetry { transfer } => self.telling(*transfer),
            Op::Notify {
                agent,
                to,
                backend: None,
                ..
            } => self.notifying(*agent, *to),
            _ => Allowed::any("nothing is promised"),
        }
    }

    /// The agent has another backend than UCX.
    fn has_others(&self, agent: AgentSlot) -> bool {
        let mut plugins = self.plugins.iter();
        plugins.any(|(owner, plugin)| *owner == agent && plugin != "UCX")
    }

    fn registrations_of(&self, agent: AgentSlot) -> Vec<Desc> {
        let own = self.registered.iter().filter(|one| one.agent == agent);
        own.map(|one| one.desc).collect()
    }

    fn registering(
        &self,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Allowed {
        let Some(ranges) = self.ranges(descs) else {
            return Allowed::any("a region is not there");
        };
        let ucx = backend.map_or(self.has_ucx(agent), |slot| self.is_ucx(slot, agent));
        let has_any = self.plugins.iter().any(|(owner, _)| *owner == agent);
        match backend {
            None if !has_any => Allowed::error("the agent has no backend"),
            _ if !ucx => Allowed::any("what other backends take is their business"),
            _ if ranges.iter().any(|range| range.is_empty()) => {
                Allowed::any("nothing is said of empty memory")
            }
            _ => Allowed::success("the UCX backend takes ordinary memory"),
        }
    }

    fn deregistering(&self, agent: AgentSlot, descs: &[Desc]) -> Allowed {
        let mut left: Vec<Desc> = self.registrations_of(agent);
        let all = descs.iter().all(|desc| {
            let index = left.iter().position(|known| known == desc);
            index.map(|index| left.remove(index)).is_some()
        });
        if !all || self.in_doubt.contains(&agent) {
            Allowed::any("not all of it is registered, or that is not known")
        } else if self.has_others(agent) {
            Allowed::any("another backend may not know what it was created after")
        } else {
            Allowed::success("all of it is registered")
        }
    }

    fn is_named_alike(&self, agent: AgentSlot, other: AgentSlot) -> bool {
        let own = self.agents.get(&agent).map(|agent| &agent.name);
        own.is_some() && own == self.names.get(&other)
    }
}

/// Whether it asks only if a peer is known by its name: UCX has no part in that, and whatever failed before is known to the model.
fn asks_for_a_name(op: &Op) -> bool {
    matches!(op, Op::CheckMd { descs, .. } if descs.is_empty())
}
