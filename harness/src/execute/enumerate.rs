//! Which deviations are tried: each decision of a benign run once with each permitted outcome, each kind of decision always with it, and
//! then a second one in what followed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mock_ucx::functions::{FUNCTION_COUNT, Function};
use mock_ucx::ledger::Kind;
use mock_ucx::ledger::read::{Asked, Snapshot};
use mock_ucx::schedule::{Choice, Fault, FaultSpec, Occurrences, Point};

/// Occurrences of one point with one object that deviate one by one. Scenarios are short: more than this are repetitions.
const OCCURRENCES_MAX: u64 = 64;
/// Second deviations that are tried after one first: the whole square of them would take days, and neighbours differ least.
const SECONDS_MAX: usize = 48;

/// A network on which each operation takes its time: what is under way when something else deviates is more than on one that is quick.
pub static SLOW_NETWORK: LazyLock<FaultSpec> = LazyLock::new(|| network(5));

/// The same for threads that do nothing but poll: what they work on is under way for some hundredths of a second.
pub static SLOWER_NETWORK: LazyLock<FaultSpec> = LazyLock::new(|| network(200_000));

/// Networks on which all writes fail, and all reads.
pub static FAILING_TRANSFERS: LazyLock<[FaultSpec; 2]> = LazyLock::new(|| {
    let fails = |point| format!("{point}=NO_MEMORY").parse().unwrap_or_default();
    ["put.status", "get.status"].map(fails)
});

/// A network on which each operation takes so many calls of progress.
fn network(polls: u32) -> FaultSpec {
    let points = [
        "put.complete",
        "get.complete",
        "am.complete",
        "flush.complete",
        "am.deliver",
    ];
    let each = points.map(|point| format!("{point}=+{polls}"));
    // It is right: a test reads it.
    each.join("; ").parse().unwrap_or_default()
}

/// One deviation, with what puts it before or behind others: its first occurrences and likeliest outcomes cover a point best.
struct Deviation {
    fault: Fault,
    /// The call that asked for it first; 0 if that does not matter.
    step: u64,
    rank: u32,
}

/// Every single deviation of a run in which nothing deviates.
pub fn first_faults(benign: &Snapshot) -> Vec<FaultSpec> {
    let mut deviations = failing_calls(&benign.calls);
    deviations.extend(moves(benign, 0));
    deviations.extend(always(benign));
    // Who has the system's failing recorded wants it tried.
    deviations.sort_by_key(|deviation| {
        let of_system = deviation.fault.point.is_environment();
        (!of_system, deviation.rank)
    });
    deviations
        .into_iter()
        .map(|deviation| FaultSpec::single(deviation.fault))
        .collect()
}

/// Where in the client's code the system is asked for something, and the outcome that it answers with.
pub type Place = (Point, u32, usize);

/// The deviations of a run in which nothing deviates where the system is asked at a place in the client's code for the first time. The others
/// are among [`first_faults`].
pub fn at_places(benign: &Snapshot) -> Vec<(Place, FaultSpec)> {
    let at_place = benign.asked.iter().filter(|asked| asked.place != 0);
    let each = at_place.flat_map(|asked| {
        permitted(asked.point).map(|(outcome, choice)| {
            let place = (asked.point, asked.place, outcome);
            (place, FaultSpec::single(asked.to_fault(choice)))
        })
    });
    each.collect()
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
                    step: 0,
                    rank: rank(outcome, occurrence),
                });
            }
        }
    }
    deviations
}

/// What was asked for with endpoints, each time with the same outcome: a network that is slow is so for one operation as for the next. What
/// is asked for with workers, at each poll, does not go on for ever: it would keep a client from ever coming to rest.
fn always(benign: &Snapshot) -> impl Iterator<Item = Deviation> {
    let of_endpoint = |asked: &&Asked| {
        let object = asked.object.map(|object| object.kind);
        matches!(asked.point, Point::Move(_)) && object == Some(Kind::Endpoint)
    };
    let asked = benign.asked.iter().filter(of_endpoint);
    let points: BTreeSet<Point> = asked.map(|asked| asked.point).collect();
    points.into_iter().flat_map(|point| {
        let choices = permitted(point).map(|(_, choice)| choice);
        choices.enumerate().map(move |(index, choice)| Deviation {
            fault: Fault {
                occurrences: Occurrences::ALL,
                ..Fault::at(point, 1, choice)
            },
            step: 0,
            // It is tried behind what happens once.
            rank: rank(index + 1, 1),
        })
    })
}

/// The outcomes of a point that UCX may choose without doubt, the likeliest first.
fn permitted(point: Point) -> impl Iterator<Item = (usize, Choice)> {
    let outcomes = point.outcomes().into_iter();
    let choices = outcomes.filter(|outcome| !outcome.paranoid);
    choices.map(|outcome| outcome.choice).enumerate()
}

/// The moves that were asked for in or after call number `after`, each with each outcome.
fn moves(snapshot: &Snapshot, after: u64) -> impl Iterator<Item = Deviation> {
    let asked = snapshot.asked.iter().filter(move |asked| {
        let is_tried = match asked.point {
            Point::Call(_) => false,
            Point::Move(_) => (1..=OCCURRENCES_MAX).contains(&asked.of_object),
            // Only those that are to be tried are recorded, and those at new places are tried for themselves.
            Point::Environment(_) => asked.place == 0,
        };
        is_tried && asked.step >= after
    });
    asked.flat_map(|asked| {
        permitted(asked.point).map(|(index, choice)| Deviation {
            fault: asked.to_fault(choice),
            step: asked.step,
            rank: rank(index, asked.of_object),
        })
    })
}

/// The deviations that can follow `first` in what the client did after it. Of many, each first one has others.
pub fn second_faults(first: &FaultSpec, snapshot: &Snapshot) -> Vec<Fault> {
    let seconds = later_faults(first, snapshot);
    let others = first.to_string().bytes().map(usize::from).sum();
    spread(seconds, SECONDS_MAX, others).collect()
}

/// All of them, the first occurrences first: each later call fails with its likeliest status, each later move - and each other one of the
/// same call - takes its first outcome.
pub fn later_faults(first: &FaultSpec, snapshot: &Snapshot) -> Vec<Fault> {
    let Some(fired_step) = snapshot.fired.iter().map(|fired| fired.at.step).min() else {
        return Vec::new();
    };
    let mut later = later_calls(snapshot, fired_step);
    let again = |second: &Fault| first.faults.iter().any(|first| first.point == second.point);
    later.extend(moves(snapshot, fired_step).filter(|second| {
        let fault = &second.fault;
        let is_later = second.step > fired_step || !again(fault);
        is_later && fault.point.outcome_number(fault.choices[0]) == Some(1)
    }));
    // What always happens anyway never happens for another reason.
    let covered = |second: &Fault| first.faults.iter().any(|first| first.covers(second));
    later.retain(|second| !covered(&second.fault));
    later.sort_by_key(|deviation| deviation.rank);
    later.into_iter().map(|deviation| deviation.fault).collect()
}

fn later_calls(snapshot: &Snapshot, after: u64) -> Vec<Deviation> {
    let mut later = Vec::new();
    for function in Function::all() {
        let Some(status) = function.info().failures.first() else {
            continue;
        };
        let total = snapshot.calls[function as usize];
        let events = snapshot.events.iter();
        let later_ones = events.filter(|event| event.function == function && event.step > after);
        let before = total.saturating_sub(later_ones.count() as u64);
        for occurrence in before + 1..=total.min(before + OCCURRENCES_MAX) {
            later.push(Deviation {
                fault: Fault::at(Point::Call(function), occurrence, Choice::Status(*status)),
                step: 0,
                rank: rank(0, occurrence - before),
            });
        }
    }
    later
}

/// At most `count` of the items, evenly spread over all; which, depends on `others`.
fn spread<T>(items: Vec<T>, count: usize, others: usize) -> impl Iterator<Item = T> {
    let total = items.len();
    let chosen = move |index: &usize| {
        let index = (index + others) % total.max(1);
        index * count / total.max(1) != (index + 1) * count / total.max(1)
    };
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
        let chosen: Vec<usize> = spread((0..1000).collect(), 48, 0).collect();
        assert_eq!(chosen.len(), 48);
        assert!(chosen.windows(2).all(|pair| pair[1] - pair[0] <= 22));
        let others: Vec<usize> = spread((0..1000).collect(), 48, 5).collect();
        assert_eq!(others.len(), 48);
        assert!(others.iter().all(|other| !chosen.contains(other)));
        assert_eq!(spread((0..48).collect::<Vec<_>>(), 48, 7).count(), 48);
    }

    #[test]
    fn on_a_slow_network_five_kinds_of_things_take_their_time() {
        for network in [&*SLOW_NETWORK, &SLOWER_NETWORK] {
            assert_eq!(network.faults.len(), 5);
        }
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
