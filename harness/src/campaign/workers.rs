//! Plays a plan in several processes at once: each worker has a zygote of its own and takes case after case.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Sender, unbounded};

use super::plan::Planned;
use crate::execute::case::Played;
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
    /// Set from outside to stop early.
    pub(super) stop: &'a AtomicBool,
}

/// What a worker sends: the place in the plan, the case, and what came of it.
type Arrival = anyhow::Result<(usize, Planned, Played)>;

/// How a plan went.
pub(super) struct Done {
    /// Cases that were played.
    pub(super) played: usize,
    /// Why not all workers could go on to the end.
    pub(super) failure: Option<anyhow::Error>,
}

impl Workers<'_> {
    /// Plays the plan; `take` gets each case in the order in which they end.
    pub(super) fn play(
        &self,
        plan: VecDeque<Planned>,
        mut take: impl FnMut(usize, &Planned, Played),
    ) -> Done {
        let jobs = self.jobs.clamp(1, plan.len().max(1));
        let queue = Mutex::new(plan.into_iter().enumerate().collect::<VecDeque<_>>());
        let (sender, results) = unbounded();
        let mut done = Done {
            played: 0,
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
        let next = || {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.pop_front()
        };
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
        while self.may_go_on() {
            let Some((index, case)) = next() else {
                return;
            };
            let scenario = case.scenario.to_string();
            let outcome = zygote.play(&scenario, &case.faults.to_string());
            let arrival = outcome.map(|played| (index, case, played));
            if sender.send(arrival).is_err() {
                return;
            }
        }
    }
}
