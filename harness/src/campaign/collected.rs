//! What a hunt has brought in so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mock_ucx::functions::Function;
use mock_ucx::schedule::{FaultSpec, Point};

use super::hunt::{Hunt, Progress};
use super::journal::Journal;
use super::plan::Planned;
use super::{first_faults, judge_case, second_faults};
use crate::execute::case::Played;
use crate::report::{Finding, Findings, Symbolizer};

/// What a hunt did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases played.
    pub cases: usize,
    /// Cases planned and not played, because time or cases ran out.
    pub left_out: usize,
    /// Cases among those played whose scenario was drawn.
    pub drawn: usize,
    /// Findings of drawn cases that did not show when the decisions that had fired were asked for by name.
    pub not_replayed: usize,
    /// Cases whose fault did not fire, because the client took another way.
    pub unfired: usize,
    /// Cases that went round a known crash.
    pub sidestepped: usize,
    /// Pairs of decision point and outcome (its number) that fired.
    pub fired: BTreeSet<(Point, usize)>,
    /// Calls of UCX over all cases, by function.
    pub calls: BTreeMap<&'static str, u64>,
    /// Operations that were skipped because the release does not have this function of the C API.
    pub absent: BTreeMap<String, u64>,
    /// Findings that could not be made as small as they go, because time ran out.
    pub not_minimised: usize,
    /// It was stopped from outside.
    pub stopped: bool,
    /// Why the result cannot be vouched for, if it cannot.
    pub doubts: BTreeSet<String>,
}

pub(super) struct Collected {
    pub(super) findings: Findings,
    pub(super) tally: Tally,
    /// The single deviations of each scenario, known from its benign run.
    pub(super) singles: Vec<Vec<FaultSpec>>,
    /// Pairs that follow from a single fault, by the place of that in the plan.
    pairs: BTreeMap<usize, Vec<Planned>>,
    pub(super) journal: Journal,
    symbols: Symbolizer,
}

impl Collected {
    /// Behind what earlier hunts played and found.
    pub(super) fn new(hunt: &Hunt, journal: Journal, earlier: Findings) -> Collected {
        let mut findings = Findings::default();
        for mut finding in earlier.iter().cloned() {
            finding.known = hunt.known.name_of(&finding).map(str::to_owned);
            findings.insert(finding);
        }
        Collected {
            findings,
            journal,
            tally: Tally::default(),
            singles: vec![Vec::new(); hunt.scenarios.len()],
            pairs: BTreeMap::new(),
            symbols: Symbolizer::new(),
        }
    }

    /// The cases that an earlier hunt played, and the others.
    pub(super) fn split_played(
        &self,
        plan: VecDeque<Planned>,
    ) -> (VecDeque<Planned>, VecDeque<Planned>) {
        plan.into_iter()
            .partition(|case| self.journal.has(&case.scenario, &case.faults))
    }

    /// The pairs that follow from the single deviations that were played since this was asked last, without those that were played.
    pub(super) fn pairs_not_played(&mut self) -> VecDeque<Planned> {
        let pairs = std::mem::take(&mut self.pairs);
        self.split_played(pairs.into_values().flatten().collect()).1
    }

    /// Takes in a case that was played, the `index`th of its phase.
    pub(super) fn take(
        &mut self,
        hunt: &Hunt,
        index: usize,
        case: &Planned,
        played: &Played,
        progress: &mut dyn Progress,
    ) {
        self.tally.cases += 1;
        self.journal.add(&case.scenario, &case.faults);
        self.count(index, case, played);
        for function in played.absent() {
            *self.tally.absent.entry(function.to_owned()).or_default() += 1;
        }
        let judged = judge_case(
            &mut self.symbols,
            &case.scenario,
            &case.faults,
            &hunt.nixl,
            hunt.strict,
            played,
        );
        self.tally.doubts.extend(judged.doubts);
        for finding in judged.findings {
            self.add(hunt, finding, progress);
        }
    }

    /// Takes in a finding: known ones by their name.
    pub(super) fn add(&mut self, hunt: &Hunt, mut finding: Finding, progress: &mut dyn Progress) {
        finding.known = hunt.known.name_of(&finding).map(str::to_owned);
        let told = finding.clone();
        progress.met(&told);
        if self.findings.insert(finding) {
            progress.found(&told);
            self.write(hunt);
        }
    }

    /// Writes the findings down as they come, so that a hunt that is killed loses none.
    pub(super) fn write(&mut self, hunt: &Hunt) {
        if let Err(error) = self.findings.write(&hunt.out) {
            self.tally.doubts.insert(error.to_string());
        }
        self.tally.doubts.extend(self.journal.flush());
    }

    fn count(&mut self, index: usize, case: &Planned, played: &Played) {
        let Some(snapshot) = &played.snapshot else {
            return;
        };
        for function in Function::all() {
            *self.tally.calls.entry(function.name()).or_default() +=
                snapshot.calls[function as usize];
        }
        for fired in &snapshot.fired {
            let point = fired.asked.point;
            if let Some(outcome) = point.outcome_number(fired.choice) {
                self.tally.fired.insert((point, outcome));
            }
        }
        // A play of many rounds is no ground for deviations: each round would have its own.
        if case.scenario.growth {
            return;
        }
        let faults = case.faults.faults.len();
        if faults == 0 {
            self.singles[case.origin] = first_faults(snapshot);
        } else if snapshot.fired.len() < faults {
            self.tally.unfired += 1;
        } else if faults == 1 {
            let follow = second_faults(&case.faults, snapshot).into_iter();
            let planned = follow.map(|faults| Planned {
                faults,
                ..case.clone()
            });
            self.pairs.insert(index, planned.collect());
        }
    }
}
