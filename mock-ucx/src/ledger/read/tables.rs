//! The tables of a ledger, read while their process may still write them.

use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::clock::monotonic_ns;
use crate::functions::Function;
use crate::ledger::layout::{
    AskedRecord, EVENT_CAPACITY, FINDING_CAPACITY, FIRED_CAPACITY, Header, MODULE_CAPACITY,
    NO_FAULT, OBJECT_CAPACITY, ObjectRecord,
};
use crate::ledger::mapping::Mapping;
use crate::ledger::read::records::*;
use crate::ledger::{Kind, ObjectState, Trouble};
use crate::rules::Rule;
use crate::schedule::{Choice, ObjectName, Point};
use crate::status::UcsStatus;

/// Reads the first `count` records of a table. They may be written to meanwhile by another process: each is copied whole, and what is
/// torn is at worst a wrong number in a report, since nothing is followed without a bound.
pub(super) fn read_table<T: Copy>(count: u32, capacity: u32, at: impl Fn(u32) -> *mut T) -> Vec<T> {
    // SAFETY: the index is below the table's capacity; all bit patterns are valid for these plain records.
    (0..count.min(capacity))
        .map(|index| unsafe { ptr::read_volatile(at(index)) })
        .collect()
}

pub(super) fn moment(step: u64, function: u16, operation: u32, stack: u32) -> Moment {
    Moment {
        step,
        function: Function::from_number(function).filter(|_| step > 0),
        operation,
        stack,
    }
}

pub(super) fn read_ending(header: &Header) -> Ending {
    match header.ending_ns.load(Acquire) {
        0 => Ending {
            step: header.step.load(Relaxed),
            at_ns: monotonic_ns(),
        },
        at_ns => Ending {
            step: header.ending_step.load(Relaxed),
            at_ns,
        },
    }
}

pub(super) fn read_objects(map: &Mapping) -> Vec<Object> {
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

pub(super) fn read_findings(map: &Mapping) -> Vec<Finding> {
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

pub(super) fn read_fired(map: &Mapping) -> Vec<Fired> {
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
                record.asked.operation,
                record.stack,
            ),
        })
    })
    .collect()
}

pub(super) fn asked(record: &AskedRecord) -> Option<Asked> {
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
        operation: record.operation,
        place: record.place,
        thread: record.thread,
    })
}

pub(super) fn read_modules(map: &Mapping) -> Vec<Module> {
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

pub(super) fn read_events(map: &Mapping) -> Vec<EventLine> {
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

pub(super) fn read_copies(map: &Mapping) -> Vec<CopyUnderWay> {
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
