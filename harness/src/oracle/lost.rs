//! Which handles can never be given back? An object that is alive at the end is open, not lost, unless there is evidence.
//!
//! Evidence, strongest first: its parent ended while it was alive; the operation that made it failed; no live context is left; nobody
//! holds its handle any more. All but the first yield to a copy of the handle in the client's memory, because a client may keep what a
//! failed operation made, to use it later. Of a lost tree only the root is reported, with the number of objects below.

use std::collections::{BTreeMap, BTreeSet};

use mock_ucx::functions::Function;
use mock_ucx::ledger::layout::REQUEST_OF_CLIENT;
use mock_ucx::ledger::read::{Object, Snapshot};
use mock_ucx::ledger::{Kind, ObjectState};
use mock_ucx::rules::Rule;

use super::{
    Evidence, Observation, Oracle, Outcome, Subject, Verdict, function_words, object_words,
};

/// One verdict for each root of a lost tree.
pub(super) fn judge(observation: &Observation<'_>) -> Vec<Verdict> {
    let Some(snapshot) = observation.snapshot else {
        return Vec::new();
    };
    let lost: BTreeMap<u64, Vec<Evidence>> = snapshot
        .left()
        .filter(|object| is_the_clients(object))
        .map(|object| (object.serial, evidence(observation, snapshot, object)))
        .filter(|(_, evidence)| !evidence.is_empty())
        .collect();
    let mut below: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for serial in lost.keys() {
        let root = root_of(snapshot, &lost, *serial);
        if root != *serial {
            below.entry(root).or_default().push(*serial);
        }
    }
    let nested: BTreeSet<u64> = below.values().flatten().copied().collect();
    lost.into_iter()
        .filter(|(serial, _)| !nested.contains(serial))
        .filter_map(|(serial, evidence)| {
            let object = snapshot.object(serial)?;
            let below = below.remove(&serial).unwrap_or_default();
            Some(verdict(observation, snapshot, object, evidence, below))
        })
        .collect()
}

/// UCX gave it to the client, who has to give it back.
fn is_the_clients(object: &Object) -> bool {
    match object.kind {
        // Reply endpoints are made while a worker progresses, and UCX closes them itself.
        Kind::Endpoint => object.created.function != Some(Function::WorkerProgress),
        Kind::Request => object.detail[0] != REQUEST_OF_CLIENT,
        _ => true,
    }
}

fn evidence(observation: &Observation<'_>, snapshot: &Snapshot, object: &Object) -> Vec<Evidence> {
    let orphaned = object.state == ObjectState::Orphaned;
    let mut evidence = Vec::new();
    if orphaned {
        evidence.push(parent_ended(observation, snapshot, object));
    } else if may_still_be_given_back(observation, object) {
        return evidence;
    }
    if let Some(Outcome::Failed(error)) = observation
        .operation(object.created.operation)
        .map(|note| &note.outcome)
    {
        evidence.push(Evidence::new(format!(
            "the operation that made it failed ({error})"
        )));
    }
    if orphaned {
        return evidence;
    }
    if object.kind != Kind::Context && no_context_left(snapshot) {
        evidence.push(Evidence::new("no live context is left"));
    }
    // What came to be behind the last operation was made by a thread of the client after its memory was looked through.
    let looked_at = observation.operations.is_empty() || object.created.operation > 0;
    if observation.held.is_some() && looked_at {
        evidence.push(Evidence::new(
            "no copy of its handle is left in the client's memory",
        ));
    }
    evidence
}

/// The client can reach it, or would have if it had come to its end.
fn may_still_be_given_back(observation: &Observation<'_>, object: &Object) -> bool {
    let held = observation
        .held
        .is_some_and(|held| held.contains(&object.serial));
    // A request that is not complete may be known to nobody but UCX: its callback gets the handle.
    held || !observation.ended_well() || object.kind == Kind::Request
}

fn no_context_left(snapshot: &Snapshot) -> bool {
    snapshot.objects_dropped == 0
        && !snapshot
            .objects
            .iter()
            .any(|object| object.kind == Kind::Context && object.state == ObjectState::Alive)
}

fn parent_ended(observation: &Observation<'_>, snapshot: &Snapshot, object: &Object) -> Evidence {
    let parent = snapshot
        .object(object.parent)
        .map_or_else(|| "its parent".to_owned(), object_words);
    let text = format!(
        "{parent}, which it belongs to, ended by {} while it was alive{}",
        function_words(&object.ended),
        observation.operation_words(object.ended.operation),
    );
    Evidence {
        text,
        at: Some(object.ended),
    }
}

/// The outermost of its ancestors that are lost too.
fn root_of(snapshot: &Snapshot, lost: &BTreeMap<u64, Vec<Evidence>>, serial: u64) -> u64 {
    let mut root = serial;
    // A parent is always older, so this ends even on a damaged ledger.
    while let Some(parent) = snapshot.object(root).map(|object| object.parent)
        && parent < root
        && lost.contains_key(&parent)
    {
        root = parent;
    }
    root
}

fn verdict(
    observation: &Observation<'_>,
    snapshot: &Snapshot,
    object: &Object,
    mut evidence: Vec<Evidence>,
    below: Vec<u64>,
) -> Verdict {
    let made_by = object.created.operation;
    let made_by_failed = observation
        .operation(made_by)
        .is_some_and(|note| matches!(note.outcome, Outcome::Failed(_)));
    let parent_ended_in = match object.state {
        ObjectState::Orphaned => object.ended.operation,
        _ => made_by,
    };
    if !below.is_empty() {
        evidence.push(Evidence::new(format!(
            "with it goes what belongs to it: {}",
            count(snapshot, &below)
        )));
    }
    Verdict {
        oracle: Oracle::Lost,
        rule: rule(object.kind).map(|rule| rule.id().to_owned()),
        subject: Subject::Object(object.kind),
        objects: std::iter::once(object.serial).chain(below).collect(),
        what: format!("{} is lost", object_words(object)),
        created: Some(object.created),
        site: Some(object.created),
        stack: Vec::new(),
        operation: made_by_failed.then_some(made_by),
        operation_otherwise: Some(parent_ended_in).filter(|operation| *operation > 0),
        cause: Some(object.created).filter(|_| object.kind == Kind::Request),
        fault: None,
        fault_is_certain: false,
        evidence,
    }
}

/// `2 endpoint, 1 request`.
fn count(snapshot: &Snapshot, serials: &[u64]) -> String {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for object in serials.iter().filter_map(|serial| snapshot.object(*serial)) {
        *kinds.entry(object.kind).or_default() += 1;
    }
    let counted = kinds.iter().map(|(kind, count)| format!("{count} {kind}"));
    counted.collect::<Vec<_>>().join(", ")
}

/// The rule that asks for an object of this kind to be given back.
fn rule(kind: Kind) -> Option<Rule> {
    Some(match kind {
        Kind::Config => Rule::ConfigLeak,
        Kind::Worker => Rule::ContextWorkers,
        Kind::Address => Rule::AddressRelease,
        Kind::Endpoint => Rule::WorkerEndpoints,
        Kind::MemoryHandle => Rule::ContextMemory,
        Kind::RkeyBuffer => Rule::RkeyBuffer,
        Kind::Rkey => Rule::RkeyWorker,
        Kind::Request => Rule::WorkerRequests,
        Kind::AmData => Rule::AmData,
        Kind::MemList => Rule::ListHandle,
        // Nothing in ucp.h says that a context must be cleaned up.
        Kind::Context => return None,
    })
}

#[cfg(test)]
mod tests;
