//! Makes a finding small: the same finding, by its fingerprint, from fewer operations, simpler operands and fewer decisions.
//!
//! Deterministic: the same finding on the same NIXL takes the same steps, since replays are counted, not timed.

mod decisions;
mod operands;
mod operations;
mod play;
mod trail;

use mock_ucx::schedule::FaultSpec;

use crate::campaign::Recorded;
use crate::report::Finding;
use crate::scenario::{Scenario, Step};

pub use play::{Player, Same};
use trail::Trail;

/// Replays that one finding may cost. A replay takes some ten milliseconds, and the largest built-in scenario needs a third of these.
pub const REPLAYS_MAX: usize = 300;

/// Rounds over all stages; the second seldom finds anything, and a third never did.
const ROUNDS_MAX: usize = 3;

/// Plays of the first candidate and of the last one, by which what shows always is told from what shows now and then.
const PROBES: usize = 5;

/// Plays of the first candidate in which it must show at least once.
const PROBES_UNSURE: usize = 3 * PROBES;

/// Plays of a candidate of which a finding that shows now and then must show in one.
const TRIES_UNSURE: usize = 3;

/// A repeat is unrolled, so that single operations of it can go, if it comes to no more than this many operations.
const UNROLLED_MAX: usize = 400;

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The scenario.
    pub scenario: Scenario,
    /// The faults.
    pub faults: FaultSpec,
}

impl Candidate {
    /// What a file that is kept is played by.
    pub fn kept(recorded: &Recorded) -> Candidate {
        Candidate {
            scenario: recorded.scenario.clone(),
            faults: recorded.faults.clone(),
        }
    }

    /// What a finding is shown by.
    ///
    /// # Errors
    /// Its scenario or its faults cannot be read.
    pub fn of(finding: &Finding) -> anyhow::Result<Candidate> {
        let mut scenario =
            Scenario::parse(&finding.scenario).map_err(|error| anyhow::anyhow!("{error}"))?;
        // What the whole scenario is for is not true of a part of it.
        scenario.about = format!("What shows it of the scenario {}", scenario.name);
        Ok(Candidate {
            scenario,
            faults: finding.faults.parse()?,
        })
    }
}

/// A candidate that showed the finding.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The finding as it was told there.
    pub finding: Finding,
    /// What was asked and made in which operation.
    pub trail: Trail,
}

/// Plays candidates.
pub trait Replay {
    /// The finding, if the candidate shows it.
    ///
    /// # Errors
    /// Nothing can be played any more.
    fn replay(&mut self, candidate: &Candidate) -> anyhow::Result<Option<Shown>>;
}

/// What came of it.
#[derive(Debug)]
pub struct Minimised {
    /// The smallest candidate that shows the finding.
    pub candidate: Candidate,
    /// The finding as it was told there.
    pub finding: Finding,
    /// Replays that it took.
    pub replays: usize,
    /// There was nothing left to try; else the replays ran out, or the caller stopped it.
    pub complete: bool,
}

/// Makes `first` as small as it goes with `replays_max` replays, and as long as `go_on` says so. `None`: it does not show the finding.
///
/// What shows always must show always when it is small: if it does not, all is done again, and each candidate has to show several times.
///
/// # Errors
/// Nothing can be played any more.
pub fn minimise(
    first: Candidate,
    replay: &mut dyn Replay,
    replays_max: usize,
    go_on: &dyn Fn() -> bool,
) -> anyhow::Result<Option<Minimised>> {
    let Some(mut search) = Search::begin(first.clone(), replay, replays_max, go_on)? else {
        return Ok(None);
    };
    let (sure, shown) = (search.tries == 1, search.shown.clone());
    search.run()?;
    if sure && search.may_go_on() && !search.shows_always()? {
        search.best = first;
        search.shown = shown;
        search.in_a_row = PROBES;
        search.run()?;
    }
    Ok(Some(Minimised {
        complete: search.may_go_on(),
        candidate: search.best,
        finding: search.shown.finding,
        replays: search.replays,
    }))
}

/// The search under way: the best candidate, and what it may still cost.
struct Search<'a> {
    best: Candidate,
    shown: Shown,
    replay: &'a mut dyn Replay,
    replays: usize,
    replays_max: usize,
    /// Plays of a candidate before it counts as one that does not show the finding.
    tries: usize,
    /// How often in a row a candidate has to show it to be taken.
    in_a_row: usize,
    go_on: &'a dyn Fn() -> bool,
}

impl<'a> Search<'a> {
    /// Plays the first candidate a few times: one that does not always show the finding makes for more tries of each.
    fn begin(
        first: Candidate,
        replay: &'a mut dyn Replay,
        replays_max: usize,
        go_on: &'a dyn Fn() -> bool,
    ) -> anyhow::Result<Option<Search<'a>>> {
        let mut shown = None;
        let (mut replays, mut misses) = (0, 0);
        while (replays < PROBES || (shown.is_none() && replays < PROBES_UNSURE))
            && (replays == 0 || go_on())
        {
            replays += 1;
            match replay.replay(&first)? {
                Some(again) => shown = Some(again),
                None => misses += 1,
            }
        }
        Ok(shown.map(|shown| Search {
            best: first,
            shown,
            replay,
            replays,
            replays_max,
            tries: if misses == 0 { 1 } else { TRIES_UNSURE },
            in_a_row: 1,
            go_on,
        }))
    }

    fn may_go_on(&self) -> bool {
        self.replays < self.replays_max && (self.go_on)()
    }

    /// All stages, until nothing is left to try.
    fn run(&mut self) -> anyhow::Result<()> {
        self.unroll()?;
        for _ in 0..ROUNDS_MAX {
            let before = self.best.clone();
            operations::fewer(self)?;
            operands::simpler(self)?;
            decisions::fewer(self)?;
            if self.best == before || !self.may_go_on() {
                break;
            }
        }
        Ok(())
    }

    /// Takes `candidate` for the best one if it shows the finding.
    fn try_one(&mut self, candidate: Candidate) -> anyhow::Result<bool> {
        for _ in 0..self.tries {
            if let Some(shown) = self.show(&candidate, self.in_a_row)? {
                self.shown = shown;
                self.best = candidate;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The finding, if the candidate shows it so often in a row.
    fn show(&mut self, candidate: &Candidate, in_a_row: usize) -> anyhow::Result<Option<Shown>> {
        let mut last = None;
        for _ in 0..in_a_row {
            if !self.may_go_on() {
                return Ok(None);
            }
            self.replays += 1;
            last = self.replay.replay(candidate)?;
            if last.is_none() {
                break;
            }
        }
        Ok(last)
    }

    fn shows_always(&mut self) -> anyhow::Result<bool> {
        let best = self.best.clone();
        Ok(self.show(&best, PROBES)?.is_some())
    }

    fn unroll(&mut self) -> anyhow::Result<()> {
        let is_flat = |step: &Step| matches!(step, Step::Line(_));
        let scenario = &self.best.scenario;
        // A repeat in which growth is looked for stays one.
        if scenario.growth
            || scenario.steps.iter().all(is_flat)
            || scenario.lines().nth(UNROLLED_MAX).is_some()
        {
            return Ok(());
        }
        let mut unrolled = self.best.clone();
        unrolled.scenario.steps = scenario.lines().cloned().map(Step::Line).collect();
        self.try_one(unrolled)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
