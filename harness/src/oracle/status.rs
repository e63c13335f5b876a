//! Is each status true? The reference model says which ones may be answered, and why.

use super::contract::{Breach, Kind, verdict};
use super::{Oracle, Subject, Verdict};

/// One verdict for each operation that answered what cannot be.
pub(super) fn judge(breaches: &[Breach<'_>]) -> Vec<Verdict> {
    let untrue = breaches.iter().filter(|breach| breach.kind == Kind::Status);
    untrue
        .map(|breach| verdict(breach, Oracle::Status, Subject::Process))
        .collect()
}

#[cfg(test)]
mod tests;
