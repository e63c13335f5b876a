//! `mock-ucx run`: any command, with the mock in UCX's place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use mock_ucx::control::settings::{self, Given};
use mock_ucx::version::UcxVersion;

use super::CANNOT;
use super::adversary::{AdversaryArgs, one_of};
use crate::report::{Symbolizer, prepare_folder};
use crate::supervise::memory::MemoryReport;
use crate::supervise::{MemoryWatch, Process, ProcessReport, Question, Report, Run, Watched};

/// Runs a command with the mock in UCX's place, and tells which handles each of its processes lost or left open and which rules of UCX
/// it broke.
///
/// The report goes to stderr, whatever way the processes end. The exit status is the command's (128 + signal if a signal ended it);
/// 2 if the result cannot be vouched for, because no process called the mock or a fault never happened. While it runs,
/// `kill -USR2 PID` of mock-ucx prints what the processes hold. An object that is alive at the end is only `open`; it is `lost` if nothing
/// can give it back any more, for which the memory of each process is looked through before it ends. For that glibc is told to overwrite
/// freed memory (MALLOC_PERTURB_, and no cache of freed blocks).
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    adversary: AdversaryArgs,
    /// Exit status if there are findings; without it the command's status is kept.
    #[arg(long, value_name = "N")]
    error_exitcode: Option<u8>,
    /// UCX version to be, as in `1.22.0`; the newest one that is known if not given.
    #[arg(long, value_name = "VERSION")]
    ucx_version: Option<String>,
    /// Folder for findings.jsonl and report.json.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the report as one line of JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Broken rules that are only notes count as findings: what UCX nowhere says or does, and what only costs time.
    #[arg(long)]
    strict: bool,
    /// File for a trace: a line for each call, decision and callback; docs/trace.md explains its columns.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// A fault that never happened is no reason for exit status 2.
    #[arg(long)]
    allow_unfired: bool,
    /// Leave freed memory as it is: nearer to an ordinary run, but a stale copy of a handle counts as held.
    #[arg(long)]
    no_perturb: bool,
    /// Seconds to wait for processes that use the mock and outlive the command.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
    /// Watch what the memory of each process does, and tell of what it grows: by call stack and library, mappings that UCX's pools make
    /// included. The processes use their own UCX, without the mock.
    #[arg(long)]
    watch: bool,
    /// With --watch: the processes use the mock, too.
    #[arg(long, requires = "watch")]
    mock: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl RunArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// It cannot be run, or not with the mock.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let given = self.given()?;
        let faults = given.faults.clone().unwrap_or_default();
        if let Some(out) = &self.out {
            prepare_folder(out)?;
        }
        let run = Run {
            command: self.command.clone(),
            given,
            perturb: !self.no_perturb,
            orphans_wait: Duration::from_secs(self.wait),
            trace: self.trace.clone(),
            memory: self.memory()?,
        };
        let command = quoted(&self.command);
        let question = Question {
            command: &command,
            faults: &faults,
            strict: self.strict,
        };
        let watched = run.run(&mut |living| print_census(living, &question))?;
        let memory = memory_reports(&watched);
        if self.watch && !self.mock {
            return self.tell_memory(&memory, watched.status);
        }
        let report = Report::new(&watched, &question);
        if self.json {
            anstream::eprintln!("{}", report.json(watched.status));
        } else {
            anstream::eprint!("{}", report.text(&self.again(&command)));
        }
        if self.watch {
            self.tell_memory(&memory, watched.status)?;
        }
        if let Some(out) = &self.out {
            write(&report, watched.status, out)?;
        }
        Ok(ExitCode::from(self.status(&report, watched.status)))
    }

    /// What the library is told.
    fn given(&self) -> anyhow::Result<Given> {
        let given = self.adversary.given()?;
        let version: Option<UcxVersion> = match &self.ucx_version {
            Some(version) => Some(version.parse().context("--ucx-version")?),
            None => None,
        };
        let version = one_of("--ucx-version", version, settings::VERSION, given.version)?;
        Ok(Given {
            version,
            trace: self.trace.is_some(),
            ..given
        })
    }

    /// Whether memory is watched, and on which UCX.
    fn memory(&self) -> anyhow::Result<MemoryWatch> {
        match (self.watch, self.mock) {
            (false, _) => Ok(MemoryWatch::Off),
            (true, true) => Ok(MemoryWatch::OnMock),
            (true, false) if self.adversary.words().is_empty() && self.trace.is_none() => {
                Ok(MemoryWatch::OnRealUcx)
            }
            (true, false) => bail!(
                "--watch leaves the processes on their own UCX, where nothing can be made to fail and no trace is written; --mock gives them the mock"
            ),
        }
    }

    /// Tells what memory did; the exit status of a run that was for nothing else.
    fn tell_memory(&self, reports: &[MemoryReport], status: u8) -> anyhow::Result<ExitCode> {
        for report in reports {
            match self.json {
                true => anstream::eprintln!("{}", report.json()),
                false => anstream::eprint!("mock-ucx: {report}"),
            }
        }
        if !reports.iter().any(MemoryReport::is_judged) {
            anstream::eprintln!(
                "mock-ucx: no process was watched for long enough: run it longer, or look whether it is linked statically or brings an allocator of its own"
            );
            return Ok(ExitCode::from(CANNOT));
        }
        let grows = reports.iter().any(|report| !report.growers().is_empty());
        Ok(ExitCode::from(match self.error_exitcode {
            Some(wanted) if grows => wanted,
            _ => status,
        }))
    }

    fn status(&self, report: &Report, command: u8) -> u8 {
        let unfired = !report.unfired.is_empty() && !self.allow_unfired;
        if unfired || !report.doubts.is_empty() {
            return CANNOT;
        }
        match self.error_exitcode {
            Some(status) if !report.findings.is_empty() => status,
            _ => command,
        }
    }

    /// The command line that shows the run again.
    fn again(&self, command: &str) -> String {
        let mut words = vec![OsString::from("mock-ucx"), "run".into()];
        words.extend(self.adversary.words());
        if let Some(version) = &self.ucx_version {
            words.extend(["--ucx-version".into(), OsString::from(version)]);
        }
        format!("{} -- {command}", quoted(&words))
    }
}

/// What the memory of the processes did: of those that ended too early to be judged only if all did.
fn memory_reports(watched: &Watched) -> Vec<MemoryReport> {
    let mut symbols = Symbolizer::new();
    let mut reports: Vec<MemoryReport> = watched
        .memory
        .iter()
        .map(|memory| MemoryReport::new(memory, &mut symbols))
        .collect();
    if reports.iter().any(MemoryReport::is_judged) {
        reports.retain(MemoryReport::is_judged);
    }
    reports
}

/// What the processes hold that live now.
fn print_census(living: &[Process], question: &Question<'_>) {
    let mut symbols = Symbolizer::new();
    for process in living {
        let report = ProcessReport::new(process, question, &mut symbols, &mut Vec::new());
        anstream::eprint!("mock-ucx: {report}");
    }
    if living.is_empty() {
        anstream::eprintln!("mock-ucx: no process that runs has called the mock yet");
    }
}

fn write(report: &Report, status: u8, out: &Path) -> anyhow::Result<()> {
    let path = out.join("report.json");
    let text = format!("{:#}\n", report.json(status));
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    let path = report.findings.write(out)?;
    anstream::eprintln!("mock-ucx: the findings are in {}", path.display());
    Ok(())
}

/// Words as a shell reads them.
fn quoted(words: &[OsString]) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./=:,+@%".contains(letter);
    let words: Vec<String> = words
        .iter()
        .map(|word| word.to_string_lossy())
        .map(|word| match &*word {
            word if !word.is_empty() && word.chars().all(is_plain) => word.to_owned(),
            word => format!("'{}'", word.replace('\'', r"'\''")),
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_expand_them() {
        let words = ["python3", "-c", "it's $x", ""].map(OsString::from);
        assert_eq!(quoted(&words), r"python3 -c 'it'\''s $x' ''");
    }
}
