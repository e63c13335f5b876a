//! Processes and waits that do not end, and those that do.

use super::*;
use crate::oracle::testing::{empty, notes};

#[test]
fn a_process_that_had_to_be_killed_hung_in_its_operation() {
    let (snapshot, notes) = (
        empty(),
        notes(&[
            ("agent a0", Outcome::Done),
            ("destroy_agent a0", Outcome::Unfinished),
        ]),
    );
    for (hang, rule) in [(Hang::Spinning, "spinning"), (Hang::Blocked, "blocked")] {
        let observation = Observation {
            operations: &notes,
            ended: Ended::Hung(hang),
            ..Observation::of(&snapshot)
        };
        let verdicts = judge(&observation);
        assert_eq!(verdicts.len(), 1);
        assert_eq!(
            (verdicts[0].rule.as_deref(), verdicts[0].operation),
            (Some(rule), Some(2))
        );
        assert_eq!(verdicts[0].oracle.repeats(), 3);
    }
}

#[test]
fn a_process_that_ended_did_not_hang() {
    let snapshot = empty();
    assert!(judge(&Observation::of(&snapshot)).is_empty());
    assert!(
        judge(&Observation {
            ended: Ended::Signalled(9),
            ..Observation::of(&snapshot)
        })
        .is_empty()
    );
}

#[test]
fn a_wait_in_vain_counts_for_ones_own_transfer_and_in_benign_runs() {
    let snapshot = empty();
    let timed_out = |line: &str, benign: bool| {
        let notes = notes(&[(line, Outcome::TimedOut("the end of x0".to_owned()))]);
        judge(&Observation {
            operations: &notes,
            benign,
            ..Observation::of(&snapshot)
        })
        .len()
    };
    assert_eq!(timed_out("wait x0", false), 1);
    assert_eq!(timed_out("expect_notif a1 a0 \"done\"", true), 1);
    // After a fault the peer may have been told that it will never send.
    assert_eq!(timed_out("expect_notif a1 a0 \"done\"", false), 0);
}

#[test]
fn what_is_awaited_from_a_peer_may_stay_away_if_its_sending_was_refused() {
    let snapshot = empty();
    let told = |sent: Outcome| {
        let waited = Outcome::TimedOut("\"n\" from a0 at a1".to_owned());
        let notes = notes(&[
            ("notify a0 a1 \"n\"", sent),
            ("expect_notif a1 \"n\" from=a0", waited),
        ]);
        judge(&Observation {
            operations: &notes,
            benign: true,
            ..Observation::of(&snapshot)
        })
        .len()
    };
    assert_eq!(told(Outcome::Done), 1);
    assert_eq!(told(Outcome::Failed("BACKEND".to_owned())), 0);
}
