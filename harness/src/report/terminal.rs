//! Findings for people, in colours where the output is a terminal (print with `anstream`).

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

use super::{Finding, StackFrame};
use crate::oracle::Oracle;

/// Frames of a stack that are printed: enough to see from the call of UCX up to the client's own code.
const FRAMES_MAX: usize = 12;
/// Runs of frames outside of NIXL up to this length are printed, longer ones are counted.
const FOREIGN_RUN_MAX: usize = 2;

const HEADING: Style = AnsiColor::Red.on_default().bold();
const LABEL: Style = Style::new().bold();
const NIXL: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();

/// A finding with its number in the report, and the command `again` that shows it again.
pub fn finding(number: usize, finding: &Finding, again: &str) -> impl Display {
    Rendered {
        number,
        finding,
        shows_scenario: true,
        again: again.to_owned(),
    }
}

/// A finding of a run, which the command `again` shows again: that tells the command, so the scenario is left out.
pub fn finding_again(number: usize, finding: &Finding, again: &str) -> impl Display {
    Rendered {
        number,
        finding,
        shows_scenario: false,
        again: again.to_owned(),
    }
}

/// What the end of a hunt says: what was done, in three numbers, and what to do next.
pub fn summary(cases: usize, findings: usize, seconds: f64, next: &str) -> impl Display {
    format!("{LABEL}{cases} cases, {findings} distinct findings, {seconds:.0} s{LABEL:#}\n{next}")
}

struct Rendered<'a> {
    number: usize,
    finding: &'a Finding,
    shows_scenario: bool,
    again: String,
}

impl Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = self.finding;
        let rule = finding.rule.as_deref().unwrap_or("-");
        let times = if finding.count == 1 {
            "once".to_owned()
        } else {
            format!("{} times", finding.count)
        };
        writeln!(
            f,
            "{HEADING}[{}] {} {}{HEADING:#}  {DIM}{rule}, {times}, NIXL {}, UCX {}, id {}{DIM:#}",
            self.number,
            finding.object,
            finding.oracle.name(),
            finding.nixl,
            finding.ucx_version,
            finding.id
        )?;
        writeln!(f, "    {}", finding.message)?;
        if finding.called.is_empty() && finding.ended.is_empty() {
            stack(f, "stack", &finding.created)?;
        } else {
            let (called, created) = match finding.oracle {
                Oracle::Rule => ("called", "created"),
                Oracle::Crash => ("failed", "died"),
                _ => ("failed", "created"),
            };
            stack(f, called, &finding.called)?;
            stack(f, created, &finding.created)?;
            stack(f, "ended", &finding.ended)?;
        }
        if !finding.faults.is_empty() {
            writeln!(f, "  {LABEL}injected{LABEL:#} {}", finding.faults)?;
        }
        for (index, reason) in finding.evidence.iter().enumerate() {
            let label = if index == 0 { "evidence" } else { "        " };
            writeln!(f, "  {LABEL}{label}{LABEL:#} {reason}")?;
        }
        if self.shows_scenario && !finding.scenario.is_empty() {
            writeln!(f, "  {LABEL}scenario{LABEL:#}")?;
            for line in finding
                .scenario
                .lines()
                .filter(|line| !line.trim().is_empty())
            {
                writeln!(f, "    {DIM}{line}{DIM:#}")?;
            }
        }
        if finding.stability.shown < finding.stability.of {
            writeln!(
                f,
                "  {LABEL}showed{LABEL:#}   in {} of {} runs",
                finding.stability.shown, finding.stability.of
            )?;
        }
        if let Some(certificate) = &finding.certificate {
            writeln!(f, "  {LABEL}real UCX{LABEL:#} {certificate}")?;
        }
        writeln!(f, "  {LABEL}replay{LABEL:#}   {}", self.again)
    }
}

/// NIXL's frames stand out; long runs of others are counted if there are any of NIXL's, and so is what goes beyond the limit.
fn stack(f: &mut fmt::Formatter<'_>, name: &str, frames: &[StackFrame]) -> fmt::Result {
    let mut lines = Vec::new();
    let of_nixl = frames.iter().any(|frame| frame.nixl);
    for run in frames.chunk_by(|a, b| a.nixl == b.nixl) {
        let of_others = run.first().is_some_and(|frame| !frame.nixl);
        if of_nixl && of_others && run.len() > FOREIGN_RUN_MAX {
            lines.push(format!(
                "{DIM}... {} frames in {}{DIM:#}",
                run.len(),
                modules(run)
            ));
        } else if of_others {
            lines.extend(run.iter().map(|frame| format!("{DIM}{frame}{DIM:#}")));
        } else {
            lines.extend(run.iter().map(|frame| format!("{NIXL}{frame}{NIXL:#}")));
        }
    }
    for (index, line) in lines.iter().take(FRAMES_MAX).enumerate() {
        let label = if index == 0 { name } else { "" };
        writeln!(f, "  {LABEL}{label:<8}{LABEL:#} {line}")?;
    }
    match lines.len().saturating_sub(FRAMES_MAX) {
        0 => Ok(()),
        more => writeln!(f, "           {DIM}... {more} more{DIM:#}"),
    }
}

fn modules(run: &[StackFrame]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for frame in run {
        if !names.contains(&frame.module.as_str()) {
            names.push(&frame.module);
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests;
