//! How often each listed shape occurs among ten thousand scenarios. A shape is looked for in the operations themselves, not in how they
//! were drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::scenario::generate::memory::LARGE;
use crate::scenario::*;

/// Scenarios that are drawn.
const DRAWN: u64 = 10_000;

#[test]
fn every_listed_shape_occurs_among_ten_thousand_scenarios() {
    let mut counts: BTreeMap<&str, u32> = SHAPES.iter().map(|(name, _)| (*name, 0)).collect();
    for scenario in drawn(DRAWN, Class::Contract) {
        let ops: Vec<&Op> = scenario.lines().map(|line| &line.op).collect();
        let facts = Facts::of(&ops);
        for (name, has) in SHAPES {
            if has(&ops, &facts) {
                *counts.entry(name).or_default() += 1;
            }
        }
    }
    println!("of {DRAWN} scenarios drawn, so many have");
    for (name, _) in SHAPES {
        println!("{:>6}  {name}", counts[name]);
    }
    let missing: Vec<_> = counts.iter().filter(|(_, count)| **count == 0).collect();
    assert!(missing.is_empty(), "never drawn: {missing:?}");
}

/// What happens in the course of a scenario, if all that is possible is done.
#[derive(Default)]
struct Facts {
    names: BTreeSet<&'static str>,
}

type Has = fn(&[&Op], &Facts) -> bool;

impl Facts {
    fn of(ops: &[&Op]) -> Facts {
        let mut facts = Facts::default();
        let mut walk = Walk::default();
        for op in ops {
            walk.step(op, &mut facts.names);
        }
        facts
    }
}

/// What was so far.
#[derive(Default)]
struct Walk {
    alive: BTreeSet<AgentSlot>,
    died: BTreeSet<AgentSlot>,
    posted: BTreeSet<TransferSlot>,
    waited: BTreeSet<TransferSlot>,
    peers: BTreeMap<TransferSlot, AgentSlot>,
    with_backend: BTreeSet<AgentSlot>,
    prepared: Vec<RegionSlot>,
    given_back: BTreeSet<RegionSlot>,
    blobs: BTreeMap<BlobSlot, (AgentSlot, usize)>,
    damaged: BTreeSet<BlobSlot>,
    loaded: BTreeMap<(AgentSlot, AgentSlot), usize>,
    forgotten: BTreeSet<(AgentSlot, AgentSlot)>,
    /// How often an agent's registrations have changed.
    changes: BTreeMap<AgentSlot, usize>,
}

impl Walk {
    fn step(&mut self, op: &Op, facts: &mut BTreeSet<&'static str>) {
        match op {
            Op::Agent { agent, .. } => {
                if self.died.contains(agent) {
                    facts.insert("a name twice in turn");
                }
                self.alive.insert(*agent);
            }
            Op::Backend { agent, .. } => drop(self.with_backend.insert(*agent)),
            Op::DestroyAgent { agent } => {
                self.died.insert(*agent);
                self.alive.remove(agent);
                self.with_backend.remove(agent);
                if self.loaded.keys().any(|(_, peer)| peer == agent) {
                    facts.insert("peer death");
                }
                self.loaded.retain(|(one, _), _| one != agent);
            }
            Op::Register { agent, descs, .. } => {
                *self.changes.entry(*agent).or_default() += 1;
                if descs.len() > 1 {
                    let fails = !self.with_backend.contains(agent);
                    facts.insert(if fails { "failing list" } else { "list" });
                } else {
                    facts.insert("singly");
                }
                let again = |desc: &Desc| {
                    self.given_back.contains(&desc.region) && self.prepared.contains(&desc.region)
                };
                if descs.iter().any(again) {
                    facts.insert("again under lists");
                }
            }
            Op::Deregister { agent, descs, .. } => {
                *self.changes.entry(*agent).or_default() += 1;
                self.given_back.extend(descs.iter().map(|desc| desc.region));
            }
            Op::Prep { descs, .. } => self.prepared.extend(descs.iter().map(|desc| desc.region)),
            _ => self.step_on(op, facts),
        }
    }

    fn step_on(&mut self, op: &Op, facts: &mut BTreeSet<&'static str>) {
        match op {
            Op::GetMd { blob, agent } | Op::GetPartialMd { blob, agent, .. } => {
                let changes = self.changes.get(agent).copied().unwrap_or(0);
                self.blobs.insert(*blob, (*agent, changes));
                self.damaged.remove(blob);
            }
            Op::CutMd { blob, .. } => drop(self.damaged.insert(*blob)),
            Op::LoadMd { agent, blob } => self.load(*agent, *blob, facts),
            Op::Invalidate { agent, remote } => {
                let known = self.loaded.remove(&(*agent, *remote));
                self.forgotten.extend(known.map(|_| (*agent, *remote)));
            }
            Op::Create {
                transfer,
                remote_agent,
                ..
            } => drop(self.peers.insert(*transfer, *remote_agent)),
            Op::Post { transfer, .. } => {
                if self.waited.contains(transfer) {
                    facts.insert("re-post after success");
                }
                let peer = self.peers.get(transfer);
                let dead = peer.is_some_and(|peer| self.died.contains(peer));
                if self.posted.contains(transfer) && dead {
                    facts.insert("re-post after failure");
                }
                self.posted.insert(*transfer);
            }
            Op::Wait { transfer } => drop(self.waited.insert(*transfer)),
            Op::Release { transfer } => {
                if self.posted.remove(transfer) && !self.waited.remove(transfer) {
                    facts.insert("release in flight");
                }
                self.peers.remove(transfer);
            }
            _ => {}
        }
    }

    fn load(&mut self, agent: AgentSlot, blob: BlobSlot, facts: &mut BTreeSet<&'static str>) {
        let Some((owner, taken)) = self.blobs.get(&blob).copied() else {
            return;
        };
        if self.damaged.contains(&blob) {
            facts.insert("truncated");
        }
        if owner == agent {
            facts.insert("for oneself");
        }
        if self.changes.get(&owner).copied().unwrap_or(0) > taken {
            facts.insert("stale");
        }
        if self.forgotten.contains(&(agent, owner)) {
            facts.insert("reload");
        }
        match self.loaded.insert((agent, owner), taken) {
            Some(before) if before == taken => facts.insert("loaded twice"),
            Some(_) => facts.insert("changed"),
            None => false,
        };
    }
}

fn any(ops: &[&Op], is: impl Fn(&Op) -> bool) -> bool {
    ops.iter().any(|op| is(op))
}

fn agents(ops: &[&Op]) -> usize {
    let slots = ops.iter().filter_map(|op| match op {
        Op::Agent { agent, .. } => Some(*agent),
        _ => None,
    });
    slots.collect::<BTreeSet<_>>().len()
}

fn config(ops: &[&Op], is: impl Fn(&AgentConfig) -> bool) -> bool {
    any(
        ops,
        |op| matches!(op, Op::Agent { config: Some(config), .. } if is(config)),
    )
}

fn param(ops: &[&Op], key: &str, values: &[&str]) -> bool {
    let fits = |param: &Param| param.key == key && values.contains(&param.value.as_str());
    any(
        ops,
        |op| matches!(op, Op::Backend { params, .. } if params.iter().any(fits)),
    )
}

/// Offsets and lengths of the regions in arenas.
fn placed(ops: &[&Op]) -> Vec<(u32, u32)> {
    ops.iter()
        .filter_map(|op| match op {
            Op::Region {
                size,
                place: Some(place),
                ..
            } => Some((place.offset, *size)),
            _ => None,
        })
        .collect()
}

fn related(ops: &[&Op], are: impl Fn((u32, u32), (u32, u32)) -> bool) -> bool {
    let all = placed(ops);
    let pairs = all
        .iter()
        .enumerate()
        .flat_map(|(index, one)| all[..index].iter().map(move |other| (*other, *one)));
    pairs.into_iter().any(|(one, other)| are(one, other))
}

/// Some list of descriptors, of a transfer or prepared.
fn some_list(ops: &[&Op], is: impl Fn(&[Desc]) -> bool) -> bool {
    any(ops, |op| match op {
        Op::Prep { descs, .. } => is(descs),
        Op::Create { local, remote, .. } => is(local) || is(remote),
        _ => false,
    })
}

fn start(desc: &Desc) -> (RegionSlot, u32) {
    (desc.region, desc.span.map_or(0, |span| span.offset))
}

fn is_empty(desc: &Desc) -> bool {
    desc.span.is_some_and(|span| span.len == 0)
}

fn count(ops: &[&Op], is: impl Fn(&Op) -> bool) -> usize {
    ops.iter().filter(|op| is(op)).count()
}

const SHAPES: &[(&str, Has)] = &[
    ("one agent", |o, _| agents(o) == 1),
    ("two agents", |o, _| agents(o) == 2),
    ("three agents", |o, _| agents(o) == 3),
    ("four agents", |o, _| agents(o) == 4),
    ("the same name twice in turn", |_, f| {
        f.names.contains("a name twice in turn")
    }),
    ("a transfer of an agent to itself", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Create { agent, remote_agent, .. } if agent == remote_agent),
        )
    }),
    ("several regions", |o, _| {
        count(o, |op| matches!(op, Op::Region { .. })) > 1
    }),
    ("adjacent regions", |o, _| {
        related(o, |one, other| one.0 + one.1 == other.0)
    }),
    ("overlapping regions", |o, _| {
        related(o, |one, other| {
            one.0 < other.0 && other.0 < one.0 + one.1 && other.0 + other.1 > one.0 + one.1
        })
    }),
    ("nested regions", |o, _| {
        related(o, |one, other| {
            one != other && one.0 <= other.0 && other.0 + other.1 <= one.0 + one.1
        })
    }),
    ("identical regions", |o, _| {
        related(o, |one, other| one == other)
    }),
    ("a registration of no bytes", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Register { descs, .. } if descs.iter().any(is_empty)),
        )
    }),
    ("a large region", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Region { size, .. } if *size >= LARGE),
        )
    }),
    ("regions registered singly", |_, f| {
        f.names.contains("singly")
    }),
    ("regions registered in a list", |_, f| {
        f.names.contains("list")
    }),
    ("a list that fails to be registered", |_, f| {
        f.names.contains("failing list")
    }),
    ("several lists prepared", |o, _| {
        count(o, |op| matches!(op, Op::Prep { .. })) > 1
    }),
    ("a list with repeated descriptors", |o, _| {
        some_list(o, |descs| descs.windows(2).any(|two| two[0] == two[1]))
    }),
    ("an unsorted list", |o, _| {
        some_list(o, |descs| {
            descs.windows(2).any(|two| start(&two[0]) > start(&two[1]))
        })
    }),
    ("a list with empty descriptors", |o, _| {
        some_list(o, |descs| descs.iter().any(is_empty))
    }),
    ("an empty list", |o, _| some_list(o, <[Desc]>::is_empty)),
    ("a write", |o, _| {
        any(o, |op| {
            matches!(
                op,
                Op::Create {
                    direction: Direction::Write,
                    ..
                }
            )
        })
    }),
    ("a read", |o, _| {
        any(o, |op| {
            matches!(
                op,
                Op::Create {
                    direction: Direction::Read,
                    ..
                }
            )
        })
    }),
    ("a transfer of several descriptors", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Create { local, .. } if local.len() > 1),
        )
    }),
    ("a prepared transfer", |o, _| {
        any(o, |op| matches!(op, Op::Make { .. }))
    }),
    ("a prepared transfer by indices", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Make { local_indices, .. } if !local_indices.is_empty()),
        )
    }),
    ("a direct transfer", |o, _| {
        any(o, |op| matches!(op, Op::Create { .. }))
    }),
    ("a re-post after success", |_, f| {
        f.names.contains("re-post after success")
    }),
    ("a re-post after failure", |_, f| {
        f.names.contains("re-post after failure")
    }),
    ("a release in flight", |_, f| {
        f.names.contains("release in flight")
    }),
    (
        "deregistered and registered again under a prepared list",
        |_, f| f.names.contains("again under lists"),
    ),
    ("full metadata", |o, _| {
        any(o, |op| matches!(op, Op::GetMd { .. }))
    }),
    ("partial metadata", |o, _| {
        any(
            o,
            |op| matches!(op, Op::GetPartialMd { descs, .. } if !descs.is_empty()),
        )
    }),
    ("metadata of the connection alone", |o, _| {
        any(
            o,
            |op| matches!(op, Op::GetPartialMd { descs, .. } if descs.is_empty()),
        )
    }),
    ("stale metadata", |_, f| f.names.contains("stale")),
    ("truncated metadata", |_, f| f.names.contains("truncated")),
    ("metadata that has changed", |_, f| {
        f.names.contains("changed")
    }),
    ("metadata loaded twice", |_, f| {
        f.names.contains("loaded twice")
    }),
    ("an agent's own metadata", |_, f| {
        f.names.contains("for oneself")
    }),
    ("a peer forgotten and loaded again", |_, f| {
        f.names.contains("reload")
    }),
    ("a peer that dies", |_, f| f.names.contains("peer death")),
    ("metadata fetched from a listener thread", |o, _| {
        any(o, |op| matches!(op, Op::FetchMd { .. }))
    }),
    ("metadata sent to a listener thread", |o, _| {
        any(o, |op| matches!(op, Op::SendMd { .. }))
    }),
    ("a listener thread told to forget", |o, _| {
        any(o, |op| matches!(op, Op::InvalidateLocalMd { .. }))
    }),
    ("a TCP peer that misbehaves", |o, _| {
        any(o, |op| matches!(op, Op::Intrude { .. }))
    }),
    ("a view of local memory", |o, _| {
        any(o, |op| matches!(op, Op::LocalView { .. }))
    }),
    ("a view of remote memory", |o, _| {
        any(o, |op| matches!(op, Op::RemoteView { .. }))
    }),
    ("a cost estimate", |o, _| {
        any(o, |op| matches!(op, Op::Cost { .. }))
    }),
    ("a query of memory", |o, _| {
        any(o, |op| matches!(op, Op::QueryMem { .. }))
    }),
    ("a query of a file", |o, _| {
        any(o, |op| matches!(op, Op::QueryFile { .. }))
    }),
    ("telemetry on", |o, _| config(o, |config| config.telemetry)),
    ("telemetry of a transfer", |o, _| {
        any(o, |op| matches!(op, Op::Telemetry { .. }))
    }),
    ("several workers", |o, _| {
        param(o, "num_workers", &["2", "4"])
    }),
    ("no workers", |o, _| param(o, "num_workers", &["0"])),
    ("a thread pool", |o, _| {
        param(o, "num_threads", &["1", "2", "4"])
    }),
    ("a thread pool of none", |o, _| {
        param(o, "num_threads", &["0"])
    }),
    ("small batches", |o, _| {
        param(o, "split_batch_size", &["1", "2"])
    }),
    ("the largest batch", |o, _| {
        param(o, "split_batch_size", &["4294967295"])
    }),
    ("peer error handling", |o, _| {
        param(o, "ucx_error_handling_mode", &["peer"])
    }),
    ("no error handling", |o, _| {
        param(o, "ucx_error_handling_mode", &["none"])
    }),
    ("endpoints closed by force", |o, _| {
        param(o, "ucx_ep_close_force", &["true"])
    }),
    ("endpoints closed gently", |o, _| {
        param(o, "ucx_ep_close_force", &["false"])
    }),
    ("an engine configuration", |o, _| {
        param(o, "engine_config", &["RNDV_THRESH=1024"])
    }),
    ("an empty engine configuration", |o, _| {
        param(o, "engine_config", &[""])
    }),
    ("an engine configuration that UCX does not know", |o, _| {
        param(o, "engine_config", &["NO_SUCH_KEY=1"])
    }),
    ("a POSIX backend", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Backend { plugin, .. } if plugin == "POSIX"),
        )
    }),
    ("a progress thread", |o, _| {
        config(o, |config| config.progress_thread)
    }),
    ("two client threads", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Together { lanes } if lanes.len() == 2),
        )
    }),
    ("three client threads", |o, _| {
        any(
            o,
            |op| matches!(op, Op::Together { lanes } if lanes.len() == 3),
        )
    }),
    ("strict synchronisation", |o, _| {
        config(o, |config| config.sync == Sync::Strict)
    }),
    ("synchronisation of readers and writers", |o, _| {
        config(o, |config| config.sync == Sync::ReadWrite)
    }),
];
