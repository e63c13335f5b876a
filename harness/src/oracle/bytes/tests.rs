//! Wrong bytes, with and without a reason to be wrong.

use super::*;
use crate::oracle::testing::{empty, notes};

fn verdicts(post: Outcome, check: Outcome, benign: bool) -> usize {
    let (snapshot, notes) = (
        empty(),
        notes(&[("post x0", post), ("expect_bytes r1 seed=1", check)]),
    );
    judge(&Observation {
        operations: &notes,
        benign,
        ..Observation::of(&snapshot)
    })
    .len()
}

fn wrong() -> Outcome {
    Outcome::Wrong("byte 0 is 0, not 1".to_owned())
}

#[test]
fn bytes_are_wrong_although_all_went_well() {
    assert_eq!(verdicts(Outcome::Done, wrong(), false), 1);
    assert_eq!(verdicts(Outcome::Done, Outcome::Done, false), 0);
}

#[test]
fn bytes_may_be_wrong_after_the_client_was_told_of_a_failure() {
    let failed = || Outcome::Failed("post answered BACKEND".to_owned());
    assert_eq!(verdicts(failed(), wrong(), false), 0);
    assert_eq!(verdicts(Outcome::Skipped, wrong(), false), 0);
    // In a benign run a failure is one that the scenario asks for, and so are the bytes behind it.
    assert_eq!(verdicts(failed(), wrong(), true), 1);
}
