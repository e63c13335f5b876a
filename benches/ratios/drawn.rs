//! What a search plays: scenarios that are drawn, of 20 operations, on the mock with all oracles, and the same on the other two without any.

use std::time::{Duration, Instant};

use anyhow::ensure;
use harness::campaign::{Drawn, HANDFUL};
use harness::execute::case::{Draw, Task};
use harness::execute::interpret::{Patience, play};
use harness::execute::pool::Zygote;
use harness::nixl::capi::Api;
use harness::scenario::Scenario;
use harness::scenario::generate::Class;

use super::arm::Arm;

/// Operations of a scenario; what gives everything back at its end comes on top.
const OPERATIONS: usize = 20;
const SEED: u64 = 1;

/// Scenarios in a sample. Real UCX takes a tenth of a second for one.
const CASES: u32 = 1_000;
const CASES_REAL: u32 = 50;

/// Seconds of one scenario, by round: the mock's and the other's, over the same scenarios.
#[derive(Default)]
pub(crate) struct Pair {
    pub(crate) mock: Vec<f64>,
    pub(crate) other: Vec<f64>,
}

/// What was measured.
#[derive(Default)]
pub(crate) struct Found {
    /// On the stub, [`CASES`] scenarios.
    pub(crate) bare: Pair,
    /// On real UCX, [`CASES_REAL`].
    pub(crate) real: Pair,
}

fn scenario(number: usize) -> Scenario {
    let mut scenario = Drawn::new(SEED, number, Class::Contract).scenario;
    scenario.steps.truncate(OPERATIONS);
    scenario
}

/// The first scenarios, but for those in which NIXL crashes.
fn scenarios(count: u32, crashing: &[usize]) -> Vec<Scenario> {
    let numbers = (0..).filter(|number| !crashing.contains(number));
    numbers.take(count as usize).map(scenario).collect()
}

/// Time that an arm takes for the first `count` of them.
pub(crate) fn run(api: &'static Api, count: u32, crashing: &[usize]) -> Duration {
    let scenarios = scenarios(count, crashing);
    let begun = Instant::now();
    for scenario in &scenarios {
        play(api, scenario, Patience::default(), &mut ());
    }
    begun.elapsed()
}

/// The three in turn.
pub(crate) fn compare(
    release: &str,
    rounds: usize,
    bare: &mut Arm,
    real: &mut Arm,
) -> anyhow::Result<Found> {
    eprintln!("drawn scenarios");
    let mut mock = Zygote::start_with(env!("CARGO_BIN_EXE_mock-ucx").as_ref(), release)?;
    let crashing = crashing(&mut mock)?;
    let mut found = Found::default();
    for round in 0..=rounds {
        for (pair, arm, count) in [
            (&mut found.bare, &mut *bare, CASES),
            (&mut found.real, &mut *real, CASES_REAL),
        ] {
            let one = on_mock(&mut mock, count, &crashing)?;
            let other = arm.drawn(count, &crashing)?;
            // The first round warms them.
            if round > 0 {
                pair.mock.push(one.as_secs_f64() / f64::from(count));
                pair.other.push(other.as_secs_f64() / f64::from(count));
            }
        }
    }
    Ok(found)
}

/// The numbers of scenarios in which NIXL crashes, which would end the other arms.
fn crashing(mock: &mut Zygote) -> anyhow::Result<Vec<usize>> {
    let mut crashing = Vec::new();
    for number in 0..2 * CASES as usize {
        let glances = mock.glance(vec![task(&scenario(number))])?;
        if glances.iter().any(|glance| glance.ended.is_some()) {
            crashing.push(number);
        }
    }
    Ok(crashing)
}

fn on_mock(mock: &mut Zygote, count: u32, crashing: &[usize]) -> anyhow::Result<Duration> {
    let tasks: Vec<Task> = scenarios(count, crashing).iter().map(task).collect();
    let begun = Instant::now();
    for tasks in tasks.chunks(HANDFUL) {
        let glances = mock.glance(tasks.to_vec())?;
        ensure!(glances.len() == tasks.len(), "a scenario was not played");
    }
    Ok(begun.elapsed())
}

fn task(scenario: &Scenario) -> Task {
    Task {
        scenario: scenario.to_string(),
        faults: String::new(),
        draw: Draw::Nothing,
        follow: false,
    }
}
