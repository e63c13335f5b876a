//! A hunt: benign runs first, then every single deviation, then pairs, until the plan or the time is at its end.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::collected::{Collected, Tally};
use super::confirm::Confirm;
use super::journal::Journal;
use super::known::Known;
use super::plan::{self, Planned};
use super::random::{Drawn, Random};
use super::workers::Workers;
use crate::report::{Finding, Findings};
use crate::scenario::generate::Class;
use crate::scenario::{Scenario, builtin_growth};
use crate::workload::Workload;

/// The part of the time that is kept for making findings small: one in this many.
const CONFIRM_SHARE: u32 = 5;
/// The part of the time that is kept for drawn scenarios, where there are any.
const RANDOM_SHARE: u32 = 3;

/// The part of the time that growth is looked for, at most.
const GROWTH_SHARE: u32 = 5;
/// Scenarios that are drawn for that.
const GROWTH_DRAWN: usize = 20;

/// A phase that only time ends is shown as one of so many cases.
const PHASE_CASES_MAX: usize = 100_000;

/// Single deviations of earlier hunts that are played again at once, to learn the pairs that follow from them.
const GROUND: usize = 64;

/// What to hunt in.
pub struct Hunt {
    /// NIXL: a release or a folder.
    pub spec: String,
    /// Name of that NIXL in findings.
    pub nixl: String,
    /// Scenarios to play.
    pub scenarios: Vec<Arc<Scenario>>,
    /// Findings that are known.
    pub known: Known,
    /// Processes at once.
    pub jobs: usize,
    /// When to stop.
    pub time_max: Duration,
    /// How many cases at most.
    pub cases_max: usize,
    /// Notes count as findings.
    pub strict: bool,
    /// Folder into which the findings are written as they come, so that a hunt that is killed loses none.
    pub out: PathBuf,
    /// Seed of the scenarios that are drawn after the others; `None`: none is.
    pub seed: Option<u64>,
    /// Whether the drawn ones keep NIXL's contract.
    pub class: Class,
    /// Whether the system under NIXL fails, too.
    pub environment: bool,
    /// Whether what is found is made small, played again, and tried on the real UCX.
    pub confirms: bool,
    /// Set from outside to end the hunt early.
    pub stop: Arc<AtomicBool>,
}

/// Is told how a hunt goes.
pub trait Progress: Send {
    /// A phase begins; it will play this many cases.
    fn phase(&mut self, name: &str, cases: usize);
    /// A case was played.
    fn case(&mut self, findings: usize);
    /// Something was found that was not known before.
    fn found(&mut self, finding: &Finding);
    /// Something was met, for the first time or again.
    fn met(&mut self, _finding: &Finding) {}
}

impl Hunt {
    /// Goes through the phases, behind what earlier hunts played and found.
    ///
    /// # Errors
    /// No case can be played at all: the NIXL cannot be loaded, or no process started.
    pub fn run(
        &self,
        journal: Journal,
        earlier: Findings,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<(Findings, Tally)> {
        let deadline = Instant::now() + self.time_max;
        let search_until = match self.confirms {
            true => deadline - self.time_max / CONFIRM_SHARE,
            false => deadline,
        };
        let deviate_until = match self.seed {
            Some(_) => search_until - self.time_max / RANDOM_SHARE,
            None => search_until,
        };
        let mut state = Collected::new(self, journal, earlier);
        self.deviate(deviate_until, &mut state, progress)?;
        if let Some(seed) = self.seed {
            let random = Random {
                hunt: self,
                seed,
                first: state.journal.drawn(seed, self.class),
                cases_max: self.cases_max.saturating_sub(state.tally.cases),
                deadline: search_until,
            };
            progress.phase("random", random.cases_max.min(PHASE_CASES_MAX));
            random.run(&mut state, progress)?;
        }
        if self.confirms && !self.stop.load(Relaxed) {
            self.confirm(deadline, &mut state, progress)?;
        }
        state.tally.stopped = self.stop.load(Relaxed);
        state.write(self);
        Ok((state.findings, state.tally))
    }

    /// The given scenarios: as they are, then with one deviation, then with two.
    fn deviate(
        &self,
        until: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        // Benign runs are the ground for all else: they are played whatever the time, and whatever was played before.
        let benign = plan::benign(&self.scenarios);
        self.phase("benign", benign, None, state, progress)?;
        self.grow(until, state, progress)?;
        let mut singles = plan::in_turn(&self.scenarios, &std::mem::take(&mut state.singles));
        state.tally.sidestepped += plan::around(&self.known, &mut singles);
        let (earlier, singles) = state.split_played(singles);
        self.phase("one deviation", singles, Some(until), state, progress)?;
        let pairs = state.pairs_not_played();
        self.phase("two deviations", pairs, Some(until), state, progress)?;
        self.follow(earlier, until, state, progress)
    }

    /// The given scenarios and, if scenarios are drawn, some made for it, round after round.
    fn grow(
        &self,
        until: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let mut more = Vec::new();
        // Who wants drawn scenarios alone wants them with deviations.
        let seed = self.seed.filter(|_| !self.scenarios.is_empty());
        if let Some(seed) = seed {
            let drawn = |number| Drawn::new(seed, number, self.class).scenario;
            // What serving engines do comes first, for that is what grows in practice.
            more.extend(Workload::all().flat_map(|workload| workload.scenarios()));
            more.extend(builtin_growth());
            more.extend((0..GROWTH_DRAWN).map(drawn).map(|scenario| Scenario {
                growth: true,
                ..scenario
            }));
        }
        let mut plan = plan::growth(&self.scenarios, more);
        state.tally.sidestepped += plan::around(&self.known, &mut plan);
        let (_, plan) = state.split_played(plan);
        let share = until.min(Instant::now() + self.time_max / GROWTH_SHARE);
        self.phase("growth", plan, Some(share), state, progress)?;
        if seed.is_none() {
            return Ok(());
        }
        let beside = plan::growth_beside_the_gone(builtin_growth());
        let (_, beside) = state.split_played(beside);
        let name = "growth beside a peer that is gone";
        self.phase(name, beside, Some(share), state, progress)
    }

    /// The pairs that follow from deviations which an earlier hunt played.
    fn follow(
        &self,
        mut earlier: VecDeque<Planned>,
        until: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        while !earlier.is_empty() && Instant::now() < until && !self.stop.load(Relaxed) {
            let rest = earlier.split_off(earlier.len().min(GROUND));
            let ground = std::mem::replace(&mut earlier, rest);
            self.phase(
                "ground for more pairs",
                ground,
                Some(until),
                state,
                progress,
            )?;
            let pairs = state.pairs_not_played();
            self.phase("two deviations", pairs, Some(until), state, progress)?;
        }
        Ok(())
    }

    fn phase(
        &self,
        name: &str,
        mut plan: VecDeque<Planned>,
        deadline: Option<Instant>,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        if plan.is_empty() {
            return Ok(());
        }
        let planned = plan.len();
        plan.truncate(self.cases_max.saturating_sub(state.tally.cases));
        progress.phase(name, plan.len());
        let workers = Workers {
            spec: &self.spec,
            jobs: self.jobs,
            deadline,
            environment: self.environment,
            stop: &self.stop,
        };
        let done = workers.play(plan, |index, case, played| {
            state.take(self, index, case, &played, progress);
            progress.case(state.findings.len());
        });
        state.tally.left_out += planned - done.played;
        match done.failure {
            Some(error) if done.played == 0 => return Err(error),
            Some(error) => {
                let doubt = format!("a process for the cases failed: {error:#}");
                state.tally.doubts.insert(doubt);
            }
            None => {}
        }
        Ok(())
    }

    /// Makes each finding small that is not yet, and says how often it shows: new ones first, then known ones.
    fn confirm(
        &self,
        deadline: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let large = |finding: &&Finding| !finding.minimal;
        let mut new: Vec<Finding> = state.findings.iter().filter(large).cloned().collect();
        new.sort_by_key(|finding| finding.known.is_some());
        if new.is_empty() {
            return Ok(());
        }
        progress.phase("minimise", new.len());
        let confirm = Confirm {
            spec: &self.spec,
            nixl: &self.nixl,
            strict: self.strict,
            deadline,
            stop: &self.stop,
        };
        let found = state.findings.len();
        let shared = Mutex::new(progress);
        let done = || {
            let mut progress = shared.lock().unwrap_or_else(PoisonError::into_inner);
            progress.case(found);
        };
        for mut finding in confirm.all(&new, self.jobs, &done)? {
            // Of a small one more is known about what led to it.
            let known = self.known.name_of(&finding).map(str::to_owned);
            finding.known = finding.known.or(known);
            let is_new = finding.known.is_none();
            state.tally.not_minimised += usize::from(is_new && !finding.minimal);
            state.findings.replace(finding);
        }
        Ok(())
    }
}
