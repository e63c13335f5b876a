//! Which deviations happened in a run, how often, and where first; and which faults never did.

use std::collections::BTreeMap;

use mock_ucx::ledger::read::{Fired, Snapshot};
use mock_ucx::schedule::{Choice, Fault, FaultSpec, Point};
use serde::Serialize;

use crate::report::Symbolizer;

/// A fault that was asked for, or a point at which somebody else decided: a seed, or the program by the C API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// The fault as a specification names it, or the name of the point.
    pub what: String,
    /// Whether a specification asked for it.
    pub asked_for: bool,
    /// How often it happened, over all processes.
    pub times: u64,
    /// Where it happened first.
    pub first: Option<Place>,
}

/// Where something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Process.
    pub pid: u32,
    /// Function of UCX that was called.
    pub function: String,
    /// Who called it: NIXL's innermost function, or the innermost of all.
    pub caller: Option<String>,
}

/// What happened, in the order of the specification, then of the points.
pub(super) fn deviations(
    faults: &FaultSpec,
    snapshots: &[&Snapshot],
    symbols: &mut Symbolizer,
) -> Vec<Deviation> {
    let asked_for = faults
        .faults
        .iter()
        .enumerate()
        .filter_map(|(index, fault)| {
            let times = times(index, snapshots);
            (times > 0).then(|| Deviation {
                what: fault.to_string(),
                asked_for: true,
                times,
                first: first(snapshots, symbols, |fired| {
                    fired.fault.map(usize::from) == Some(index)
                }),
            })
        });
    let mut deviations: Vec<Deviation> = asked_for.collect();
    let is_others = |fired: &Fired| {
        let index = fired.fault.map(usize::from);
        index.is_none_or(|index| index >= faults.faults.len())
    };
    for (point, times) in others(faults, snapshots) {
        deviations.push(Deviation {
            what: point.name().to_owned(),
            asked_for: false,
            times,
            first: first(snapshots, symbols, |fired| {
                fired.asked.point == point && is_others(fired)
            }),
        });
    }
    deviations
}

/// How often anybody but the specification decided for a deviation, by point.
fn others(faults: &FaultSpec, snapshots: &[&Snapshot]) -> BTreeMap<Point, u64> {
    let mut others: BTreeMap<Point, u64> = BTreeMap::new();
    for point in Point::all() {
        let all: u64 = snapshots
            .iter()
            .flat_map(|snapshot| &snapshot.outcomes[point.number()][1..])
            .map(|count| u64::from(*count))
            .sum();
        let by_faults: u64 = faults
            .faults
            .iter()
            .enumerate()
            .filter(|(_, fault)| fault.point == point)
            .map(|(index, _)| times(index, snapshots))
            .sum();
        if all > by_faults {
            others.insert(point, all - by_faults);
        }
    }
    others
}

/// Faults that never happened, each with how often there was an occasion. One that only asks for what happens anyway had its effect if
/// there was any.
pub(super) fn unfired(faults: &FaultSpec, snapshots: &[&Snapshot]) -> Vec<String> {
    let occasions = |fault: &Fault| {
        let reached = snapshots
            .iter()
            .map(|snapshot| reached(snapshot, fault.point));
        reached.max().unwrap_or(0)
    };
    let is_benign = |fault: &Fault| fault.choices.iter().all(|choice| *choice == Choice::Benign);
    let never = |(index, fault): &(usize, &Fault)| {
        times(*index, snapshots) == 0 && !(is_benign(fault) && occasions(fault) > 0)
    };
    let faults = faults.faults.iter().enumerate();
    faults
        .filter(never)
        .map(|(_, fault)| {
            let verb = match fault.point {
                Point::Call(_) => "called",
                Point::Move(_) | Point::Environment(_) => "reached",
            };
            format!(
                "{fault} ({} was {verb} {} times)",
                fault.point,
                occasions(fault)
            )
        })
        .collect()
}

/// How often a fault happened over all processes.
fn times(index: usize, snapshots: &[&Snapshot]) -> u64 {
    let of = |snapshot: &&Snapshot| snapshot.faults_fired.get(index).copied().unwrap_or(0);
    snapshots.iter().map(of).sum()
}

/// How often a process came to a decision point.
fn reached(snapshot: &Snapshot, point: Point) -> u64 {
    match point {
        Point::Call(function) => snapshot.calls[function as usize],
        Point::Move(_) | Point::Environment(_) => snapshot.outcomes[point.number()]
            .iter()
            .map(|count| u64::from(*count))
            .sum(),
    }
}

fn first(
    snapshots: &[&Snapshot],
    symbols: &mut Symbolizer,
    is_it: impl Fn(&Fired) -> bool,
) -> Option<Place> {
    let (snapshot, fired) = snapshots.iter().find_map(|snapshot| {
        let fired = snapshot.fired.iter().find(|fired| is_it(fired))?;
        Some((snapshot, fired))
    })?;
    let frames = symbols.frames(&snapshot.modules, &snapshot.stack(fired.at.stack));
    let caller = frames.iter().find(|frame| frame.in_nixl).or(frames.first());
    Some(Place {
        pid: snapshot.pid,
        function: fired
            .at
            .function
            .map_or("?", |function| function.name())
            .to_owned(),
        caller: caller.map(|frame| frame.function.clone().unwrap_or_else(|| frame.to_string())),
    })
}
