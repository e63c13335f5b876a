//! Can the mock vouch for the case? Where it failed itself, or ran out of room, nothing may be concluded from silence.

use super::{Ended, Evidence, Observation, Oracle, Subject, Verdict};

/// Signals by which the system says that a limit was reached that whoever started the process has set, and what it is about.
const LIMITS: [(i32, &str, &str); 2] = [
    (
        libc::SIGXFSZ,
        "file_size",
        "a file grew beyond `ulimit -f`, and the mock's ledger is one: raise that limit",
    ),
    (
        libc::SIGXCPU,
        "processor_time",
        "it took more processor time than `ulimit -t`: raise that limit",
    ),
];

/// The process ended at a limit of the system, which is no fault of the client: the rule, and what to say.
pub(super) fn limit(ended: Ended) -> Option<(&'static str, &'static str)> {
    let Ended::Signalled(signal) = ended else {
        return None;
    };
    let (_, rule, words) = LIMITS.iter().find(|(number, _, _)| *number == signal)?;
    Some((rule, words))
}

/// One doubt for each reason.
pub(super) fn judge(observation: &Observation<'_>) -> Vec<Verdict> {
    if let Some((rule, words)) = limit(observation.ended) {
        return vec![doubt(rule, format!("the process was ended early: {words}"))];
    }
    let Some(snapshot) = observation.snapshot else {
        let nothing_done = observation.operations.is_empty() && observation.ended_well();
        let words = match observation.ended {
            Ended::Exited(status) => {
                format!("the process ended with status {status} before it called UCX")
            }
            _ => "the process ended before it called UCX".to_owned(),
        };
        return nothing_done
            .then(|| doubt("no_ledger", words))
            .into_iter()
            .collect();
    };
    let reasons = [
        (
            u64::from(snapshot.internal_errors),
            "internal_error",
            "times the mock itself failed: please report this as a bug of mock-ucx",
        ),
        (
            snapshot.objects_dropped,
            "objects_dropped",
            "objects found no room in the ledger: the census is incomplete",
        ),
        (
            u64::from(snapshot.findings_dropped),
            "findings_dropped",
            "broken rules found no room in the ledger",
        ),
    ];
    let unseen = snapshot.caches.unseen.as_ref();
    let unseen = unseen.filter(|_| {
        observation
            .operations
            .iter()
            .any(|note| note.name() == "churn")
    });
    reasons
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, rule, words)| doubt(rule, format!("{count} {words}")))
        .chain(unseen.map(|why| doubt("unmaps_unseen", format!("unmaps are not seen: {why}"))))
        .collect()
}

fn doubt(rule: &str, what: String) -> Verdict {
    Verdict {
        oracle: Oracle::Incomplete,
        rule: Some(rule.to_owned()),
        subject: Subject::Process,
        objects: Vec::new(),
        evidence: vec![Evidence::new(what.clone())],
        what,
        created: None,
        site: None,
        stack: Vec::new(),
        operation: None,
        operation_otherwise: None,
        cause: None,
        fault: None,
        fault_is_certain: false,
    }
}

#[cfg(test)]
mod tests;
