//! A hunt: benign runs first, then every single deviation, then pairs, until the plan or the time is at its end.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mock_ucx::schedule::FaultSpec;

use super::collected::{Collected, Tally};
use super::confirm::Confirm;
use super::damaged;
use super::drawn::Drawn;
use super::journal::Journal;
use super::known::Known;
use super::left::{Left, Stage};
use super::plan::{self, Planned};
use super::random::Random;
use super::workers::Workers;
use crate::report::{Finding, Findings};
use crate::scenario::generate::Class;
use crate::scenario::{Scenario, builtin_growth};
use crate::workload::Workload;

/// The part of the time that is kept for making findings small: one in this many.
const CONFIRM_SHARE: u32 = 5;
/// Deviations and drawn cases take turns, each for one in so many parts of the time; pools that fail over and over have one such part.
const TURNS: u32 = 16;

/// The part of the time that growth is looked for, at most.
const GROWTH_SHARE: u32 = 5;
/// Scenarios that are drawn for that.
const GROWTH_DRAWN: usize = 20;

/// A phase that only time ends is shown as one of so many cases.
const PHASE_CASES_MAX: usize = 100_000;

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
        let mut state = Collected::new(self, journal, earlier);
        let mut left = self.begin(search_until, &mut state, progress)?;
        let turn = self.time_max / TURNS;
        loop {
            // Where nothing is drawn, there is nobody to take turns with.
            let end = match self.seed {
                Some(_) => search_until.min(Instant::now() + turn),
                None => search_until,
            };
            self.deviate(&mut left, end, &mut state, progress)?;
            let Some(seed) = self.seed else { break };
            let end = match left.is_over(&state) {
                true => search_until,
                false => search_until.min(Instant::now() + turn),
            };
            self.draw(seed, end, &mut state, progress)?;
            if !self.may_go_on(search_until, &state) {
                break;
            }
        }
        state.tally.left_out += left.len(&state);
        if self.confirms && !self.stop.load(Relaxed) {
            self.confirm(deadline, &mut state, progress)?;
        }
        state.tally.stopped = self.stop.load(Relaxed);
        state.write(self);
        Ok((state.findings, state.tally))
    }

    /// The given scenarios as they are, and what grows in them; the deviations that are to be tried.
    fn begin(
        &self,
        until: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<Left> {
        // Benign runs are the ground for all else: they are played whatever the time, and whatever was played before.
        let benign = plan::each(&self.scenarios, &FaultSpec::default());
        let unplayed = self.phase("benign", benign, None, state, progress)?;
        state.tally.left_out += unplayed.len();
        self.grow(until, state, progress)?;
        // Where the system is to fail, the time is for that.
        if !self.environment {
            let failing = plan::failing_pools(&self.scenarios);
            let slow = plan::slow(&self.scenarios);
            let turn = until.min(Instant::now() + self.time_max / TURNS);
            for (name, plan, until) in [
                ("failing pools", failing, turn),
                ("slow network", slow, until),
            ] {
                let unplayed = self.phase(name, plan, Some(until), state, progress)?;
                state.tally.left_out += unplayed.len();
            }
        }
        let mut others = std::mem::take(&mut state.given_up);
        let seed = self.seed_beside().filter(|_| !self.environment);
        if let Some(seed) = seed
            && self.may_go_on(until, state)
        {
            let whole = VecDeque::from([damaged::undamaged()]);
            self.phase("metadata as it is", whole, None, state, progress)?;
            others.extend(damaged::lists(seed, &state.fields));
        }
        Ok(Left::new(self.singles(state, others)))
    }

    /// What is to deviate by itself: at each place where the system is asked for something once, then all the rest in turn.
    fn singles(&self, state: &mut Collected, others: Vec<Vec<Planned>>) -> VecDeque<Planned> {
        let (new, again) = plan::by_place(std::mem::take(&mut state.at_places));
        let lists = [&mut state.half_done, &mut state.singles, &mut state.slow];
        let [half_done, singles, slow] = lists.map(std::mem::take);
        let mut plan = plan::in_turn(&self.scenarios, &[new], Vec::new());
        let rest = [half_done, singles, slow, again];
        plan.extend(plan::in_turn(&self.scenarios, &rest, others));
        plan
    }

    /// Goes on with the deviations: single ones first, then pairs, then the pairs behind what an earlier hunt played.
    fn deviate(
        &self,
        left: &mut Left,
        until: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        while self.may_go_on(until, state) && !left.is_over(state) {
            let (stage, mut plan) = left.next(state);
            if stage == Stage::Singles {
                state.tally.sidestepped += plan::around(&self.known, &mut plan);
                let (earlier, others) = state.split_played(plan);
                left.earlier.extend(earlier);
                plan = others;
            }
            let rest = self.phase(stage.text(), plan, Some(until), state, progress)?;
            left.put_back(stage, rest);
        }
        Ok(())
    }

    /// Draws and plays more cases.
    fn draw(
        &self,
        seed: u64,
        until: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let random = Random {
            hunt: self,
            seed,
            first: state.journal.drawn(seed, self.class),
            cases_max: self.cases_max.saturating_sub(state.tally.cases),
            deadline: until,
        };
        progress.phase("random", random.cases_max.min(PHASE_CASES_MAX));
        random.run(state, progress)
    }

    /// Seed of what is drawn beside the given scenarios: who wants drawn ones alone wants them with deviations.
    fn seed_beside(&self) -> Option<u64> {
        self.seed.filter(|_| !self.scenarios.is_empty())
    }

    fn may_go_on(&self, until: Instant, state: &Collected) -> bool {
        let in_time = Instant::now() < until;
        in_time && state.tally.cases < self.cases_max && !self.stop.load(Relaxed)
    }

    /// What is played round after round: what was made for it first - also beside a peer that is gone -, then the given scenarios, then
    /// some that are drawn.
    fn grow(
        &self,
        until: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let seed = self.seed_beside();
        let mut made = VecDeque::new();
        let mut drawn = Vec::new();
        if let Some(seed) = seed {
            // What serving engines do comes first, for that is what grows in practice.
            let workloads = Workload::all().flat_map(|workload| workload.scenarios());
            made = plan::made(workloads.chain(builtin_growth()));
            drawn.extend((0..GROWTH_DRAWN).map(|number| Drawn::scenario(seed, number, self.class)));
        }
        let mut rest = plan::rounds(&self.scenarios, drawn);
        state.tally.sidestepped += plan::around(&self.known, &mut made);
        state.tally.sidestepped += plan::around(&self.known, &mut rest);
        let share = until.min(Instant::now() + self.time_max / GROWTH_SHARE);
        let mut play = |name, plan| {
            let (_, plan) = state.split_played(plan);
            let rest = self.phase(name, plan, Some(share), state, progress)?;
            state.tally.left_out += rest.len();
            anyhow::Ok(())
        };
        play("growth", made)?;
        if seed.is_some() {
            let beside = plan::growth_beside_the_gone(builtin_growth());
            play("growth beside a peer that is gone", beside)?;
        }
        play("growth", rest)
    }

    /// Plays a plan; the cases that were left out by time or number.
    fn phase(
        &self,
        name: &str,
        mut plan: VecDeque<Planned>,
        deadline: Option<Instant>,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<VecDeque<Planned>> {
        if plan.is_empty() {
            return Ok(plan);
        }
        let room = self.cases_max.saturating_sub(state.tally.cases);
        let beyond = plan.split_off(plan.len().min(room));
        progress.phase(name, plan.len());
        let workers = Workers {
            spec: &self.spec,
            jobs: self.jobs,
            deadline,
            environment: self.environment,
            // What the system is asked for is recorded, and notes are findings, only in a process of a case's own. Of benign runs, which
            // nothing ends before their time, everything is wanted: they are the ground for all else.
            glances: deadline.is_some() && !self.environment && !self.strict,
            stop: &self.stop,
        };
        let before = state.tally.planned;
        let mut done = workers.play(plan, |index, case, shown| {
            state.take(self, before + index, case, shown, progress);
            progress.case(state.findings.len());
        });
        state.tally.planned += done.played;
        match done.failure {
            Some(error) if done.played == 0 => return Err(error),
            Some(error) => {
                let doubt = format!("a process for the cases failed: {error:#}");
                state.tally.doubts.insert(doubt);
            }
            None => {}
        }
        done.rest.extend(beyond);
        Ok(done.rest)
    }

    /// Makes each new finding small that is not yet, and says how often it shows. Of a known one that is known, and its file is small.
    fn confirm(
        &self,
        deadline: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let large = |finding: &&Finding| finding.known.is_none() && !finding.minimal;
        let new: Vec<Finding> = state.findings.iter().filter(large).cloned().collect();
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
        for (was, mut finding) in confirm.all(&new, self.jobs, &done)? {
            if !finding.is_confirmed() {
                state.tally.unconfirmed += 1;
                state.findings.remove(&was);
                continue;
            }
            // Of a small one more is known about what led to it.
            finding.known = self.known.name_of(&finding).map(str::to_owned);
            let is_new = finding.known.is_none();
            state.tally.not_minimised += usize::from(is_new && !finding.minimal);
            state.findings.replace(&was, finding);
        }
        Ok(())
    }
}
