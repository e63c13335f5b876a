//! Growth of what is pending, told from what only looks like it.

use mock_ucx::ledger::read::{Ending, Snapshot};
use mock_ucx::ledger::{CachePoint, HookState};

use super::judge;
use crate::oracle::testing::{empty, notes};
use crate::oracle::{Observation, Oracle, Outcome, Verdict};

/// A client of 1000 steps with two unmaps in each, of which so many entries are pending.
fn over(entries: impl Fn(u64) -> u64, visited: impl Fn(u64) -> u64) -> Vec<CachePoint> {
    let point = |step: u64| CachePoint {
        at_ns: 1000 * step,
        step,
        operation: step / 4,
        unmaps: 2 * step,
        mappings: 2 * step,
        entries: entries(step),
        visited: visited(step),
        drains: 1,
    };
    (1..=100).map(|number| point(number * 10)).collect()
}

fn with(points: Vec<CachePoint>) -> Snapshot {
    let mut snapshot = empty();
    snapshot.caches.hooks = HookState::Installed;
    let last = points.last().copied().unwrap_or_default();
    snapshot.ending = ending(last.step, last.at_ns);
    snapshot.caches.points = points;
    snapshot
}

fn ending(step: u64, at_ns: u64) -> Ending {
    Ending { step, at_ns }
}

fn verdicts(points: Vec<CachePoint>) -> Vec<Verdict> {
    judge(&Observation::of(&with(points)))
}

#[test]
fn entries_that_come_with_each_unmap_are_growth() {
    let verdicts = verdicts(over(|step| 2 * step, |_| 0));
    let [verdict] = &verdicts[..] else {
        panic!("{verdicts:?}")
    };
    assert_eq!(verdict.oracle, Oracle::Growth);
    assert!(verdict.what.contains("1.00 entries with each unmap"));
    assert!(
        verdict
            .evidence
            .iter()
            .all(|one| !one.text.contains("slower"))
    );
}

#[test]
fn searches_that_take_ever_longer_are_told() {
    let verdicts = verdicts(over(|step| 2 * step, |step| 2 * step * step));
    assert!(
        verdicts[0]
            .evidence
            .iter()
            .any(|one| one.text.contains("slower"))
    );
}

#[test]
fn growth_is_told_of_also_where_a_part_of_the_ranges_is_merged() {
    // A third of the unmaps is merged.
    let verdicts = verdicts(over(|step| 2 * step - 2 * step / 3, |_| 0));
    assert_eq!(verdicts.len(), 1);
}

#[test]
fn a_cache_that_stays_as_it_is_does_not_grow() {
    assert!(verdicts(over(|_| 3000, |_| 0)).is_empty());
    assert!(verdicts(over(|step| step % 7, |_| 0)).is_empty());
    assert!(verdicts(Vec::new()).is_empty());
}

#[test]
fn a_warm_up_is_no_growth_however_long() {
    assert!(verdicts(over(|step| step.min(250) * 8, |_| 0)).is_empty());
    assert!(verdicts(over(|step| step.min(600) * 8, |_| 0)).is_empty());
}

#[test]
fn what_ended_with_the_unmaps_is_no_growth_while_the_client_goes_on() {
    let mut snapshot = with(over(|step| 2 * step, |_| 0));
    assert_eq!(judge(&Observation::of(&snapshot)).len(), 1);
    snapshot.ending = ending(3000, 3_000_000);
    assert!(judge(&Observation::of(&snapshot)).is_empty());
}

#[test]
fn a_burst_is_no_growth() {
    assert!(verdicts(over(|step| if step > 700 { 5000 } else { 0 }, |_| 0)).is_empty());
}

/// A client with a progress thread, whose work begins after a million calls: so many entries are pending after so many mappings.
fn late(entries: impl Fn(u64) -> u64) -> Vec<CachePoint> {
    let point = |mappings: u64| CachePoint {
        at_ns: 1000 * mappings,
        step: if mappings < 500 {
            mappings
        } else {
            1_000_000 + 10 * mappings
        },
        unmaps: mappings,
        mappings,
        entries: entries(mappings),
        ..CachePoint::default()
    };
    (1..=200).map(|number| point(number * 50)).collect()
}

#[test]
fn growth_that_begins_after_long_waiting_is_told() {
    let verdicts = verdicts(late(|mappings| mappings));
    let [verdict] = &verdicts[..] else {
        panic!("{verdicts:?}")
    };
    assert!(verdict.what.contains("1.00 entries with each unmap"));
}

#[test]
fn memory_that_is_all_unmapped_at_the_end_is_no_growth_though_calls_go_on_meanwhile() {
    let mut points = late(|mappings| mappings / 20);
    let last = *points.last().unwrap();
    points.extend((1..=5000).map(|number| CachePoint {
        step: last.step + number,
        unmaps: last.unmaps + number,
        entries: last.entries + number,
        ..last
    }));
    assert!(verdicts(points).is_empty());
}

#[test]
fn what_a_client_unmaps_before_it_rests_is_no_growth() {
    let mut snapshot = with(late(|mappings| mappings));
    snapshot.ending.at_ns = 30_000_000;
    assert!(judge(&Observation::of(&snapshot)).is_empty());
}

#[test]
fn a_thread_that_polls_far_more_often_between_the_unmaps_is_no_rest() {
    let mut snapshot = with(late(|mappings| mappings));
    snapshot.ending.step = 30_000_000;
    assert_eq!(judge(&Observation::of(&snapshot)).len(), 1);
}

#[test]
fn where_operations_are_played_rest_is_told_by_calls() {
    let mut snapshot = with(late(|mappings| mappings));
    let operations = notes(&[("churn", Outcome::Done)]);
    let judged = |snapshot: &Snapshot| {
        judge(&Observation {
            operations: &operations,
            ..Observation::of(snapshot)
        })
    };
    snapshot.ending.at_ns = 30_000_000;
    assert_eq!(judged(&snapshot).len(), 1);
    snapshot.ending.step = 3_000_000;
    assert!(judged(&snapshot).is_empty());
}

#[test]
fn few_mappings_tell_nothing() {
    let mut points = late(|mappings| mappings);
    points.truncate(75);
    assert!(verdicts(points).is_empty());
}

#[test]
fn what_is_gone_through_now_and_then_does_not_grow() {
    assert!(verdicts(over(|step| 8 * (step % 300), |_| 0)).is_empty());
}

#[test]
fn a_short_life_tells_nothing() {
    let mut points = over(|step| 2 * step, |_| 0);
    points.truncate(10);
    assert!(verdicts(points).is_empty());
}

#[test]
fn a_slow_leak_of_few_entries_is_below_what_is_told() {
    assert!(verdicts(over(|step| step / 10, |_| 0)).is_empty());
}
