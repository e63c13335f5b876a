//! Does each notification come once? NIXL promises no order among them: "no ordering guarantee across transfer requests", and none for
//! those that belong to no transfer (NIXL: docs/BackendGuide.md, Transfer Operations and Notification Handling).

use super::contract::{Breach, Kind, verdict};
use super::{Oracle, Subject, Verdict};

/// One verdict for each notification that is lost, or came though it was not sent, or came twice.
pub(super) fn judge(breaches: &[Breach<'_>]) -> Vec<Verdict> {
    let wrong = breaches
        .iter()
        .filter(|breach| matches!(breach.kind, Kind::Lost | Kind::Unsent));
    wrong
        .map(|breach| verdict(breach, Oracle::Notification, Subject::Process))
        .collect()
}

#[cfg(test)]
mod tests;
