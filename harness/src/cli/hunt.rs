//! `mock-ucx hunt`: the main job.

pub(super) mod identity;
mod outcome;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use clap::Args;

use super::bar::Bar;
use crate::campaign::journal::{self, Beginning, Journal};
use crate::campaign::{Hunt, Known, Recorded};
use crate::execute::pool::Zygote;
use crate::nixl::{self, Installed};
use crate::report::Findings;
use crate::scenario::generate::Class;
use crate::scenario::{Scenario, builtin_named, builtin_of, builtin_texts};
use crate::workload::Workload;

use outcome::Outcome;

/// The repository's own known findings.
const KNOWN: &str = "tests/findings";

/// For `--known`: nothing is known.
const NOTHING: &str = "none";

/// Plays lifecycle scenarios on the real NIXL over the mock, fails each call of UCX once in each, then a second one in the clean-up that
/// follows, and reports what NIXL lost or broke.
#[derive(Args)]
pub struct HuntArgs {
    /// NIXL to test: a release (`1.5.1`, `cu13:1.5.1`), fetched if need be, or a folder with a built one.
    #[arg(long, value_name = "RELEASE|DIR", default_value = nixl::DEFAULT_SPEC)]
    nixl: String,
    /// How long to search and to make small what was found, a fifth of it for the latter; the benign runs are always finished. `90s`,
    /// `10m`, `2h`.
    #[arg(long, value_parser = parse_time, default_value = "45s")]
    time: Duration,
    /// Cases at most.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    cases: usize,
    /// Processes at once; one a core if not given.
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    /// Broken rules that are only notes count as findings: what UCX nowhere says or does, and what only costs time.
    #[arg(long)]
    strict: bool,
    /// Seed of the scenarios that are drawn after the built-in ones; printed, and another one each time if not given. Naming scenarios
    /// leaves drawn ones out.
    #[arg(long, conflicts_with_all = ["scenarios", "workload"])]
    seed: Option<u64>,
    /// Drawn scenarios break NIXL's contract now and then; what is found says so.
    #[arg(long, conflicts_with_all = ["scenarios", "workload"])]
    misuse: bool,
    /// The system under NIXL fails, too: threads, memory, descriptors and sockets are refused, one at a time. What is found says so. Only
    /// on x86-64, and for releases with a C API.
    #[arg(long, conflicts_with_all = ["random_only", "workload"])]
    environment: bool,
    /// Only scenarios that are drawn, not the built-in ones.
    #[arg(long, conflicts_with_all = ["scenarios", "workload"])]
    random_only: bool,
    /// Folder with files of known findings, such as tests/findings: they are counted and listed apart, known crashes are gone round, and
    /// the exit status is 1 for new findings only. If this is not given, tests/findings is taken if it is here, and whatever is found
    /// makes the exit status 1. `none`: nothing is known.
    #[arg(long, value_name = "DIR")]
    known: Option<PathBuf>,
    /// Folder for findings.jsonl and for the track of what was played: a later hunt with the same NIXL and build goes on from there.
    #[arg(long, default_value = super::OUT)]
    out: PathBuf,
    /// Play what a serving engine does instead of the built-in scenarios: `decode`, `push` or `offload`, with numbers as in
    /// `decode:requests=1000,blocks=64,churn=scattered` (docs/scenarios.md).
    #[arg(long, value_name = "NAME[:SETTINGS]", conflicts_with = "scenarios")]
    workload: Option<String>,
    /// Start over, whatever is in that folder.
    #[arg(long)]
    fresh: bool,
    /// Scenario files, or names of built-in ones; all built-in ones if none is given.
    scenarios: Vec<String>,
}

impl HuntArgs {
    /// Hunts.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let begun = Instant::now();
        let scenarios = self.scenarios()?;
        let mut known = self.known()?;
        let excused = self.known.is_some();
        crate::report::prepare_folder(&self.out)?;
        let installed = nixl::fetch(&self.nixl)?;
        let nixl = match installed.release {
            Some(release) => release.spec(),
            None => self.nixl.clone(),
        };
        let (journal, earlier) = self.begin(&installed, &nixl)?;
        let stop = Arc::<AtomicBool>::default();
        super::listen(&[&stop])?;
        let (seed, class) = (self.seed(), self.class());
        if !known.is_empty() {
            known.recognise(&mut Zygote::start(&self.nixl)?, &nixl, self.strict)?;
        }
        let hunt = Hunt {
            nixl,
            spec: self.nixl,
            scenarios,
            known,
            jobs: self.jobs.map_or_else(super::processors, usize::from),
            time_max: self.time,
            cases_max: self.cases,
            strict: self.strict,
            out: self.out,
            seed,
            class,
            environment: self.environment,
            confirms: true,
            stop,
        };
        anstream::eprintln!(
            "hunting in NIXL {} with {} scenarios, {} at a time; {} findings are known",
            hunt.nixl,
            hunt.scenarios.len(),
            hunt.jobs,
            hunt.known.len()
        );
        if let Some(seed) = hunt.seed {
            anstream::eprintln!("drawing more scenarios with --seed {seed}");
        }
        let mut progress = Bar::new();
        let (findings, tally) = hunt.run(journal, earlier, &mut progress)?;
        progress.finish();
        let outcome = Outcome {
            findings: &findings,
            known: &hunt.known,
            tally: &tally,
            out: &hunt.out,
            took: begun.elapsed(),
            excused,
        };
        outcome.print();
        Ok(ExitCode::from(outcome.status()))
    }

    /// Scenarios are drawn unless some are named.
    fn seed(&self) -> Option<u64> {
        let draws = self.scenarios.is_empty() && self.workload.is_none();
        draws.then(|| self.seed.unwrap_or_else(fresh_seed))
    }

    fn class(&self) -> Class {
        match self.misuse {
            true => Class::Misuse,
            false => Class::Contract,
        }
    }

    fn scenarios(&self) -> anyhow::Result<Vec<Arc<Scenario>>> {
        if let Some(workload) = &self.workload {
            let scenarios = Workload::parse(workload)?.scenarios();
            return Ok(scenarios.into_iter().map(Arc::new).collect());
        }
        let scenarios = match self.scenarios.as_slice() {
            [] if self.random_only => Vec::new(),
            [] => builtin_of(self.class()),
            names => names
                .iter()
                .map(|name| scenario(name))
                .collect::<anyhow::Result<_>>()?,
        };
        Ok(scenarios.into_iter().map(Arc::new).collect())
    }

    fn known(&self) -> anyhow::Result<Known> {
        match &self.known {
            Some(folder) if folder.as_os_str() == NOTHING => Ok(Known::default()),
            Some(folder) => Known::read(folder),
            None if Path::new(KNOWN).is_dir() => Known::read(KNOWN.as_ref()),
            None => Ok(Known::default()),
        }
    }

    /// Where the hunt goes on: behind what was played and found with the same NIXL, by the same build, under the same rules.
    fn begin(&self, installed: &Installed, nixl: &str) -> anyhow::Result<(Journal, Findings)> {
        let identity = format!(
            "nixl={nixl}@{} build={} strict={}",
            identity::of_nixl(installed)?,
            identity::of_this_build()?,
            self.strict
        );
        let open = |fresh| {
            Journal::open(&self.out, &identity, fresh).with_context(|| {
                let path = self.out.join(journal::FILE_NAME);
                format!("cannot keep track of the cases in {}", path.display())
            })
        };
        let (journal, beginning) = open(self.fresh)?;
        let starts_over = |why: &str| {
            anstream::eprintln!("{} is not gone on from: {why}", self.out.display());
        };
        match beginning {
            Beginning::New => Ok((journal, Findings::default())),
            Beginning::StartsOver(why) => {
                starts_over(&format!("{}: {why}", journal::FILE_NAME));
                Ok((journal, Findings::default()))
            }
            Beginning::Continues(cases) => match Findings::read_if_any(&self.out) {
                Ok(findings) => {
                    anstream::eprintln!(
                        "going on behind {cases} cases and {} findings in {}; --fresh starts over",
                        findings.len(),
                        self.out.display()
                    );
                    Ok((journal, findings))
                }
                Err(error) => {
                    starts_over(&error.to_string());
                    Ok((open(true)?.0, Findings::default()))
                }
            },
        }
    }
}

/// A scenario by file or by name.
pub(crate) fn scenario(name: &str) -> anyhow::Result<Scenario> {
    match builtin_named(name) {
        Some(scenario) => Ok(scenario),
        None if Path::new(name).exists() => Ok(Recorded::read(name.as_ref())?.scenario),
        None => bail!(
            "`{name}` is neither a file nor a built-in scenario; the nearest of these is {}",
            nearest_builtin(name)
        ),
    }
}

fn nearest_builtin(name: &str) -> &'static str {
    let likeness = |known: &str| strsim::jaro_winkler(known, name);
    let known = builtin_texts().iter().map(|(known, _)| *known);
    known
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .unwrap_or_default()
}

/// A seed that was not used before, as far as one can tell: the low digits of the time.
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::from(now.unwrap_or_default().subsec_nanos())
}

/// `90s`, `10m`, `2h`, or a number of seconds.
pub(super) fn parse_time(text: &str) -> anyhow::Result<Duration> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let factor = match unit {
        "m" => 60.0,
        "h" => 3600.0,
        _ => 1.0,
    };
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() && (0.0..1e7).contains(&number) => {
            Ok(Duration::from_secs_f64(number * factor))
        }
        _ => bail!("expected a time such as 90s, 10m or 2h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        assert_eq!(parse_time("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_time("1.5m").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_time("7").unwrap(), Duration::from_secs(7));
        for wrong in ["", "s", "1d", "-1s", "nan", "1e99h"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
