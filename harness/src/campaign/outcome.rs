//! What a case comes to: its process's notes and ledger, judged and told.

use mock_ucx::schedule::FaultSpec;

use crate::execute::case::{End, HangKind, Played};
use crate::execute::child::CANNOT_BEGIN;
use crate::execute::noted::operation;
use crate::oracle::{Ended, Hang, Observation, judge};
use crate::report::{Case, Finding, Symbolizer};
use crate::scenario::Scenario;

/// What the message of a finding begins with whose client breaks NIXL's contract.
const MISUSE: &str = "of a client that breaks NIXL's contract: ";

/// The same where the system under NIXL fails.
const ENVIRONMENT: &str = "in a failing environment: ";

/// What a case comes to.
#[derive(Debug, Default)]
pub struct Judged {
    /// What is wrong with NIXL.
    pub findings: Vec<Finding>,
    /// Why the case cannot be vouched for.
    pub doubts: Vec<String>,
}

/// Judges one case; `strict` makes notes findings.
pub fn judge_case(
    symbols: &mut Symbolizer,
    scenario: &Scenario,
    faults: &FaultSpec,
    nixl: &str,
    strict: bool,
    played: &Played,
) -> Judged {
    let mut judged = Judged::default();
    if played.end == End::Exited(CANNOT_BEGIN) {
        judged
            .doubts
            .push(format!("{}: {}", scenario.name, played.log.trim()));
        return judged;
    }
    let operations: Vec<_> = played.notes.iter().map(operation).collect();
    let observation = Observation {
        snapshot: played.snapshot.as_ref(),
        operations: &operations,
        ended: ended(played.end),
        held: played.held.as_ref(),
        benign: faults.faults.is_empty(),
        misuse: scenario.misuse,
        strict,
        growth: played.growth.as_ref(),
        died: played.died.as_ref(),
        log: &played.log,
    };
    let (scenario_text, faults_text) = (scenario.to_string(), faults.to_string());
    let case = Case {
        scenario: &scenario_text,
        faults: &faults_text,
        nixl,
    };
    for verdict in judge(&observation) {
        if verdict.is_doubt() {
            judged
                .doubts
                .push(format!("{}: {}", scenario.name, verdict.what));
        } else {
            let mut finding = Finding::new(&verdict, &observation, &case, symbols);
            if scenario.misuse {
                finding.message.insert_str(0, MISUSE);
            }
            if faults
                .faults
                .iter()
                .any(|fault| fault.point.is_environment())
            {
                finding.message.insert_str(0, ENVIRONMENT);
            }
            judged.findings.push(finding);
        }
    }
    judged
}

fn ended(end: End) -> Ended {
    match end {
        End::Exited(status) => Ended::Exited(status),
        End::Signalled(signal) => Ended::Signalled(signal),
        End::Hung(HangKind::Spinning) => Ended::Hung(Hang::Spinning),
        End::Hung(HangKind::Blocked) => Ended::Hung(Hang::Blocked),
    }
}
