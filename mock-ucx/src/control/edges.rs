//! What a fuzzer may look at instead of the client's code: which states of the mock followed each other.
//!
//! NIXL is not instrumented. An *edge* is a call with the state of its object, its status and the call before it, or a decision that
//! deviated with the call in which it did. Each raises one of a few counters that the fuzzer lends.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

use crate::functions::Function;
use crate::objects::Body;
use crate::schedule::{Point, mix};
use crate::status::UcsStatus;
use crate::universe::State;

/// The counters, if anybody lent some.
static COUNTERS: OnceLock<&'static [AtomicU8]> = OnceLock::new();

/// What an edge is made of besides numbers of its own.
#[derive(Clone, Copy)]
enum Sort {
    Call,
    Decision,
}

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// Lends counters. Only the first ones that are lent are used.
pub fn lend(counters: &'static [AtomicU8]) {
    // Whoever lends twice keeps the first.
    let _ = COUNTERS.set(counters);
}

/// The next edge of the calling thread follows none: what was called before belongs to something else.
pub fn begin() {
    LAST.set(0);
}

/// Whether anybody counts.
pub(crate) fn are_counted() -> bool {
    COUNTERS.get().is_some()
}

/// A call ended.
pub(crate) fn call(function: Function, object: u64, status: UcsStatus) {
    let last = LAST.replace(function as u64 + 1);
    let parts = [
        last,
        function as u64,
        object,
        u64::from(status.0.cast_unsigned()),
    ];
    count(Sort::Call, &parts);
}

/// The adversary deviated.
pub(crate) fn decision(function: Option<Function>, point: Point, outcome: usize) {
    let function = function.map_or(u64::MAX, |function| function as u64);
    let parts = [function, point.number() as u64, outcome as u64];
    count(Sort::Decision, &parts);
}

fn count(sort: Sort, parts: &[u64]) {
    let Some(counters) = COUNTERS.get().filter(|counters| !counters.is_empty()) else {
        return;
    };
    let place = mix(sort as u64, parts) % counters.len() as u64;
    let counter = &counters[place as usize];
    // A count that comes round to zero would hide the edge.
    counter.store(counter.load(Relaxed).saturating_add(1), Relaxed);
}

impl State {
    /// A number for the state that an object is in, coarse enough that it tells histories of an object apart and not objects.
    pub(crate) fn state_number(&self, serial: u64) -> u64 {
        let Some(entry) = self.objects.get(&serial) else {
            return 0;
        };
        let particular = match &entry.body {
            Body::Endpoint(endpoint) => {
                u64::from(endpoint.failed.is_some()) | u64::from(endpoint.rkeys.min(2)) << 1
            }
            Body::Request(request) => u64::from(request.status.0.cast_unsigned()),
            _ => u64::from(entry.children.min(3)),
        };
        1 + (entry.body.kind() as u64) * 256 + particular
    }
}
