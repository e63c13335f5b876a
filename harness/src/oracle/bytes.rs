//! Are the bytes and notifications what they should be? After an operation that failed they need not be: the client was told.

use super::{Evidence, Observation, Oracle, Outcome, Subject, Verdict};

/// One verdict for each operation that found something wrong though all before it said that they succeeded.
pub(super) fn judge(observation: &Observation<'_>) -> Vec<Verdict> {
    let told = observation.operations.iter().position(|note| {
        matches!(
            note.outcome,
            Outcome::Failed(_) | Outcome::Skipped | Outcome::TimedOut(_)
        )
    });
    let end = match told {
        Some(told) if !observation.benign => told,
        _ => observation.operations.len(),
    };
    observation.operations[..end]
        .iter()
        .filter_map(|note| match &note.outcome {
            Outcome::Wrong(what) => Some((note, what)),
            _ => None,
        })
        .map(|(note, what)| Verdict {
            oracle: Oracle::Bytes,
            rule: Some(note.name().to_owned()),
            subject: Subject::Memory,
            objects: Vec::new(),
            what: format!("what arrived is wrong: {what}"),
            created: None,
            site: None,
            operation: Some(note.number),
            operation_otherwise: None,
            fault: None,
            evidence: vec![
                Evidence::new(format!("operation {} `{}`: {what}", note.number, note.text)),
                Evidence::new("every operation before it reported success"),
            ],
        })
        .collect()
}

#[cfg(test)]
mod tests;
