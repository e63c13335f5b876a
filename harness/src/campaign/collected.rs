//! What a hunt has brought in so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mock_ucx::functions::Function;
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::schedule::{FaultSpec, Point};

use super::damaged;
use super::grounds::Grounds;
use super::hunt::{Hunt, Progress};
use super::journal::Journal;
use super::judge_case;
use super::plan::{DAMAGED, Planned};
use super::workers::Shown;
use super::{given_up, half_done};
use crate::execute::case::{Glance, Played};
use crate::execute::{Place, SLOW_NETWORK, at_places, first_faults, later_faults};
use crate::nixl::metadata::Field;
use crate::report::{Finding, Findings, Symbolizer};

/// What a hunt did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases played.
    pub cases: usize,
    /// Cases among those played that were planned one by one.
    pub(super) planned: usize,
    /// Cases planned and not played, because time or cases ran out.
    pub left_out: usize,
    /// Cases among those played whose scenario was drawn.
    pub drawn: usize,
    /// Findings of drawn cases that did not show when the decisions that had fired were asked for by name.
    pub not_replayed: usize,
    /// Findings that depend on how busy the machine is and did not show often enough in a row.
    pub unconfirmed: usize,
    /// Cases whose fault did not fire, because the client took another way.
    pub unfired: usize,
    /// Cases that went round a known crash or hang.
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
    /// Those of them that fail an operation when most of it is done.
    pub(super) half_done: Vec<Vec<FaultSpec>>,
    /// Those of them where the system is asked at some place in NIXL for the first time.
    pub(super) at_places: Vec<Vec<(Place, FaultSpec)>>,
    /// The single deviations of each scenario on a slow network.
    pub(super) slow: Vec<Vec<FaultSpec>>,
    /// The same where the client gives up.
    pub(super) given_up: Vec<Vec<Planned>>,
    /// The fields of metadata, known from a case in which nothing was changed.
    pub(super) fields: Vec<Field>,
    /// What can follow from the single deviations that were played.
    pub(super) grounds: Grounds,
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
            half_done: vec![Vec::new(); hunt.scenarios.len()],
            at_places: vec![Vec::new(); hunt.scenarios.len()],
            slow: vec![Vec::new(); hunt.scenarios.len()],
            given_up: vec![Vec::new(); hunt.scenarios.len()],
            fields: Vec::new(),
            grounds: Grounds::default(),
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

    /// Takes in a case that was played, the `place`th of its plan.
    pub(super) fn take(
        &mut self,
        hunt: &Hunt,
        place: usize,
        case: &Planned,
        shown: Shown,
        progress: &mut dyn Progress,
    ) {
        self.tally.cases += 1;
        self.journal.add(&case.scenario, &case.faults);
        match shown {
            Shown::Nothing(glance) => self.note(place, case, glance),
            Shown::Whole(played, glance) => {
                match glance {
                    Some(glance) => self.note(place, case, glance),
                    None => self.note_whole(place, case, &played),
                }
                self.judge(hunt, case, &played, progress);
            }
        }
    }

    fn judge(&mut self, hunt: &Hunt, case: &Planned, played: &Played, progress: &mut dyn Progress) {
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

    /// What a first look at a case says.
    fn note(&mut self, place: usize, case: &Planned, glance: Glance) {
        self.tally.count(&glance);
        let faults = case.faults.faults.len();
        // What fired too often to be named did fire.
        let fired = glance
            .fired
            .as_ref()
            .map_or(faults, |_| glance.fired().len());
        if fired < faults {
            self.tally.unfired += 1;
        } else if case.is_single() {
            self.grounds.add(place, case, glance.follow);
        }
    }

    /// The same of a case that was looked at only once.
    fn note_whole(&mut self, place: usize, case: &Planned, played: &Played) {
        let Some(snapshot) = &played.snapshot else {
            return;
        };
        // A play of many rounds is no ground for deviations: each round would have its own.
        let glance = match !case.scenario.growth && case.is_single() {
            true => Glance::after(&case.faults, snapshot),
            false => Glance::of(Some(snapshot)),
        };
        self.note(place, case, glance);
        self.plan(case, played, snapshot);
        if case.origin == DAMAGED && self.fields.is_empty() {
            self.fields = damaged::seen(&played.notes);
        }
    }

    /// What can deviate in a scenario is asked for once: after the runs in which nothing does, and those on a slow network.
    fn plan(&mut self, case: &Planned, played: &Played, snapshot: &Snapshot) {
        if case.scenario.growth {
            return;
        }
        if case.faults.is_empty()
            && let Some(singles) = self.singles.get_mut(case.origin)
        {
            let half_done = half_done::faults(played);
            *singles = first_faults(snapshot);
            singles.retain(|single| !half_done.contains(single));
            self.half_done[case.origin] = half_done;
            self.at_places[case.origin] = at_places(snapshot);
        } else if case.faults == *SLOW_NETWORK
            && let Some(later) = self.slow.get_mut(case.origin)
        {
            *later = later_faults(&SLOW_NETWORK, snapshot)
                .into_iter()
                .map(|fault| SLOW_NETWORK.and(fault))
                .collect();
            self.given_up[case.origin] = given_up::cases(case, played);
        }
    }
}

impl Tally {
    /// Counts what was called in a case, and what fired.
    pub(super) fn count(&mut self, glance: &Glance) {
        for (function, calls) in Function::all().zip(&glance.calls) {
            *self.calls.entry(function.name()).or_default() += calls;
        }
        self.fired.extend(glance.fired());
    }
}
