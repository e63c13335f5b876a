//! What a run showed: each process with its census, findings and notes, and whether the result can be vouched for.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use mock_ucx::ledger::read::{Caches, Module, Snapshot};
use mock_ucx::rules::Rule;
use mock_ucx::schedule::FaultSpec;

use super::fired::{self, Deviation};
use super::process::{End, Process};
use super::watch::{Bypassed, Watched};
use crate::execute::died::CRASHES;
use crate::oracle::{self, Ended, Observation, Oracle, Verdict};
use crate::report::census::Census;
use crate::report::{Case, Finding, Findings, Symbolizer};

/// Folders above a library of NIXL in which its package's name is looked for.
const PACKAGE_DEPTH_MAX: usize = 4;

/// What is asked of a run.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The command, as people write it.
    pub command: &'a str,
    /// The faults that were asked for.
    pub faults: &'a FaultSpec,
    /// Notes count as findings.
    pub strict: bool,
}

/// A process in the report.
#[derive(Debug)]
pub struct ProcessReport {
    /// Its number.
    pub pid: u32,
    /// The process it was forked from while that used UCX; 0 = none.
    pub forked_from: u32,
    /// Its command line.
    pub command: String,
    /// How it ended.
    pub end: End,
    /// Calls of UCX.
    pub calls: u64,
    /// Its objects.
    pub census: Census,
    /// Its registration caches.
    pub caches: Caches,
    /// Files of a real UCX that it had mapped.
    pub real_ucx: Vec<String>,
    /// Why its memory was not looked through for handles; `None`: it was.
    pub not_looked_at: Option<String>,
    /// What is wrong.
    pub findings: Findings,
    /// Rules broken that are no findings by themselves.
    pub notes: Findings,
}

/// The report of a run.
#[derive(Debug)]
pub struct Report {
    /// Processes that called the mock.
    pub processes: Vec<ProcessReport>,
    /// Processes that passed it by.
    pub bypassed: Vec<Bypassed>,
    /// Why the result cannot be vouched for.
    pub doubts: Vec<String>,
    /// What deviated from a healthy network.
    pub fired: Vec<Deviation>,
    /// Faults that were asked for and never happened.
    pub unfired: Vec<String>,
    /// What is wrong, over all processes.
    pub findings: Findings,
}

impl ProcessReport {
    /// Judges one process; doubts are added to `doubts`.
    pub fn new(
        process: &Process,
        question: &Question<'_>,
        symbols: &mut Symbolizer,
        doubts: &mut Vec<String>,
    ) -> ProcessReport {
        let snapshot = &process.snapshot;
        let held = process.held();
        let observation = Observation {
            ended: ended(process.end),
            held: held.as_ref().ok(),
            benign: question.faults.is_empty() && snapshot.fired.is_empty(),
            // Notes are told from findings below.
            strict: true,
            ..Observation::of(snapshot)
        };
        let mut verdicts = oracle::judge(&observation);
        verdicts.retain(|verdict| verdict.oracle != Oracle::Crash || is_crash(process.end));
        let faults = question.faults.to_string();
        let case = Case {
            scenario: question.command,
            faults: &faults,
            nixl: &nixl(&snapshot.modules),
        };
        let (mut findings, mut notes) = (Findings::default(), Findings::default());
        for verdict in &verdicts {
            if verdict.is_doubt() {
                doubts.push(format!("process {}: {}", process.pid, verdict.what));
                continue;
            }
            let finding = Finding::new(verdict, &observation, &case, symbols);
            let list = if is_note(verdict) && !question.strict {
                &mut notes
            } else {
                &mut findings
            };
            list.insert(finding);
        }
        ProcessReport {
            pid: process.pid,
            forked_from: snapshot.forked_from,
            command: process.command.clone(),
            end: process.end,
            calls: snapshot.step,
            census: Census::new(snapshot, &verdicts, symbols),
            caches: snapshot.caches.clone(),
            real_ucx: process.real_ucx.clone(),
            not_looked_at: held.err().map(str::to_owned),
            findings,
            notes,
        }
    }
}

impl Report {
    /// Judges a run.
    pub fn new(watched: &Watched, question: &Question<'_>) -> Report {
        let mut symbols = Symbolizer::new();
        let mut doubts: Vec<String> = watched
            .unreadable
            .iter()
            .map(|what| format!("the ledger of {what}"))
            .collect();
        let processes: Vec<ProcessReport> = watched
            .processes
            .iter()
            .map(|process| ProcessReport::new(process, question, &mut symbols, &mut doubts))
            .collect();
        // The control API makes a ledger, too.
        if processes.iter().all(|process| process.calls == 0) && watched.unreadable.is_empty() {
            doubts.push(nobody(&watched.bypassed));
        }
        let mut findings = Findings::default();
        for finding in processes.iter().flat_map(|process| process.findings.iter()) {
            findings.insert(finding.clone());
        }
        let snapshots: Vec<&Snapshot> = watched
            .processes
            .iter()
            .map(|process| &process.snapshot)
            .collect();
        Report {
            processes,
            bypassed: watched.bypassed.clone(),
            doubts,
            fired: fired::deviations(question.faults, &snapshots, &mut symbols),
            unfired: fired::unfired(question.faults, &snapshots),
            findings,
        }
    }

    /// Processes that called the mock: one that was replaced by `exec` is the same one.
    pub fn served(&self) -> usize {
        let numbers: BTreeSet<u32> = self.processes.iter().map(|process| process.pid).collect();
        numbers.len()
    }

    /// Handles of all processes that are lost.
    pub fn lost(&self) -> u64 {
        self.processes
            .iter()
            .map(|process| process.census.lost())
            .sum()
    }

    /// Handles of all processes that are left, and nothing is wrong with that.
    pub fn open(&self) -> u64 {
        self.processes
            .iter()
            .flat_map(|process| process.census.kinds.values())
            .map(|count| count.open)
            .sum()
    }
}

fn ended(end: End) -> Ended {
    match end {
        End::Exited(status) | End::QuickExit(status) => Ended::Exited(status.unwrap_or(0)),
        End::Signalled(signal) => Ended::Signalled(signal),
        // Like a kill: it did not come to the end of what it had to do.
        End::Replaced | End::Unseen(_) | End::Running => Ended::Signalled(libc::SIGKILL),
    }
}

fn is_crash(end: End) -> bool {
    matches!(end, End::Signalled(signal) if CRASHES.contains(&signal))
}

/// A broken rule that is no finding by itself.
fn is_note(verdict: &Verdict) -> bool {
    let rule = verdict.rule.as_deref().and_then(Rule::from_id);
    verdict.oracle == Oracle::Rule && rule.is_some_and(|rule| !rule.info().is_finding())
}

/// Why no process called the mock, as far as can be seen.
fn nobody(bypassed: &[Bypassed]) -> String {
    match bypassed.first() {
        Some(process) => format!(
            "no process called the mock; process {} ({}) had {} mapped: it is bound past preloaded libraries (RTLD_DEEPBIND, or \
             dlopen by path and dlsym)",
            process.pid,
            process.command,
            process.real_ucx.join(", ")
        ),
        None => "no process called the mock, and none that ended had a UCX mapped: the program never called UCX, has it linked in \
                 statically, or drops LD_PRELOAD on its way (set-user-id programs, sudo, ssh, mpirun)"
            .to_owned(),
    }
}

/// The release of NIXL among the modules, by the package that it was installed from.
fn nixl(modules: &[Module]) -> String {
    let library = modules
        .iter()
        .map(|module| Path::new(&module.path))
        .find(|path| file_name(path).starts_with("libnixl"));
    let Some(library) = library else {
        return "none".to_owned();
    };
    let package = library
        .ancestors()
        .skip(1)
        .take(PACKAGE_DEPTH_MAX)
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(Iterator::flatten)
        .find_map(|entry| {
            let name = entry.file_name();
            let name = name.to_str()?.strip_suffix(".dist-info")?.to_owned();
            name.strip_prefix("nixl_")
                .and_then(|rest| rest.split_once('-'))
                .map(|(package, version)| format!("{package}:{version}"))
        });
    package.unwrap_or_else(|| "unknown".to_owned())
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}
