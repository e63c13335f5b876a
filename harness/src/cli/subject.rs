//! What the verbs that look at one finding are given: an id of the last hunt, or a file such as those in tests/findings.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::campaign::Recorded;
use crate::campaign::minimise::Candidate;
use crate::nixl;
use crate::report::{Finding, Findings};

/// Which finding, and on which NIXL.
#[derive(Args)]
pub(super) struct SubjectArgs {
    /// Id of a finding (its beginning will do), or a file such as those in tests/findings.
    #[arg(value_name = "ID|FILE")]
    pub(super) what: String,
    /// Folder of the hunt's findings.jsonl, in which an id is looked up.
    #[arg(long, default_value = super::OUT)]
    pub(super) out: PathBuf,
    /// NIXL to play it on; that of the finding if not given.
    #[arg(long, value_name = "RELEASE|DIR")]
    nixl: Option<String>,
    /// Broken rules that are only notes count as findings.
    #[arg(long)]
    pub(super) strict: bool,
}

/// A finding to play again.
pub(super) struct Subject {
    /// What shows it.
    pub(super) recorded: Recorded,
    /// Its fingerprint, if it is known.
    pub(super) fingerprint: Option<String>,
    /// NIXL to play it on.
    pub(super) spec: String,
}

impl Subject {
    /// Which of the findings that a case shows is meant: the one that its file or its hunt names, else the first of what its file speaks
    /// of.
    pub(super) fn chosen<'a>(&self, shown: &'a [Finding]) -> Option<&'a Finding> {
        match &self.fingerprint {
            Some(wanted) => shown.iter().find(|finding| finding.fingerprint == *wanted),
            None => self.recorded.chosen(shown),
        }
    }
}

impl SubjectArgs {
    /// The command that does something else with it.
    pub(super) fn command(&self, verb: &str) -> String {
        match Path::new(&self.what).is_file() {
            true => format!("mock-ucx {verb} {}", self.what),
            false => super::command_on(verb, &self.out, &self.what),
        }
    }

    /// Looks it up.
    ///
    /// # Errors
    /// There is no such file or finding, or it cannot be read.
    pub(super) fn load(&self) -> anyhow::Result<Subject> {
        let path = Path::new(&self.what);
        if path.is_file() {
            let recorded = Recorded::read(path)?;
            return Ok(Subject {
                fingerprint: recorded.note("fingerprint").map(str::to_owned),
                spec: self.spec(None),
                recorded,
            });
        }
        let findings = Findings::read(&self.out).with_context(|| {
            format!(
                "`{}` is no file, and there are no findings in {} to look it up in",
                self.what,
                self.out.display()
            )
        })?;
        let finding = self.by_id(&findings)?;
        let shows_it = Candidate::of(finding)?;
        Ok(Subject {
            recorded: Recorded {
                scenario: shows_it.scenario,
                faults: shows_it.faults,
                notes: Vec::new(),
            },
            fingerprint: Some(finding.fingerprint.clone()),
            spec: self.spec(Some(&finding.nixl)),
        })
    }

    fn spec(&self, found_on: Option<&str>) -> String {
        let spec = self.nixl.as_deref().or(found_on);
        spec.unwrap_or(nixl::DEFAULT_SPEC).to_owned()
    }

    fn by_id<'a>(&self, findings: &'a Findings) -> anyhow::Result<&'a Finding> {
        let mut matching = findings
            .iter()
            .filter(|finding| finding.id.starts_with(&self.what));
        match (matching.next(), matching.count()) {
            (Some(finding), 0) => Ok(finding),
            (None, _) => bail!(
                "no finding in {} has an id that begins with `{}`",
                self.out.display(),
                self.what
            ),
            (Some(_), more) => bail!(
                "{} findings have an id that begins with `{}`: give more of it",
                more + 1,
                self.what
            ),
        }
    }
}
