//! What every exported function begins and ends with: counting, the barrier against panics, the record of the call.

use std::cell::{Cell, OnceCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::{ArcReentrantMutexGuard, MutexGuard, RawMutex, RawThreadId};

use crate::abi::types::{Constant, UcsStatus, ptr_status};
use crate::abi::universe;
use crate::control::edges;
use crate::fabric::endpoint;
use crate::functions::Function;
use crate::hooks;
use crate::ledger::{Event, Kind, NewFinding, Site, Stack, Trouble, record_event};
use crate::rules::Rule;
use crate::schedule::Choice;
use crate::trace::{self, Line};
use crate::universe::{State, Universe};

/// One call of the client.
pub(crate) struct Call {
    pub(crate) universe: &'static Universe,
    pub(crate) function: Function,
    step: u64,
    occurrence: u64,
    thread: u16,
    /// The client's stack, taken when something is worth remembering it.
    stack: OnceCell<Stack>,
    object: Cell<u64>,
    faulted: Cell<bool>,
}

/// The worker's lock, held while the client may not interfere.
pub(crate) type WorkerGuard = ArcReentrantMutexGuard<RawMutex, RawThreadId, ()>;

/// An answer of an exported function.
pub(crate) trait Answer {
    /// What is answered when the mock itself failed.
    fn internal_error() -> Self;
    /// The status for the record of the call.
    fn status(&self) -> UcsStatus;
}

impl Answer for UcsStatus {
    fn internal_error() -> UcsStatus {
        UcsStatus::IO_ERROR
    }

    fn status(&self) -> UcsStatus {
        *self
    }
}

/// A status pointer.
impl Answer for usize {
    fn internal_error() -> usize {
        UcsStatus::IO_ERROR.to_ptr()
    }

    fn status(&self) -> UcsStatus {
        ptr_status(*self)
    }
}

impl Answer for () {
    fn internal_error() {}

    fn status(&self) -> UcsStatus {
        UcsStatus::OK
    }
}

impl<T> Answer for Option<T> {
    fn internal_error() -> Option<T> {
        None
    }

    fn status(&self) -> UcsStatus {
        UcsStatus::OK
    }
}

impl<A: Answer, T: Default> Answer for (A, T) {
    fn internal_error() -> (A, T) {
        (A::internal_error(), T::default())
    }

    fn status(&self) -> UcsStatus {
        self.0.status()
    }
}

/// Number of the calling thread: 1, 2, ... in the order of their first calls.
pub(crate) fn thread_number() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    thread_local! {
        static NUMBER: Cell<u16> = const { Cell::new(0) };
    }
    // A thread that is being torn down has no number any more: 0.
    NUMBER
        .try_with(|number| {
            if number.get() == 0 {
                number.set(NEXT.fetch_add(1, Relaxed));
            }
            number.get()
        })
        .unwrap_or(0)
}

/// Runs the body of an exported function. A panic of ours ends here; nothing of the client runs inside.
pub(crate) fn enter<A: Answer>(function: Function, body: impl FnOnce(&Call) -> A) -> A {
    run(function, true, body)
}

/// As [`enter`], for polls that would push everything else out of the record: only an answer that is not `quiet` is recorded.
pub(crate) fn enter_quietly<A: Answer>(function: Function, body: impl FnOnce(&Call) -> A) -> A {
    run(function, false, body)
}

/// Functions that nearly always make or end an object, and so need the stack. It is taken before any lock is, so that threads do not wait
/// for each other's stacks.
fn keeps_stack(function: Function) -> bool {
    matches!(
        function,
        Function::MemMap
            | Function::MemUnmap
            | Function::RkeyPack
            | Function::RkeyBufferRelease
            | Function::EpRkeyUnpack
            | Function::RkeyDestroy
            | Function::EpCreate
            | Function::EpCloseNbx
            | Function::RequestFree
    )
}

fn run<A: Answer>(function: Function, record: bool, body: impl FnOnce(&Call) -> A) -> A {
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let universe = universe();
        let header = universe.map.header();
        let call = Call {
            universe,
            function,
            step: header.step.fetch_add(1, Relaxed) + 1,
            occurrence: header.calls[function as usize].fetch_add(1, Relaxed) + 1,
            thread: thread_number(),
            stack: OnceCell::new(),
            object: Cell::new(0),
            faulted: Cell::new(false),
        };
        if keeps_stack(function) {
            call.site();
        }
        if hooks::pending() {
            call.lock().settle_unmaps();
        }
        let answer = body(&call);
        let status = answer.status();
        if edges::are_counted() {
            let state = call.lock().state_number(call.object.get());
            edges::call(function, state, status);
        }
        if record || status.is_err() {
            call.trace(status);
            record_event(
                &universe.map,
                Event {
                    function,
                    step: call.step,
                    thread: call.thread,
                    object: call.object.get(),
                    status,
                    faulted: call.faulted.get(),
                },
            );
        }
        answer
    }));
    caught.unwrap_or_else(|_| {
        universe()
            .map
            .header()
            .internal_errors
            .fetch_add(1, Relaxed);
        A::internal_error()
    })
}

/// Looks at something beside a call of the client, which is not counted: a call of its own says what it does. A panic of ours ends here.
pub(crate) fn aside(function: Function, body: impl FnOnce(&Call)) {
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let universe = universe();
        let header = universe.map.header();
        body(&Call {
            universe,
            function,
            step: header.step.load(Relaxed) + 1,
            occurrence: header.calls[function as usize].load(Relaxed) + 1,
            thread: thread_number(),
            stack: OnceCell::new(),
            object: Cell::new(0),
            faulted: Cell::new(false),
        });
    }));
    if caught.is_err() {
        universe()
            .map
            .header()
            .internal_errors
            .fetch_add(1, Relaxed);
    }
}

impl Call {
    /// Traces the end of the call.
    fn trace(&self, status: UcsStatus) {
        if let Some(trace) = &self.universe.trace {
            trace.line(&Line {
                step: self.step,
                thread: self.thread,
                event: trace::Event::Call,
                what: self.function.name(),
                object: self.lock().name(self.object.get()),
                occurrence: None,
                outcome: &status,
            });
        }
    }

    /// The state, locked.
    pub(crate) fn lock(&self) -> MutexGuard<'static, State> {
        self.universe.lock()
    }

    /// Where in the client this call was made.
    pub(crate) fn site(&self) -> Site<'_> {
        Site {
            function: self.function,
            step: self.step,
            thread: self.thread,
            stack: self.stack.get_or_init(Stack::capture),
        }
    }

    /// Number of this call in the process.
    pub(crate) fn step(&self) -> u64 {
        self.step
    }

    /// Number of the calling thread.
    pub(crate) fn thread(&self) -> u16 {
        self.thread
    }

    /// Says which object the call is about, for its record.
    pub(crate) fn about(&self, serial: u64) -> u64 {
        self.object.set(serial);
        serial
    }

    /// The live object behind handle argument `index`, or a finding and UCX's error.
    pub(crate) fn handle(
        &self,
        state: &mut State,
        index: u16,
        value: u64,
        kind: Kind,
    ) -> Result<u64, UcsStatus> {
        state.resolve(value, kind).map_err(|bad| {
            state.bad_handle(kind, Some(index), value, bad, self.site());
            UcsStatus::INVALID_PARAM
        })
    }

    /// The live object behind a handle that came inside a structure.
    pub(crate) fn member(
        &self,
        state: &mut State,
        value: u64,
        kind: Kind,
    ) -> Result<u64, UcsStatus> {
        state.resolve(value, kind).map_err(|bad| {
            state.bad_handle(kind, None, value, bad, self.site());
            UcsStatus::INVALID_PARAM
        })
    }

    /// A pointer argument that must not be null.
    pub(crate) fn not_null<T>(&self, index: u16, pointer: *const T) -> Result<(), UcsStatus> {
        if !pointer.is_null() {
            return Ok(());
        }
        let finding = NewFinding {
            rule: Rule::ArgumentNull,
            trouble: Trouble::Null,
            argument: Some(index),
            value: 0,
            object: 0,
            other: 0,
            detail: [0, 0],
        };
        self.lock().ledger.finding(finding, self.site());
        Err(UcsStatus::INVALID_PARAM)
    }

    /// Says so if a word has bits that the running release does not know. It ignores them, so the call goes on.
    pub(crate) fn knows(&self, group: &[Constant], word: impl Into<u64>) {
        if let Some(detail) = self.unknown(group, word) {
            self.broken(
                &mut self.lock(),
                Rule::UnknownBits,
                self.object.get(),
                detail,
            );
        }
    }

    /// A word with bits that the running release does not know, and these bits.
    pub(crate) fn unknown(&self, group: &[Constant], word: impl Into<u64>) -> Option<[u64; 2]> {
        let word = word.into();
        let unknown = word & !self.universe.version.known_bits(group);
        (unknown != 0).then_some([word, unknown])
    }

    /// Records a broken rule and gives UCX's error.
    pub(crate) fn broken(
        &self,
        state: &mut State,
        rule: Rule,
        object: u64,
        detail: [u64; 2],
    ) -> UcsStatus {
        state.broken(rule, object, detail, self.site());
        UcsStatus::INVALID_PARAM
    }

    /// The same for an operation on an endpoint: a connection does not break for one operation alone, the endpoint fails with it
    /// (core/ucp_ep.c:ucp_ep_set_failed).
    pub(crate) fn decide_on(&self, state: &mut State, on: u64) -> Result<(), UcsStatus> {
        let decision = self.decide(state);
        if let Err(status @ UcsStatus::CONNECTION_RESET) = decision {
            endpoint::fail(state, on, status);
        }
        decision
    }

    /// Asks the adversary whether this call may do its work.
    pub(crate) fn decide(&self, state: &mut State) -> Result<(), UcsStatus> {
        self.decide_of(state, self.object.get())
    }

    /// The same for a call that makes an object, about the one that it makes it of.
    pub(crate) fn decide_of(&self, state: &mut State, object: u64) -> Result<(), UcsStatus> {
        match self.ask_whether(state, object, self.occurrence) {
            Choice::Status(status) => {
                self.faulted.set(true);
                Err(status)
            }
            _ => Ok(()),
        }
    }
}

/// Reads a field of a client's structure.
///
/// # Safety
/// `$pointer` points to a structure of the client that has the field; the caller looked at its mask bit.
macro_rules! field {
    ($pointer:expr, $field:ident) => {
        (&raw const (*$pointer).$field).read_unaligned()
    };
}

/// Writes a field of a client's structure.
///
/// # Safety
/// As for [`field`], and the structure may be written.
macro_rules! set_field {
    ($pointer:expr, $field:ident, $value:expr) => {
        (&raw mut (*$pointer).$field).write_unaligned($value)
    };
}

pub(crate) use {field, set_field};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_ours_ends_in_an_error_and_is_counted() {
        let errors = || universe().map.header().internal_errors.load(Relaxed);
        let before = errors();
        let status: UcsStatus = enter(Function::LibQuery, |_| panic!("on purpose"));
        assert_eq!(status, UcsStatus::IO_ERROR);
        let pointer: usize = enter(Function::PutNbx, |_| panic!("on purpose"));
        assert_eq!(pointer, UcsStatus::IO_ERROR.to_ptr());
        assert_eq!(errors(), before + 2);
        let fine = enter(Function::LibQuery, |_| UcsStatus::OK);
        assert_eq!((fine, errors()), (UcsStatus::OK, before + 2));
    }
}
