//! What a case left behind, in the words of those who judge it.

use mock_ucx::ledger::read::Snapshot;
use mock_ucx::schedule::{FAULTS_MAX, FaultSpec};

use crate::execute::case::{Note, NoteOutcome};
use crate::oracle::{OperationNote, Outcome};

/// The decisions that fired, as a specification; `None`: they are too many to be named.
pub(crate) fn explicit(snapshot: Option<&Snapshot>) -> Option<FaultSpec> {
    let Some(snapshot) = snapshot else {
        return Some(FaultSpec::default());
    };
    let fits = snapshot.fired_dropped == 0 && snapshot.fired.len() <= FAULTS_MAX;
    fits.then(|| FaultSpec {
        faults: snapshot
            .fired
            .iter()
            .map(|fired| fired.to_fault())
            .collect(),
    })
}

/// What a note tells; nothing is known of an operation in which the process ended.
pub(crate) fn operation(note: &Note) -> OperationNote {
    let outcome = match &note.outcome {
        Some(NoteOutcome::Done | NoteOutcome::Begun) => Outcome::Done,
        Some(NoteOutcome::Refused(status)) => Outcome::Failed(status.clone()),
        Some(NoteOutcome::Skipped | NoteOutcome::Absent(_)) => Outcome::Skipped,
        Some(NoteOutcome::TimedOut(what)) => Outcome::TimedOut(what.clone()),
        Some(NoteOutcome::Wrong(what)) => Outcome::Wrong(what.clone()),
        None => Outcome::Unfinished,
    };
    OperationNote {
        number: note.operation,
        text: note.line.clone(),
        outcome,
        begun: note.outcome == Some(NoteOutcome::Begun),
        answers: note.answers.clone(),
        teardown: note.teardown,
    }
}
