//! A hunt: benign runs first, then every single deviation, then pairs, until the plan or the time is at its end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use mock_ucx::schedule::{FaultSpec, Point};

use crate::campaign::{first_faults, judge_case, second_faults};
use crate::execute::case::Played;
use crate::execute::pool::Zygote;
use crate::report::{Finding, Findings, Stability, Symbolizer};
use crate::scenario::Scenario;

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
    /// Set from outside to end the hunt early.
    pub stop: Arc<AtomicBool>,
}

/// Replays of each finding, in fresh processes, to say how surely it shows again.
const REPLAYS: u32 = 3;

/// Is told how a hunt goes.
pub trait Progress {
    /// A phase begins; it will play this many cases.
    fn phase(&mut self, name: &str, cases: usize);
    /// A case was played.
    fn case(&mut self, findings: usize);
    /// Something was found that was not known before.
    fn found(&mut self, finding: &Finding);
}

/// What a hunt did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases played.
    pub cases: usize,
    /// Cases planned and not played, because time or cases ran out.
    pub left_out: usize,
    /// Cases whose fault did not fire, because the client took another way.
    pub unfired: usize,
    /// Pairs of decision point and outcome (its number) that fired.
    pub fired: BTreeSet<(Point, usize)>,
    /// Calls of UCX over all cases, by function.
    pub calls: BTreeMap<&'static str, u64>,
    /// Why the result cannot be vouched for, if it cannot.
    pub doubts: BTreeSet<String>,
}

/// A case in the plan.
#[derive(Clone, Debug)]
struct Planned {
    scenario: usize,
    faults: FaultSpec,
}

impl Hunt {
    /// Goes through the phases.
    ///
    /// # Errors
    /// No case can be played at all: the NIXL cannot be loaded, or no process started.
    pub fn run(&self, progress: &mut dyn Progress) -> anyhow::Result<(Findings, Tally)> {
        let deadline = Instant::now() + self.time_max;
        let mut state = Collected::new(self);
        let benign = |scenario| Planned {
            scenario,
            faults: FaultSpec::default(),
        };
        let plan = (0..self.scenarios.len()).map(benign).collect();
        // Benign runs are the ground for all else: they are played whatever the time.
        self.phase("benign", plan, None, &mut state, progress)?;
        let mut singles = VecDeque::new();
        let lists = std::mem::take(&mut state.singles);
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        // One fault of each scenario in turn, so that a hunt that is cut short has seen all scenarios.
        for rank in 0..longest {
            for (scenario, list) in lists.iter().enumerate() {
                if let Some(faults) = list.get(rank) {
                    singles.push_back(Planned {
                        scenario,
                        faults: faults.clone(),
                    });
                }
            }
        }
        self.phase(
            "one deviation",
            singles,
            Some(deadline),
            &mut state,
            progress,
        )?;
        let pairs = std::mem::take(&mut state.pairs);
        let pairs = pairs.into_values().flatten().collect();
        self.phase(
            "two deviations",
            pairs,
            Some(deadline),
            &mut state,
            progress,
        )?;
        self.confirm(&mut state, progress)?;
        state.findings.write(&self.out)?;
        Ok((state.findings, state.tally))
    }

    fn phase(
        &self,
        name: &str,
        plan: VecDeque<Planned>,
        deadline: Option<Instant>,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let room = self.cases_max.saturating_sub(state.tally.cases);
        progress.phase(name, plan.len().min(room));
        let planned = plan.len();
        let queue = Mutex::new(
            plan.into_iter()
                .take(room)
                .enumerate()
                .collect::<VecDeque<_>>(),
        );
        let (sender, results) = unbounded();
        let mut played = 0;
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                let sender = sender.clone();
                scope.spawn(|| self.work(&queue, deadline, sender));
            }
            drop(sender);
            let mut failure = None;
            for result in results {
                match result {
                    Ok((index, case, outcome)) => {
                        played += 1;
                        state.take(self, index, &case, outcome, progress);
                        progress.case(state.findings.len());
                    }
                    Err(error) => failure = Some(error),
                }
            }
            match failure {
                Some(error) if played == 0 => Err(error),
                Some(error) => {
                    state
                        .tally
                        .doubts
                        .insert(format!("a process for the cases failed: {error:#}"));
                    Ok(())
                }
                None => Ok(()),
            }
        })?;
        state.tally.left_out += planned - played;
        Ok(())
    }

    /// Replays each finding, and says how often it showed.
    fn confirm(&self, state: &mut Collected, progress: &mut dyn Progress) -> anyhow::Result<()> {
        let kept: Vec<Finding> = state.findings.iter().cloned().collect();
        if kept.is_empty() {
            return Ok(());
        }
        progress.phase("replays", kept.len() * REPLAYS as usize);
        let mut zygote = Zygote::start(&self.spec)?;
        for finding in kept {
            let scenario =
                Scenario::parse(&finding.scenario).map_err(|error| anyhow::anyhow!("{error}"))?;
            let faults: FaultSpec = finding.faults.parse()?;
            let mut shown = 0;
            for _ in 0..REPLAYS {
                let played = zygote.play(&finding.scenario, &finding.faults)?;
                let judged = judge_case(
                    &mut state.symbols,
                    &scenario,
                    &faults,
                    &self.nixl,
                    self.strict,
                    &played,
                );
                shown += u32::from(
                    judged
                        .findings
                        .iter()
                        .any(|again| again.fingerprint == finding.fingerprint),
                );
                progress.case(state.findings.len());
            }
            if let Some(kept) = state.findings.get_mut(&finding.fingerprint) {
                kept.stability = Stability { shown, of: REPLAYS };
            }
        }
        Ok(())
    }

    /// One worker: its own zygote, cases from the queue until it is empty or the time is over.
    fn work(
        &self,
        queue: &Mutex<VecDeque<(usize, Planned)>>,
        deadline: Option<Instant>,
        sender: Sender<Arrival>,
    ) {
        let mut zygote = match Zygote::start(&self.spec) {
            Ok(zygote) => zygote,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        while !self.stop.load(Relaxed) && deadline.is_none_or(|deadline| Instant::now() < deadline)
        {
            let Some((index, case)) = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front()
            else {
                return;
            };
            let scenario = self.scenarios[case.scenario].to_string();
            let outcome = zygote.play(&scenario, &case.faults.to_string());
            if sender
                .send(outcome.map(|played| (index, case, played)))
                .is_err()
            {
                return;
            }
        }
    }
}

/// What a worker sends: the place in the plan, the case, and what came of it.
type Arrival = anyhow::Result<(usize, Planned, Played)>;

/// What has come in so far.
struct Collected {
    findings: Findings,
    tally: Tally,
    /// The single deviations of each scenario, known from its benign run.
    singles: Vec<Vec<FaultSpec>>,
    /// Pairs that follow from a single fault, by the place of that in the plan.
    pairs: BTreeMap<usize, Vec<Planned>>,
    symbols: Symbolizer,
}

impl Collected {
    fn new(hunt: &Hunt) -> Collected {
        Collected {
            findings: Findings::default(),
            tally: Tally::default(),
            singles: vec![Vec::new(); hunt.scenarios.len()],
            pairs: BTreeMap::new(),
            symbols: Symbolizer::new(),
        }
    }

    fn take(
        &mut self,
        hunt: &Hunt,
        index: usize,
        case: &Planned,
        played: Played,
        progress: &mut dyn Progress,
    ) {
        self.tally.cases += 1;
        let scenario = &hunt.scenarios[case.scenario];
        let benign = case.faults.faults.is_empty();
        if let Some(snapshot) = &played.snapshot {
            for function in mock_ucx::functions::Function::all() {
                *self.tally.calls.entry(function.name()).or_default() +=
                    snapshot.calls[function as usize];
            }
            for fired in &snapshot.fired {
                let point = fired.asked.point;
                if let Some(outcome) = point.outcome_number(fired.choice) {
                    self.tally.fired.insert((point, outcome));
                }
            }
            if benign {
                self.singles[case.scenario] = first_faults(snapshot);
            } else if snapshot.fired.len() < case.faults.faults.len() {
                self.tally.unfired += 1;
            } else if case.faults.faults.len() == 1 {
                let follow = second_faults(&case.faults, snapshot);
                let plan = follow.into_iter().map(|faults| Planned {
                    scenario: case.scenario,
                    faults,
                });
                self.pairs.insert(index, plan.collect());
            }
        }
        let judged = judge_case(
            &mut self.symbols,
            scenario,
            &case.faults,
            &hunt.nixl,
            hunt.strict,
            &played,
        );
        self.tally.doubts.extend(judged.doubts);
        for finding in judged.findings {
            let told = finding.clone();
            if self.findings.insert(finding) {
                progress.found(&told);
                if let Err(error) = self.findings.write(&hunt.out) {
                    self.tally.doubts.insert(error.to_string());
                }
            }
        }
    }
}
