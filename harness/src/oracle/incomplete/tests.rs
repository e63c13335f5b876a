//! What makes a case worthless, and what does not.

use super::*;
use crate::oracle::Outcome;
use crate::oracle::testing::{empty, notes};
use mock_ucx::ledger::read::Snapshot;

#[test]
fn a_whole_ledger_gives_no_doubt() {
    assert!(judge(&Observation::of(&empty())).is_empty());
}

#[test]
fn what_the_mock_failed_at_or_had_no_room_for_is_a_doubt() {
    let doubts = |change: fn(&mut Snapshot)| {
        let mut snapshot = empty();
        change(&mut snapshot);
        let verdicts = judge(&Observation::of(&snapshot));
        assert!(verdicts.iter().all(Verdict::is_doubt));
        verdicts
            .iter()
            .map(|verdict| verdict.what.clone())
            .collect::<Vec<_>>()
    };
    assert!(doubts(|snapshot| snapshot.internal_errors = 1)[0].contains("bug of mock-ucx"));
    assert!(doubts(|snapshot| snapshot.objects_dropped = 7)[0].starts_with("7 objects"));
    assert_eq!(doubts(|snapshot| snapshot.findings_dropped = 1).len(), 1);
}

#[test]
fn a_process_that_did_nothing_is_a_doubt_and_one_that_crashed_early_is_not() {
    let snapshot = empty();
    let nothing = Observation {
        snapshot: None,
        ..Observation::of(&snapshot)
    };
    assert_eq!(judge(&nothing).len(), 1);
    let notes = notes(&[("agent a0", Outcome::Unfinished)]);
    assert!(
        judge(&Observation {
            operations: &notes,
            ended: Ended::Signalled(11),
            ..nothing
        })
        .is_empty()
    );
}

#[test]
fn a_process_that_ended_at_a_limit_of_the_system_is_a_doubt_and_no_crash() {
    let snapshot = empty();
    let notes = notes(&[("backend b0 a0 UCX", Outcome::Unfinished)]);
    let verdicts = |signal, snapshot| {
        let verdicts = crate::oracle::judge(&Observation {
            snapshot,
            operations: &notes,
            ended: Ended::Signalled(signal),
            ..Observation::of(&empty())
        });
        let rule = |verdict: &Verdict| verdict.rule.clone().unwrap_or_default();
        verdicts.iter().map(rule).collect::<Vec<_>>()
    };
    for known in [None, Some(&snapshot)] {
        assert_eq!(verdicts(libc::SIGXFSZ, known), ["file_size"]);
        assert_eq!(verdicts(libc::SIGXCPU, known), ["processor_time"]);
        assert_eq!(verdicts(libc::SIGSEGV, known), ["SIGSEGV"]);
    }
}
