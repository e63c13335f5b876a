//! Plays candidates, each in a process of its own.

use super::{Candidate, Replay, Shown, Trail};
use crate::campaign::{Recorded, judge_case};
use crate::execute::pool::Stage;
use crate::report::{Finding, Symbolizer};

/// Plays of a kept file, in one of which it must show what it is kept for.
const KEPT_PLAYS_MAX: usize = 5;

/// Looks for one finding in what a zygote plays.
pub struct Player<'a> {
    /// Where it is played.
    pub stage: &'a mut dyn Stage,
    /// Names of frames.
    pub symbols: &'a mut Symbolizer,
    /// The NIXL's name in findings.
    pub nixl: &'a str,
    /// Notes count as findings.
    pub strict: bool,
    /// The finding's.
    pub fingerprint: &'a str,
}

impl Player<'_> {
    /// All that a candidate shows, with the trail of its play.
    ///
    /// # Errors
    /// No zygote can be had.
    pub fn play(&mut self, candidate: &Candidate) -> anyhow::Result<(Vec<Finding>, Trail)> {
        let scenario = candidate.scenario.to_string();
        let played = self.stage.play(&scenario, &candidate.faults.to_string())?;
        let judged = judge_case(
            self.symbols,
            &candidate.scenario,
            &candidate.faults,
            self.nixl,
            self.strict,
            &played,
        );
        Ok((judged.findings, Trail::of(&played)))
    }

    /// All that a kept file shows, in the first of some plays in which it shows what it is kept for; nothing, if it never does.
    ///
    /// # Errors
    /// No zygote can be had.
    pub fn play_kept(&mut self, recorded: &Recorded) -> anyhow::Result<Vec<Finding>> {
        let candidate = Candidate::kept(recorded);
        for _ in 0..KEPT_PLAYS_MAX {
            let (shown, _) = self.play(&candidate)?;
            if recorded.chosen(&shown).is_some() {
                return Ok(shown);
            }
        }
        Ok(Vec::new())
    }
}

impl Replay for Player<'_> {
    fn replay(&mut self, candidate: &Candidate) -> anyhow::Result<Option<Shown>> {
        let (findings, trail) = self.play(candidate)?;
        let same = |finding: &Finding| finding.fingerprint == self.fingerprint;
        Ok(findings
            .into_iter()
            .find(same)
            .map(|finding| Shown { finding, trail }))
    }
}

/// Looks for a finding whatever fault led to it: of several that fired the last one is taken for its cause, and may be none of it.
pub struct Same<'a, 'b> {
    /// Plays the candidates; its own fingerprint does not matter.
    pub player: &'a mut Player<'b>,
    /// The finding.
    pub finding: &'a Finding,
}

impl Replay for Same<'_, '_> {
    fn replay(&mut self, candidate: &Candidate) -> anyhow::Result<Option<Shown>> {
        let (findings, trail) = self.player.play(candidate)?;
        let same = findings.into_iter().find(|one| self.finding.is_same(one));
        Ok(same.map(|finding| Shown { finding, trail }))
    }
}
