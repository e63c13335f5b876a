//! Reads a ledger, of a process that runs or of one that is gone, into data of one's own.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::functions::FUNCTION_COUNT;
use crate::ledger::layout::{
    ASKED_CAPACITY, ENDED_EXIT, LAYOUT_VERSION, MAGIC, NODE_CAPACITY, StackNode,
};
use crate::ledger::mapping::Mapping;
use crate::ledger::{KIND_COUNT, Kind, ObjectState};
use crate::schedule::OUTCOMES_MAX;

mod caches;
mod records;
mod tables;

use caches::read_caches;
pub use caches::{Caches, UnmapSite};
pub use records::*;
use tables::*;

/// Everything that a ledger says at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Process.
    pub pid: u32,
    /// Process it was forked from while that used UCX; 0 = none.
    pub forked_from: u32,
    /// Whether it came to `exit`.
    pub exited: bool,
    /// Calls so far.
    pub step: u64,
    /// When the client came to its end; now, if it did not.
    pub ending: Ending,
    /// Emulated UCX version: major, minor, patch.
    pub ucx_version: [u8; 3],
    /// First handle value and bytes reserved.
    pub handles: (u64, u64),
    /// Objects, in order of creation. Ended ones are kept for a while only.
    pub objects: Vec<Object>,
    /// Objects for which there was no room: the census is incomplete if this is not 0.
    pub objects_dropped: u64,
    /// Broken rules.
    pub findings: Vec<Finding>,
    /// Broken rules for which there was no room.
    pub findings_dropped: u32,
    /// Decisions that were not benign.
    pub fired: Vec<Fired>,
    /// Those for which there was no room.
    pub fired_dropped: u32,
    /// How often each fault of the specification happened.
    pub faults_fired: Vec<u64>,
    /// Questions, if they were recorded.
    pub asked: Vec<Asked>,
    /// Decisions, by point and outcome.
    pub outcomes: Vec<[u32; OUTCOMES_MAX]>,
    /// Modules.
    pub modules: Vec<Module>,
    /// Last calls, oldest first.
    pub events: Vec<EventLine>,
    /// Copies under way.
    pub copies: Vec<CopyUnderWay>,
    /// Times the mock itself panicked: then nothing here can be vouched for.
    pub internal_errors: u32,
    /// Objects created, by kind.
    pub created: [u64; KIND_COUNT],
    /// Objects alive, by kind.
    pub live: [u64; KIND_COUNT],
    /// Calls, by function.
    pub calls: [u64; FUNCTION_COUNT],
    /// The registration caches of all contexts.
    pub caches: Caches,
    nodes: Vec<StackNode>,
}

impl Snapshot {
    /// Reads a ledger file.
    ///
    /// # Errors
    /// The file cannot be read, or is no ledger of this build.
    pub fn open(path: &Path) -> io::Result<Snapshot> {
        let map = Mapping::open(path)?;
        let header = map.header();
        if header.magic.load(Acquire) != MAGIC || header.layout.load(Relaxed) != LAYOUT_VERSION {
            let message = format!(
                "{} is not a ledger of this build of mock-ucx",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Snapshot::of(&map))
    }

    /// Reads a mapped ledger.
    pub(crate) fn of(map: &Mapping) -> Snapshot {
        let nodes = map.header().nodes.load(Acquire);
        Snapshot {
            modules: read_modules(map),
            nodes: read_table(nodes, NODE_CAPACITY, |index| map.node(index)),
            ..Snapshot::without_stacks(map)
        }
    }

    /// The same, but that all call stacks are empty: they stay from one case to the next, so a process that plays many has many.
    pub(crate) fn without_stacks(map: &Mapping) -> Snapshot {
        let header = map.header();
        let version = header.ucx_version.load(Relaxed);
        Snapshot {
            pid: header.pid.load(Relaxed),
            forked_from: header.forked_from.load(Relaxed),
            exited: header.ended.load(Relaxed) == ENDED_EXIT,
            step: header.step.load(Relaxed),
            ending: read_ending(header),
            ucx_version: [(version >> 16) as u8, (version >> 8) as u8, version as u8],
            handles: (
                header.handle_base.load(Relaxed),
                header.handle_span.load(Relaxed),
            ),
            objects: read_objects(map),
            objects_dropped: header.objects_dropped.load(Relaxed),
            findings: read_findings(map),
            findings_dropped: header.findings_dropped.load(Relaxed),
            fired: read_fired(map),
            fired_dropped: header.fired_dropped.load(Relaxed),
            faults_fired: header
                .faults_fired
                .iter()
                .map(|times| times.load(Relaxed))
                .collect(),
            asked: read_table(header.asked.load(Acquire), ASKED_CAPACITY, |index| {
                map.asked(index)
            })
            .iter()
            .filter_map(asked)
            .collect(),
            outcomes: header
                .outcomes
                .iter()
                .map(|counts| std::array::from_fn(|outcome| counts[outcome].load(Relaxed)))
                .collect(),
            modules: Vec::new(),
            events: read_events(map),
            copies: read_copies(map),
            internal_errors: header.internal_errors.load(Relaxed),
            created: std::array::from_fn(|kind| header.created[kind].load(Relaxed)),
            live: std::array::from_fn(|kind| header.live[kind].load(Relaxed)),
            calls: std::array::from_fn(|function| header.calls[function].load(Relaxed)),
            caches: read_caches(&header.caches),
            nodes: Vec::new(),
        }
    }

    /// The return addresses of a stack, innermost first.
    pub fn stack(&self, node: u32) -> Vec<u64> {
        let mut frames = Vec::new();
        let mut at = node;
        // A parent is always older than its child, so this ends even on a damaged file.
        while let Some(found) = self.nodes.get(at as usize).filter(|_| at != 0) {
            frames.push(found.pc);
            if found.parent >= at {
                break;
            }
            at = found.parent;
        }
        frames
    }

    /// The module that holds an address: the one loaded last, for an address that was used twice.
    pub fn module(&self, pc: u64) -> Option<&Module> {
        self.modules
            .iter()
            .rev()
            .find(|module| (module.start..module.end).contains(&pc))
    }

    /// The object with this serial.
    pub fn object(&self, serial: u64) -> Option<&Object> {
        let index = self
            .objects
            .binary_search_by_key(&serial, |object| object.serial)
            .ok()?;
        self.objects.get(index)
    }

    /// Objects that the client never gave back: alive, or left over when their parent ended.
    pub fn left(&self) -> impl Iterator<Item = &Object> {
        self.objects
            .iter()
            .filter(|object| matches!(object.state, ObjectState::Alive | ObjectState::Orphaned))
    }

    /// A few lines for people: what is left, by kind, and which rules were broken.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let left: u64 = self.live.iter().sum();
        let _ = writeln!(
            text,
            "mock-ucx: process {}: {} calls, {left} handles left",
            self.pid, self.step
        );
        for kind in Kind::ALL {
            let (live, created) = (self.live[kind as usize], self.created[kind as usize]);
            if live > 0 {
                let _ = writeln!(text, "mock-ucx:   {kind}: {live} of {created}");
            }
        }
        if self.caches.is_worth_telling() {
            let _ = writeln!(text, "mock-ucx:   {}", self.caches);
        }
        let counts = |finding: &&Finding| finding.rule.info().is_finding();
        for finding in self.findings.iter().filter(counts) {
            let info = finding.rule.info();
            let _ = writeln!(
                text,
                "mock-ucx: {} ({} times): {}",
                info.id, finding.count, info.statement
            );
        }
        text
    }
}
