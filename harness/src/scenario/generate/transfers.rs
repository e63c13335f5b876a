//! Drafts of operations on lists, transfers, notifications and views.

use super::Record;
use super::draft::{Draft, item, pick};
use super::tracker::{Tracker, from_operand, vacant};
use crate::scenario::model::{Known, Progress};
use crate::scenario::*;

/// Descriptors of a transfer.
const COUNTS: [u32; 8] = [1, 1, 2, 1, 3, 4, 8, 2];
/// Bytes of a descriptor; 0 stands for all there is.
const LENGTHS: [u32; 8] = [64, 0, 512, 64, 1, 0, 64, 256];

/// The order of descriptors in a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Rising,
    Falling,
    /// The same one again and again.
    Repeated,
    /// The last one is empty.
    Empty,
    /// One after the other from all registrations in turn.
    Scattered,
}

impl Order {
    fn from_byte(byte: u8) -> Order {
        match byte % 8 {
            4 => Order::Falling,
            5 => Order::Repeated,
            6 => Order::Empty,
            7 => Order::Scattered,
            _ => Order::Rising,
        }
    }
}

/// `count` descriptors of `len` bytes each within what is registered, from the registration `first` on.
fn spans(known: &[(Desc, u32)], first: u8, count: u32, len: u32, order: Order) -> Vec<Desc> {
    let Some(start) = usize::from(first).checked_rem(known.len()) else {
        return Vec::new();
    };
    let one = |index: u32| {
        let (turn, place) = match order {
            Order::Scattered => (index as usize, 0),
            Order::Repeated => (0, 0),
            Order::Falling => (0, count - 1 - index),
            Order::Rising | Order::Empty => (0, index),
        };
        let (desc, _) = known[(start + turn) % known.len()];
        let base = desc.span.map_or(0, |span| span.offset);
        let empty = order == Order::Empty && index + 1 == count;
        Desc {
            region: desc.region,
            span: Some(Span {
                offset: base + place * len,
                len: if empty { 0 } else { len },
            }),
        }
    };
    (0..count).map(one).collect()
}

/// How long each of `count` descriptors may be.
fn fitting(known: &[(Desc, u32)], first: u8, count: u32, wanted: u32, order: Order) -> u32 {
    let Some(start) = usize::from(first).checked_rem(known.len()) else {
        return 0;
    };
    let room = match order {
        Order::Scattered => known.iter().map(|(_, len)| *len).min().unwrap_or(0),
        Order::Repeated => known[start].1,
        _ => known[start].1 / count,
    };
    match wanted {
        0 => room,
        wanted => wanted.min(room),
    }
}

/// Another agent whose metadata is or may be loaded, or the agent itself.
fn peer(tracker: &Tracker, agent: AgentSlot, operand: u8, itself: u8) -> Option<AgentSlot> {
    let others = tracker
        .agents()
        .into_iter()
        .filter(|other| *other != agent && tracker.model.loaded(agent, *other) != Known::No);
    match itself % 8 {
        7 => Some(agent),
        _ => pick(others, operand),
    }
}

/// Agents that have something registered.
fn owners(tracker: &Tracker) -> Vec<AgentSlot> {
    let all = tracker.agents().into_iter();
    all.filter(|agent| !tracker.registered(*agent).is_empty())
        .collect()
}

fn direction(byte: u8) -> Direction {
    match byte % 2 {
        0 => Direction::Write,
        _ => Direction::Read,
    }
}

fn options(tracker: &Tracker, agent: AgentSlot, index: usize, bits: u8) -> TransferOptions {
    let backends: Vec<BackendSlot> = tracker.backends_of(agent).iter().map(|one| one.0).collect();
    TransferOptions {
        backend: item(&backends, bits >> 5).filter(|_| bits >> 3 & 3 == 3),
        notif: (bits & 3 == 3).then(|| message(index, bits)),
        skip_merge: bits >> 2 & 1 == 1,
        custom: (bits >> 4 == 15).then(|| "worker_id=0".to_owned()),
    }
}

/// A message that tells the operations apart, or one that is hard to carry.
fn message(index: usize, kind: u8) -> Message {
    Message(match kind >> 2 {
        62 => Vec::new(),
        61 => b"\0\xff|name|\n".to_vec(),
        60 => vec![b'x'; 1000],
        _ => format!("n{index}").into_bytes(),
    })
}

pub(super) fn create(tracker: &Tracker, index: usize, r: &Record) -> Draft {
    let transfer = vacant(|slot| tracker.model.transfers.contains_key(&slot), r[1])?;
    let agent = pick(owners(tracker), r[2])?;
    let remote_agent = peer(tracker, agent, r[2] >> 4, r[3] >> 5)?;
    let (local, remote) = (tracker.registered(agent), tracker.registered(remote_agent));
    let (count, order) = (COUNTS[usize::from(r[3]) % 8], Order::from_byte(r[4]));
    let wanted = LENGTHS[usize::from(r[4] >> 3) % 8];
    let firsts = (r[5], r[5] >> 4);
    let len = fitting(&local, firsts.0, count, wanted, order)
        .min(fitting(&remote, firsts.1, count, wanted, order));
    let mut remote = spans(&remote, firsts.1, count, len, order);
    // Now and then the sides do not match, which NIXL refuses.
    if r[7] % 32 == 31 {
        remote.pop();
    }
    Some(vec![Op::Create {
        transfer,
        agent,
        direction: direction(r[6]),
        local: spans(&local, firsts.0, count, len, order),
        remote_agent,
        remote,
        options: options(tracker, agent, index, r[7]),
    }])
}

pub(super) fn prep(tracker: &Tracker, r: &Record) -> Draft {
    let list = vacant(|slot| tracker.model.lists.contains_key(&slot), r[1])?;
    let agent = pick(owners(tracker), r[2])?;
    let side = match r[3] % 2 {
        0 => Side::Local,
        _ => Side::Remote(peer(tracker, agent, r[2] >> 4, r[3] >> 5)?),
    };
    let owner = match side {
        Side::Local => agent,
        Side::Remote(owner) => owner,
    };
    let known = tracker.registered(owner);
    let (count, order) = (COUNTS[usize::from(r[4]) % 8], Order::from_byte(r[5]));
    // Lists are to be combined with each other: mostly their descriptors have the same length.
    let len = fitting(&known, r[6], count, 64, order);
    let descs = match r[7] % 32 {
        31 => Vec::new(),
        _ => spans(&known, r[6], count, len, order),
    };
    Some(vec![Op::Prep {
        list,
        agent,
        side,
        descs,
        backend: None,
    }])
}

pub(super) fn make(tracker: &Tracker, index: usize, r: &Record) -> Draft {
    let transfer = vacant(|slot| tracker.model.transfers.contains_key(&slot), r[1])?;
    let lists = &tracker.model.lists;
    let remotes = lists.iter().filter(|(_, one)| one.side != Side::Local);
    for remote in from_operand(remotes.map(|(slot, _)| *slot), r[2]) {
        let agent = lists[&remote].agent;
        let locals = lists
            .iter()
            .filter(|(_, one)| one.side == Side::Local && one.agent == agent);
        for local in from_operand(locals.map(|(slot, _)| *slot), r[3]) {
            let (local_indices, remote_indices) =
                indices(&lists[&local].descs_len(), &lists[&remote].descs_len(), r);
            let op = Op::Make {
                transfer,
                agent,
                direction: direction(r[6]),
                local,
                local_indices,
                remote,
                remote_indices,
                options: options(tracker, agent, index, r[7]),
            };
            if tracker.accepts(&op) {
                return Some(vec![op]);
            }
        }
    }
    None
}

/// Indices into two lists of descriptors with these lengths in bytes: none where the lists match as they are, else of one pair that does.
fn indices(local: &[u64], remote: &[u64], r: &Record) -> (Vec<u16>, Vec<u16>) {
    if local == remote && r[4] % 4 != 3 {
        return (Vec::new(), Vec::new());
    }
    let first = usize::from(r[4] >> 2).checked_rem(local.len()).unwrap_or(0);
    let fits = |len: &u64| local.get(first) == Some(len);
    let second = remote.iter().position(fits).unwrap_or(0);
    let times = 1 + usize::from(r[5] % 3);
    (vec![first as u16; times], vec![second as u16; times])
}

pub(super) fn release_list(tracker: &Tracker, r: &Record) -> Draft {
    let list = pick(tracker.model.lists.keys().copied(), r[1])?;
    Some(vec![Op::ReleaseList { list }])
}

/// Transfers in the order of the operand, those first that are where they should be.
fn transfers(
    tracker: &Tracker,
    operand: u8,
    first: impl Fn(Progress) -> bool,
) -> Vec<TransferSlot> {
    let all = from_operand(tracker.model.transfers.keys().copied(), operand);
    let (mut wanted, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|slot| first(tracker.model.transfers[slot].progress));
    wanted.extend(others);
    wanted
}

/// The first transfer for which the operation is accepted.
fn on_transfer(
    tracker: &Tracker,
    slots: Vec<TransferSlot>,
    op: impl Fn(TransferSlot) -> Op,
) -> Draft {
    let mut ops = slots.into_iter().map(op);
    ops.find(|op| tracker.accepts(op)).map(|op| vec![op])
}

pub(super) fn post(tracker: &Tracker, index: usize, r: &Record) -> Draft {
    let idle = |progress| progress != Progress::Posted;
    let slots = match r[2] % 16 {
        15 => transfers(tracker, r[1], |_| true),
        _ => {
            let mut slots = transfers(tracker, r[1], idle);
            slots.retain(|slot| idle(tracker.model.transfers[slot].progress));
            slots
        }
    };
    let notif = (r[3] % 4 == 3).then(|| message(index, r[3]));
    on_transfer(tracker, slots, |transfer| Op::Post {
        transfer,
        notif: notif.clone(),
    })
}

pub(super) fn wait(tracker: &Tracker, r: &Record) -> Draft {
    let mut slots = transfers(tracker, r[1], |progress| progress == Progress::Posted);
    // One that is not under way has nothing to wait for: that is tried now and then.
    if r[2] % 16 != 15 {
        let posted =
            |slot: &TransferSlot| tracker.model.transfers[slot].progress == Progress::Posted;
        slots.retain(posted);
    }
    on_transfer(tracker, slots, |transfer| Op::Wait { transfer })
}

/// Polls a transfer; and now and then it is asked after it whether its peer is still known.
pub(super) fn poll(tracker: &Tracker, r: &Record) -> Draft {
    let posted = |progress| progress == Progress::Posted;
    let mut ops = ask(tracker, r, posted, |transfer| Op::Poll { transfer })?;
    let polled = match ops.as_slice() {
        [Op::Poll { transfer }] if r[2] % 4 == 3 => tracker.model.transfers.get(transfer),
        _ => None,
    };
    ops.extend(polled.map(|transfer| Op::CheckMd {
        agent: transfer.agent,
        remote: transfer.peer,
        descs: Vec::new(),
    }));
    Some(ops)
}

/// Releases, or asks something of a transfer.
pub(super) fn ask(
    tracker: &Tracker,
    r: &Record,
    first: impl Fn(Progress) -> bool,
    op: impl Fn(TransferSlot) -> Op,
) -> Draft {
    on_transfer(tracker, transfers(tracker, r[1], first), op)
}

/// Two or three client threads: each has a transfer, or takes notifications, or registers memory and deregisters it.
pub(super) fn together(tracker: &Tracker, r: &Record) -> Draft {
    if !tracker.switches.threads {
        return None;
    }
    let model = &tracker.model;
    let idle = |slot: &TransferSlot| model.transfers[slot].progress != Progress::Posted;
    let mut transfers = transfers(tracker, r[1], |progress| progress != Progress::Posted);
    transfers.retain(idle);
    let agents = from_operand(tracker.agents(), r[2]);
    let regions = from_operand(model.regions.keys().copied(), r[3]);
    let mut lanes: Vec<Lane> = transfers.into_iter().take(2).map(Lane::Transfer).collect();
    lanes.extend(
        agents
            .first()
            .copied()
            .map(Lane::Notifs)
            .filter(|_| r[4].is_multiple_of(2)),
    );
    let second = agents.get(1).copied();
    let registers = agents.into_iter().find(|agent| model.has_ucx(*agent));
    if let (Some(agent), Some(region)) = (registers, regions.first()) {
        let desc = Desc {
            region: *region,
            span: Some(Span { offset: 0, len: 16 }),
        };
        lanes.push(Lane::Register(agent, desc));
    }
    lanes.extend(second.map(Lane::Notifs));
    lanes.truncate(2 + usize::from(r[5] % 2));
    (lanes.len() > 1).then(|| vec![Op::Together { lanes }])
}

pub(super) fn notify(tracker: &Tracker, index: usize, r: &Record) -> Draft {
    let with_backend = tracker
        .agents()
        .into_iter()
        .filter(|agent| tracker.model.has_ucx(*agent));
    let agent = pick(with_backend, r[1])?;
    let to = peer(tracker, agent, r[2], r[3])?;
    let backends = tracker.backends_of(agent);
    let ucx = backends.iter().find(|(_, plugin)| *plugin == "UCX");
    Some(vec![Op::Notify {
        agent,
        to,
        message: message(index, r[4]),
        backend: ucx.map(|one| one.0).filter(|_| r[5] % 4 == 3),
    }])
}

pub(super) fn notifs(tracker: &Tracker, r: &Record) -> Draft {
    let agent = pick(tracker.agents(), r[1])?;
    let times = 1 + r[2] % 4;
    Some(vec![Op::Notifs { agent, times }])
}

/// Waits for a notification that must come.
pub(super) fn expect_notif(tracker: &Tracker, r: &Record) -> Draft {
    let due = tracker.model.all_due();
    let index = usize::from(r[1]).checked_rem(due.len())?;
    let (agent, from, message) = due[index].clone();
    Some(vec![Op::ExpectNotif {
        agent,
        from,
        message,
    }])
}

pub(super) fn view(tracker: &Tracker, r: &Record) -> Draft {
    let view = vacant(|slot| tracker.model.views.contains_key(&slot), r[1])?;
    let agent = pick(owners(tracker), r[2])?;
    let whole = |known: Vec<(Desc, u32)>| known.into_iter().map(|(desc, _)| desc);
    let op = match r[3] % 2 {
        0 => Op::LocalView {
            view,
            agent,
            descs: whole(tracker.registered(agent))
                .take(1 + usize::from(r[4] % 3))
                .collect(),
            backend: None,
        },
        _ => {
            let owner = peer(tracker, agent, r[2] >> 4, 0)?;
            let shown = |desc| RemoteDesc {
                agent: Some(owner),
                desc,
            };
            let mut descs: Vec<RemoteDesc> = whole(tracker.registered(owner)).map(shown).collect();
            let last = *descs.last()?;
            // A place holder.
            if r[4] % 2 == 1 {
                descs.push(RemoteDesc {
                    agent: None,
                    ..last
                });
            }
            Op::RemoteView {
                view,
                agent,
                descs,
                backend: None,
            }
        }
    };
    Some(vec![op])
}

pub(super) fn release_view(tracker: &Tracker, r: &Record) -> Draft {
    let view = pick(tracker.model.views.keys().copied(), r[1])?;
    Some(vec![Op::ReleaseView { view }])
}
