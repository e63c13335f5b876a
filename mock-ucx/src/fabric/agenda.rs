//! What is under way on the workers of this process: operations that complete in a later progress call, and what they need meanwhile.
//!
//! A task is due when its worker has been progressed often enough. A benign adversary defers nothing, so the agenda is empty and costs
//! nothing.

use std::collections::BTreeMap;

use crate::abi::types::UcsStatus;
use crate::fabric::memory::Region;
use crate::fabric::remote::direct::Direction;
use crate::fabric::transfer::Piece;
use crate::hidden::Bytes;
use crate::objects::{Message, Payload};

/// Not before the adversary heals.
pub(crate) const WITHHELD: u64 = u64::MAX;

/// Where a task stands: those of a worker lie together, by when they are due, then by when they were posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Worker whose progress does it.
    pub(crate) worker: u64,
    /// Progress call of that worker in which it is due, or [`WITHHELD`].
    pub(crate) due: u64,
    /// Order of posting, over all workers.
    pub(crate) number: u64,
}

/// All tasks.
#[derive(Default)]
pub(crate) struct Agenda {
    tasks: BTreeMap<Key, Task>,
    latest: u64,
}

/// Something that a progress call will do.
pub(crate) struct Task {
    /// Endpoint on which it was posted; 0 = none.
    pub(crate) endpoint: u64,
    /// The client's request, which it may have freed; 0 = none.
    pub(crate) request: u64,
    pub(crate) work: Work,
}

/// What is to be done.
pub(crate) enum Work {
    /// The bytes of a put or get move, and its request completes.
    Transfer(Transfer),
    /// The bytes of a put that is complete at its source reach the target.
    Land(Transfer),
    /// A request completes.
    Complete(UcsStatus),
    /// A flush or close completes, if nothing that was posted before it on its endpoint is left.
    Idle,
    /// A message reaches the worker.
    Deliver(Message),
    /// The bytes of a received message move, and its request completes.
    Receive(Receive),
    /// An endpoint notices that its peer is gone.
    Notice(UcsStatus),
    /// An operation towards a peer that is gone without a word.
    Silence,
}

/// A put or get.
pub(crate) struct Transfer {
    pub(crate) direction: Direction,
    pub(crate) pieces: Vec<Piece>,
    /// Serials of the memory handles that were packed into the remote keys, one a piece.
    pub(crate) owners: Vec<u64>,
    /// Status with which it completes; an error moves no more bytes than `landed` says.
    pub(crate) status: UcsStatus,
    pub(crate) landed: Landed,
    /// The source of a put that is complete there.
    pub(crate) copy: Option<Bytes>,
}

/// How much of a transfer that fails has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landed {
    Nothing,
    Half,
    All,
}

/// A receive of message data.
pub(crate) struct Receive {
    pub(crate) payload: Payload,
    pub(crate) targets: Vec<Region>,
}

impl Agenda {
    /// Enters a task.
    pub(crate) fn enter(&mut self, worker: u64, due: u64, task: Task) -> Key {
        self.latest += 1;
        let key = Key {
            worker,
            due,
            number: self.latest,
        };
        self.tasks.insert(key, task);
        key
    }

    /// Enters a task that was taken out again, for another progress call.
    pub(crate) fn put_back(&mut self, key: Key, due: u64, task: Task) {
        self.tasks.insert(Key { due, ..key }, task);
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Takes one task out.
    pub(crate) fn take(&mut self, key: Key) -> Option<Task> {
        self.tasks.remove(&key)
    }

    /// The tasks of a worker.
    pub(crate) fn of_worker(&self, worker: u64) -> impl Iterator<Item = (&Key, &Task)> {
        let key = |due, number| Key {
            worker,
            due,
            number,
        };
        self.tasks.range(key(0, 0)..=key(u64::MAX, u64::MAX))
    }

    /// All tasks.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Key, &Task)> {
        self.tasks.iter()
    }

    /// The keys of the tasks that are due in progress call `now` of a worker, in order of their due time and posting.
    pub(crate) fn due(&self, worker: u64, now: u64) -> Vec<Key> {
        let tasks = self.of_worker(worker);
        let due = tasks.take_while(|(key, _)| key.due <= now);
        due.map(|(key, _)| *key).collect()
    }

    /// Whether a task of a worker is due in progress call `now`.
    pub(crate) fn has_due(&self, worker: u64, now: u64) -> bool {
        let first = self.of_worker(worker).next();
        first.is_some_and(|(key, _)| key.due <= now)
    }

    /// The keys of the tasks for which `which` holds, in order of posting.
    pub(crate) fn keys(&self, which: impl Fn(&Key, &Task) -> bool) -> Vec<Key> {
        let tasks = self.tasks.iter();
        let mut keys: Vec<Key> = tasks
            .filter(|(key, task)| which(key, task))
            .map(|(key, _)| *key)
            .collect();
        keys.sort_unstable_by_key(|key| key.number);
        keys
    }

    /// Moves tasks to another progress call.
    pub(crate) fn reschedule(&mut self, keys: &[Key], due: u64) {
        for key in keys {
            if let Some(task) = self.tasks.remove(key) {
                self.put_back(*key, due, task);
            }
        }
    }

    /// Whether a flush that was posted as number `before` has to wait for something on its endpoint.
    pub(crate) fn busy_before(&self, endpoint: u64, before: u64) -> bool {
        !self.tasks.is_empty()
            && self.tasks.iter().any(|(key, task)| {
                task.endpoint == endpoint && key.number < before && task.work.is_flushed()
            })
    }

    /// The due time of the last message on its way from an endpoint, which a later one may not overtake.
    pub(crate) fn last_delivery(&self, worker: u64, endpoint: u64) -> Option<u64> {
        let tasks = self.of_worker(worker);
        let messages = tasks
            .filter(|(_, task)| task.endpoint == endpoint && matches!(task.work, Work::Deliver(_)));
        messages.map(|(key, _)| key.due).max()
    }
}

impl Work {
    /// Whether a flush waits for it.
    fn is_flushed(&self) -> bool {
        match self {
            Work::Transfer(_) | Work::Land(_) | Work::Complete(_) | Work::Silence => true,
            Work::Idle | Work::Deliver(_) | Work::Receive(_) | Work::Notice(_) => false,
        }
    }

    /// Whether it belongs to the endpoint and ends with it.
    pub(crate) fn ends_with_endpoint(&self) -> bool {
        match self {
            Work::Transfer(_) | Work::Complete(_) | Work::Silence | Work::Idle => true,
            Work::Land(_) | Work::Deliver(_) | Work::Receive(_) | Work::Notice(_) => false,
        }
    }
}
