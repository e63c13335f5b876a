//! Drafts of operations on memory.

use super::draft::{Draft, item, pick};
use super::tracker::{Tracker, vacant};
use super::{Record, exchange};
use crate::scenario::*;

/// Sizes of regions in bytes.
const SIZES: [u32; 8] = [4096, 4096, 8192, 65536, 4096, 1000, 64, 1];
/// A large region.
pub(super) const LARGE: u32 = 1 << 20;
/// Where regions lie in the arena that are related to nothing.
const STRIDE: u32 = 1 << 20;

/// How a region lies to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// In a mapping of its own.
    None,
    Adjacent,
    Overlapping,
    Nested,
    Identical,
}

impl Relation {
    pub(super) fn from_byte(byte: u8) -> Relation {
        match byte % 8 {
            4 => Relation::Adjacent,
            5 => Relation::Overlapping,
            6 => Relation::Nested,
            7 => Relation::Identical,
            _ => Relation::None,
        }
    }
}

/// A region in `slot`.
pub(super) fn region(tracker: &Tracker, slot: RegionSlot, size: u8, relation: Relation) -> Op {
    let own = match size % 64 {
        56.. if tracker.switches.large => LARGE,
        size => SIZES[usize::from(size) % SIZES.len()],
    };
    let seed = slot.0 as u8 + 1;
    // What it is related to is the last region of the arena.
    let before = tracker.model.last_in_arena(ArenaSlot(0));
    let (offset, size) = match (relation, before) {
        (Relation::None, _) => {
            return Op::Region {
                region: slot,
                size: own,
                seed,
                place: None,
            };
        }
        (_, None) => (u32::from(slot.0) * STRIDE, own.min(STRIDE)),
        (Relation::Adjacent, Some((start, len))) => (start + len, own.min(STRIDE)),
        (Relation::Overlapping, Some((start, len))) => (start + len / 2, len),
        (Relation::Nested, Some((start, len))) => (start + len / 4, (len / 2).max(1)),
        (Relation::Identical, Some((start, len))) => (start, len),
    };
    let place = Some(Place {
        arena: ArenaSlot(0),
        offset,
    });
    Op::Region {
        region: slot,
        size,
        seed,
        place,
    }
}

pub(super) fn make_region(tracker: &Tracker, r: &Record) -> Draft {
    let slot = vacant(|slot| tracker.model.regions.contains_key(&slot), r[1])?;
    let relation = Relation::from_byte(r[3]);
    Some(vec![region(tracker, slot, r[2], relation)])
}

/// New contents, for a region that no transfer uses at the moment.
pub(super) fn fill(tracker: &Tracker, r: &Record) -> Draft {
    let regions = tracker.model.regions.keys().copied();
    let region = pick(
        regions.filter(|region| !tracker.model.is_moving(*region)),
        r[1],
    )?;
    Some(vec![Op::Fill { region, seed: r[2] }])
}

pub(super) fn free(tracker: &Tracker, r: &Record) -> Draft {
    let regions = tracker.model.regions.keys().copied();
    let region = pick(
        regions.filter(|region| !tracker.model.is_in_use(*region)),
        r[1],
    )?;
    Some(vec![Op::Free { region }])
}

/// Registers one region, a part of one, nothing of one, or several in one list.
pub(super) fn register(tracker: &Tracker, r: &Record) -> Draft {
    let agent = pick(tracker.agents(), r[1])?;
    let known: Vec<Desc> = tracker
        .registered(agent)
        .into_iter()
        .map(|(desc, _)| desc)
        .collect();
    let free: Vec<RegionSlot> = tracker
        .model
        .regions
        .keys()
        .copied()
        .filter(|region| known.iter().all(|desc| desc.region != *region) || r[5] % 8 == 7)
        .collect();
    let first = pick(free.iter().copied(), r[2])?;
    let whole = |region: RegionSlot| Desc { region, span: None };
    let span = |offset, len| Some(Span { offset, len });
    let descs = match r[3] % 8 {
        0..=2 => vec![whole(first)],
        3 => vec![Desc {
            region: first,
            span: span(0, 512),
        }],
        4 if r[4] % 4 == 3 => vec![Desc {
            region: first,
            span: span(u32::from(r[4]), 0),
        }],
        _ => free
            .iter()
            .copied()
            .take(2 + usize::from(r[4] % 3))
            .map(whole)
            .collect(),
    };
    let backends: Vec<BackendSlot> = tracker.backends_of(agent).iter().map(|one| one.0).collect();
    let backend = item(&backends, r[6]).filter(|_| r[7] % 4 == 3);
    Some(vec![Op::Register {
        agent,
        descs,
        backend,
    }])
}

/// Gives back one registration, or all of an agent that were made for the same backends; and registers them again if the operand says so,
/// whereupon a peer that knew it may hear of it.
pub(super) fn deregister(tracker: &Tracker, r: &Record) -> Draft {
    let owners = tracker.model.registered.iter().map(|one| one.agent);
    let owners: std::collections::BTreeSet<AgentSlot> = owners.collect();
    let agent = pick(owners, r[1])?;
    let own = || {
        tracker
            .model
            .registered
            .iter()
            .filter(|one| one.agent == agent)
    };
    let first = own().nth(usize::from(r[2]) % own().count().max(1))?;
    let descs: Vec<Desc> = match r[3] % 4 {
        3 => own()
            .filter(|one| one.backend == first.backend)
            .map(|one| one.desc)
            .collect(),
        _ => vec![first.desc],
    };
    let backend = first
        .backend
        .filter(|slot| tracker.model.backends.contains_key(slot));
    let mut ops = vec![Op::Deregister {
        agent,
        descs: descs.clone(),
        backend,
    }];
    if r[4] % 2 == 1 {
        ops.push(Op::Register {
            agent,
            descs,
            backend,
        });
        if r[4] % 4 == 3 {
            ops.extend(exchange::renewed(tracker, agent, r));
        }
    }
    Some(ops)
}

/// Some of what an agent has registered, as it was registered.
pub(super) fn registered_descs(
    tracker: &Tracker,
    agent: AgentSlot,
    first: u8,
    count: u8,
) -> Vec<Desc> {
    let known = tracker.registered(agent);
    let start = usize::from(first).checked_rem(known.len()).unwrap_or(0);
    let count = 1 + usize::from(count % 3);
    let mut descs: Vec<Desc> = Vec::new();
    for (desc, _) in known
        .iter()
        .cycle()
        .skip(start)
        .take(count.min(known.len()))
    {
        descs.push(*desc);
    }
    descs
}

pub(super) fn query(tracker: &Tracker, r: &Record) -> Draft {
    let agent = pick(tracker.agents(), r[1])?;
    let backends: Vec<BackendSlot> = tracker.backends_of(agent).iter().map(|one| one.0).collect();
    let backend = item(&backends, r[2]);
    let region = pick(tracker.model.regions.keys().copied(), r[3]);
    let op = match (region, r[4] % 2) {
        (Some(region), 0) => Op::QueryMem {
            agent,
            descs: vec![Desc { region, span: None }],
            backend,
        },
        _ => Op::QueryFile {
            agent,
            path: ["/proc/self/exe", "/no/such/file"][usize::from(r[5] % 2)].to_owned(),
            backend,
        },
    };
    Some(vec![op])
}

/// Looks whether a part of memory holds what it must hold.
pub(super) fn expect_bytes(tracker: &Tracker, r: &Record) -> Draft {
    let known = |region: &RegionSlot| {
        let whole = Desc {
            region: *region,
            span: None,
        };
        tracker.model.known_bytes(whole)
    };
    let regions = tracker.model.regions.keys().copied();
    let region = pick(regions.filter(|region| !known(region).is_empty()), r[1])?;
    let parts = known(&region);
    let (span, pattern) = item(&parts, r[2])?;
    Some(vec![Op::ExpectBytes {
        desc: Desc {
            region,
            span: Some(span),
        },
        seed: pattern.seed,
        from: u32::try_from(pattern.from).ok()?,
    }])
}
