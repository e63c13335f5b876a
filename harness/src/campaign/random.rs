//! The phase of a hunt that draws its scenarios: each is made from the hunt's seed and its own number, and so is what deviates in it. What
//! is found is played again with the decisions that fired as an explicit fault specification: only what shows then is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crossbeam_channel::{Sender, unbounded};
use mock_ucx::functions::Function;
use mock_ucx::schedule::{FaultSpec, Point};

use super::collected::Collected;
use super::hunt::{Hunt, Progress};
use super::outcome::judge_case;
use super::recorded::Recorded;
use crate::execute::case::{Draw, Glance, Task};
use crate::execute::pool::Zygote;
use crate::report::{Finding, Symbolizer};
use crate::scenario::Scenario;
use crate::scenario::generate::{Class, Recipe, Stream};

/// Of so many cases one is benign, and one takes its decisions from bytes; the others are swarms.
const KINDS: usize = 8;
/// Cases that are handed to a process at a time.
pub const HANDFUL: usize = 16;
/// Cases after which it is written down how far the phase is.
const TRACKED: usize = 1_000;
/// Decisions of a case that takes them from bytes.
const DECISIONS: usize = 256;
/// One decision of so many is not benign: bytes are, and most outcomes have small numbers.
const DEVIATES_OF: u8 = 16;

/// A case that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The scenario.
    pub scenario: Scenario,
    /// Who decides in it.
    pub draw: Draw,
}

impl Drawn {
    /// Case `number` of the search with this seed.
    pub fn new(seed: u64, number: usize, class: Class) -> Drawn {
        let mut stream = Stream::new(seed, number as u64);
        let recipe = Recipe::from_bytes(&stream.recipe());
        let draw = match number % KINDS {
            0 => Draw::Nothing,
            1 => Draw::Bytes(stream.bytes(DECISIONS).into_iter().map(sparse).collect()),
            _ => Draw::Swarm(stream.next_number()),
        };
        Drawn {
            scenario: recipe.scenario(&format!("random-{seed}-{number}"), class),
            draw,
        }
    }
}

fn sparse(byte: u8) -> u8 {
    if byte.is_multiple_of(DEVIATES_OF) {
        1 + byte / DEVIATES_OF % 8
    } else {
        0
    }
}

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
    calls: BTreeMap<&'static str, u64>,
    fired: BTreeSet<(Point, usize)>,
    /// It went round a known crash.
    sidestepped: bool,
}

impl Outcome {
    fn of(glance: &Glance) -> anyhow::Result<Outcome> {
        let calls = Function::all().map(Function::name).zip(glance.calls.iter());
        let fired: FaultSpec = glance.fired.as_deref().unwrap_or_default().parse()?;
        let fired = fired.faults.iter().flat_map(|fault| {
            let choices = fault.choices.iter();
            choices.filter_map(|choice| {
                let number = fault.point.outcome_number(*choice)?;
                Some((fault.point, number))
            })
        });
        Ok(Outcome {
            findings: Vec::new(),
            doubts: Vec::new(),
            lost: 0,
            calls: calls.map(|(name, calls)| (name, *calls)).collect(),
            fired: fired.collect(),
            sidestepped: false,
        })
    }
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
        tally.fired.extend(outcome.fired);
        for (function, calls) in outcome.calls {
            *tally.calls.entry(function).or_default() += calls;
        }
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
        let mut outcome = Outcome::of(glance)?;
        outcome.sidestepped = case.sidestepped;
        if !glance.suspicious && !glance.doubtful {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_cases_and_another_one_others() {
        let cases = |seed| {
            (0..20)
                .map(|number| Drawn::new(seed, number, Class::Contract))
                .collect::<Vec<_>>()
        };
        assert_eq!(cases(1), cases(1));
        let mut others = cases(2).into_iter().zip(cases(1));
        assert!(others.all(|(one, other)| one.scenario.steps != other.scenario.steps));
    }

    #[test]
    fn most_decisions_from_bytes_are_benign_and_some_are_not() {
        let Draw::Bytes(bytes) = Drawn::new(7, 1, Class::Contract).draw else {
            panic!("the second case of each eight takes its decisions from bytes");
        };
        let deviating = bytes.iter().filter(|byte| **byte > 0).count();
        assert!((1..DECISIONS / 8).contains(&deviating), "{deviating}");
    }
}
