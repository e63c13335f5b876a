//! Drafts of operations on agents and metadata.

use super::draft::{Draft, pick};
use super::memory::registered_descs;
use super::setup::{self, AGENTS_MAX};
use super::tracker::{Tracker, from_operand, vacant};
use super::{Class, Record};
use crate::scenario::model::Known;
use crate::scenario::*;

/// Bytes that a listener thread may get from a peer that does not speak its protocol: a frame is its length in eight bytes, and then
/// commands (NIXL: src/core/nixl_p2p_metadata_backend.cpp, recvCommMessage). None of them forgets a peer.
const RUBBISH: [&[u8]; 6] = [
    b"",
    b"\x05\0",
    b"\x10\0\0\0\0\0\0\0half a frame",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x14\0\0\0\0\0\0\0NIXLCOMM:LOADrubbish",
    b"\x11\0\0\0\0\0\0\0NIXLCOMM:WHAT ...",
];

/// Who loads whose metadata at the start.
pub(super) fn at_the_start(tracker: &mut Tracker, agents: u8, pattern: u8) {
    let loads = |loader: u8, owner: u8| match pattern % 4 {
        0 => loader == 0,
        1 => true,
        2 => owner == 0,
        _ => loader.abs_diff(owner) == 1,
    };
    for owner in 0..agents {
        let loaders: Vec<u8> = (0..agents)
            .filter(|loader| *loader != owner && loads(*loader, owner))
            .collect();
        if loaders.is_empty() {
            continue;
        }
        let blob = BlobSlot(owner);
        tracker.push(Op::GetMd {
            blob,
            agent: AgentSlot(owner),
        });
        for loader in loaders {
            tracker.push(Op::LoadMd {
                agent: AgentSlot(loader),
                blob,
            });
        }
    }
}

/// An agent comes, or comes back, with a backend unless the operand says otherwise.
pub(super) fn agent(tracker: &Tracker, r: &Record) -> Draft {
    let taken = |slot: AgentSlot| slot.0 >= AGENTS_MAX || tracker.model.agents.contains_key(&slot);
    // One that was there before comes back rather than that a new one comes.
    let known = tracker
        .model
        .names
        .keys()
        .copied()
        .filter(|slot| !taken(*slot));
    let back = from_operand(known, r[1]).into_iter().next();
    let slot = back.or_else(|| vacant(taken, r[1]))?;
    let mut ops = vec![setup::agent(slot, tracker.switches, r[2])];
    if r[5] % 8 != 7 {
        let backend = vacant(|slot| tracker.model.backends.contains_key(&slot), slot.0);
        ops.extend(
            backend.map(|backend| setup::ucx((backend, slot), tracker.switches, (r[3], r[4]))),
        );
    }
    Some(ops)
}

pub(super) fn destroy_agent(tracker: &Tracker, r: &Record) -> Draft {
    let model = &tracker.model;
    let idle = |agent: &AgentSlot| {
        let owner = *agent;
        tracker.lawless
            || !model.transfers.values().any(|one| one.agent == owner)
                && !model.lists.values().any(|one| one.agent == owner)
                && !model.has_views(owner)
    };
    let agents = from_operand(tracker.agents(), r[1]);
    // The last one stays, or nothing could be done any more.
    let agent = agents
        .into_iter()
        .find(idle)
        .filter(|_| model.agents.len() > 1)?;
    Some(vec![Op::DestroyAgent { agent }])
}

/// A second backend for an agent, or the first; of the plugin that it has already, NIXL refuses it.
pub(super) fn backend(tracker: &Tracker, r: &Record) -> Draft {
    let agent = pick(tracker.agents(), r[1])?;
    let backend = vacant(|slot| tracker.model.backends.contains_key(&slot), r[2])?;
    let op = if tracker.switches.files && !r[3].is_multiple_of(4) {
        Op::Backend {
            backend,
            agent,
            plugin: "POSIX".to_owned(),
            params: Vec::new(),
        }
    } else {
        setup::ucx((backend, agent), tracker.switches, (r[4], r[5]))
    };
    let Op::Backend { plugin, .. } = &op else {
        return None;
    };
    let has = tracker.model.plugins.contains(&(agent, plugin.clone()));
    (!has || r[6] % 8 == 7).then(|| vec![op])
}

pub(super) fn destroy_backend(tracker: &Tracker, r: &Record) -> Draft {
    let backend = pick(tracker.model.backends.keys().copied(), r[1])?;
    Some(vec![Op::DestroyBackend { backend }])
}

pub(super) fn get_md(tracker: &Tracker, r: &Record) -> Draft {
    let agent = pick(tracker.agents(), r[1])?;
    let blob = BlobSlot(r[2] % super::tracker::SLOTS);
    let backend = ucx_of(tracker, agent).filter(|_| r[4] % 8 == 7);
    let op = match r[3] % 4 {
        0 => Op::GetPartialMd {
            blob,
            agent,
            descs: registered_descs(tracker, agent, r[5], r[6]),
            backend,
        },
        1 => Op::GetPartialMd {
            blob,
            agent,
            descs: Vec::new(),
            backend,
        },
        _ => Op::GetMd { blob, agent },
    };
    let mut ops = vec![op];
    // Half of them are loaded at once.
    if r[7] % 2 == 1 {
        let others = tracker.agents().into_iter().filter(|other| *other != agent);
        let loader = pick(others, r[1] >> 4);
        ops.extend(loader.map(|agent| Op::LoadMd { agent, blob }));
    }
    Some(ops)
}

/// A peer loads what has become of an agent's metadata; and half of them, whether that was taken or refused, forget the agent and load it
/// anew.
pub(super) fn renewed(tracker: &Tracker, owner: AgentSlot, r: &Record) -> Vec<Op> {
    let knows = |peer: &AgentSlot| tracker.model.loaded(*peer, owner) != Known::No;
    let Some(peer) = pick(tracker.agents().into_iter().filter(knows), r[5]) else {
        return Vec::new();
    };
    let blob = BlobSlot(r[6] % super::tracker::SLOTS);
    let get = Op::GetMd { blob, agent: owner };
    let load = Op::LoadMd { agent: peer, blob };
    let mut ops = vec![get, load.clone()];
    if r[7] % 2 == 1 {
        let forget = Op::Invalidate {
            agent: peer,
            remote: owner,
        };
        ops.extend([forget, load]);
    }
    ops
}

fn ucx_of(tracker: &Tracker, agent: AgentSlot) -> Option<BackendSlot> {
    let backends = tracker.backends_of(agent);
    backends
        .into_iter()
        .find(|(_, plugin)| *plugin == "UCX")
        .map(|(slot, _)| slot)
}

pub(super) fn load_md(tracker: &Tracker, r: &Record) -> Draft {
    let agent = pick(tracker.agents(), r[1])?;
    let blobs = from_operand(tracker.model.blobs.keys().copied(), r[2]);
    // One's own metadata is refused: now and then that is tried too.
    let own = |blob: &BlobSlot| tracker.model.is_own(agent, *blob);
    let foreign = blobs.iter().copied().find(|blob| !own(blob));
    let blob = match r[3] % 16 {
        15 => blobs.first().copied(),
        _ => foreign.or(blobs.first().copied()),
    }?;
    Some(vec![Op::LoadMd { agent, blob }])
}

/// Metadata that breaks on its way; turned bits are for the misuse class, since NIXL cannot know of them.
pub(super) fn damage_md(tracker: &Tracker, r: &Record) -> Draft {
    let blob = pick(tracker.model.blobs.keys().copied(), r[1])?;
    let number = u32::from(u16::from_le_bytes([r[2], r[3]]));
    Some(vec![match tracker.class {
        Class::Misuse if r[4] % 2 == 1 => Op::ChangeMd {
            blob,
            at: number,
            mask: r[5].max(1),
        },
        _ => Op::CutMd { blob, len: number },
    }])
}

/// Two different agents of which the first is there, the second was.
fn pair(tracker: &Tracker, r: &Record) -> Option<(AgentSlot, AgentSlot)> {
    let agent = pick(tracker.agents(), r[1])?;
    let others = tracker
        .model
        .names
        .keys()
        .copied()
        .filter(|other| *other != agent);
    Some((agent, pick(others, r[2])?))
}

pub(super) fn invalidate(tracker: &Tracker, r: &Record) -> Draft {
    let (agent, other) = pair(tracker, r)?;
    let remote = if r[3] % 16 == 15 { agent } else { other };
    let mut ops = vec![Op::Invalidate { agent, remote }];
    // Half of them load it again: what was made of the old metadata meets the new.
    if r[4] % 2 == 1 {
        let blobs = from_operand(tracker.model.blobs.keys().copied(), r[5]);
        let blob = blobs
            .into_iter()
            .find(|blob| tracker.model.is_own(remote, *blob));
        ops.extend(blob.map(|blob| Op::LoadMd { agent, blob }));
    }
    Some(ops)
}

pub(super) fn check_md(tracker: &Tracker, r: &Record) -> Draft {
    let (agent, remote) = pair(tracker, r)?;
    let descs = match r[3] % 2 {
        0 => Vec::new(),
        _ => registered_descs(tracker, remote, r[4], r[5]),
    };
    Some(vec![Op::CheckMd {
        agent,
        remote,
        descs,
    }])
}

pub(super) fn connect(tracker: &Tracker, r: &Record) -> Draft {
    let (agent, remote) = pair(tracker, r)?;
    let backend = ucx_of(tracker, agent).filter(|_| r[3] % 4 == 3);
    Some(vec![Op::Connect {
        agent,
        remote,
        backend,
    }])
}

/// Metadata through listener threads; what was asked for is waited for at once, or later.
pub(super) fn listener(tracker: &Tracker, r: &Record) -> Draft {
    let listens = |slot: &AgentSlot| {
        tracker
            .model
            .agents
            .get(slot)
            .is_some_and(|one| one.listens())
    };
    let listeners = tracker.agents().into_iter().filter(listens);
    let at = pick(listeners, r[1])?;
    let others = tracker
        .agents()
        .into_iter()
        .filter(|slot| *slot != at && listens(slot));
    let Some(agent) = pick(others, r[2]) else {
        return Some(vec![intrude(at, r)]);
    };
    let (op, wait) = match r[3] % 8 {
        0..=2 => (
            Op::FetchMd { agent, from: at },
            Op::WaitMd {
                agent,
                remote: at,
                gone: false,
            },
        ),
        3 | 4 => (
            Op::SendMd {
                agent,
                to: at,
                descs: Vec::new(),
            },
            Op::WaitMd {
                agent: at,
                remote: agent,
                gone: false,
            },
        ),
        5 => {
            let descs = registered_descs(tracker, agent, r[4], r[5]);
            return Some(vec![Op::SendMd {
                agent,
                to: at,
                descs,
            }]);
        }
        6 => (
            Op::InvalidateLocalMd { agent, at },
            Op::WaitMd {
                agent: at,
                remote: agent,
                gone: true,
            },
        ),
        _ => return Some(vec![intrude(at, r)]),
    };
    // What cannot come is not waited for: metadata without a backend, or beside what is loaded already, which may disagree.
    let comes = match &wait {
        Op::WaitMd {
            agent,
            remote,
            gone,
        } => *gone || tracker.model.loaded(*agent, *remote) == Known::No,
        _ => false,
    };
    let whole = comes && tracker.model.has_ucx(agent) && tracker.model.has_ucx(at);
    let mut ops = vec![op];
    if r[6].is_multiple_of(2) && whole {
        ops.push(wait);
    }
    Some(ops)
}

fn intrude(agent: AgentSlot, r: &Record) -> Op {
    let bytes = RUBBISH[usize::from(r[4]) % RUBBISH.len()];
    Op::Intrude {
        agent,
        bytes: Message(bytes.to_vec()),
    }
}
