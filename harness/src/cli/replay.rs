//! `mock-ucx replay`: plays a finding again, from a hunt's output or from a file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use crate::campaign::{Recorded, judge_case};
use crate::cli::{CANNOT, CLEAN, FOUND};
use crate::execute::pool::Zygote;
use crate::nixl;
use crate::report::{Findings, Symbolizer, terminal};

/// Plays the scenario and the faults of a finding again and says what shows.
#[derive(Args)]
pub struct ReplayArgs {
    /// Id of a finding (its beginning will do), or a file such as those in tests/findings.
    #[arg(value_name = "ID|FILE")]
    what: String,
    /// Folder of the hunt's findings.jsonl.
    #[arg(long, default_value = "mock-ucx-out")]
    out: PathBuf,
    /// NIXL to play it on; that of the finding if not given.
    #[arg(long, value_name = "RELEASE|DIR")]
    nixl: Option<String>,
    /// Broken rules that are only notes count as findings.
    #[arg(long)]
    strict: bool,
    /// How often, each in a fresh process.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// File for the trace of the first replay: a line for each call, decision and callback; docs/trace.md explains its columns.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

impl ReplayArgs {
    /// Replays.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let (recorded, wanted, found_on) = self.load()?;
        let spec = self
            .nixl
            .or(found_on)
            .unwrap_or_else(|| nixl::DEFAULT_SPEC.to_owned());
        let mut zygote = Zygote::start(&spec)?;
        if self.trace.is_some() {
            zygote.write_traces();
        }
        let mut symbols = Symbolizer::new();
        let mut shown = 0;
        let mut doubts = Vec::new();
        for round in 0..self.times {
            let played =
                zygote.play(&recorded.scenario.to_string(), &recorded.faults.to_string())?;
            let judged = judge_case(
                &mut symbols,
                &recorded.scenario,
                &recorded.faults,
                &spec,
                self.strict,
                &played,
            );
            doubts.extend(judged.doubts);
            let matches =
                |fingerprint: &str| wanted.as_deref().is_none_or(|wanted| wanted == fingerprint);
            if judged
                .findings
                .iter()
                .any(|finding| matches(&finding.fingerprint))
            {
                shown += 1;
            }
            if round == 0 {
                if let Some(file) = &self.trace {
                    keep(&zygote.trace(), file)?;
                }
                for (number, finding) in judged.findings.iter().enumerate() {
                    anstream::println!("{}", terminal::finding(number + 1, finding));
                }
            }
        }
        for doubt in &doubts {
            anstream::println!("cannot vouch for this result: {doubt}");
        }
        anstream::println!("NIXL {spec}: showed in {shown} of {} replays", self.times);
        Ok(ExitCode::from(match shown {
            _ if !doubts.is_empty() => CANNOT,
            0 => CLEAN,
            _ => FOUND,
        }))
    }

    /// What to play, the fingerprint to look for, and the NIXL it was found on.
    fn load(&self) -> anyhow::Result<(Recorded, Option<String>, Option<String>)> {
        let path = Path::new(&self.what);
        if path.is_file() {
            let recorded = Recorded::read(path)?;
            let wanted = recorded.note("fingerprint").map(str::to_owned);
            return Ok((recorded, wanted, None));
        }
        let findings = Findings::read(&self.out).with_context(|| {
            format!(
                "`{}` is no file, and there are no findings in {} to look it up in",
                self.what,
                self.out.display()
            )
        })?;
        let matching: Vec<_> = findings
            .iter()
            .filter(|finding| finding.id.starts_with(&self.what))
            .collect();
        let finding = match matching.as_slice() {
            [finding] => *finding,
            [] => bail!(
                "no finding in {} has an id that begins with `{}`",
                self.out.display(),
                self.what
            ),
            several => bail!(
                "{} findings have an id that begins with `{}`: give more of it",
                several.len(),
                self.what
            ),
        };
        let recorded = Recorded {
            scenario: crate::scenario::Scenario::parse(&finding.scenario)
                .map_err(|error| anyhow::anyhow!("{error}"))?,
            faults: finding.faults.parse()?,
            notes: Vec::new(),
        };
        Ok((
            recorded,
            Some(finding.fingerprint.clone()),
            Some(finding.nixl.clone()),
        ))
    }
}

/// Copies a trace to where it is wanted.
fn keep(trace: &Path, file: &Path) -> anyhow::Result<()> {
    std::fs::copy(trace, file)
        .map(|_| ())
        .with_context(|| format!("cannot write the trace to {}", file.display()))
}
