//! `mock-ucx minimize`: makes a finding small.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;

use super::subject::{Subject, SubjectArgs};
use crate::campaign::minimise::{
    Candidate, Minimised, Player, REPLAYS_MAX, Replay, Same, minimise,
};
use crate::campaign::{Recorded, STABILITY_REPLAYS, stability};
use crate::cli::CLEAN;
use crate::execute::pool::Zygote;
use crate::report::{Finding, Stability, Symbolizer};

/// Leaves out of a finding whatever it does not need - operations, then operands, then decisions - and prints the small one as a file.
#[derive(Args)]
pub struct MinimizeArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// File for the small one; standard output if not given.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replays that it may take.
    #[arg(long, default_value_t = REPLAYS_MAX, value_name = "N")]
    replays: usize,
}

impl MinimizeArgs {
    /// Minimises.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let begun = Instant::now();
        let subject = self.subject.load()?;
        let mut zygote = Zygote::start(&subject.spec)?;
        let mut symbols = Symbolizer::new();
        let first = Candidate::kept(&subject.recorded);
        let mut player = Player {
            stage: &mut zygote,
            symbols: &mut symbols,
            nixl: &subject.spec,
            strict: self.subject.strict,
            fingerprint: "",
        };
        let wanted = match &subject.fingerprint {
            Some(fingerprint) => {
                player.fingerprint = fingerprint;
                shown(&first, &mut player)?
            }
            None => {
                let Some(usual) = usual(&subject, &first, &mut player)? else {
                    bail!(
                        "`{}` shows nothing on NIXL {}",
                        self.subject.what,
                        subject.spec
                    );
                };
                Some(usual)
            }
        };
        let small = match wanted {
            Some(finding) => {
                let mut same = Same {
                    player: &mut player,
                    finding: &finding,
                };
                minimise(first, &mut same, self.replays, &|| true)?
            }
            None => None,
        };
        let Some(small) = small else {
            bail!(
                "`{}` did not show on NIXL {} however often it was played",
                self.subject.what,
                subject.spec
            );
        };
        player.fingerprint = &small.finding.fingerprint;
        let stability = stability(&mut player, &small.candidate, STABILITY_REPLAYS)?;
        write(&recorded(&subject, &small, stability), self.to.as_deref())?;
        let before = subject.recorded.scenario.lines().count();
        anstream::eprintln!(
            "{before} operations became {} in {} replays, {:.1} s; shows in {} of {}{}",
            small.candidate.scenario.lines().count(),
            small.replays,
            begun.elapsed().as_secs_f64(),
            stability.shown,
            stability.of,
            if small.complete {
                ""
            } else {
                "; there may be more to leave out: give it more with --replays"
            }
        );
        Ok(ExitCode::from(CLEAN))
    }
}

/// Plays by which the fingerprint is chosen: where threads race, a crash may be told in more than one way.
const CHOOSING_PLAYS: usize = 5;

/// Plays in which it must show once.
const SHOWING_PLAYS: usize = 15;

/// The finding that shows most often.
fn usual(
    subject: &Subject,
    first: &Candidate,
    player: &mut Player<'_>,
) -> anyhow::Result<Option<Finding>> {
    let mut seen: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for _ in 0..CHOOSING_PLAYS {
        let (shown, _) = player.play(first)?;
        if let Some(finding) = subject.chosen(&shown) {
            let alike = seen.entry(finding.fingerprint.clone()).or_default();
            alike.push(finding.clone());
        }
    }
    let most = seen.into_values().max_by_key(Vec::len);
    Ok(most.and_then(|mut alike| alike.pop()))
}

/// The finding as it is told when it shows.
fn shown(first: &Candidate, player: &mut Player<'_>) -> anyhow::Result<Option<Finding>> {
    for _ in 0..SHOWING_PLAYS {
        if let Some(shown) = player.replay(first)? {
            return Ok(Some(shown.finding));
        }
    }
    Ok(None)
}

/// The small finding as a file: what was noted of it before stays.
fn recorded(subject: &Subject, small: &Minimised, stability: Stability) -> Recorded {
    let finding = &small.finding;
    let mut recorded = Recorded {
        scenario: small.candidate.scenario.clone(),
        faults: small.candidate.faults.clone(),
        notes: subject.recorded.notes.clone(),
    };
    recorded.set_note("object", &finding.object);
    if let Some(rule) = &finding.rule {
        recorded.set_note("rule", rule);
    }
    recorded.set_note("fingerprint", &finding.fingerprint);
    recorded.set_note("family", &finding.family);
    recorded.set_note(
        "showed",
        &format!("{} of {}", stability.shown, stability.of),
    );
    recorded
}

fn write(recorded: &Recorded, to: Option<&Path>) -> anyhow::Result<()> {
    match to {
        Some(file) => std::fs::write(file, recorded.to_string())
            .with_context(|| format!("cannot write to {}", file.display())),
        None => {
            anstream::print!("{recorded}");
            Ok(())
        }
    }
}
