//! The phase of a hunt that draws its cases ([`super::drawn`]). What is found is played again with the decisions that fired as an explicit
//! fault specification: only what shows then is kept.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crossbeam_channel::{Sender, unbounded};
use mock_ucx::schedule::FaultSpec;

use super::collected::Collected;
use super::drawn::Drawn;
use super::hunt::{Hunt, Progress};
use super::outcome::judge_case;
use super::recorded::Recorded;
use crate::execute::case::{Glance, Task};
use crate::execute::pool::Zygote;
use crate::report::{Finding, Symbolizer};
use crate::scenario::Scenario;

/// Cases that are handed to a process at a time.
pub const HANDFUL: usize = 16;
/// Cases after which it is written down how far the phase is.
const TRACKED: usize = 1_000;

/// A case as it is played.
struct Case {
    number: usize,
    scenario: Scenario,
    task: Task,
    /// It goes round a known crash.
    sidestepped: bool,
}

/// What a worker sends for a case.
struct Outcome {
    findings: Vec<Finding>,
    doubts: Vec<String>,
    /// Findings that did not show again.
    lost: usize,
    glance: Glance,
    /// It went round a known crash.
    sidestepped: bool,
}

/// One phase of a hunt.
pub(super) struct Random<'a> {
    pub(super) hunt: &'a Hunt,
    pub(super) seed: u64,
    /// The number of its first case.
    pub(super) first: usize,
    pub(super) cases_max: usize,
    pub(super) deadline: Instant,
}

impl Random<'_> {
    /// Draws and plays cases until time or number is at its end.
    ///
    /// # Errors
    /// No case can be played at all.
    pub(super) fn run(
        &self,
        state: &mut Collected,
        progress: &mut dyn Progress,
    ) -> anyhow::Result<()> {
        let next = AtomicUsize::new(self.first);
        let (sender, results) = unbounded();
        let mut played = self.first;
        let mut failure = None;
        std::thread::scope(|scope| {
            for _ in 0..self.hunt.jobs.max(1) {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || self.work(next, sender));
            }
            drop(sender);
            // Cases are taken in by their numbers, so that of two that find the same it is always the same that is kept.
            let mut waiting = BTreeMap::new();
            for result in results {
                match result {
                    Ok((number, outcome)) => drop(waiting.insert(number, outcome)),
                    Err(error) => failure = Some(error),
                }
                while let Some(outcome) = waiting.remove(&played) {
                    played += 1;
                    self.take(outcome, state, progress);
                    if played.is_multiple_of(TRACKED) {
                        state.journal.drew(self.seed, self.hunt.class, played);
                    }
                }
            }
            state.journal.drew(self.seed, self.hunt.class, played);
            for outcome in waiting.into_values() {
                self.take(outcome, state, progress);
            }
        });
        match failure {
            Some(error) if state.tally.drawn == 0 => Err(error),
            Some(error) => {
                let doubt = format!("a process for the cases failed: {error:#}");
                state.tally.doubts.insert(doubt);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn take(&self, outcome: Outcome, state: &mut Collected, progress: &mut dyn Progress) {
        let tally = &mut state.tally;
        tally.cases += 1;
        tally.drawn += 1;
        tally.sidestepped += usize::from(outcome.sidestepped);
        tally.not_replayed += outcome.lost;
        tally.doubts.extend(outcome.doubts);
        tally.count(&outcome.glance);
        for finding in outcome.findings {
            state.add(self.hunt, finding, progress);
        }
        progress.case(state.findings.len());
    }

    /// One worker: case after case until the end.
    fn work(&self, next: &AtomicUsize, sender: Sender<anyhow::Result<(usize, Outcome)>>) {
        let mut zygote = match Zygote::start(&self.hunt.spec) {
            Ok(zygote) => zygote,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        let mut symbols = Symbolizer::new();
        while !self.hunt.stop.load(Relaxed) && Instant::now() < self.deadline {
            let first = next.fetch_add(HANDFUL, Relaxed);
            let numbers = first..self.end().min(first + HANDFUL);
            if numbers.is_empty() {
                return;
            }
            let arrivals = match self.handful(&mut zygote, &mut symbols, numbers) {
                Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            for arrival in arrivals {
                if sender.send(arrival).is_err() {
                    return;
                }
            }
        }
    }

    /// The number behind the last case.
    fn end(&self) -> usize {
        self.first.saturating_add(self.cases_max)
    }

    /// Some cases at once: to hand over one alone costs as much as to play it.
    fn handful(
        &self,
        zygote: &mut Zygote,
        symbols: &mut Symbolizer,
        numbers: Range<usize>,
    ) -> anyhow::Result<Vec<(usize, Outcome)>> {
        let cases: Vec<_> = numbers.map(|number| self.draw(number)).collect();
        let tasks = cases.iter().map(|case| case.task.clone());
        let glances = zygote.glance(tasks.collect())?;
        let outcomes = cases.iter().zip(&glances).map(|(case, glance)| {
            let outcome = self.look(zygote, symbols, case, glance)?;
            Ok((case.number, outcome))
        });
        outcomes.collect()
    }

    fn draw(&self, number: usize) -> Case {
        let mut drawn = Drawn::new(self.seed, number, self.hunt.class);
        let around = self.hunt.known.sidestep_any(&drawn.scenario);
        let sidestepped = around.is_some();
        if let Some(around) = around {
            drawn.scenario = around;
        }
        Case {
            number,
            task: Task {
                scenario: drawn.scenario.to_string(),
                faults: String::new(),
                draw: drawn.draw,
                follow: false,
            },
            scenario: drawn.scenario,
            sidestepped,
        }
    }

    /// Has a second look at a case that deserves one: what fired in it is asked for by name.
    fn look(
        &self,
        zygote: &mut Zygote,
        symbols: &mut Symbolizer,
        case: &Case,
        glance: &Glance,
    ) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome {
            findings: Vec::new(),
            doubts: Vec::new(),
            lost: 0,
            glance: glance.clone(),
            sidestepped: case.sidestepped,
        };
        if !glance.is_worth_another() {
            return Ok(outcome);
        }
        let Some(faults) = &glance.fired else {
            // What cannot be named cannot be played again, so whatever it shows is not kept.
            outcome.lost = usize::from(glance.suspicious);
            return Ok(outcome);
        };
        let played = zygote.play(&case.task.scenario, faults)?;
        let faults: FaultSpec = faults.parse()?;
        let hunt = self.hunt;
        let judged = judge_case(
            symbols,
            &case.scenario,
            &faults,
            &hunt.nixl,
            hunt.strict,
            &played,
        );
        outcome.lost = usize::from(glance.suspicious && judged.findings.is_empty());
        outcome.findings = judged.findings;
        outcome.doubts = judged.doubts;
        if glance.doubtful && outcome.doubts.is_empty() {
            let doubt = "could not be vouched for, and could when it was played again";
            outcome
                .doubts
                .push(format!("{} {doubt}", case.scenario.name));
        }
        if !outcome.doubts.is_empty() {
            outcome.doubts.push(self.keep(&case.scenario, faults));
        }
        Ok(outcome)
    }

    /// Writes a case down that could not be vouched for, so that it can be played again; returns where it is.
    fn keep(&self, scenario: &Scenario, faults: FaultSpec) -> String {
        let file = self
            .hunt
            .out
            .join(&scenario.name)
            .with_extension("scenario");
        let recorded = Recorded {
            scenario: scenario.clone(),
            faults,
            notes: Vec::new(),
        };
        match std::fs::write(&file, recorded.to_string()) {
            Ok(()) => format!("{}: that case is in {}", scenario.name, file.display()),
            Err(error) => format!(
                "{}: cannot write {}: {error}",
                scenario.name,
                file.display()
            ),
        }
    }
}
