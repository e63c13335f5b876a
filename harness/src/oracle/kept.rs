//! Does an endpoint outlive all that uses it? To forget a peer is to disconnect from it: `invalidateRemoteMD` "will disconnect from that agent
//! if already connected" (NIXL: src/api/cpp/nixl.h). A transfer that is under way may need the endpoint for longer, one that has ended not. If
//! it closes with the release of such a transfer, that one has kept it, and would have for as long as its client keeps the handle.

use mock_ucx::ledger::read::Object;
use mock_ucx::ledger::{Kind as ObjectKind, ObjectState};

use super::contract::{Breach, Kind, verdict};
use super::{Evidence, Observation, OperationNote, Oracle, Subject, Verdict, object_words};

/// One verdict for each release of a transfer that was over, with which endpoints went whose peer had been forgotten.
pub(super) fn judge(observation: &Observation<'_>, breaches: &[Breach<'_>]) -> Vec<Verdict> {
    let kept = breaches.iter().filter(|breach| breach.kind == Kind::Kept);
    kept.filter_map(|breach| told(observation, breach))
        .collect()
}

/// The endpoints that the client closed in an operation.
pub(super) fn closed_in<'a>(
    observation: &Observation<'a>,
    note: &OperationNote,
) -> impl Iterator<Item = &'a Object> {
    let number = note.number;
    let objects = observation.snapshot.into_iter();
    objects
        .flat_map(|snapshot| &snapshot.objects)
        .filter(move |object| {
            object.kind == ObjectKind::Endpoint
                && object.state == ObjectState::Ended
                && object.ended.operation == number
        })
}

fn told(observation: &Observation<'_>, breach: &Breach<'_>) -> Option<Verdict> {
    let closed: Vec<&Object> = closed_in(observation, breach.note).collect();
    let first = *closed.first()?;
    let note = breach.note;
    let closing = format!(
        "operation {} `{}` closed it, and the transfer had ended well before its peer was forgotten",
        note.number, note.text
    );
    let mut told = verdict(breach, Oracle::Kept, Subject::Object(ObjectKind::Endpoint));
    told.rule = Some("forgotten_peer".to_owned());
    told.objects = closed.iter().map(|object| object.serial).collect();
    told.what = format!("{} is kept by a transfer that is over", object_words(first));
    told.created = Some(first.created);
    told.site = Some(first.ended);
    told.evidence = vec![
        Evidence {
            text: closing,
            at: Some(first.ended),
        },
        Evidence::new(
            "to forget a peer is to disconnect from it, and what has ended needs no endpoint",
        ),
    ];
    Some(told)
}

#[cfg(test)]
mod tests;
