//! Which deviations are tried: each decision of a benign run once with each permitted outcome, then a second one in what followed.

use mock_ucx::functions::{FUNCTION_COUNT, Function};
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::schedule::{Choice, Fault, FaultSpec, Point};

/// Occurrences of one point with one object that deviate one by one. Scenarios are short: more than this are repetitions.
const OCCURRENCES_MAX: u64 = 64;

/// One deviation, with what puts it before or behind others: its first occurrences and likeliest outcomes cover a point best.
struct Deviation {
    fault: Fault,
    rank: u32,
}

/// Every single deviation of a run in which nothing deviates.
pub fn first_faults(benign: &Snapshot) -> Vec<FaultSpec> {
    let mut deviations = failing_calls(&benign.calls);
    deviations.extend(moves(benign, 0));
    deviations.sort_by_key(|deviation| deviation.rank);
    deviations
        .into_iter()
        .map(|deviation| FaultSpec::single(deviation.fault))
        .collect()
}

/// Outcomes that come first are likelier; the tenth occurrence is as interesting as the third outcome.
fn rank(outcome: usize, occurrence: u64) -> u32 {
    outcome as u32 + occurrence.ilog2()
}

fn failing_calls(calls: &[u64; FUNCTION_COUNT]) -> Vec<Deviation> {
    let mut deviations = Vec::new();
    for function in Function::all() {
        for (outcome, status) in function.info().failures.iter().enumerate() {
            for occurrence in 1..=calls[function as usize].min(OCCURRENCES_MAX) {
                deviations.push(Deviation {
                    fault: Fault::at(Point::Call(function), occurrence, Choice::Status(*status)),
                    rank: rank(outcome, occurrence),
                });
            }
        }
    }
    deviations
}

/// The moves that were asked for after call number `after`, each with each outcome.
fn moves(snapshot: &Snapshot, after: u64) -> impl Iterator<Item = Deviation> {
    let asked = snapshot.asked.iter().filter(move |asked| {
        let is_tried = match asked.point {
            Point::Call(_) => false,
            Point::Move(_) => (1..=OCCURRENCES_MAX).contains(&asked.of_object),
            // Only those that are to be tried are recorded.
            Point::Environment(_) => true,
        };
        is_tried && asked.step > after
    });
    asked.flat_map(|asked| {
        let outcomes = asked.point.outcomes().into_iter();
        let permitted = outcomes.filter(|outcome| !outcome.paranoid).enumerate();
        permitted.map(|(index, outcome)| Deviation {
            fault: asked.to_fault(outcome.choice),
            rank: rank(index, asked.of_object),
        })
    })
}

/// The deviations that can follow `first` in what the client did after it: each later call fails with its likeliest status, each later
/// move takes its first outcome.
pub fn second_faults(first: &FaultSpec, snapshot: &Snapshot) -> Vec<FaultSpec> {
    let Some(fired_step) = snapshot.fired.iter().map(|fired| fired.at.step).max() else {
        return Vec::new();
    };
    let mut seconds = Vec::new();
    for function in Function::all() {
        let Some(status) = function.info().failures.first() else {
            continue;
        };
        let total = snapshot.calls[function as usize];
        let later = snapshot
            .events
            .iter()
            .filter(|event| event.function == function && event.step > fired_step)
            .count();
        let before = total.saturating_sub(later as u64);
        for occurrence in before + 1..=total.min(before + OCCURRENCES_MAX) {
            seconds.push(Fault::at(
                Point::Call(function),
                occurrence,
                Choice::Status(*status),
            ));
        }
    }
    let first_outcomes = moves(snapshot, fired_step).filter(|second| {
        let choices = &second.fault.choices;
        second.fault.point.outcome_number(choices[0]) == Some(1)
    });
    seconds.extend(first_outcomes.map(|second| second.fault));
    let pair = |second| {
        let mut pair = first.clone();
        pair.faults.push(second);
        pair
    };
    spread(seconds, SECONDS_MAX).map(pair).collect()
}

/// Second deviations that are tried after one first: the whole square of them would take days, and neighbours differ least.
const SECONDS_MAX: usize = 48;

/// At most `count` of the items, evenly spread over all.
fn spread<T>(items: Vec<T>, count: usize) -> impl Iterator<Item = T> {
    let total = items.len();
    let chosen =
        move |index: &usize| index * count / total.max(1) != (index + 1) * count / total.max(1);
    items
        .into_iter()
        .enumerate()
        .filter(move |(index, _)| total <= count || chosen(index))
        .map(|(_, item)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(of: &[(Function, u64)]) -> [u64; FUNCTION_COUNT] {
        let mut calls = [0; FUNCTION_COUNT];
        for (function, count) in of {
            calls[*function as usize] = *count;
        }
        calls
    }

    #[test]
    fn each_call_fails_with_each_permitted_status() {
        let faults = failing_calls(&calls(&[(Function::MemMap, 2), (Function::RkeyPack, 1)]));
        let texts: Vec<_> = faults
            .iter()
            .map(|deviation| deviation.fault.to_string())
            .collect();
        let expected =
            2 * Function::MemMap.info().failures.len() + Function::RkeyPack.info().failures.len();
        assert_eq!(texts.len(), expected);
        assert!(
            texts.contains(&"ucp_mem_map@2=NO_MEMORY".to_owned()),
            "{texts:?}"
        );
    }

    #[test]
    fn a_spread_covers_all_with_no_more_than_asked_for() {
        let chosen: Vec<usize> = spread((0..1000).collect(), 48).collect();
        assert_eq!(chosen.len(), 48);
        assert!(chosen.windows(2).all(|pair| pair[1] - pair[0] <= 22));
        assert_eq!(spread((0..48).collect::<Vec<_>>(), 48).count(), 48);
    }

    #[test]
    fn what_cannot_fail_is_left_alone() {
        assert!(
            failing_calls(&calls(&[
                (Function::MemUnmap, 9),
                (Function::WorkerProgress, 9)
            ]))
            .is_empty()
        );
    }
}
