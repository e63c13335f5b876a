//! Endpoints that close with the transfer that kept them, and those that close when they should.

use super::judge;
use crate::oracle::contract::breaches;
use crate::oracle::testing::{Client, ledger_of, notes, operation};
use crate::oracle::{Observation, Oracle, Outcome};

/// Two agents and a transfer that is posted.
const BEGIN: &[&str] = &[
    "agent a0 name=ann progress_thread=off",
    "agent a1 name=bob progress_thread=off",
    "backend b0 a0 UCX",
    "backend b1 a1 UCX",
    "region r0 size=4096 seed=1",
    "region r1 size=4096 seed=2",
    "register a0 r0",
    "register a1 r1",
    "get_md m1 a1",
    "load_md a0 m1",
    "create x0 a0 write local=r0 to=a1 remote=r1",
    "post x0",
];

/// Plays `operations` after the beginning; the endpoint is closed in the operation that is called `closing`. Returns what is told.
fn told(begin: &[&str], operations: &[&str], closing: &str) -> Vec<String> {
    let all: Vec<&str> = begin.iter().chain(operations).copied().collect();
    let closing = all.iter().position(|text| text.starts_with(closing));
    let number = |index: usize| u32::try_from(index + 1).unwrap();
    let snapshot = ledger_of("", || {
        let client = Client::new();
        let worker = client.worker();
        operation(10);
        let endpoint = client.endpoint(worker);
        operation(closing.map(number).expect("it is one of them"));
        Client::close(endpoint);
        client.cleanup();
    });
    let done: Vec<(&str, Outcome)> = all.iter().map(|text| (*text, Outcome::Done)).collect();
    let notes = notes(&done);
    let observation = Observation {
        operations: &notes,
        ..Observation::of(&snapshot)
    };
    let verdicts = judge(&observation, &breaches(&observation)).into_iter();
    verdicts
        .map(|verdict| {
            assert_eq!(verdict.oracle, Oracle::Kept);
            assert_eq!(verdict.operation, closing.map(number));
            verdict.what
        })
        .collect()
}

#[test]
fn an_endpoint_that_closes_with_a_transfer_that_was_over_when_its_peer_was_forgotten_is_kept() {
    let over = ["wait x0", "invalidate a0 a1", "release x0"];
    let expected = "endpoint #1 is kept by a transfer that is over";
    assert_eq!(told(BEGIN, &over, "release"), [expected]);
}

#[test]
fn an_endpoint_that_closes_when_its_peer_is_forgotten_is_not() {
    let over = ["wait x0", "invalidate a0 a1", "release x0"];
    assert!(told(BEGIN, &over, "invalidate").is_empty());
}

#[test]
fn a_transfer_that_may_be_under_way_may_need_its_endpoint() {
    let under_way = ["invalidate a0 a1", "release x0"];
    assert!(told(BEGIN, &under_way, "release").is_empty());
    let again = ["wait x0", "post x0", "invalidate a0 a1", "release x0"];
    assert!(told(BEGIN, &again, "release").is_empty());
}

#[test]
fn where_nothing_was_forgotten_or_threads_run_it_is_not_the_transfers_doing() {
    assert!(told(BEGIN, &["wait x0", "release x0"], "release").is_empty());
    let mut threads = BEGIN.to_vec();
    threads[0] = "agent a0 name=ann progress_thread=on";
    let over = ["wait x0", "invalidate a0 a1", "release x0"];
    assert!(told(&threads, &over, "release").is_empty());
}
