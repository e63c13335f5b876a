//! Operations that do not complete inside their call: when they are due, what ends them early, and the healing.

use crate::abi::types::UcsStatus;
use crate::fabric::agenda::{Key, Landed, Task, Transfer, WITHHELD, Work};
use crate::fabric::remote::direct;
use crate::fabric::worker;
use crate::fabric::{endpoint, message, request};
use crate::objects::{Event, Message};
use crate::schedule::Choice;
use crate::universe::State;

/// Enters a task of a worker for the progress call that `when` names: the next one, unless it says otherwise.
pub(crate) fn schedule(state: &mut State, worker: u64, when: Choice, task: Task) -> Option<Key> {
    let now = state.worker(worker)?.progressed;
    let due = match when {
        _ if state.healed => now + 1,
        Choice::After(calls) => now.saturating_add(u64::from(calls.max(1))),
        Choice::Withheld => WITHHELD,
        _ => now + 1,
    };
    let key = state.agenda.enter(worker, due, task);
    if due != WITHHELD {
        worker::wake(state, worker);
    }
    Some(key)
}

/// Sends a message to a worker of this process. It does not overtake those of the same endpoint that are still on their way.
pub(crate) fn deliver(state: &mut State, from: u64, to: u64, when: Choice, message: Message) {
    let last = if state.agenda.is_empty() {
        None
    } else {
        state.agenda.last_delivery(to, from)
    };
    if when == Choice::Benign && last.is_none() {
        worker::post(state, to, Event::Message(message));
        return;
    }
    let task = Task {
        endpoint: from,
        request: 0,
        work: Work::Deliver(message),
    };
    let Some(key) = schedule(state, to, when, task) else {
        return;
    };
    if let Some(last) = last.filter(|last| *last > key.due) {
        state.agenda.reschedule(&[key], last);
    }
}

/// A flush was posted: what has left its source only is brought to the target first.
pub(crate) fn hurry_landings(state: &mut State, endpoint: u64, worker: u64) {
    if state.agenda.is_empty() {
        return;
    }
    let landings = state
        .agenda
        .keys(|_, task| task.endpoint == endpoint && matches!(task.work, Work::Land(_)));
    if let Some(now) = state.worker(worker).map(|worker| worker.progressed) {
        state.agenda.reschedule(&landings, now + 1);
    }
}

/// Moves the bytes of a transfer, as far as its status lets them; `None` where the memory of either side is gone.
pub(crate) fn move_bytes(transfer: &Transfer) -> Option<()> {
    let total: usize = transfer.pieces.iter().map(|piece| piece.length).sum();
    let mut left = match (transfer.status, transfer.landed) {
        (UcsStatus::OK, _) | (_, Landed::All) => total,
        (_, Landed::Half) => total / 2,
        (_, Landed::Nothing) => 0,
    };
    let mut copied = 0;
    for piece in &transfer.pieces {
        let length = piece.length.min(left);
        let local = transfer
            .copy
            .as_ref()
            .map_or(piece.local, |copy| copy.pointer() + copied);
        direct::copy_within(transfer.direction, local, piece.remote, length).then_some(())?;
        left -= length;
        copied += piece.length as u64;
    }
    Some(())
}

/// Takes the tasks that end with an endpoint, in order of posting. Those that flush stay last.
pub(crate) fn take_of_endpoint(state: &mut State, endpoint: u64) -> Vec<(Key, Task)> {
    if state.agenda.is_empty() {
        return Vec::new();
    }
    let keys = state
        .agenda
        .keys(|_, task| task.endpoint == endpoint && task.work.ends_with_endpoint());
    keys.into_iter()
        .filter_map(|key| Some((key, state.agenda.take(key)?)))
        .collect()
}

/// Forgets the tasks of a worker that is destroyed; senders whose data it was to receive are told. Returns the requests that were under
/// way, in order of posting.
pub(crate) fn forget_worker(state: &mut State, worker: u64) -> Vec<u64> {
    if state.agenda.is_empty() {
        return Vec::new();
    }
    let mut requests = Vec::new();
    for key in state.agenda.keys(|key, _| key.worker == worker) {
        let Some(task) = state.agenda.take(key) else {
            continue;
        };
        if task.request != 0 {
            requests.push(task.request);
        }
        match task.work {
            Work::Receive(receive) => {
                message::tell_of(state, &receive.payload, UcsStatus::CANCELED)
            }
            Work::Deliver(message) => {
                message::tell_of(state, &message.payload, UcsStatus::CONNECTION_RESET);
            }
            _ => {}
        }
    }
    requests
}

/// The adversary heals: nothing deviates any more, what is withheld is due, and peers that are gone are noticed. Every operation that a
/// client has under way is complete within [`HEALED_PROGRESS_MAX`] progress calls of each worker.
pub(crate) fn heal(state: &mut State) {
    if std::mem::replace(&mut state.healed, true) {
        return;
    }
    let late = state.agenda.keys(|_, _| true);
    for key in late {
        let Some(worker) = state.worker(key.worker) else {
            continue;
        };
        let soon = worker.progressed + 1;
        if key.due > soon {
            state.agenda.reschedule(&[key], soon);
        }
        worker::wake(state, key.worker);
    }
}

/// Progress calls of each worker after the healing within which a client comes to rest: one for what was withheld, one for a flush that
/// waited for it, one for the message that the peer sends on it, and the same again for the answer; doubled.
pub const HEALED_PROGRESS_MAX: u32 = 12;

/// An endpoint's peer is gone: the notice is due.
pub(crate) fn notice(state: &mut State, on: u64, status: UcsStatus) {
    if let Some(entry) = state.endpoint_mut(on) {
        entry.silent = false;
        endpoint::fail(state, on, status);
    }
}

/// Completes the request of a task that is done.
pub(crate) fn complete(state: &mut State, task: &Task, status: UcsStatus) {
    if task.request != 0 {
        request::complete_now(state, task.request, status);
    }
}

/// An object that an operation under way uses, with that operation's request.
pub(crate) fn user_of(state: &State, uses: impl Fn(&Transfer) -> bool) -> Option<u64> {
    user_among(state.agenda.all(), uses)
}

/// The same among some tasks.
pub(crate) fn user_among<'a>(
    mut tasks: impl Iterator<Item = (&'a Key, &'a Task)>,
    uses: impl Fn(&Transfer) -> bool,
) -> Option<u64> {
    tasks.find_map(|(_, task)| match &task.work {
        Work::Transfer(transfer) | Work::Land(transfer) if uses(transfer) => Some(task.request),
        _ => None,
    })
}
