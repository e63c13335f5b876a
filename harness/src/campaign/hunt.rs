//! A hunt: benign runs first, then every single deviation, then pairs, until the plan or the time is at its end.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::collected::{Collected, Tally};
use super::confirm::Confirm;
use super::plan::{self, Planned};
use super::random::Random;
use super::workers::Workers;
use crate::report::{Finding, Findings};
use crate::scenario::Scenario;
use crate::scenario::generate::Class;

/// The part of the time that is kept for making findings small: one in this many.
const CONFIRM_SHARE: u32 = 5;
/// The part of the time that is kept for drawn scenarios, where there are any.
const RANDOM_SHARE: u32 = 3;

/// A phase that only time ends is shown as one of so many cases.
const PHASE_CASES_MAX: usize = 100_000;

/// What to hunt in.
pub struct Hunt {
    /// NIXL: a release or a folder.
    pub spec: String,
    /// Name of that NIXL in findings.
    pub nixl: String,
    /// Scenarios to play.
    pub scenarios: Vec<Scenario>,
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
}

impl Hunt {
    /// Goes through the phases.
    ///
    /// # Errors
    /// No case can be played at all: the NIXL cannot be loaded, or no process started.
    pub fn run(&self, progress: &mut dyn Progress) -> anyhow::Result<(Findings, Tally)> {
        let begun = Instant::now();
        let deadline = begun + self.time_max;
        let search_until = deadline - self.time_max / CONFIRM_SHARE;
        let deviate_until = match self.seed {
            Some(_) => Some(search_until - self.time_max / RANDOM_SHARE),
            None => Some(search_until),
        };
        let mut state = Collected::new(self);
        // Benign runs are the ground for all else: they are played whatever the time.
        let benign = plan::benign(self.scenarios.len());
        self.phase("benign", benign, None, &mut state, progress)?;
        let singles = plan::in_turn(&std::mem::take(&mut state.singles));
        self.phase(
            "one deviation",
            singles,
            deviate_until,
            &mut state,
            progress,
        )?;
        let pairs = std::mem::take(&mut state.pairs);
        let pairs = pairs.into_values().flatten().collect();
        self.phase("two deviations", pairs, deviate_until, &mut state, progress)?;
        if let Some(seed) = self.seed {
            let random = Random {
                hunt: self,
                seed,
                cases_max: self.cases_max.saturating_sub(state.tally.cases),
                deadline: search_until,
            };
            progress.phase("random", random.cases_max.min(PHASE_CASES_MAX));
            random.run(&mut state, progress)?;
        }
        state.tally.stopped = self.stop.load(Relaxed);
        if !state.tally.stopped {
            self.confirm(deadline, &mut state, progress)?;
        }
        state.write(self);
        Ok((state.findings, state.tally))
    }

    fn phase(
        &self,
        name: &str,
        mut plan: VecDeque<Planned>,
        deadline: Option<Instant>,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let planned = plan.len();
        plan.truncate(self.cases_max.saturating_sub(state.tally.cases));
        progress.phase(name, plan.len());
        let workers = Workers {
            spec: &self.spec,
            scenarios: &self.scenarios,
            jobs: self.jobs,
            deadline,
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

    /// Makes each finding small and says how often it shows.
    fn confirm(
        &self,
        deadline: Instant,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let kept: Vec<Finding> = state.findings.iter().cloned().collect();
        if kept.is_empty() {
            return Ok(());
        }
        progress.phase("minimise", kept.len());
        let confirm = Confirm {
            spec: &self.spec,
            nixl: &self.nixl,
            strict: self.strict,
            deadline: Some(deadline),
        };
        let shared = Mutex::new(progress);
        let done = || {
            let mut progress = shared.lock().unwrap_or_else(PoisonError::into_inner);
            progress.case(kept.len());
        };
        for confirmed in confirm.all(&kept, self.jobs, &done)? {
            state.tally.not_minimised += usize::from(!confirmed.complete);
            state.findings.replace(confirmed.finding);
        }
        Ok(())
    }
}
