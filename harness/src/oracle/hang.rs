//! Does something never end? A process that had to be killed, or a transfer that stays in progress although nothing is withheld.

use super::{
    Ended, Evidence, Hang, Observation, OperationNote, Oracle, Outcome, Subject, Verdict,
    function_words,
};

/// Operations that wait for the client's own transfer: its status must become final whatever failed. Others wait for what a peer
/// sends, which an error may rightly keep from coming.
const WAITS_FOR_ITSELF: [&str; 1] = ["wait"];

/// Operations that send, or that say whether a transfer did, which carries a notification.
const SENDS: [&str; 4] = ["notify", "post", "poll", "wait"];

/// One verdict for a killed process, or one for each wait that was in vain.
pub(super) fn judge(observation: &Observation<'_>) -> Vec<Verdict> {
    if let Ended::Hung(hang) = observation.ended {
        let (rule, doing) = match hang {
            Hang::Spinning => ("spinning", "spins without a change of state"),
            Hang::Blocked => (
                "blocked",
                "sleeps in all its threads while nothing is withheld",
            ),
        };
        let note = observation.unfinished();
        let evidence = note.map(|note| {
            Evidence::new(format!(
                "it was in operation {} `{}`",
                note.number, note.text
            ))
        });
        return vec![verdict(
            observation,
            rule,
            format!("the process {doing}"),
            note.map(|note| note.number),
            evidence,
        )];
    }
    observation
        .operations
        .iter()
        .filter_map(|note| {
            let Outcome::TimedOut(what) = &note.outcome else {
                return None;
            };
            let counts =
                WAITS_FOR_ITSELF.contains(&note.name()) || is_undisturbed(observation, note.number);
            let evidence = Evidence::new(format!(
                "operation {} `{}` waited in vain for {what}",
                note.number, note.text
            ));
            counts.then(|| {
                let what = format!("{what} never comes, while nothing is withheld");
                verdict(
                    observation,
                    "never_done",
                    what,
                    Some(note.number),
                    Some(evidence),
                )
            })
        })
        .collect()
}

/// Nothing deviated, and whatever was to send something before this operation was not refused.
fn is_undisturbed(observation: &Observation<'_>, operation: u32) -> bool {
    let refused = |note: &OperationNote| {
        let sends = SENDS.contains(&note.name());
        sends && note.number < operation && matches!(note.outcome, Outcome::Failed(_))
    };
    observation.benign && !observation.operations.iter().any(refused)
}

fn verdict(
    observation: &Observation<'_>,
    rule: &str,
    what: String,
    operation: Option<u32>,
    evidence: Option<Evidence>,
) -> Verdict {
    let fired = observation
        .snapshot
        .and_then(|snapshot| snapshot.fired.last());
    let last = observation
        .snapshot
        .and_then(|snapshot| snapshot.events.last());
    let last = last.map(|event| {
        Evidence::new(format!(
            "the last call of UCX was {} with {}",
            event.function.name(),
            event.status
        ))
    });
    let fault = fired.map(|fault| Evidence {
        text: format!(
            "{} had been decided {} in {}",
            fault.asked.point,
            fault.asked.point.words(fault.choice),
            function_words(&fault.at)
        ),
        at: Some(fault.at),
    });
    Verdict {
        oracle: Oracle::Hang,
        rule: Some(rule.to_owned()),
        subject: Subject::Process,
        objects: Vec::new(),
        what,
        created: None,
        site: None,
        stack: Vec::new(),
        operation,
        operation_otherwise: None,
        cause: None,
        fault: None,
        fault_is_certain: false,
        evidence: evidence.into_iter().chain(fault).chain(last).collect(),
    }
}

#[cfg(test)]
mod tests;
