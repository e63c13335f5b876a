//! `mock-ucx bug`: a finding as a report that can be filed.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::subject::SubjectArgs;
use crate::campaign::minimise::{Candidate, Player};
use crate::campaign::{Recorded, STABILITY_REPLAYS, stability};
use crate::certificate::certify;
use crate::cli::CLEAN;
use crate::execute::pool::Zygote;
use crate::nixl::{self, Installed, Machine};
use crate::report::Symbolizer;
use crate::report::bug::BugReport;

/// Plays a finding again and prints a report in Markdown, ready to file upstream: what happens, how to see it, where, and whether the
/// real UCX shows it too.
#[derive(Args)]
pub struct BugArgs {
    #[command(flatten)]
    subject: SubjectArgs,
}

impl BugArgs {
    /// Reports.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let subject = self.subject.load()?;
        let installed = nixl::fetch(&subject.spec)?;
        let mut zygote = Zygote::start(&subject.spec)?;
        let mut symbols = Symbolizer::new();
        let candidate = Candidate::kept(&subject.recorded);
        let mut player = Player {
            stage: &mut zygote,
            symbols: &mut symbols,
            nixl: &subject.spec,
            strict: self.subject.strict,
            fingerprint: "",
        };
        let mut finding = None;
        // What shows only now and then is given some more chances.
        for _ in 0..STABILITY_REPLAYS {
            let shown = player.play(&candidate)?.0;
            finding = subject.chosen(&shown).cloned();
            if finding.is_some() {
                break;
            }
        }
        let Some(mut finding) = finding else {
            bail!(
                "`{}` shows nothing on NIXL {}, so there is nothing to report",
                self.subject.what,
                subject.spec
            );
        };
        player.fingerprint = &finding.fingerprint;
        finding.stability = stability(&mut player, &candidate, STABILITY_REPLAYS)?;
        let certificate = certify(&finding, &subject.spec)?;
        let file = Recorded {
            notes: Vec::new(),
            ..subject.recorded.clone()
        };
        let report = BugReport {
            finding: &finding,
            file: &file.to_string(),
            at: subject.recorded.note("at"),
            fix: subject.recorded.note("fix"),
            nixl: &wheel(&installed),
            spec: &subject.spec,
            certificate: Some(&certificate),
        };
        anstream::print!("{report}");
        Ok(ExitCode::from(CLEAN))
    }
}

/// What the NIXL is, in one line: the wheel with its checksum, or the folder.
fn wheel(installed: &Installed) -> String {
    match (installed.release, Machine::here()) {
        (Some(release), Ok(machine)) => {
            let wheel = release.wheel(machine);
            format!(
                "{}, as released: `{}` (SHA-256 `{}`), with UCX {} inside",
                release.version,
                wheel.file_name(),
                wheel.sha256(),
                release.ucx
            )
        }
        _ => format!("built in {}", installed.root.display()),
    }
}
