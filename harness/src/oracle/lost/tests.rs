//! Each piece of evidence, with and without it.

use std::collections::BTreeSet;

use super::*;
use crate::oracle::testing::{Client, empty, ledger_of, notes, operation};
use crate::oracle::{Ended, OperationNote};

fn failed() -> Outcome {
    Outcome::Failed("register answered BACKEND".to_owned())
}

/// A client that registers in operation 2, which fails at packing the key, and cleans up in operation 3 if it is told to.
fn register_and_fail(cleanup: bool) -> Snapshot {
    ledger_of("ucp_rkey_pack@1=NO_MEMORY", move || {
        operation(1);
        let mut client = Client::new();
        operation(2);
        let handle = client.register();
        assert!(client.pack(handle).is_err());
        if cleanup {
            operation(3);
            client.cleanup();
        }
    })
}

fn register_notes() -> Vec<OperationNote> {
    notes(&[
        ("agent a0", Outcome::Done),
        ("register a0 r0", failed()),
        ("destroy_agent a0", Outcome::Done),
    ])
}

fn texts(verdict: &Verdict) -> Vec<&str> {
    verdict
        .evidence
        .iter()
        .map(|evidence| evidence.text.as_str())
        .collect()
}

#[test]
fn an_object_whose_parent_ended_is_lost() {
    let snapshot = register_and_fail(true);
    let verdicts = judge(&Observation::of(&snapshot));
    let [verdict] = verdicts.as_slice() else {
        panic!("{verdicts:?}")
    };
    assert_eq!(verdict.what, "memory_handle #1 is lost");
    assert_eq!(verdict.rule.as_deref(), Some("UCP-CTX-004"));
    assert_eq!(
        texts(verdict),
        ["context #1, which it belongs to, ended by ucp_cleanup while it was alive"]
    );
}

#[test]
fn an_object_that_was_given_back_is_not_lost() {
    assert!(judge(&Observation::of(&empty())).is_empty());
    let snapshot = ledger_of("", || {
        let mut client = Client::new();
        let handle = client.register();
        client.unmap(handle);
        client.cleanup();
    });
    assert!(judge(&Observation::of(&snapshot)).is_empty());
}

#[test]
fn the_operation_that_failed_is_blamed_before_the_one_that_ended_the_parent() {
    let (snapshot, notes) = (register_and_fail(true), register_notes());
    let observation = Observation {
        operations: &notes,
        ..Observation::of(&snapshot)
    };
    let verdict = &judge(&observation)[0];
    assert_eq!(verdict.operation, Some(2));
    assert_eq!(
        texts(verdict)[1],
        "the operation that made it failed (register answered BACKEND)"
    );

    let done = notes
        .iter()
        .map(|note| OperationNote {
            outcome: Outcome::Done,
            ..note.clone()
        })
        .collect::<Vec<_>>();
    let observation = Observation {
        operations: &done,
        ..observation
    };
    let verdict = &judge(&observation)[0];
    assert_eq!(
        (verdict.operation, verdict.operation_otherwise),
        (None, Some(3))
    );
    assert_eq!(texts(verdict).len(), 1);
}

#[test]
fn what_a_failed_operation_made_is_lost_unless_the_client_holds_it() {
    let (snapshot, notes) = (register_and_fail(false), register_notes());
    let observation = Observation {
        operations: &notes,
        ..Observation::of(&snapshot)
    };
    assert_eq!(judge(&observation)[0].what, "memory_handle #1 is lost");

    let all = snapshot
        .objects
        .iter()
        .map(|object| object.serial)
        .collect();
    assert!(
        judge(&Observation {
            held: Some(&all),
            ..observation
        })
        .is_empty()
    );
    let done = notes
        .iter()
        .map(|note| OperationNote {
            outcome: Outcome::Done,
            ..note.clone()
        })
        .collect::<Vec<_>>();
    assert!(
        judge(&Observation {
            operations: &done,
            ..observation
        })
        .is_empty()
    );
}

#[test]
fn what_nobody_holds_is_lost_and_what_is_held_is_open() {
    let snapshot = ledger_of("", || {
        let mut client = Client::new();
        client.register();
        client.register();
    });
    let serials: Vec<u64> = snapshot
        .objects
        .iter()
        .map(|object| object.serial)
        .collect();
    let all_but_last: BTreeSet<u64> = serials[..2].iter().copied().collect();
    let observation = Observation {
        held: Some(&all_but_last),
        ..Observation::of(&snapshot)
    };
    let verdicts = judge(&observation);
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].objects, [serials[2]]);
    assert_eq!(
        texts(&verdicts[0]),
        ["no copy of its handle is left in the client's memory"]
    );
    // Nobody looked: alive is open.
    assert!(judge(&Observation::of(&snapshot)).is_empty());
}

#[test]
fn a_process_that_died_has_open_objects_not_lost_ones() {
    let (snapshot, notes, nobody) = (register_and_fail(false), register_notes(), BTreeSet::new());
    let ended = Ended::Signalled(libc::SIGSEGV);
    let observation = Observation {
        operations: &notes,
        held: Some(&nobody),
        ended,
        ..Observation::of(&snapshot)
    };
    assert!(judge(&observation).is_empty());
    let exited = Observation {
        ended: Ended::Exited(0),
        ..observation
    };
    assert!(!judge(&exited).is_empty());
}

#[test]
fn objects_without_a_parent_are_lost_when_no_context_is_left() {
    let play = |cleanup: bool| {
        ledger_of("", move || {
            Client::config();
            let client = Client::new();
            if cleanup {
                client.cleanup();
            }
        })
    };
    let verdicts = judge(&Observation::of(&play(true)));
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].rule.as_deref(), Some("UCP-CFG-001"));
    assert!(judge(&Observation::of(&play(false))).is_empty());
}

#[test]
fn of_a_lost_tree_the_root_is_reported_with_what_is_below() {
    let snapshot = ledger_of("", || {
        let mut client = Client::new();
        client.worker();
        client.register();
    });
    let nobody = BTreeSet::new();
    let verdicts = judge(&Observation {
        held: Some(&nobody),
        ..Observation::of(&snapshot)
    });
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].what, "context #1 is lost");
    assert_eq!(verdicts[0].objects.len(), 3);
    assert_eq!(
        texts(&verdicts[0]).last(),
        Some(&"with it goes what belongs to it: 1 worker, 1 memory_handle")
    );
}

#[test]
fn inherited_objects_and_those_of_ucx_itself_are_never_lost() {
    let snapshot = register_and_fail(true);
    let lost = |change: fn(&mut Object)| {
        let mut changed = snapshot.clone();
        changed
            .objects
            .iter_mut()
            .filter(|object| object.kind != Kind::Context)
            .for_each(change);
        judge(&Observation::of(&changed)).len()
    };
    assert_eq!(lost(|_| ()), 1);
    assert_eq!(lost(|object| object.state = ObjectState::Inherited), 0);
    assert_eq!(lost(|object| object.kind = Kind::Endpoint), 1);
    assert_eq!(
        lost(|object| {
            object.kind = Kind::Endpoint;
            object.created.function = Some(Function::WorkerProgress);
        }),
        0
    );
    assert_eq!(
        lost(|object| (object.kind, object.detail) = (Kind::Request, [0, 64])),
        1
    );
    assert_eq!(
        lost(|object| (object.kind, object.detail) = (Kind::Request, [REQUEST_OF_CLIENT, 0])),
        0
    );
}
