//! In which releases a kept finding shows: each file is played on each release, and what shows there is held against what it is kept for.

mod dependence;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use mock_ucx::schedule::{Environment, Fault, FaultSpec, Occurrences, Point};
use serde::{Deserialize, Serialize};

use super::judge_case;
use super::recorded::Recorded;
use super::store::Store;
use crate::execute::case::End;
use crate::execute::pool::Zygote;
use crate::oracle::Oracle;
use crate::report::{Finding, Symbolizer};

pub use dependence::depends_on_ucx;
pub use table::{Bisect, Row, Run, Table};

/// Name of the file in the output folder that keeps verdicts.
const FILE_NAME: &str = "bisect.jsonl";

/// What is known of files on releases.
pub type Verdicts = Store<Verdict>;

/// Opens the verdicts of a folder for this build and so many plays; with `fresh`, without what is in it.
///
/// # Errors
/// They can be neither read nor written.
pub fn open(folder: &Path, build: &str, times: u32, fresh: bool) -> anyhow::Result<Verdicts> {
    Store::open(folder.join(FILE_NAME), format!("{build} {times}"), fresh)
}

/// Takes in what a file comes to in a place. What failed for a reason of this machine is played again by the next bisection.
fn keep(
    verdicts: &mut Verdicts,
    recorded: &Recorded,
    place: String,
    verdict: Verdict,
) -> anyhow::Result<()> {
    let lasting = !matches!(verdict, Verdict::Failed(_));
    verdicts.put(recorded, place, verdict, lasting)
}

/// What a kept finding comes to on one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It shows.
    Shows {
        /// Plays in which it did.
        shown: u32,
        /// Plays.
        of: u32,
        /// Its family there.
        family: String,
    },
    /// All was played, every fault happened, and it does not show.
    Clean,
    /// It does not show, but a fault that it needs did not happen, or maybe elsewhere: nothing is known.
    Unreached,
    /// It does not show, but operations were skipped for the sake of these functions, which the release does not have.
    Lacking(BTreeSet<String>),
    /// The play ended early in something else.
    Otherwise(String),
    /// The release, or the play, cannot be had.
    Failed(String),
}

/// One play, as far as the verdict needs it.
enum Play {
    Shown(String),
    Not(Verdict),
}

/// Plays a file on a release so many times.
///
/// # Errors
/// No process can be had for it.
pub fn examine(
    zygote: &mut Zygote,
    symbols: &mut Symbolizer,
    release: &str,
    recorded: &Recorded,
    times: u32,
) -> anyhow::Result<Verdict> {
    let mut families = Vec::new();
    let mut other = Verdict::Clean;
    let mut plays = 0;
    // What spins costs ten seconds of a processor, and does so by no accident.
    let spins = |end| matches!(end, End::Hung(_));
    while plays < times {
        plays += 1;
        let (end, play) = play(zygote, symbols, release, recorded)?;
        match play {
            Play::Shown(family) => families.push(family),
            Play::Not(verdict) => other = verdict,
        }
        if spins(end) {
            break;
        }
    }
    Ok(match families.first() {
        None => other,
        Some(family) => Verdict::Shows {
            shown: families.len() as u32,
            of: plays,
            family: family.clone(),
        },
    })
}

fn play(
    zygote: &mut Zygote,
    symbols: &mut Symbolizer,
    release: &str,
    recorded: &Recorded,
) -> anyhow::Result<(End, Play)> {
    let (scenario, faults) = (&recorded.scenario, &recorded.faults);
    let played = zygote.play(&scenario.to_string(), &faults.to_string())?;
    let judged = judge_case(symbols, scenario, faults, release, false, &played);
    let end = played.end;
    if let Some(doubt) = judged.doubts.first() {
        return Ok((end, Play::Not(Verdict::Failed(doubt.clone()))));
    }
    if let Some(finding) = recorded.chosen(&judged.findings) {
        return Ok((end, Play::Shown(finding.family.clone())));
    }
    let lacking: BTreeSet<String> = played.absent().map(str::to_owned).collect();
    let fired = played.snapshot.map_or(0, |snapshot| snapshot.fired.len());
    let early = judged.findings.iter().find(|finding| ends(finding));
    let verdict = match early {
        Some(finding) => Verdict::Otherwise(told(finding)),
        None if !lacking.is_empty() => Verdict::Lacking(lacking),
        None if fired < faults.faults.len() || is_of_one_build(faults) => Verdict::Unreached,
        None => Verdict::Clean,
    };
    Ok((end, Play::Not(verdict)))
}

/// Whether a fault happens elsewhere in another build: each allocates in its own way, so that the ninth allocation is another one there.
fn is_of_one_build(faults: &FaultSpec) -> bool {
    let counts_memory = |fault: &Fault| {
        let memory = Point::Environment(Environment::Memory);
        fault.point == memory && fault.occurrences != Occurrences::ALL
    };
    faults.faults.iter().any(counts_memory)
}

/// Whether nothing that would have come after it can show.
fn ends(finding: &Finding) -> bool {
    matches!(finding.oracle, Oracle::Crash | Oracle::Hang)
}

/// A finding in a few words.
fn told(finding: &Finding) -> String {
    let what = finding.rule.as_deref().unwrap_or(&finding.object);
    let operation = finding.operation.as_deref().unwrap_or("no operation");
    format!("{} {what} in `{operation}`", finding.oracle.name())
}
