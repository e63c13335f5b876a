//! `mock-ucx hunt`: the main job.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::SIGINT;

use mock_ucx::schedule::Point;

use crate::campaign::{Hunt, Progress, Recorded, Tally};
use crate::cli::{CANNOT, CLEAN, FOUND};
use crate::nixl;
use crate::report::findings::FILE_NAME;
use crate::report::{Finding, terminal};
use crate::scenario::generate::Class;
use crate::scenario::{Scenario, builtin, builtin_named, builtin_texts};

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
    #[arg(long, conflicts_with = "scenarios")]
    seed: Option<u64>,
    /// Drawn scenarios break NIXL's contract now and then; what is found says so.
    #[arg(long, conflicts_with = "scenarios")]
    misuse: bool,
    /// Only scenarios that are drawn, not the built-in ones.
    #[arg(long, conflicts_with = "scenarios")]
    random_only: bool,
    /// Folder for findings.jsonl.
    #[arg(long, default_value = "mock-ucx-out")]
    out: PathBuf,
    /// Scenario files, or names of built-in ones; all built-in ones if none is given.
    scenarios: Vec<String>,
}

impl HuntArgs {
    /// Hunts.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let begun = Instant::now();
        let scenarios = match self.scenarios.as_slice() {
            [] if self.random_only => Vec::new(),
            [] => builtin(),
            names => names
                .iter()
                .map(|name| scenario(name))
                .collect::<anyhow::Result<_>>()?,
        };
        crate::report::prepare_folder(&self.out)?;
        let installed = nixl::fetch_drivable(&self.nixl)?;
        let cores = || std::thread::available_parallelism().ok();
        let jobs = self.jobs.or_else(cores).map_or(1, usize::from);
        let hunt = Hunt {
            nixl: installed
                .release
                .map_or_else(|| self.nixl.clone(), |release| release.spec()),
            spec: self.nixl,
            scenarios,
            jobs,
            time_max: self.time,
            cases_max: self.cases,
            strict: self.strict,
            out: self.out.clone(),
            seed: self
                .scenarios
                .is_empty()
                .then(|| self.seed.unwrap_or_else(fresh_seed)),
            class: if self.misuse {
                Class::Misuse
            } else {
                Class::Contract
            },
            stop: Arc::default(),
        };
        signal_hook::flag::register(SIGINT, Arc::clone(&hunt.stop))
            .context("cannot listen to Ctrl-C")?;
        anstream::eprintln!(
            "hunting in NIXL {} with {} scenarios, {jobs} at a time",
            hunt.nixl,
            hunt.scenarios.len()
        );
        if let Some(seed) = hunt.seed {
            anstream::eprintln!("drawing more scenarios with --seed {seed}");
        }
        let mut progress = Bar::new();
        let (findings, tally) = hunt.run(&mut progress)?;
        progress.finish();
        for (number, finding) in findings.iter().enumerate() {
            anstream::println!("{}", terminal::finding(number + 1, finding));
        }
        print_tally(&tally);
        let first = findings.iter().next().map(|finding| finding.id.clone());
        anstream::println!(
            "{} cases, {} distinct findings, {:.0} s; all in {}",
            tally.cases,
            findings.len(),
            begun.elapsed().as_secs_f64(),
            self.out.join(FILE_NAME).display()
        );
        if let Some(id) = first {
            let out = if self.out.as_os_str() == "mock-ucx-out" {
                String::new()
            } else {
                format!(" --out {}", self.out.display())
            };
            anstream::println!(
                "exit status 1, because something was found; see one again with: mock-ucx replay{out} {id}"
            );
        }
        Ok(ExitCode::from(if !tally.doubts.is_empty() {
            CANNOT
        } else if !findings.is_empty() {
            FOUND
        } else {
            CLEAN
        }))
    }
}

fn print_tally(tally: &Tally) {
    for doubt in &tally.doubts {
        anstream::println!("cannot vouch for this result: {doubt}");
    }
    if tally.not_minimised > 0 {
        anstream::println!(
            "{} findings may become smaller: the time ran out; `mock-ucx minimize ID` goes on",
            tally.not_minimised
        );
    }
    if tally.drawn > 0 {
        anstream::println!(
            "{} of the cases were drawn; {} of their findings did not show again and are left out",
            tally.drawn,
            tally.not_replayed
        );
    }
    let pairs = Point::all().flat_map(|point| {
        let outcomes = point.outcomes().into_iter().enumerate();
        let permitted = outcomes.filter(|(_, outcome)| !outcome.paranoid);
        permitted.map(move |(index, outcome)| (point, index + 1, outcome.choice))
    });
    let pairs: Vec<_> = pairs.collect();
    let silent: Vec<String> = pairs
        .iter()
        .filter(|(point, outcome, _)| !tally.fired.contains(&(*point, *outcome)))
        .map(|(point, _, choice)| format!("{point}={}", point.words(*choice)))
        .collect();
    if !silent.is_empty() {
        anstream::println!("outcomes that never fired: {}", silent.join(", "));
    }
    let permitted = pairs.len();
    anstream::println!(
        "{} of {permitted} permitted outcomes fired; {} cases left out by time or number; in {} the deviation was not reached",
        permitted - silent.len(),
        tally.left_out,
        tally.unfired
    );
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
fn parse_time(text: &str) -> anyhow::Result<Duration> {
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

/// A bar on a terminal, a line a phase elsewhere.
struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new() -> Bar {
        let bar = ProgressBar::no_length();
        if let Ok(style) =
            ProgressStyle::with_template("{prefix:>12} [{bar:40}] {pos}/{len} {msg}  {elapsed}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Bar { bar }
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            anstream::eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn phase(&mut self, name: &str, cases: usize) {
        self.bar.set_prefix(name.to_owned());
        self.bar.set_length(cases as u64);
        self.bar.set_position(0);
        if self.bar.is_hidden() {
            self.say(&format!("{name}: {cases} cases"));
        }
    }

    fn case(&mut self, findings: usize) {
        self.bar.inc(1);
        self.bar.set_message(format!("{findings} findings"));
    }

    fn found(&mut self, finding: &Finding) {
        self.say(&format!("found {}: {}", finding.id, finding.message));
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
