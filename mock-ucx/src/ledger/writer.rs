//! Writes the ledger: one record per object, finding, fault and call.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::{io, ptr};

use rustc_hash::FxHashMap;

use crate::functions::Function;
use crate::ledger::layout::{
    ASKED_CAPACITY, AskedRecord, EVENT_CAPACITY, FINDING_CAPACITY, FIRED_CAPACITY, FindingRecord,
    FiredRecord, HANDLE_MASK, LAYOUT_VERSION, MAGIC, MODULE_CAPACITY, NO_FAULT, NO_FUNCTION,
    NODE_CAPACITY, OBJECT_CAPACITY, OBJECT_STATE_OFFSET, ObjectRecord, StackNode, atomic_u8,
};
use crate::ledger::mapping::Mapping;
use crate::ledger::origin::{ModuleWatch, Stack};
use crate::ledger::{Kind, ObjectState, Trouble};
use crate::rules::Rule;
use crate::schedule::{Choice, Decision, Point, Question};
use crate::stack::intern::Interner;
use crate::status::UcsStatus;

/// Ended objects whose record is kept, so that a report can say what a stale handle was. Their records are used again in turn: so few
/// of them stay in a processor's cache.
const ENDED_KEPT: usize = 1 << 13;

/// No slot: the table was full, or the object is none of the client's.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// What a new object is.
pub(crate) struct NewObject<'a> {
    pub(crate) kind: Kind,
    pub(crate) serial: u64,
    pub(crate) handle: u64,
    pub(crate) parent: u64,
    pub(crate) detail: [u64; 2],
    pub(crate) site: Site<'a>,
}

/// Where in the client something happened.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) function: Function,
    pub(crate) step: u64,
    pub(crate) thread: u16,
    pub(crate) stack: &'a Stack,
}

/// Who came to a decision point.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    /// The call; `None`: it was none of UCX's.
    pub(crate) function: Option<Function>,
    pub(crate) stack: &'a Stack,
}

impl<'a> From<Site<'a>> for Asker<'a> {
    fn from(site: Site<'a>) -> Asker<'a> {
        Asker {
            function: Some(site.function),
            stack: site.stack,
        }
    }
}

/// A rule that was broken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFinding {
    pub(crate) rule: Rule,
    pub(crate) trouble: Trouble,
    pub(crate) argument: Option<u16>,
    pub(crate) value: u64,
    pub(crate) object: u64,
    pub(crate) other: u64,
    pub(crate) detail: [u64; 2],
}

/// What makes two findings the same one, repeated.
type FindingKey = (Rule, Function, Trouble, Option<u16>, u32);

/// The writing side.
pub(crate) struct Ledger {
    map: Arc<Mapping>,
    /// Slots of ended objects, oldest first.
    ended: VecDeque<(u64, u32)>,
    findings: FxHashMap<FindingKey, u32>,
    ordinals: [u32; crate::ledger::KIND_COUNT],
    interner: Interner,
    modules: ModuleWatch,
}

impl Ledger {
    /// A ledger in a new file, or in memory of this process.
    pub(crate) fn new(path: Option<&Path>) -> io::Result<Ledger> {
        let map = Arc::new(match path {
            Some(path) => Mapping::create(path)?,
            None => Mapping::anonymous()?,
        });
        let header = map.header();
        header.layout.store(LAYOUT_VERSION, Relaxed);
        header.pid.store(std::process::id(), Relaxed);
        header.nodes.store(1, Relaxed);
        Ok(Ledger {
            map,
            ended: VecDeque::new(),
            findings: FxHashMap::default(),
            ordinals: [0; crate::ledger::KIND_COUNT],
            interner: Interner::new(),
            modules: ModuleWatch::default(),
        })
    }

    /// Says that the header is complete.
    pub(crate) fn publish(&self) {
        self.map.header().magic.store(MAGIC, Release);
    }

    /// The mapping, for those who only count.
    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.map
    }

    /// Enters a new object; returns its slot.
    pub(crate) fn create(&mut self, new: &NewObject<'_>) -> u32 {
        let stack = self.intern(new.site.stack);
        let kind = new.kind as usize;
        self.ordinals[kind] += 1;
        let header = self.map.header();
        header.created[kind].fetch_add(1, Relaxed);
        header.live[kind].fetch_add(1, Relaxed);
        let operation = header.operation.load(Relaxed);
        let Some(slot) = self.free_slot() else {
            self.map.header().objects_dropped.fetch_add(1, Relaxed);
            return NO_SLOT;
        };
        let record = ObjectRecord {
            serial: new.serial,
            parent: new.parent,
            created_step: new.site.step,
            masked_handle: new.handle ^ HANDLE_MASK,
            detail_a: new.detail[0],
            detail_b: new.detail[1],
            ordinal: self.ordinals[kind],
            created_stack: stack,
            created_operation: operation,
            thread: new.site.thread,
            created_function: new.site.function as u16,
            kind: new.kind as u8,
            ..ObjectRecord::default()
        };
        // SAFETY: `slot` is below the capacity and only this ledger writes to it, under the universe's lock.
        unsafe { ptr::write(self.map.object(slot), record) };
        self.set_state(slot, ObjectState::Alive);
        slot
    }

    /// The next object of each kind is the first one again.
    pub(crate) fn restart_ordinals(&mut self) {
        self.ordinals = Default::default();
    }

    /// Nothing was recorded so far, but which stacks and modules there are. Only while nothing is alive and nobody calls.
    pub(crate) fn begin_anew(&mut self) {
        self.restart_ordinals();
        self.ended.clear();
        self.findings.clear();
        let header = self.map.header();
        let tables_in_use = [
            &header.objects,
            &header.findings,
            &header.findings_dropped,
            &header.fired,
            &header.fired_dropped,
            &header.asked,
            &header.internal_errors,
            &header.upcalls,
        ];
        for number in tables_in_use
            .into_iter()
            .chain(header.outcomes.as_flattened())
        {
            number.store(0, Relaxed);
        }
        let sums = [&header.step, &header.objects_dropped, &header.events];
        let by_kind = header.created.iter().chain(&header.live);
        for sum in by_kind.chain(&header.calls).chain(sums) {
            sum.store(0, Relaxed);
        }
        self.forget_unmaps();
    }

    /// The object was given back (`Ended`), or its parent went first (`Orphaned`).
    pub(crate) fn end(&mut self, slot: u32, kind: Kind, state: ObjectState, site: Site<'_>) {
        let stack = self.intern(site.stack);
        let header = self.map.header();
        if state == ObjectState::Ended {
            header.live[kind as usize].fetch_sub(1, Relaxed);
        }
        if slot == NO_SLOT {
            return;
        }
        let operation = header.operation.load(Relaxed);
        let record = self.map.object(slot);
        // SAFETY: as in `create`; fields are written one by one because a supervisor may be reading the others.
        let serial = unsafe {
            (*record).ended_step = site.step;
            (*record).ended_stack = stack;
            (*record).ended_operation = operation;
            (*record).ended_function = site.function as u16;
            (*record).serial
        };
        self.set_state(slot, state);
        if state == ObjectState::Ended {
            self.ended.push_back((serial, slot));
        }
    }

    /// The object was alive in the process this one was forked from.
    pub(crate) fn inherit(&mut self, record: &ObjectRecord) {
        let Some(slot) = self.free_slot() else {
            return;
        };
        // SAFETY: as in `create`.
        unsafe {
            ptr::write(
                self.map.object(slot),
                ObjectRecord {
                    created_stack: 0,
                    ..*record
                },
            )
        };
        self.set_state(slot, ObjectState::Inherited);
    }

    /// The record of `slot`.
    pub(crate) fn object(&self, slot: u32) -> Option<ObjectRecord> {
        // SAFETY: slots come from `create` and stay below the capacity; reads happen under the universe's lock.
        (slot != NO_SLOT).then(|| unsafe { ptr::read(self.map.object(slot)) })
    }

    /// Kind and ordinal of what has this slot, without the rest of its record.
    pub(crate) fn kind_and_ordinal(&self, slot: u32) -> Option<(u8, u32)> {
        if slot == NO_SLOT {
            return None;
        }
        let record = self.map.object(slot);
        // SAFETY: as above.
        Some(unsafe { ((*record).kind, (*record).ordinal) })
    }

    /// The record of an object that ended not too long ago.
    pub(crate) fn ended(&self, serial: u64) -> Option<ObjectRecord> {
        // Only stale handles are looked for, so their clients pay and no others.
        let (_, slot) = self.ended.iter().rfind(|(ended, _)| *ended == serial)?;
        self.object(*slot)
    }

    /// Records a broken rule, or counts it if it is known.
    pub(crate) fn finding(&mut self, new: NewFinding, site: Site<'_>) {
        let stack = self.intern(site.stack);
        let key = (new.rule, site.function, new.trouble, new.argument, stack);
        if let Some(index) = self.findings.get(&key) {
            // SAFETY: `index` came from this table; only this ledger writes to it, under the universe's lock.
            unsafe { (*self.map.finding(*index)).count += 1 };
            return;
        }
        let header = self.map.header();
        let index = header.findings.load(Relaxed);
        if index >= FINDING_CAPACITY {
            header.findings_dropped.fetch_add(1, Relaxed);
            return;
        }
        let record = FindingRecord {
            object: new.object,
            other: new.other,
            masked_value: new.value ^ HANDLE_MASK,
            detail_a: new.detail[0],
            detail_b: new.detail[1],
            step: site.step,
            count: 1,
            stack,
            operation: header.operation.load(Relaxed),
            rule: new.rule as u16,
            function: site.function as u16,
            argument: new.argument.unwrap_or(u16::MAX),
            trouble: new.trouble as u8,
            state: 1,
        };
        // SAFETY: `index` is below the capacity and not yet published.
        unsafe { ptr::write(self.map.finding(index), record) };
        header.findings.store(index + 1, Release);
        self.findings.insert(key, index);
    }

    /// Records a decision that was not benign.
    pub(crate) fn fired(
        &mut self,
        question: &Question,
        decision: Decision,
        step: u64,
        asker: Asker<'_>,
    ) {
        let stack = self.intern(asker.stack);
        let header = self.map.header();
        let times = decision
            .fault
            .and_then(|fault| header.faults_fired.get(usize::from(fault)));
        if let Some(times) = times {
            times.fetch_add(1, Relaxed);
        }
        let index = header.fired.load(Relaxed);
        if index >= FIRED_CAPACITY {
            header.fired_dropped.fetch_add(1, Relaxed);
            return;
        }
        let (tag, number) = decision.choice.to_record();
        let record = FiredRecord {
            asked: asked_record(question, step, 0),
            stack,
            number,
            function: asker
                .function
                .map_or(NO_FUNCTION, |function| function as u16),
            tag,
            fault: decision.fault.unwrap_or(NO_FAULT),
            reserved: [0; 4],
        };
        // SAFETY: `index` is below the capacity and not yet published.
        unsafe { ptr::write(self.map.fired(index), record) };
        header.fired.store(index + 1, Release);
    }

    /// Records a question, whatever its answer. Those beyond the table's end are left out: they are only there to choose from.
    pub(crate) fn asked(&mut self, question: &Question, step: u64, place: u32) {
        let header = self.map.header();
        let index = header.asked.load(Relaxed);
        if index >= ASKED_CAPACITY {
            return;
        }
        // SAFETY: `index` is below the capacity and not yet published.
        unsafe { ptr::write(self.map.asked(index), asked_record(question, step, place)) };
        header.asked.store(index + 1, Release);
    }

    /// The client's operation under way; 0 = none that anybody knows.
    pub(crate) fn operation(&self) -> u32 {
        self.map.header().operation.load(Relaxed)
    }

    /// Counts a decision for its point and outcome.
    pub(crate) fn decided(&self, point: Point, choice: Choice) {
        if let Some(outcome) = point.outcome_number(choice) {
            self.map.header().outcomes[point.number()][outcome].fetch_add(1, Relaxed);
        }
    }

    fn set_state(&self, slot: u32, state: ObjectState) {
        let byte = self
            .map
            .object(slot)
            .cast::<u8>()
            .wrapping_add(OBJECT_STATE_OFFSET);
        // SAFETY: the byte lies in a record of the mapping, which lives as long as `self`.
        unsafe { atomic_u8(byte) }.store(state as u8, Release);
    }

    /// A slot for a new object: a fresh one while few have ended, else the one that ended first.
    fn free_slot(&mut self) -> Option<u32> {
        if self.ended.len() > ENDED_KEPT {
            return self.ended.pop_front().map(|(_, slot)| slot);
        }
        let header = self.map.header();
        let slot = header.objects.load(Relaxed);
        if slot >= OBJECT_CAPACITY {
            return self.ended.pop_front().map(|(_, slot)| slot);
        }
        header.objects.store(slot + 1, Release);
        Some(slot)
    }

    /// The node of a stack; the modules it runs through are entered too.
    pub(super) fn intern(&mut self, stack: &Stack) -> u32 {
        let map = &self.map;
        self.modules.update(|record| {
            let index = map.header().modules.load(Relaxed);
            if index < MODULE_CAPACITY {
                // SAFETY: `index` is below the capacity and not yet published.
                unsafe { ptr::write(map.module(index), record) };
                map.header().modules.store(index + 1, Release);
            }
        });
        self.interner.intern(stack.frames(), &mut |parent, pc| {
            let index = map.header().nodes.load(Relaxed);
            if index >= NODE_CAPACITY {
                return None;
            }
            // SAFETY: `index` is below the capacity and not yet published.
            unsafe {
                ptr::write(
                    map.node(index),
                    StackNode {
                        pc,
                        parent,
                        reserved: 0,
                    },
                )
            };
            map.header().nodes.store(index + 1, Release);
            Some(index)
        })
    }
}

fn asked_record(question: &Question, step: u64, place: u32) -> AskedRecord {
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    AskedRecord {
        step,
        occurrence: count(question.occurrence),
        of_object: count(question.of_object),
        ordinal: question.object.map_or(0, |object| object.ordinal),
        point: question.point.number() as u16,
        operation: question.operation,
        place,
        thread: question.thread,
        kind: question.object.map_or(0, |object| object.kind as u8),
        reserved: [0; 7],
    }
}

/// Enters a call into the ring of the last events.
pub(crate) fn record_event(map: &Mapping, site: Event) {
    let index = map.header().events.fetch_add(1, Relaxed);
    let record = map.event((index % u64::from(EVENT_CAPACITY)) as u32);
    let packed = u64::from(site.function as u16)
        | u64::from(site.thread) << 16
        | u64::from(site.status.0.cast_unsigned()) << 32
        | u64::from(site.faulted) << 40;
    record.step.store(site.step, Relaxed);
    record.object.store(site.object, Relaxed);
    record.packed.store(packed, Relaxed);
}

/// A call that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) function: Function,
    pub(crate) step: u64,
    pub(crate) thread: u16,
    pub(crate) object: u64,
    pub(crate) status: UcsStatus,
    pub(crate) faulted: bool,
}
