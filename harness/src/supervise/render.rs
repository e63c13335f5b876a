//! The report of a run as text for people, and as data for programs.

use std::fmt;

use anstyle::{AnsiColor, Style};
use mock_ucx::ledger::Kind;
use serde_json::{Value, json};

use super::fired::Deviation;
use super::report::{ProcessReport, Report};
use crate::report::terminal;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LABEL: Style = Style::new().bold();

impl fmt::Display for ProcessReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LABEL}process {}{LABEL:#}", self.pid)?;
        if !self.command.is_empty() {
            write!(f, " ({})", self.command)?;
        }
        if self.forked_from != 0 {
            write!(f, ", forked from {}", self.forked_from)?;
        }
        writeln!(f, " {}: {} calls of the mock", self.end, self.calls)?;
        if self.census.kinds.is_empty() {
            writeln!(f, "  it created nothing")?;
        } else {
            for line in self.census.to_string().lines() {
                writeln!(f, "{}", format!("  {line}").trim_end())?;
            }
        }
        if self.caches.is_worth_telling() {
            writeln!(f, "  {}", self.caches)?;
        }
        if !self.real_ucx.is_empty() {
            writeln!(
                f,
                "  a real UCX was mapped too: {}",
                self.real_ucx.join(", ")
            )?;
        }
        if let Some(reason) = self
            .not_looked_at
            .as_ref()
            .filter(|_| self.end.is_orderly())
        {
            writeln!(
                f,
                "  its memory could not be looked through, so a handle that nobody holds counts as open: {reason}"
            )?;
        }
        for note in self.notes.iter() {
            writeln!(f, "  note: {}", note.message)?;
        }
        Ok(())
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.asked_for { "fault" } else { "deviation" };
        let times = match self.times {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        write!(f, "{kind} {LABEL}{}{LABEL:#}: {times}", self.what)?;
        if let Some(first) = &self.first {
            write!(f, ", first in {}", first.function)?;
            if let Some(caller) = &first.caller {
                write!(f, ", called by {caller}")?;
            }
            write!(f, " (process {})", first.pid)?;
        }
        Ok(())
    }
}

impl Report {
    /// The whole report for people; `again` is the command that shows it again.
    pub fn text(&self, again: &str) -> String {
        let mut text = String::new();
        for process in &self.processes {
            text += &format!("mock-ucx: {process}");
        }
        for process in &self.bypassed {
            text += &format!(
                "mock-ucx: process {} ({}) never called the mock, and had {} mapped\n",
                process.pid,
                process.command,
                process.real_ucx.join(", ")
            );
        }
        for (index, finding) in self.findings.iter().enumerate() {
            text += &terminal::finding_again(index + 1, finding, again).to_string();
        }
        for deviation in &self.fired {
            text += &format!("mock-ucx: {deviation}\n");
        }
        for unfired in &self.unfired {
            text += &format!("{BAD}mock-ucx: this fault never happened: {unfired}{BAD:#}\n");
        }
        for doubt in &self.doubts {
            text += &format!("{BAD}mock-ucx: cannot vouch for this run: {doubt}{BAD:#}\n");
        }
        text + &self.last_line()
    }

    fn last_line(&self) -> String {
        let style = if self.findings.is_empty() { GOOD } else { BAD };
        format!(
            "{style}mock-ucx: {} called the mock, {}, {} lost, {} left open{style:#}\n",
            counted(self.served(), "process", "processes"),
            counted(self.findings.len(), "finding", "findings"),
            counted(self.lost() as usize, "handle", "handles"),
            self.open()
        )
    }

    /// The whole report for programs. The findings are also lines of `findings.jsonl`.
    pub fn json(&self, status: u8) -> Value {
        let processes: Vec<Value> = self.processes.iter().map(process).collect();
        let bypassed: Vec<Value> = self
            .bypassed
            .iter()
            .map(|process| {
                json!({"pid": process.pid, "command": process.command, "real_ucx": process.real_ucx})
            })
            .collect();
        json!({
            "processes": processes,
            "bypassed": bypassed,
            "findings": self.findings.iter().collect::<Vec<_>>(),
            "lost": self.lost(),
            "open": self.open(),
            "fired": self.fired,
            "unfired": self.unfired,
            "doubts": self.doubts,
            "command_status": status,
        })
    }
}

fn process(process: &ProcessReport) -> Value {
    let kinds: Vec<Value> = process
        .census
        .kinds
        .iter()
        .map(|(kind, count)| {
            json!({
                "kind": kind.name(), "created": count.created, "ended": count.ended, "open": count.open, "lost": count.lost,
            })
        })
        .collect();
    let left: Vec<Value> = process
        .census
        .origins
        .iter()
        .map(|((kind, origin), left)| {
            json!({"kind": Kind::name(*kind), "origin": origin, "open": left.open, "lost": left.lost})
        })
        .collect();
    json!({
        "pid": process.pid,
        "forked_from": process.forked_from,
        "command": process.command,
        "end": process.end.to_string(),
        "calls": process.calls,
        "census": kinds,
        "left": left,
        "registration_cache": {
            "unmaps": process.caches.unmaps,
            "entries": process.caches.entries,
            "entries_max": process.caches.entries_max,
            "drains": process.caches.drains,
            "visited": process.caches.visited,
            "missed": process.caches.missed,
            "unseen": process.caches.unseen,
        },
        "real_ucx": process.real_ucx,
        "not_looked_at": process.not_looked_at,
        "notes": process.notes.iter().collect::<Vec<_>>(),
    })
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
