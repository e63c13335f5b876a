//! What UCX forbids its own side, and how often each was looked at and seen.

/// Something that UCX never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// Running the callback of an operation that answered null or an error.
    CallbackBesideAnswer,
    /// Running a callback twice.
    CallbackTwice,
    /// Running the callback of a request that was freed before it was complete.
    CallbackAfterFree,
    /// Calling the error handler of an endpoint that was closed.
    ErrorAfterClose,
    /// Calling it twice.
    ErrorTwice,
    /// Calling it without error handling.
    ErrorWithoutHandling,
    /// Calling the client from outside a call on that worker.
    CallbackOutside,
    /// Completing an operation inside the call of another one.
    ForeignCompletion,
    /// A final status that changes.
    StatusChanged,
    /// An operation that is told to be in progress by its callback, or answered as a pointer.
    InProgressTold,
    /// A flush that is complete before an earlier operation of a healthy endpoint.
    FlushOvertakes,
    /// An answer that UCX queues instead.
    Unqueued,
    /// An operation of a failed endpoint that never completes.
    NeverEnds,
    /// Busy for ever.
    BusyForEver,
    /// An armed worker whose descriptor tells nothing of an event.
    LostSignal,
    /// Attributes of a message that exclude each other.
    MessageAttributes,
    /// An eager message that arrives as a rendezvous.
    EagerTurned,
    /// A handle of a live object given out again.
    HandleTwice,
    /// Bytes that are not there when they must be.
    BytesWrong,
    /// Messages of one endpoint out of order.
    MessagesOutOfOrder,
    /// No rest after the healing.
    NoRest,
}

const COUNT: usize = Forbidden::NoRest as usize + 1;

/// The looks and the sightings of all schedules.
#[derive(Default)]
pub struct Monitor {
    looks: [u64; COUNT],
    seen: [Vec<String>; COUNT],
    /// The schedule under way.
    pub schedule: u64,
}

impl Monitor {
    /// Looks whether UCX's side did this.
    pub fn look(&mut self, forbidden: Forbidden, happened: bool, what: impl FnOnce() -> String) {
        self.looks[forbidden as usize] += 1;
        let seen = &mut self.seen[forbidden as usize];
        if happened && seen.len() < 5 {
            seen.push(format!("schedule {}: {}", self.schedule, what()));
        }
    }

    /// How often it was looked for, and where it was seen.
    pub fn of(&self, forbidden: Forbidden) -> (u64, &[String]) {
        (
            self.looks[forbidden as usize],
            &self.seen[forbidden as usize],
        )
    }
}
