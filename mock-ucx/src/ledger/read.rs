//! Reads a ledger, of a process that runs or of one that is gone, into data of one's own.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::functions::{FUNCTION_COUNT, Function};
use crate::ledger::layout::{
    ASKED_CAPACITY, AskedRecord, ENDED_EXIT, EVENT_CAPACITY, FINDING_CAPACITY, FIRED_CAPACITY,
    HANDLE_MASK, LAYOUT_VERSION, MAGIC, MODULE_CAPACITY, NO_FAULT, NODE_CAPACITY, OBJECT_CAPACITY,
    ObjectRecord, StackNode,
};
use crate::ledger::mapping::Mapping;
use crate::ledger::{KIND_COUNT, Kind, ObjectState, Trouble};
use crate::rules::Rule;
use crate::schedule::{Choice, Fault, OUTCOMES_MAX, ObjectName, Point};
use crate::status::UcsStatus;

/// An object of the client.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Unique in the process, in order of creation.
    pub serial: u64,
    /// Serial of the parent; 0 = none.
    pub parent: u64,
    /// What it is.
    pub kind: Kind,
    /// Which one of its kind, from 1.
    pub ordinal: u32,
    /// What became of it.
    pub state: ObjectState,
    /// Handle value, exclusive-or [`HANDLE_MASK`]: a process that looks for handles in its own memory must not find this one.
    pub masked_handle: u64,
    /// Numbers that describe it (a memory handle: address and length in bytes; a request: [`REQUEST_OF_CLIENT`](super::layout::REQUEST_OF_CLIENT) or 0, and the bytes at
    /// its handle).
    pub detail: [u64; 2],
    /// Its creation.
    pub created: Moment,
    /// Its end, if it has ended.
    pub ended: Moment,
    /// Thread that created it (ordinal).
    pub thread: u16,
}

impl Object {
    /// Handle value.
    pub fn handle(&self) -> u64 {
        self.masked_handle ^ HANDLE_MASK
    }
}

/// When and where something happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// Number of the call in the process; 0 = never.
    pub step: u64,
    /// Function called.
    pub function: Option<Function>,
    /// Operation of the client; 0 = none.
    pub operation: u32,
    /// Stack node; 0 = none. [`Snapshot::stack`] unfolds it.
    pub stack: u32,
}

/// A rule that was broken.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What was wrong with the handle.
    pub trouble: Trouble,
    /// Index of the argument.
    pub argument: Option<u16>,
    /// Value that was passed, exclusive-or [`HANDLE_MASK`].
    pub masked_value: u64,
    /// Object concerned; 0 = none known.
    pub object: u64,
    /// Second object; 0 = none.
    pub other: u64,
    /// Numbers that the rule explains.
    pub detail: [u64; 2],
    /// How often it was seen from the same place.
    pub count: u64,
    /// When it was seen first.
    pub at: Moment,
}

impl Finding {
    /// Value that was passed.
    pub fn value(&self) -> u64 {
        self.masked_value ^ HANDLE_MASK
    }
}

/// A decision that was not benign.
#[derive(Clone, Copy, Debug)]
pub struct Fired {
    /// What was asked.
    pub asked: Asked,
    /// What was decided.
    pub choice: Choice,
    /// Index in the fault specification; `None`: no specification asked for it.
    pub fault: Option<u8>,
    /// When.
    pub at: Moment,
}

impl Fired {
    /// The fault that makes the same happen again.
    pub fn to_fault(&self) -> Fault {
        self.asked.to_fault(self.choice)
    }
}

/// A question that was put to the decider.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Number of the call in the process.
    pub step: u64,
    /// The point.
    pub point: Point,
    /// The object it was about.
    pub object: Option<ObjectName>,
    /// How often the point was reached in the process, this time included.
    pub occurrence: u64,
    /// How often with that object.
    pub of_object: u64,
    /// Thread (ordinal).
    pub thread: u16,
}

impl Asked {
    /// The fault that answers this question with `choice`: a call by its number in the process, a move by its object.
    pub fn to_fault(&self, choice: Choice) -> Fault {
        match (self.point, self.object) {
            (Point::Move(_), Some(object)) => {
                Fault::with(self.point, object, self.of_object, choice)
            }
            _ => Fault::at(self.point, self.occurrence, choice),
        }
    }
}

/// A loaded module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Path; empty for the program itself where the loader does not say.
    pub path: String,
    /// Load bias.
    pub bias: u64,
    /// First mapped byte.
    pub start: u64,
    /// One past the last mapped byte.
    pub end: u64,
    /// Build id; empty if it has none.
    pub build_id: Vec<u8>,
}

/// A call of the last ones.
#[derive(Clone, Copy, Debug)]
pub struct EventLine {
    /// Number of the call in the process.
    pub step: u64,
    /// Function.
    pub function: Function,
    /// Thread (ordinal).
    pub thread: u16,
    /// Object concerned; 0 = none.
    pub object: u64,
    /// Status answered.
    pub status: UcsStatus,
    /// Whether a fault made it so.
    pub faulted: bool,
}

/// A copy of client memory that was under way.
#[derive(Clone, Copy, Debug)]
pub struct CopyUnderWay {
    /// Function under way.
    pub function: Function,
    /// First byte read.
    pub source: u64,
    /// First byte written.
    pub target: u64,
    /// Bytes.
    pub length: u64,
}

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
        let header = map.header();
        let version = header.ucx_version.load(Relaxed);
        Snapshot {
            pid: header.pid.load(Relaxed),
            forked_from: header.forked_from.load(Relaxed),
            exited: header.ended.load(Relaxed) == ENDED_EXIT,
            step: header.step.load(Relaxed),
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
            modules: read_modules(map),
            events: read_events(map),
            copies: read_copies(map),
            internal_errors: header.internal_errors.load(Relaxed),
            created: std::array::from_fn(|kind| header.created[kind].load(Relaxed)),
            live: std::array::from_fn(|kind| header.live[kind].load(Relaxed)),
            calls: std::array::from_fn(|function| header.calls[function].load(Relaxed)),
            nodes: read_table(header.nodes.load(Acquire), NODE_CAPACITY, |index| {
                map.node(index)
            }),
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

/// Reads the first `count` records of a table. They may be written to meanwhile by another process: each is copied whole, and what is
/// torn is at worst a wrong number in a report, since nothing is followed without a bound.
fn read_table<T: Copy>(count: u32, capacity: u32, at: impl Fn(u32) -> *mut T) -> Vec<T> {
    // SAFETY: the index is below the table's capacity; all bit patterns are valid for these plain records.
    (0..count.min(capacity))
        .map(|index| unsafe { ptr::read_volatile(at(index)) })
        .collect()
}

fn moment(step: u64, function: u16, operation: u32, stack: u32) -> Moment {
    Moment {
        step,
        function: Function::from_number(function).filter(|_| step > 0),
        operation,
        stack,
    }
}

fn read_objects(map: &Mapping) -> Vec<Object> {
    let records: Vec<ObjectRecord> = read_table(
        map.header().objects.load(Acquire),
        OBJECT_CAPACITY,
        |index| map.object(index),
    );
    let mut objects: Vec<Object> = records
        .iter()
        .filter_map(|record| {
            let state = ObjectState::from_number(record.state);
            let kind = Kind::from_number(record.kind)?;
            (state != ObjectState::Unused).then(|| Object {
                serial: record.serial,
                parent: record.parent,
                kind,
                ordinal: record.ordinal,
                state,
                masked_handle: record.masked_handle,
                detail: [record.detail_a, record.detail_b],
                created: moment(
                    record.created_step,
                    record.created_function,
                    record.created_operation,
                    record.created_stack,
                ),
                ended: moment(
                    record.ended_step,
                    record.ended_function,
                    record.ended_operation,
                    record.ended_stack,
                ),
                thread: record.thread,
            })
        })
        .collect();
    objects.sort_by_key(|object| object.serial);
    objects
}

fn read_findings(map: &Mapping) -> Vec<Finding> {
    read_table(
        map.header().findings.load(Acquire),
        FINDING_CAPACITY,
        |index| map.finding(index),
    )
    .iter()
    .filter_map(|record| {
        Some(Finding {
            rule: Rule::from_number(record.rule)?,
            trouble: Trouble::from_number(record.trouble),
            argument: (record.argument != u16::MAX).then_some(record.argument),
            masked_value: record.masked_value,
            object: record.object,
            other: record.other,
            detail: [record.detail_a, record.detail_b],
            count: record.count,
            at: moment(record.step, record.function, record.operation, record.stack),
        })
    })
    .collect()
}

fn read_fired(map: &Mapping) -> Vec<Fired> {
    read_table(map.header().fired.load(Acquire), FIRED_CAPACITY, |index| {
        map.fired(index)
    })
    .iter()
    .filter_map(|record| {
        Some(Fired {
            asked: asked(&record.asked)?,
            choice: Choice::from_record(record.tag, record.number),
            fault: (record.fault != NO_FAULT).then_some(record.fault),
            at: moment(
                record.asked.step,
                record.function,
                record.operation,
                record.stack,
            ),
        })
    })
    .collect()
}

fn asked(record: &AskedRecord) -> Option<Asked> {
    let kind = Kind::from_number(record.kind)?;
    Some(Asked {
        point: Point::from_number(usize::from(record.point))?,
        object: (record.ordinal > 0).then_some(ObjectName {
            kind,
            ordinal: record.ordinal,
        }),
        step: record.step,
        occurrence: u64::from(record.occurrence),
        of_object: u64::from(record.of_object),
        thread: record.thread,
    })
}

fn read_modules(map: &Mapping) -> Vec<Module> {
    read_table(
        map.header().modules.load(Acquire),
        MODULE_CAPACITY,
        |index| map.module(index),
    )
    .iter()
    .map(|record| {
        let path = record
            .path
            .get(..record.path_length as usize)
            .unwrap_or_default();
        let build_id = record
            .build_id
            .get(..record.build_id_length as usize)
            .unwrap_or_default();
        Module {
            path: String::from_utf8_lossy(path).into_owned(),
            bias: record.bias,
            start: record.start,
            end: record.end,
            build_id: build_id.to_vec(),
        }
    })
    .collect()
}

fn read_events(map: &Mapping) -> Vec<EventLine> {
    let count = map.header().events.load(Acquire);
    let first = count.saturating_sub(u64::from(EVENT_CAPACITY));
    (first..count)
        .filter_map(|number| {
            let record = map.event((number % u64::from(EVENT_CAPACITY)) as u32);
            let packed = record.packed.load(Relaxed);
            Some(EventLine {
                step: record.step.load(Relaxed),
                function: Function::from_number(packed as u16)?,
                thread: (packed >> 16) as u16,
                object: record.object.load(Relaxed),
                status: UcsStatus((packed >> 32) as i8),
                faulted: packed >> 40 & 1 != 0,
            })
        })
        .collect()
}

fn read_copies(map: &Mapping) -> Vec<CopyUnderWay> {
    map.header()
        .copies
        .iter()
        .filter(|slot| slot.thread.load(Acquire) != 0)
        .filter_map(|slot| {
            Some(CopyUnderWay {
                function: Function::from_number(slot.function.load(Relaxed) as u16)?,
                source: slot.source.load(Relaxed),
                target: slot.target.load(Relaxed),
                length: slot.length.load(Relaxed),
            })
        })
        .filter(|copy| copy.length > 0)
        .collect()
}
