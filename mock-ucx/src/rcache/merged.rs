//! The tree in which UCX keeps unmapped ranges from 1.21 on: ranges that overlap or touch become one.
//!
//! Its search for a range that overlaps (`ucs/datastruct/interval_tree.c:ucs_interval_tree_find_overlap`) goes down to the left of every
//! node that it looks at, whatever is there, because the nodes do not know how far the ranges below them reach. So a range that overlaps
//! nothing costs a look at every node to its left, and a handful on the way down to it.

use std::collections::Bound;

use indexset::BTreeMap;

use super::Range;

/// Disjoint ranges, start to end. None is within a byte of the next.
#[derive(Debug, Default)]
pub(super) struct Merged {
    ends: BTreeMap<u64, u64>,
    bytes: u64,
}

/// UCX compares with the end plus one, though the end does not belong to the range: a gap of one byte is closed, too.
const GAP_BYTES: u64 = 1;

impl Merged {
    /// Adds a range; returns how many nodes the search looked at, at the least: one for each range that it found, and those to the left of
    /// what became of the range. The way down to it is left out: it depends on the tree's shape, and is as short as a tree is deep.
    pub(super) fn add(&mut self, range: Range) -> u64 {
        let mut whole = range;
        let mut found = 0;
        while let Some(near) = self.near(whole) {
            self.ends.remove(&near.start);
            self.bytes -= near.length();
            whole.start = whole.start.min(near.start);
            whole.end = whole.end.max(near.end);
            found += 1;
        }
        let left = self.ends.rank(&whole.start) as u64;
        self.ends.insert(whole.start, whole.end);
        self.bytes = self.bytes.saturating_add(whole.length());
        found + left
    }

    /// Ranges.
    pub(super) fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The sum of their lengths.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A range that overlaps or touches `range`: of disjoint ones the last that begins at its end or before.
    fn near(&self, range: Range) -> Option<Range> {
        let end = range.end.saturating_add(GAP_BYTES);
        let before = (Bound::Unbounded, Bound::Included(end));
        let (start, last) = self.ends.range(before).next_back()?;
        (range.start <= last.saturating_add(GAP_BYTES)).then_some(Range {
            start: *start,
            end: *last,
        })
    }
}
