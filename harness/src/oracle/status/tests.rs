//! Statuses that are not true, and those that may be answered.

use mock_ucx::ledger::read::Snapshot;

use super::*;
use crate::oracle::contract::breaches;
use crate::oracle::testing::{Client, empty, faulty, ledger_of, notes, operation};
use crate::oracle::{Observation, Outcome};

/// What is told of these operations, all of which were done but the last.
fn ledger(benign: bool) -> Snapshot {
    if benign { empty() } else { faulty() }
}

fn verdicts(operations: &[&str], last: Outcome, benign: bool) -> Vec<String> {
    let (end, before) = operations.split_last().unwrap();
    let mut all: Vec<(&str, Outcome)> = before.iter().map(|text| (*text, Outcome::Done)).collect();
    all.push((*end, last));
    let (snapshot, notes) = (ledger(benign), notes(&all));
    let observation = Observation {
        operations: &notes,
        benign,
        ..Observation::of(&snapshot)
    };
    let verdicts = judge(&breaches(&observation));
    verdicts.into_iter().map(|verdict| verdict.what).collect()
}

fn failed(status: &str) -> Outcome {
    Outcome::Failed(format!("f answered {status}"))
}

const PAIR: [&str; 8] = [
    "agent a0 progress_thread=off",
    "agent a1 progress_thread=off",
    "backend b0 a0 UCX",
    "backend b1 a1 UCX",
    "region r0 size=64 seed=1",
    "register a1 r0",
    "get_md m1 a1",
    "load_md a0 m1",
];

fn then<'a>(more: &[&'a str]) -> Vec<&'a str> {
    PAIR.iter().chain(more).copied().collect()
}

#[test]
fn a_registration_that_is_refused_though_nothing_failed_is_told() {
    let register = &PAIR[..6];
    let told = verdicts(register, failed("BACKEND"), true);
    assert_eq!(told, ["`register` is answered wrongly: f answered BACKEND"]);
    assert!(verdicts(register, Outcome::Done, true).is_empty());
    // With a fault it may be refused.
    assert!(verdicts(register, failed("BACKEND"), false).is_empty());
}

/// What is told of `load_md` being refused after `register`, in which UCX refused a part of it, came to this.
fn after_refusal(register: Outcome) -> Vec<Verdict> {
    let snapshot = ledger_of("ucp_rkey_pack@1=NO_MEMORY", || {
        let mut client = Client::new();
        operation(6);
        let handle = client.register();
        assert!(client.pack(handle).is_err());
        client.unmap(handle);
        operation(7);
        client.cleanup();
    });
    let [before @ .., _, get, load] = PAIR;
    let mut all: Vec<_> = before.iter().map(|text| (*text, Outcome::Done)).collect();
    all.push((PAIR[5], register));
    all.extend([(get, Outcome::Done), (load, failed("NOT_FOUND"))]);
    let notes = notes(&all);
    let observation = Observation {
        operations: &notes,
        benign: false,
        ..Observation::of(&snapshot)
    };
    judge(&breaches(&observation))
}

#[test]
fn a_registration_that_was_refused_must_leave_nothing_behind() {
    let told = after_refusal(failed("BACKEND"));
    let [verdict] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(verdict.rule.as_deref(), Some("load_md"));
    assert_eq!(verdict.cause.map(|refusal| refusal.operation), Some(6));
}

#[test]
fn what_comes_of_a_refusal_that_was_passed_over_is_not_judged() {
    assert!(after_refusal(Outcome::Done).is_empty());
}

#[test]
fn what_comes_of_changed_metadata_that_was_taken_for_true_is_not_judged() {
    let own = [
        "get_md m2 a1",
        "change_md m2 at=9 mask=1",
        "load_md a0 m2",
        "load_md a1 m1",
    ];
    assert!(verdicts(&then(&own), Outcome::Done, true).is_empty());
    // Whole, it is judged on.
    let own = ["get_md m2 a1", "load_md a0 m2", "load_md a1 m1"];
    assert_eq!(verdicts(&then(&own), Outcome::Done, true).len(), 1);
}

#[test]
fn success_that_cannot_be_is_told_even_where_something_failed() {
    let own = then(&["load_md a1 m1"]);
    assert_eq!(
        verdicts(&own, Outcome::Done, false),
        ["`load_md` is answered wrongly: it succeeded"]
    );
    assert!(verdicts(&own, failed("INVALID_PARAM"), false).is_empty());
}

#[test]
fn an_error_of_the_wrong_kind_is_told() {
    let check = then(&["check_md a1 a0"]);
    assert_eq!(verdicts(&check, failed("INVALID_PARAM"), true).len(), 1);
    assert!(verdicts(&check, failed("NOT_FOUND"), true).is_empty());
}

#[test]
fn a_transfer_that_never_ends_though_nothing_failed_is_told() {
    let wait = then(&[
        "register a0 r0",
        "create x0 a0 write local=r0 to=a1 remote=r0",
        "post x0",
        "wait x0",
    ]);
    let late = || Outcome::TimedOut("x0 to be done".to_owned());
    assert_eq!(verdicts(&wait, late(), true).len(), 1);
    assert!(verdicts(&wait, Outcome::Done, true).is_empty());
    // Threads of NIXL's own may not have got their turn.
    let mut threaded = wait.clone();
    threaded[0] = "agent a0 progress_thread=on";
    assert!(verdicts(&threaded, late(), true).is_empty());
}

#[test]
fn what_is_not_known_is_not_judged() {
    let old = then(&["invalidate a0 a1", "deregister a1 r0", "load_md a0 m1"]);
    for last in [Outcome::Done, failed("BACKEND")] {
        assert!(verdicts(&old, last, true).is_empty());
    }
}
