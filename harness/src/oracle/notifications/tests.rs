//! Notifications that are lost, doubled or made up, and those that are as they should be.

use mock_ucx::ledger::read::Snapshot;

use super::*;
use crate::oracle::contract::breaches;
use crate::oracle::testing::{empty, faulty, notes};
use crate::oracle::{Observation, OperationNote, Outcome};

fn ledger(benign: bool) -> Snapshot {
    if benign { empty() } else { faulty() }
}

fn told(notes: &[OperationNote], benign: bool) -> Vec<String> {
    let snapshot = ledger(benign);
    let observation = Observation {
        operations: notes,
        benign,
        ..Observation::of(&snapshot)
    };
    let verdicts = judge(&breaches(&observation));
    verdicts.into_iter().map(|verdict| verdict.what).collect()
}

/// Two agents; one sends `sent` notifications, and the teardown takes these.
fn taken(sent: usize, came: &[&str]) -> Vec<OperationNote> {
    let mut operations = vec![
        ("agent a0 name=ann progress_thread=off", Outcome::Done),
        ("agent a1 name=bob progress_thread=off", Outcome::Done),
        ("backend b0 a0 UCX", Outcome::Done),
        ("backend b1 a1 UCX", Outcome::Done),
        ("get_md m1 a1", Outcome::Done),
        ("load_md a0 m1", Outcome::Done),
    ];
    operations.extend(vec![("notify a0 a1 \"hello\"", Outcome::Done); sent]);
    operations.push(("notifs a1 times=16", Outcome::Done));
    let mut notes = notes(&operations);
    let last = notes.last_mut().unwrap();
    last.teardown = true;
    last.answers = came
        .iter()
        .map(|message| format!("ann: \"{message}\""))
        .collect();
    notes
}

#[test]
fn a_notification_that_does_not_come_is_lost() {
    assert_eq!(told(&taken(1, &[]), true).len(), 1);
    assert_eq!(told(&taken(2, &["hello"]), true).len(), 1);
    assert!(told(&taken(2, &["hello", "hello"]), true).is_empty());
}

#[test]
fn a_notification_that_comes_twice_or_was_never_sent_is_told() {
    let surplus = |notes: &[OperationNote], benign| {
        let told = told(notes, benign);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(!told[0].contains("never"), "{told:?}");
    };
    surplus(&taken(1, &["hello", "hello"]), true);
    surplus(&taken(1, &["hello", "hallo"]), false);
    assert!(told(&taken(1, &["hello"]), false).is_empty());
}

#[test]
fn what_a_fault_may_have_swallowed_is_not_missed() {
    assert!(told(&taken(1, &[]), false).is_empty());
}

#[test]
fn a_wait_in_vain_for_what_was_sent_is_a_loss() {
    let wait = |sender| {
        let mut all = taken(1, &[]);
        let last = all.last_mut().unwrap();
        last.text = format!("expect_notif a1 \"hello\" from={sender}");
        last.outcome = Outcome::TimedOut("hello".to_owned());
        told(&all, true).len()
    };
    assert_eq!(wait("a0"), 1);
    assert_eq!(wait("a1"), 0);
}
