//! Wrong bytes, with and without a reason to be wrong.

use mock_ucx::ledger::read::Snapshot;

use super::*;
use crate::oracle::contract::breaches;
use crate::oracle::testing::{empty, faulty, notes};
use crate::oracle::{Observation, Outcome};

const SELF_WRITE: [&str; 8] = [
    "agent a0 progress_thread=off",
    "backend b0 a0 UCX",
    "region r0 size=64 seed=1",
    "region r1 size=64 seed=2",
    "register a0 r0 r1",
    "create x0 a0 write local=r0 to=a0 remote=r1",
    "post x0",
    "wait x0",
];

/// Verdicts on a write of an agent to itself whose operation `failing` failed, and a look at the target that ended with `check`.
fn ledger(benign: bool) -> Snapshot {
    if benign { empty() } else { faulty() }
}

fn verdicts(failing: Option<&str>, check: Outcome, benign: bool) -> usize {
    let outcome = |text: &&str| match failing {
        Some(failing) if failing == *text => Outcome::Failed("f answered BACKEND".to_owned()),
        _ => Outcome::Done,
    };
    let mut operations: Vec<(&str, Outcome)> = SELF_WRITE
        .iter()
        .map(|text| (*text, outcome(text)))
        .collect();
    operations.push(("expect_bytes r1 seed=1", check));
    let (snapshot, notes) = (ledger(benign), notes(&operations));
    let observation = Observation {
        operations: &notes,
        benign,
        ..Observation::of(&snapshot)
    };
    judge(&breaches(&observation)).len()
}

fn wrong() -> Outcome {
    Outcome::Wrong("byte 0 is 0, not 1".to_owned())
}

#[test]
fn bytes_are_wrong_although_all_went_well() {
    assert_eq!(verdicts(None, wrong(), false), 1);
    assert_eq!(verdicts(None, wrong(), true), 1);
    assert_eq!(verdicts(None, Outcome::Done, false), 0);
}

#[test]
fn bytes_may_be_wrong_after_the_client_was_told_of_a_failure() {
    for failing in [
        "post x0",
        "wait x0",
        "create x0 a0 write local=r0 to=a0 remote=r1",
    ] {
        assert_eq!(verdicts(Some(failing), wrong(), false), 0, "{failing}");
    }
}
