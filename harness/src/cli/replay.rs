//! `mock-ucx replay`: plays a finding again, from a hunt's output or from a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::subject::{Subject, SubjectArgs};
use crate::campaign::judge_case;
use crate::cli::{CANNOT, CLEAN, FOUND, absent};
use crate::execute::pool::Zygote;
use crate::report::{Symbolizer, terminal};

/// Plays the scenario and the faults of a finding again and says what shows.
#[derive(Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    subject: SubjectArgs,
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
        let subject = self.subject.load()?;
        let Subject { recorded, spec, .. } = &subject;
        let mut zygote = Zygote::start(spec)?;
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
                spec,
                self.subject.strict,
                &played,
            );
            doubts.extend(judged.doubts);
            shown += u32::from(subject.chosen(&judged.findings).is_some());
            if round == 0 {
                let functions: BTreeSet<&str> = played.absent().collect();
                if !functions.is_empty() {
                    let functions: Vec<&str> = functions.into_iter().collect();
                    anstream::println!("{}", absent(played.absent().count() as u64, &functions));
                }
                if let Some(file) = &self.trace {
                    keep(&zygote.trace(), file)?;
                }
                let again = self.subject.command("replay");
                for (number, finding) in judged.findings.iter().enumerate() {
                    anstream::println!("{}", terminal::finding(number + 1, finding, &again));
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
}

/// Copies a trace to where it is wanted.
fn keep(trace: &Path, file: &Path) -> anyhow::Result<()> {
    std::fs::copy(trace, file)
        .map(|_| ())
        .with_context(|| format!("cannot write the trace to {}", file.display()))
}
