//! Ranges that were unmapped and not gone through yet.

use super::Range;
use super::merged::Merged;
use crate::version::UcxVersion;

/// What a release keeps them in.
#[derive(Debug)]
pub(super) enum Pending {
    /// Up to 1.20: a queue with one entry for each unmap, whatever the addresses. What stands in it is asked for by nobody here.
    Queue { entries: u64, bytes: u64 },
    /// From 1.21: a tree of disjoint ranges (`ucs/datastruct/interval_tree.c`).
    Tree(Merged),
}

impl Pending {
    /// Nothing yet.
    pub(super) fn of(version: UcxVersion) -> Pending {
        if version.merges_unmapped_ranges() {
            Pending::Tree(Merged::default())
        } else {
            Pending::Queue {
                entries: 0,
                bytes: 0,
            }
        }
    }

    /// Writes a range down; returns the nodes that the search looked at.
    pub(super) fn add(&mut self, range: Range) -> u64 {
        match self {
            Pending::Queue { entries, bytes } => {
                *entries += 1;
                *bytes = bytes.saturating_add(range.length());
                0
            }
            Pending::Tree(merged) => merged.add(range),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Pending::Queue { entries, bytes } => (*entries, *bytes) = (0, 0),
            Pending::Tree(merged) => *merged = Merged::default(),
        }
    }

    /// Entries, each of which takes memory.
    pub(super) fn entries(&self) -> u64 {
        match self {
            Pending::Queue { entries, .. } => *entries,
            Pending::Tree(merged) => merged.len(),
        }
    }

    /// The sum of the lengths, which is what the limit is compared with.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Pending::Queue { bytes, .. } => *bytes,
            Pending::Tree(merged) => merged.bytes(),
        }
    }
}
