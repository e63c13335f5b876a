//! Plays a plan in several processes at once: each worker has a zygote of its own and takes case after case.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Sender, unbounded};

use super::plan::Planned;
use super::random::HANDFUL;
use crate::execute::SLOW_NETWORK;
use crate::execute::case::{Draw, Glance, Played, Task};
use crate::execute::pool::Zygote;

/// What a plan is played with.
pub(super) struct Workers<'a> {
    /// NIXL: a release or a folder.
    pub(super) spec: &'a str,
    /// Processes at once.
    pub(super) jobs: usize,
    /// When to stop; `None`: not before the plan's end.
    pub(super) deadline: Option<Instant>,
    /// Whether what is asked of the system is recorded.
    pub(super) environment: bool,
    /// Whether cases are played in a process that plays many, and only those that deserve a second look in one of their own.
    pub(super) glances: bool,
    /// Set from outside to stop early.
    pub(super) stop: &'a AtomicBool,
}

/// What came of a case.
pub(super) enum Shown {
    /// It was played in a process of its own, perhaps after a first look at it.
    Whole(Box<Played>, Option<Glance>),
    /// Nothing at first sight.
    Nothing(Glance),
}

/// What a worker sends: the place in the plan, the case, and what came of it.
type Arrival = anyhow::Result<(usize, Planned, Shown)>;

/// How a plan went.
pub(super) struct Done {
    /// Cases that were played.
    pub(super) played: usize,
    /// Cases that were not, in their order.
    pub(super) rest: VecDeque<Planned>,
    /// Why not all workers could go on to the end.
    pub(super) failure: Option<anyhow::Error>,
}

impl Workers<'_> {
    /// Plays the plan; `take` gets each case in the order in which they end.
    pub(super) fn play(
        &self,
        plan: VecDeque<Planned>,
        mut take: impl FnMut(usize, &Planned, Shown),
    ) -> Done {
        let jobs = self.jobs.clamp(1, plan.len().max(1));
        let queue = Mutex::new(plan.into_iter().enumerate().collect::<VecDeque<_>>());
        let (sender, results) = unbounded();
        let mut done = Done {
            played: 0,
            rest: VecDeque::new(),
            failure: None,
        };
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let sender = sender.clone();
                scope.spawn(|| self.work(&queue, sender));
            }
            drop(sender);
            for result in results {
                match result {
                    Ok((index, case, outcome)) => {
                        done.played += 1;
                        take(index, &case, outcome);
                    }
                    Err(error) => done.failure = Some(error),
                }
            }
        });
        let queue = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.rest = queue.into_iter().map(|(_, case)| case).collect();
        done
    }

    fn may_go_on(&self) -> bool {
        let in_time = self
            .deadline
            .is_none_or(|deadline| Instant::now() < deadline);
        in_time && !self.stop.load(Relaxed)
    }

    /// One worker: cases from the queue until it is empty or the time is over.
    fn work(&self, queue: &Mutex<VecDeque<(usize, Planned)>>, sender: Sender<Arrival>) {
        // A process for the cases is not started for nothing.
        if !self.may_go_on() {
            return;
        }
        let mut zygote = match Zygote::start(self.spec) {
            Ok(zygote) => zygote,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        if self.environment {
            zygote.record_environment();
        }
        let next = || {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            // Near the end each worker takes its part only.
            let part = queue.len().div_ceil(self.jobs.max(1));
            let room = if self.glances { HANDFUL } else { 1 };
            queue.drain(..room.min(part)).collect::<Vec<_>>()
        };
        while self.may_go_on() {
            let cases = next();
            if cases.is_empty() {
                return;
            }
            let arrivals = match self.handful(&mut zygote, cases) {
                Ok(arrivals) => arrivals,
                Err(error) => vec![Err(error)],
            };
            for arrival in arrivals {
                if sender.send(arrival).is_err() {
                    return;
                }
            }
        }
    }

    fn handful(
        &self,
        zygote: &mut Zygote,
        cases: Vec<(usize, Planned)>,
    ) -> anyhow::Result<Vec<Arrival>> {
        let suits = |case: &Planned| self.glances && suits_a_glance(case);
        let tasks = cases.iter().filter(|(_, case)| suits(case));
        let tasks: Vec<Task> = tasks.map(|(_, case)| task(case)).collect();
        let mut glances = match tasks.is_empty() {
            true => Vec::new(),
            false => zygote.glance(tasks)?,
        }
        .into_iter();
        let shown = |(index, case): (usize, Planned)| {
            let glance = suits(&case).then(|| glances.next()).flatten();
            let shown = match glance {
                Some(glance) if !glance.is_worth_another() => Shown::Nothing(glance),
                glance => {
                    let played = zygote.play(&case.scenario.to_string(), &case.faults.to_string());
                    Shown::Whole(Box::new(played?), glance)
                }
            };
            Ok((index, case, shown))
        };
        Ok(cases.into_iter().map(shown).collect())
    }
}

/// A process that plays many cases has one environment for all, and nothing is counted in it; and of what is ground for others everything
/// is wanted.
fn suits_a_glance(case: &Planned) -> bool {
    let scenario = &case.scenario;
    let ground = case.faults == *SLOW_NETWORK;
    !ground && !scenario.growth && !scenario.telemetry && !scenario.churns()
}

fn task(case: &Planned) -> Task {
    Task {
        scenario: case.scenario.to_string(),
        faults: case.faults.to_string(),
        draw: Draw::Nothing,
        follow: case.is_single(),
    }
}
