//! What a ledger holds, in plain values.

use crate::functions::Function;
use crate::hooks;
use crate::ledger::layout::HANDLE_MASK;
use crate::ledger::{Kind, ObjectState, Trouble};
use crate::rules::Rule;
use crate::schedule::{Choice, Fault, ObjectName, Point};
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
    /// Numbers that describe it (a memory handle: address and length in bytes; a request: [`REQUEST_OF_CLIENT`](crate::ledger::layout::REQUEST_OF_CLIENT) or 0, and the bytes at
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

/// How long a client lived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Calls of UCX until then.
    pub step: u64,
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub at_ns: u64,
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
    /// Stack node; 0 = none. [`Snapshot::stack`](super::Snapshot::stack) unfolds it.
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
    /// The function of the C library that did it, for a rule about memory that is unmapped.
    pub fn unmapped_by(&self) -> Option<&'static str> {
        let about_pages = matches!(self.rule, Rule::MemoryGone | Rule::MemoryReplaced);
        let number = u32::try_from(self.detail[0].checked_sub(1)?).ok()?;
        about_pages.then(|| hooks::Kind::from_number(number).function())
    }

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
    /// How often with that object; of what the system is asked for: in that operation.
    pub of_object: u64,
    /// Operation of the client under way; 0 = none.
    pub operation: u32,
    /// Where in the client's code the system was asked, if it was there for the first time in a process in which nothing deviates: a hash
    /// that is the same in each process. Else 0.
    pub place: u32,
    /// Thread (ordinal).
    pub thread: u16,
}

impl Asked {
    /// The fault that answers this question with `choice`: a call by its number in the process, a move by its object, what the system is
    /// asked for by its operation.
    pub fn to_fault(&self, choice: Choice) -> Fault {
        match (self.point, self.object) {
            (Point::Move(_), Some(object)) => {
                Fault::with(self.point, object, self.of_object, choice)
            }
            (Point::Environment(_), _) if self.operation > 0 => {
                Fault::within(self.point, self.operation, self.of_object, choice)
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
