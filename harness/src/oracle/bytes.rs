//! Are the bytes what they should be? Only where the reference model knows them: after a failure that the client was told of it does not.

use super::contract::{Breach, Kind, verdict};
use super::{Oracle, Subject, Verdict};

/// One verdict for each operation that found something wrong though NIXL said that all went well.
pub(super) fn judge(breaches: &[Breach<'_>]) -> Vec<Verdict> {
    let wrong = breaches.iter().filter(|breach| breach.kind == Kind::Bytes);
    wrong
        .map(|breach| verdict(breach, Oracle::Bytes, Subject::Memory))
        .collect()
}

#[cfg(test)]
mod tests;
