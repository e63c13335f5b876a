//! Reads what is live while a scenario is played round after round: memory by who allocated it, and objects of UCX by kind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use allocations::Kind as Site;
use mock_ucx::control;
use mock_ucx::ledger::Kind;
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::stack::modules::{self, Modules};

use super::case::{Growth, MemoryGrowth, ObjectGrowth};
use crate::scenario::READ_AFTER;

/// Libraries that allocate for whoever calls them.
const RUNTIME: [&str; 5] = [
    "libc.so",
    "libstdc++.so",
    "libgcc_s.so",
    "ld-linux",
    "libm.so",
];

/// Readings of a play.
pub(crate) struct Measure {
    rounds: Vec<u32>,
    /// By site: live bytes and blocks at each reading, from the one on at which it was first seen.
    memory: BTreeMap<u32, Series>,
    live: Vec<Snapshot>,
    dropped: u64,
}

struct Series {
    mapped: bool,
    frames: Vec<u64>,
    bytes: Vec<i64>,
    blocks: Vec<i64>,
}

impl Measure {
    /// Begins to count.
    ///
    /// # Errors
    /// There is no memory for the tables.
    pub(crate) fn begin() -> std::io::Result<Measure> {
        allocations::arm_private()?;
        Ok(Measure {
            rounds: Vec::new(),
            memory: BTreeMap::new(),
            live: Vec::new(),
            dropped: 0,
        })
    }

    /// So many rounds were played: reads what is live, if it is time for that.
    pub(crate) fn round(&mut self, rounds: u32) {
        if !READ_AFTER.contains(&rounds) {
            return;
        }
        let Some(reading) = allocations::reading() else {
            return;
        };
        self.dropped = reading.dropped;
        for site in reading.sites {
            if site.kind == Site::Unmap || site.frames.is_empty() {
                continue;
            }
            let series = self.memory.entry(site.number).or_insert_with(|| Series {
                mapped: site.kind == Site::Mapping,
                frames: site.frames,
                // It was not there before.
                bytes: vec![0; self.rounds.len()],
                blocks: vec![0; self.rounds.len()],
            });
            series.bytes.push(site.live_bytes);
            series.blocks.push(site.live_count);
        }
        self.live.extend(control::snapshot());
        self.rounds.push(rounds);
    }

    /// What grew; `None`: not all readings were taken. Without the hooks in this process that is objects alone.
    pub(crate) fn finish(self) -> Option<Growth> {
        allocations::disarm();
        if self.rounds != READ_AFTER {
            return None;
        }
        let modules = modules::current();
        let memory = self.memory.into_values();
        Some(Growth {
            objects: objects(&self.live),
            memory: memory
                .filter(|series| series.bytes.last() > series.bytes.first())
                .filter_map(|series| series.of_client(&modules))
                .collect(),
            rounds: self.rounds,
            dropped: self.dropped,
        })
    }
}

impl Series {
    /// `None`: this program allocated it, for itself or as the client's UCX, whose objects are counted by themselves.
    fn of_client(self, modules: &Arc<Modules>) -> Option<MemoryGrowth> {
        let is_runtime = |pc: &u64| {
            let module = modules.find(pc - 1);
            module.is_some_and(|module| is_runtime(&module.path))
        };
        let inner = self.frames.iter().take_while(|pc| is_runtime(pc)).count();
        let allocator = self.frames.get(inner)?;
        (!modules.own().contains(allocator)).then(|| MemoryGrowth {
            mapped: self.mapped,
            stack: self.frames[inner..].to_vec(),
            bytes: self.bytes,
            blocks: self.blocks,
        })
    }
}

fn is_runtime(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    RUNTIME.iter().any(|begin| name.starts_with(begin))
}

fn objects(readings: &[Snapshot]) -> Vec<ObjectGrowth> {
    let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
        return Vec::new();
    };
    let growing = Kind::ALL.into_iter().filter(|kind| {
        let live = |snapshot: &Snapshot| snapshot.live[*kind as usize];
        live(last) > live(first)
    });
    growing
        .filter_map(|kind| {
            let alive = last.left().filter(|object| object.kind == kind);
            let youngest = alive.max_by_key(|object| object.serial)?;
            Some(ObjectGrowth {
                kind: kind.name().to_owned(),
                live: readings
                    .iter()
                    .map(|snapshot| snapshot.live[kind as usize])
                    .collect(),
                youngest: youngest.serial,
                stack: last.stack(youngest.created.stack),
                operation: youngest.created.operation,
            })
        })
        .collect()
}
