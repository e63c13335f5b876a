//! Makes each finding of a hunt small, and plays it again to say how surely it shows.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::minimise::{Candidate, Player, REPLAYS_MAX, Replay, minimise};
use crate::execute::pool::Zygote;
use crate::oracle::Oracle;
use crate::report::{Finding, Stability, Symbolizer};

/// Replays of each finding, in fresh processes, to say how surely it shows again.
pub const STABILITY_REPLAYS: u32 = 10;

/// What hangs takes seconds a replay, so that few of them have to do.
const HANG_REPLAYS_MAX: usize = 12;
/// As above.
const HANG_STABILITY_REPLAYS: u32 = 3;

/// How findings are confirmed.
pub struct Confirm<'a> {
    /// NIXL: a release or a folder.
    pub spec: &'a str,
    /// Its name in findings.
    pub nixl: &'a str,
    /// Notes count as findings.
    pub strict: bool,
    /// No finding is made smaller after this; `None`: each takes the replays that it needs.
    pub deadline: Option<Instant>,
}

/// A finding after it was confirmed.
#[derive(Debug)]
pub struct Confirmed {
    /// The finding, from the smallest case that shows it, with its stability.
    pub finding: Finding,
    /// There was nothing left to make smaller.
    pub complete: bool,
    /// Replays that making it small took.
    pub replays: usize,
}

impl Confirm<'_> {
    /// Confirms all of them in `jobs` processes at once; `done` is told of each. In the order in which they were given.
    ///
    /// # Errors
    /// No case can be played any more, or a finding holds a scenario or faults that cannot be read.
    pub fn all(
        &self,
        findings: &[Finding],
        jobs: usize,
        done: &(dyn Fn() + Sync),
    ) -> anyhow::Result<Vec<Confirmed>> {
        let queue = Mutex::new(findings.iter().enumerate());
        let results = Mutex::new(Vec::new());
        let next = || {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let left = queue.len();
            queue.next().map(|(index, finding)| (index, finding, left))
        };
        let jobs = jobs.clamp(1, findings.len().max(1));
        let work = || -> anyhow::Result<()> {
            let mut zygote = Zygote::start(self.spec)?;
            let mut symbols = Symbolizer::new();
            while let Some((index, finding, left)) = next() {
                let until = self.share(left.div_ceil(jobs));
                let confirmed = self.one(finding, until, &mut zygote, &mut symbols)?;
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.push((index, confirmed));
                done();
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| match worker.join() {
                    Ok(result) => result,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        })?;
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        Ok(results
            .into_iter()
            .map(|(_, confirmed)| confirmed)
            .collect())
    }

    /// The end of a fair share of the time that is left, for one of `left` findings.
    fn share(&self, left: usize) -> Option<Instant> {
        let deadline = self.deadline?;
        let now = Instant::now();
        let remaining = deadline.saturating_duration_since(now);
        let parts = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
        Some(now + remaining.checked_div(parts).unwrap_or(Duration::ZERO))
    }

    fn one(
        &self,
        finding: &Finding,
        until: Option<Instant>,
        zygote: &mut Zygote,
        symbols: &mut Symbolizer,
    ) -> anyhow::Result<Confirmed> {
        let candidate = Candidate::of(finding)?;
        let mut player = Player {
            zygote,
            symbols,
            nixl: self.nixl,
            strict: self.strict,
            fingerprint: &finding.fingerprint,
        };
        let (replays_max, stability_replays) = match finding.oracle {
            Oracle::Hang => (HANG_REPLAYS_MAX, HANG_STABILITY_REPLAYS),
            _ => (REPLAYS_MAX, STABILITY_REPLAYS),
        };
        let go_on = || until.is_none_or(|until| Instant::now() < until);
        let small = match go_on() {
            true => minimise(candidate.clone(), &mut player, replays_max, &go_on)?,
            false => None,
        };
        let (candidate, mut kept, replays, complete) = match small {
            Some(small) => (
                small.candidate,
                small.finding,
                small.replays,
                small.complete,
            ),
            None => (candidate, finding.clone(), 0, false),
        };
        kept.count = finding.count;
        kept.stability = stability(&mut player, &candidate, stability_replays)?;
        Ok(Confirmed {
            finding: kept,
            complete,
            replays,
        })
    }
}

/// In how many of how many plays a candidate shows the finding.
///
/// # Errors
/// Nothing can be played any more.
pub fn stability(
    replay: &mut dyn Replay,
    candidate: &Candidate,
    of: u32,
) -> anyhow::Result<Stability> {
    let mut shown = 0;
    for _ in 0..of {
        shown += u32::from(replay.replay(candidate)?.is_some());
    }
    Ok(Stability { shown, of })
}
