//! Which rules of UCX's contract did the client break? The mock saw it happen; this decides what counts.

use mock_ucx::ledger::read::{Finding, Snapshot};
use mock_ucx::ledger::{Kind, Trouble};
use mock_ucx::rules::{Rule, Severity};

use super::chain::chain;
use super::{
    Evidence, Observation, OperationNote, Oracle, Outcome, Subject, Verdict, function_words,
};

/// Rules about what metadata says to UCX alone: which bytes are an address or a remote key, and for which memory. NIXL cannot read them, so
/// it does not break these where they were changed on their way.
const PASSED_ON: [Rule; 3] = [Rule::AddressBlob, Rule::RkeyBlob, Rule::RmaRange];
/// The operations by which a scenario changes metadata on its way. What is only cut off never reaches UCX.
const CHANGING: [&str; 3] = ["change_md", "write_md", "splice_md"];

/// One verdict for each rule that was broken, except what `lost` says already.
pub(super) fn judge(observation: &Observation<'_>, lost: &[Verdict]) -> Vec<Verdict> {
    let Some(snapshot) = observation.snapshot else {
        return Vec::new();
    };
    let changing =
        |note: &OperationNote| CHANGING.contains(&note.name()) && note.outcome != Outcome::Skipped;
    let changed = observation.operations.iter().any(changing);
    snapshot
        .findings
        .iter()
        .filter(|finding| observation.strict || finding.rule.info().is_finding())
        .filter(|finding| !(changed && PASSED_ON.contains(&finding.rule)))
        .filter(|finding| !is_told(finding, lost))
        .map(|finding| verdict(observation, snapshot, finding))
        .collect()
}

/// Whether a lost handle says it already.
fn is_told(finding: &Finding, lost: &[Verdict]) -> bool {
    let info = finding.rule.info();
    let mut telling = lost
        .iter()
        .filter(|verdict| verdict.objects.contains(&finding.object));
    finding.trouble == Trouble::None
        && telling.any(|verdict| {
            info.severity == Severity::Leak || verdict.rule.as_deref() == Some(info.id)
        })
}

fn verdict(observation: &Observation<'_>, snapshot: &Snapshot, finding: &Finding) -> Verdict {
    let info = finding.rule.info();
    let object = snapshot.object(finding.object);
    let subject = match (object, finding.trouble) {
        // The argument's kind says more than the kind of what was passed instead.
        (_, trouble) if trouble != Trouble::None => u8::try_from(finding.detail[0])
            .ok()
            .and_then(Kind::from_number),
        (object, _) => object.map(|object| object.kind),
    };
    let mut evidence = vec![Evidence::new(format!(
        "{} ({}): {}",
        info.id,
        info.severity.name(),
        info.statement
    ))];
    if let Some(object) = object {
        let mut text = format!(
            "it is about {}, created by {}",
            chain(snapshot, object, finding.at.step),
            function_words(&object.created)
        );
        if (1..finding.at.step).contains(&object.ended.step) {
            text += &format!(
                " and ended by {}{}",
                function_words(&object.ended),
                observation.operation_words(object.ended.operation)
            );
        }
        evidence.push(Evidence {
            text,
            at: Some(object.created),
        });
    }
    let other = snapshot.object(finding.other);
    if let Some(other) = other {
        evidence.push(Evidence {
            text: format!(
                "the other object is {}",
                chain(snapshot, other, finding.at.step)
            ),
            at: Some(other.created),
        });
    }
    if finding.count > 1 {
        evidence.push(Evidence::new(format!(
            "{} times from the same place",
            finding.count
        )));
    }
    evidence.push(Evidence::new(format!("what to do: {}", info.hint)));
    let operation = Some(finding.at.operation).filter(|operation| *operation > 0);
    Verdict {
        oracle: Oracle::Rule,
        rule: Some(info.id.to_owned()),
        subject: subject.map_or(Subject::Memory, Subject::Object),
        objects: object.map(|object| object.serial).into_iter().collect(),
        what: what(finding),
        created: object.map(|object| object.created),
        site: Some(finding.at),
        stack: Vec::new(),
        operation,
        operation_otherwise: None,
        cause: other
            .filter(|other| other.kind == Kind::Request)
            .map(|request| request.created),
        fault: None,
        fault_is_certain: false,
        evidence,
    }
}

fn what(finding: &Finding) -> String {
    let called = || function_words(&finding.at);
    let call = finding.unmapped_by().unwrap_or_else(called);
    let argument = finding
        .argument
        .map_or_else(String::new, |index| format!(", argument {}", index + 1));
    match finding.trouble {
        Trouble::None => format!("{call}{argument} breaks {}", finding.rule.id()),
        trouble => format!("{call}{argument}: the handle is {}", trouble.words()),
    }
}

#[cfg(test)]
mod tests;
