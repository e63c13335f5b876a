//! A finding as a bug report that can be filed as it stands: Markdown for the tracker of NIXL.

use std::fmt::{self, Display};

use mock_ucx::schedule::{Fault, FaultSpec};

use super::{Certificate, Finding, StackFrame};
use crate::oracle::Oracle;

/// A report and what it is made of.
pub struct BugReport<'a> {
    /// What shows.
    pub finding: &'a Finding,
    /// The scenario with its faults, as a file.
    pub file: &'a str,
    /// The line of NIXL at fault, if somebody found it.
    pub at: Option<&'a str>,
    /// What a fix would be, if somebody knows.
    pub fix: Option<&'a str>,
    /// The wheel, or the folder: one line.
    pub nixl: &'a str,
    /// What `--nixl` takes.
    pub spec: &'a str,
    /// What came of it on the real UCX.
    pub certificate: Option<&'a Certificate>,
}

/// Where this program comes from.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

impl Display for BugReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}\n", self.title())?;
        self.summary(f)?;
        self.versions(f)?;
        self.reproduce(f)?;
        self.faults(f)?;
        self.stacks(f)?;
        if let Some(at) = self.at {
            writeln!(f, "## Where\n\n{at}\n")?;
        }
        if let Some(fix) = self.fix {
            writeln!(f, "## What a fix would be\n\n{fix}\n")?;
        }
        writeln!(f, "## On the real UCX\n")?;
        match self.certificate {
            Some(certificate) => writeln!(f, "{}.", sentence(&certificate.to_string())),
            None => writeln!(f, "Not tried."),
        }
    }
}

impl BugReport<'_> {
    fn title(&self) -> String {
        let finding = self.finding;
        let object = finding.object.replace('_', " ");
        let rule = finding.rule.as_deref().unwrap_or("an unknown cause");
        let what = match finding.oracle {
            Oracle::Lost => format!("A {object} of UCX is never given back"),
            Oracle::Rule => format!("UCX's contract is broken ({rule})"),
            Oracle::Crash => format!("The process dies of {rule}"),
            Oracle::Hang => "The process hangs".to_owned(),
            Oracle::Bytes => "What arrives is wrong".to_owned(),
            Oracle::Status => "A status is not true".to_owned(),
            Oracle::Notification => "A notification is lost, or comes twice".to_owned(),
            Oracle::Growth => "Memory that is never given back".to_owned(),
            Oracle::Kept => format!("A {object} of UCX is kept after its use"),
            Oracle::Incomplete => "Inconclusive".to_owned(),
        };
        let operation = finding.operation.as_deref().unwrap_or_default();
        let during = match operation.split_whitespace().next() {
            Some(verb) => format!(" in `{verb}`"),
            None => String::new(),
        };
        let after = match finding.decisions.last() {
            Some(decision) => format!(" after `{decision}`"),
            None => String::new(),
        };
        format!("UCX backend: {}{during}{after}", lower_first(&what))
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Summary\n\n{}\n", self.finding.message)?;
        for reason in &self.finding.evidence {
            writeln!(f, "- {reason}")?;
        }
        writeln!(f)
    }

    fn versions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "## Versions\n\n- NIXL {}\n- UCX {} (its contract; mock-ucx {} stood in its place)\n- Linux, {}\n",
            self.nixl,
            self.finding.ucx_version,
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH
        )
    }

    fn reproduce(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stability = self.finding.stability;
        writeln!(
            f,
            "## How to reproduce\n\nOn Linux with Rust and Python 3, the released NIXL as it is (`mock-ucx` fetches and verifies it); neither a GPU nor a network card is needed.\n"
        )?;
        writeln!(
            f,
            "```sh\ngit clone {REPOSITORY} && cd mock-ucx\ncat > bug.scenario <<'END'\n{}END\ncargo run --release -- replay --nixl {} bug.scenario\n```\n",
            self.file, self.spec
        )?;
        writeln!(
            f,
            "It showed in {} of {} replays, each in a fresh process.\n",
            stability.shown, stability.of
        )
    }

    fn faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(spec) = self.finding.faults.parse::<FaultSpec>() else {
            return Ok(());
        };
        if spec.is_empty() {
            return writeln!(
                f,
                "Nothing is made to fail: UCX does what it does on a healthy network.\n"
            );
        }
        let mut points = spec.faults.iter().map(|fault| fault.point);
        let who = match points.all(|point| point.is_environment()) {
            true => "the system",
            false => "UCX",
        };
        writeln!(f, "## What {who} does there, and why it may\n")?;
        for fault in &spec.faults {
            writeln!(f, "- `{fault}`{}", permission(fault))?;
        }
        writeln!(f)
    }

    fn stacks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = self.finding;
        let created = match finding.oracle {
            Oracle::Lost => "The call that created it",
            Oracle::Crash => "Where it dies",
            Oracle::Rule if !finding.called.is_empty() => "The call that created the object",
            _ => "The call",
        };
        let ended = match finding.oracle {
            Oracle::Lost => "The call after which nobody can give it back",
            _ => "The call that ended it",
        };
        let called = match finding.oracle {
            Oracle::Rule => "The call that breaks the rule",
            _ => "The call that failed before",
        };
        let parts = [
            (called, &finding.called),
            (created, &finding.created),
            (ended, &finding.ended),
        ];
        for (name, frames) in parts {
            if !frames.is_empty() {
                writeln!(f, "## {name}\n\n```")?;
                stack(f, frames)?;
                writeln!(f, "```\n")?;
            }
        }
        Ok(())
    }
}

/// Where UCX is seen to do what a fault does.
fn permission(fault: &Fault) -> String {
    let outcomes = fault.point.outcomes();
    let permitted = fault.choices.first().and_then(|choice| {
        let number = fault.point.outcome_number(*choice)?.checked_sub(1)?;
        outcomes.get(number)
    });
    match permitted {
        Some(outcome) => {
            let question = sentence(&fault.point.question());
            let who = match fault.point.is_environment() {
                true => "It may, says",
                false => "UCX does so in",
            };
            format!(": {question}? {who} {}.", outcome.source)
        }
        None => String::new(),
    }
}

/// The frames of NIXL, and those between them and UCX.
fn stack(f: &mut fmt::Formatter<'_>, frames: &[StackFrame]) -> fmt::Result {
    let end = frames
        .iter()
        .rposition(|frame| frame.nixl)
        .map_or(frames.len(), |last| last + 1);
    for (index, frame) in frames[..end].iter().enumerate() {
        writeln!(f, "#{index:<2} {frame}")?;
    }
    Ok(())
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // `UCX's` stays as it is.
        Some(first) if !text.starts_with("UCX") => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::sample;

    fn report(faults: &str, certificate: Option<&Certificate>) -> String {
        let finding = sample("f", faults);
        let report = BugReport {
            finding: &finding,
            file: "#! faults: x\nname lost\n\nagent a0\n",
            at: Some("src/x.cpp registerMem: returns early"),
            fix: None,
            nixl: "1.5.1",
            spec: "1.5.1",
            certificate,
        };
        report.to_string()
    }

    #[test]
    fn all_that_is_known_has_its_heading_and_nothing_else_has() {
        let text = report("ucp_rkey_pack@1=NO_MEMORY", None);
        let headings: Vec<&str> = text
            .lines()
            .filter(|line| {
                line.starts_with('#')
                    && !line.starts_with("#!")
                    && !line.starts_with("#0")
                    && !line.starts_with("#1")
            })
            .collect();
        assert_eq!(
            headings,
            [
                "# UCX backend: a memory handle of UCX is never given back in `register` after `ucp_rkey_pack@1=NO_MEMORY`",
                "## Summary",
                "## Versions",
                "## How to reproduce",
                "## What UCX does there, and why it may",
                "## The call that created it",
                "## Where",
                "## On the real UCX",
            ]
        );
        assert!(
            text.contains("#1  libnixl.so!nixlAgent::registerMem\n```"),
            "{text}"
        );
        assert!(text.ends_with("Not tried.\n"), "{text}");
    }

    #[test]
    fn a_benign_run_and_the_real_ucx_are_told() {
        let shown = Certificate::Shown {
            what: "one memory handle is left".to_owned(),
        };
        let text = report("", Some(&shown));
        assert!(text.contains("Nothing is made to fail"), "{text}");
        assert!(
            text.ends_with("Shown on the real UCX too: one memory handle is left.\n"),
            "{text}"
        );
    }
}
