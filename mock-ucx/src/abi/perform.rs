//! Does what is due in a progress call: the tasks of the agenda, and the failures that the adversary makes happen now.

use crate::abi::call::Call;
use crate::abi::types::{UCP_ERR_HANDLING_MODE_NONE, UcsStatus};
use crate::fabric::agenda::{Key, Receive, Task, Transfer, WITHHELD, Work};
use crate::fabric::remote::direct::{self, Direction};
use crate::fabric::transfer::REMOTE_ACCESS;
use crate::fabric::{endpoint, flight, message, worker};
use crate::ledger::{NewFinding, Trouble};
use crate::objects::Event;
use crate::rules::Rule;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// Deviations in a row that keep a client from going on: enough to be noticed, and the contract bounds them
/// (ucp.h:ucp_worker_arm, ucp_worker_progress: events are used up by progress).
const IN_A_ROW_MAX: u32 = 8;

/// Does what is due in this progress call of a worker.
pub(crate) fn due(call: &Call, worker: u64) {
    fail_endpoints(call, worker);
    let (now, keys) = {
        let mut state = call.lock();
        let Some(now) = state.worker(worker).map(|worker| worker.progressed) else {
            return;
        };
        let keys = state.agenda.due(worker, now);
        let order = if keys.len() > 1 {
            call.ask(&mut state, Move::ProgressOrder, worker)
        } else {
            Choice::Benign
        };
        (now, ordered(&state, keys, order))
    };
    let done = keys.len();
    for key in keys {
        // A task before it may have ended it.
        let task = call.lock().agenda.take(key);
        if let Some(task) = task {
            perform(call, now, key, task);
        }
    }
    let mut state = call.lock();
    heal_if_patient(&mut state, worker, done);
}

/// Fails the endpoints with error handling that the decider picks.
fn fail_endpoints(call: &Call, worker: u64) {
    let mut state = call.lock();
    if !state.is_asking() {
        return;
    }
    let healthy = |state: &State, serial: u64| {
        state.endpoint(serial).is_some_and(|endpoint| {
            endpoint.failed.is_none() && endpoint.error_mode != UCP_ERR_HANDLING_MODE_NONE
        })
    };
    let endpoints: Vec<u64> = state
        .worker(worker)
        .map(|worker| worker.endpoints.iter().copied().collect())
        .unwrap_or_default();
    for serial in endpoints {
        if healthy(&state, serial)
            && let Choice::Status(status) = call.ask(&mut state, Move::EndpointFail, serial)
        {
            endpoint::fail(&mut state, serial, status);
        }
    }
}

/// Messages keep their order; what else is due is turned round as the decider says.
fn ordered(state: &State, keys: Vec<Key>, order: Choice) -> Vec<Key> {
    let Choice::Variant(variant) = order else {
        return keys;
    };
    let is_message = |key: &Key| {
        let task = state.agenda.all().find(|(other, _)| *other == key);
        task.is_some_and(|(_, task)| matches!(task.work, Work::Deliver(_)))
    };
    let (messages, mut others): (Vec<Key>, Vec<Key>) = keys.into_iter().partition(is_message);
    if variant == 0 {
        others.reverse();
    } else if !others.is_empty() {
        others.rotate_left(1);
    }
    messages.into_iter().chain(others).collect()
}

fn perform(call: &Call, now: u64, key: Key, task: Task) {
    match &task.work {
        Work::Transfer(transfer) => {
            let status = transferred(call, &task, transfer);
            flight::complete(&mut call.lock(), &task, status);
        }
        Work::Land(transfer) => {
            transferred(call, &task, transfer);
        }
        Work::Complete(status) => flight::complete(&mut call.lock(), &task, *status),
        Work::Silence => {
            flight::complete(&mut call.lock(), &task, UcsStatus::ENDPOINT_TIMEOUT);
        }
        Work::Idle => {
            let mut state = call.lock();
            if state.agenda.busy_before(task.endpoint, key.number) {
                state.agenda.put_back(key, now + 1, task);
            } else {
                flight::complete(&mut state, &task, UcsStatus::OK);
            }
        }
        Work::Notice(status) => flight::notice(&mut call.lock(), task.endpoint, *status),
        Work::Receive(receive) => {
            let status = received(call, receive);
            let mut state = call.lock();
            message::tell_of(&mut state, &receive.payload, status);
            flight::complete(&mut state, &task, status);
        }
        Work::Deliver(_) => {
            if let Work::Deliver(message) = task.work {
                worker::post(&mut call.lock(), key.worker, Event::Message(message));
            }
        }
    }
}

/// Moves the bytes of a transfer; returns the status with which it completes.
fn transferred(call: &Call, task: &Task, transfer: &Transfer) -> UcsStatus {
    let mut state = call.lock();
    let gone = transfer
        .owners
        .iter()
        .any(|owner| state.memory(*owner).is_none());
    if gone {
        endpoint::fail(&mut state, task.endpoint, REMOTE_ACCESS);
        return REMOTE_ACCESS;
    }
    drop(state);
    if flight::move_bytes(transfer).is_some() {
        return transfer.status;
    }
    // Whose memory it is, the client's at one end or at the other, it was to stay until the operation completed.
    let finding = NewFinding {
        rule: Rule::RmaBusyBuffer,
        trouble: Trouble::None,
        argument: None,
        value: 0,
        object: task.request,
        other: task.endpoint,
        detail: transfer
            .pieces
            .first()
            .map_or([0, 0], |piece| [piece.local, piece.length as u64]),
    };
    let mut state = call.lock();
    state.ledger.finding(finding, call.site());
    endpoint::fail(&mut state, task.endpoint, UcsStatus::IO_ERROR);
    UcsStatus::IO_ERROR
}

/// Moves the bytes of a received message.
fn received(call: &Call, receive: &Receive) -> UcsStatus {
    let source = message::source_of(&call.lock(), &receive.payload);
    let Some(source) = source else {
        return UcsStatus::CONNECTION_RESET;
    };
    let (mut from, mut left) = (source.address, source.length);
    for target in &receive.targets {
        let length = target.length.min(left);
        if !direct::copy_within(Direction::Get, target.address, from, length) {
            return UcsStatus::IO_ERROR;
        }
        from += length as u64;
        left -= length;
    }
    UcsStatus::OK
}

/// A client that has polled for very long for what is withheld gets it: nothing is withheld for ever.
fn heal_if_patient(state: &mut State, worker: u64, done: usize) {
    let limit = state.settings.heal_after;
    let withheld = state
        .agenda
        .of_worker(worker)
        .any(|(key, _)| key.due == WITHHELD);
    let Some(entry) = state.worker_mut(worker) else {
        return;
    };
    entry.idle = if withheld && done == 0 {
        entry.idle + 1
    } else {
        0
    };
    if entry.idle >= limit {
        flight::heal(state);
    }
}

/// What a progress call returns that ran no callback.
pub(crate) fn idle_count(call: &Call, worker: u64) -> u32 {
    let mut state = call.lock();
    if !state.is_asking() {
        return 0;
    }
    let busy = call.ask(&mut state, Move::ProgressCount, worker) != Choice::Benign;
    u32::from(in_a_row(&mut state, worker, busy))
}

/// Whether a deviation of this worker may go on; one that is bounded ends after a while.
pub(crate) fn in_a_row(state: &mut State, worker: u64, deviates: bool) -> bool {
    let Some(entry) = state.worker_mut(worker) else {
        return false;
    };
    if !deviates || entry.busy_in_a_row >= IN_A_ROW_MAX {
        entry.busy_in_a_row = 0;
        return false;
    }
    entry.busy_in_a_row += 1;
    true
}
