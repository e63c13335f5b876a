//! `mock-ucx benchmark`: whether a hunt finds the bugs that are known, and how soon.

mod document;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::bisect::files_of;
use super::hunt::{identity, parse_time};
use super::{CANNOT, CLEAN, FOUND};
use crate::campaign::benchmark::{self, Benchmark, Bug, Sought};

/// Exit status of a program that Ctrl-C ended, as a shell tells it.
const INTERRUPTED: u8 = 130;

/// Hunts on releases with known bugs, without being told scenario or fault, until each is found; and on the first release without it.
///
/// The exit status is 1 if most searches did not find a bug, or if one is found where it is mended.
#[derive(Args)]
pub struct BenchmarkArgs {
    /// Files such as those in tests/findings, or folders of such files.
    #[arg(value_name = "FILE|DIR", default_values = ["tests/findings", "tests/fixed"])]
    what: Vec<PathBuf>,
    /// Searches of each release, with the seeds from 1 to this.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How long each search may take: `90s`, `10m`.
    #[arg(long, value_parser = parse_time, default_value = "60s")]
    time: Duration,
    /// Processes at once; one a core if not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Folder for known-bugs.jsonl, which keeps what came of searches: a benchmark that was stopped goes on there.
    #[arg(long, default_value = super::OUT)]
    out: PathBuf,
    /// Search all again, whatever is in that folder.
    #[arg(long)]
    fresh: bool,
    /// Also write the table as a document, such as docs/known-bugs.md.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl BenchmarkArgs {
    /// Searches.
    ///
    /// # Errors
    /// A file cannot be read, or what is found out cannot be written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let bugs = files_of(&self.what)?.into_iter().map(Bug::read);
        let bugs: Vec<Bug> = bugs.collect::<anyhow::Result<_>>()?;
        crate::report::prepare_folder(&self.out)?;
        let jobs = self.jobs.unwrap_or_else(super::processors);
        let build = identity::of_this_build()?;
        let identity = format!("{build} {} {jobs}", self.time.as_secs_f64());
        let mut store = benchmark::open(&self.out, identity, self.fresh)?;
        let (stop, interrupted) = (Arc::default(), Arc::default());
        super::listen(&[&interrupted, &stop])?;
        let benchmark = Benchmark {
            bugs: &bugs,
            seeds: self.seeds,
            time_max: self.time,
            jobs,
            interrupted: &interrupted,
            stop: &stop,
        };
        let mut told = |bug: &Bug, place: &str, sought: &Sought| {
            let name = &bug.recorded.scenario.name;
            anstream::eprintln!("{name}, {place}: {}", document::words(sought));
        };
        let Some(rows) = benchmark.run(&mut store, &mut told)? else {
            let out = self.out.display();
            anstream::eprintln!("stopped; the same command goes on from what is in {out}");
            return Ok(ExitCode::from(INTERRUPTED));
        };
        anstream::print!("{}", document::plain(&rows));
        if let Some(path) = &self.write {
            let text = document::markdown(&rows, self.seeds, self.time, jobs);
            std::fs::write(path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let failed = rows.iter().any(|row| row.failures().next().is_some());
        let good = rows.iter().all(benchmark::Row::is_good);
        Ok(ExitCode::from(match (failed, good) {
            (true, _) => CANNOT,
            (false, false) => FOUND,
            (false, true) => CLEAN,
        }))
    }
}
