//! Makes each finding of a hunt small, plays it again to say how surely it shows, and tries it on the real UCX.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::minimise::{Candidate, Player, REPLAYS_MAX, Replay, Same, minimise};
use crate::certificate::certify;
use crate::execute::pool::Zygote;
use crate::oracle::Oracle;
use crate::report::{Finding, Stability, Symbolizer};

/// Replays of each finding, in fresh processes, to say how surely it shows again.
pub const STABILITY_REPLAYS: u32 = 10;

/// What hangs takes seconds a replay, so that few of them have to do.
pub(crate) const HANG_REPLAYS_MAX: usize = 12;
/// As above.
const HANG_STABILITY_REPLAYS: u32 = 3;

/// What a replay takes, and what one takes that hangs, with some room.
const PLAY: Duration = Duration::from_millis(30);
/// As above: it is given up after ten seconds of processor time.
const HANG_PLAY: Duration = Duration::from_secs(11);

/// What may be spent on a finding.
struct Allowance {
    /// Replays to make it small.
    replays_max: usize,
    /// Replays to say how surely it shows.
    stability: u32,
    /// Time that one takes.
    play: Duration,
}

impl Allowance {
    fn of(oracle: Oracle) -> Allowance {
        match oracle {
            Oracle::Hang => Allowance {
                replays_max: HANG_REPLAYS_MAX,
                stability: HANG_STABILITY_REPLAYS,
                play: HANG_PLAY,
            },
            _ => Allowance {
                replays_max: REPLAYS_MAX,
                stability: STABILITY_REPLAYS,
                play: PLAY,
            },
        }
    }

    /// Replays of the last kind that the time until `until` is enough for. Those that take a moment are always made.
    fn affordable(&self, until: Instant) -> u32 {
        let left = until.saturating_duration_since(Instant::now());
        match self.play.as_secs() {
            0 => self.stability,
            seconds => {
                let plays = u32::try_from(left.as_secs() / seconds).unwrap_or(u32::MAX);
                plays.min(self.stability)
            }
        }
    }
}

/// How findings are confirmed.
pub struct Confirm<'a> {
    /// NIXL: a release or a folder.
    pub spec: &'a str,
    /// Its name in findings.
    pub nixl: &'a str,
    /// Notes count as findings.
    pub strict: bool,
    /// No finding is made smaller after this.
    pub deadline: Instant,
    /// Set from outside to stop early: what is left stays as it is.
    pub stop: &'a AtomicBool,
}

impl Confirm<'_> {
    /// Confirms all of them in `jobs` processes at once; `done` is told of each. Each comes with the fingerprint that it had: what was
    /// taken for its cause may have turned out to be none.
    ///
    /// # Errors
    /// No case can be played any more, or a finding holds a scenario or faults that cannot be read.
    pub fn all(
        &self,
        findings: &[Finding],
        jobs: usize,
        done: &(dyn Fn() + Sync),
    ) -> anyhow::Result<Vec<(String, Finding)>> {
        let queue = Mutex::new(findings.iter());
        let results = Mutex::new(Vec::new());
        let next = || {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let left = queue.len();
            queue.next().map(|finding| (finding, left))
        };
        let jobs = jobs.clamp(1, findings.len().max(1));
        let work = || -> anyhow::Result<()> {
            let mut zygote = Zygote::start(self.spec)?;
            let mut symbols = Symbolizer::new();
            while !self.stop.load(Relaxed)
                && let Some((finding, left)) = next()
            {
                let until = self.share(left.div_ceil(jobs));
                let confirmed = self.one(finding, until, &mut zygote, &mut symbols)?;
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.push((finding.fingerprint.clone(), confirmed));
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
        Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The end of a fair share of the time that is left, for one of `left` findings.
    fn share(&self, left: usize) -> Instant {
        let now = Instant::now();
        let remaining = self.deadline.saturating_duration_since(now);
        let parts = u32::try_from(left.max(1)).unwrap_or(u32::MAX);
        now + remaining.checked_div(parts).unwrap_or(Duration::ZERO)
    }

    fn one(
        &self,
        finding: &Finding,
        until: Instant,
        zygote: &mut Zygote,
        symbols: &mut Symbolizer,
    ) -> anyhow::Result<Finding> {
        let candidate = Candidate::of(finding)?;
        let allowance = Allowance::of(finding.oracle);
        let go_on = |until: Instant| Instant::now() < until && !self.stop.load(Relaxed);
        let kept_back = allowance.play * allowance.stability;
        let small_until = until.checked_sub(kept_back).unwrap_or(until);
        let small = match go_on(small_until) {
            true => minimise(
                candidate.clone(),
                &mut Same {
                    player: &mut self.player(zygote, symbols, ""),
                    finding,
                },
                allowance.replays_max,
                &|| go_on(small_until),
            )?,
            false => None,
        };
        let (candidate, mut kept) = match small {
            Some(small) => {
                let mut kept = small.finding;
                kept.minimal = small.complete;
                (small.candidate, kept)
            }
            None => (candidate, finding.clone()),
        };
        kept.count = finding.count;
        let replays = allowance.affordable(until);
        if replays > 0 {
            let fingerprint = kept.fingerprint.clone();
            let mut player = self.player(zygote, symbols, &fingerprint);
            kept.stability = stability(&mut player, &candidate, replays)?;
        }
        if go_on(until) {
            kept.certificate = Some(certify(&kept, self.spec)?);
        }
        Ok(kept)
    }

    fn player<'b>(
        &'b self,
        stage: &'b mut Zygote,
        symbols: &'b mut Symbolizer,
        fingerprint: &'b str,
    ) -> Player<'b> {
        Player {
            stage,
            symbols,
            nixl: self.nixl,
            strict: self.strict,
            fingerprint,
        }
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
