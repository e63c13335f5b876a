//! The model against what was measured on the real UCX, and against a simple reference.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ENTRY_BYTES, Range, RegistrationCache, Tally};
use crate::version::UcxVersion;

const QUEUE: UcxVersion = UcxVersion::new(20, 0);
const TREE: UcxVersion = UcxVersion::new(23, 0);
const PAGE: u64 = 4096;
const LENGTH: u64 = 16 * PAGE;

/// Unmaps `count` ranges at a stride; returns what came of it.
fn unmapped(version: UcxVersion, unreleased_max: u64, stride: u64, count: u64) -> Tally {
    let mut cache = RegistrationCache::new(version, unreleased_max);
    for index in 0..count {
        cache.unmapped(Range::of(0x7000_0000 + index * stride, LENGTH));
    }
    cache.tally()
}

#[test]
fn a_queue_grows_by_an_entry_for_each_unmap_whatever_the_addresses() {
    for stride in [0, LENGTH, 2 * LENGTH] {
        let tally = unmapped(QUEUE, u64::MAX, stride, 1000);
        assert_eq!((tally.entries, tally.entries_max), (1000, 1000));
        assert_eq!((tally.visited, tally.drains), (0, 0));
    }
    // Resident memory was seen to grow by 14 MB with 100,000 unmaps.
    assert_eq!(100_000 * ENTRY_BYTES / 1_000_000, 14);
}

#[test]
fn a_tree_stays_flat_while_addresses_are_reused_or_adjacent() {
    for stride in [0, LENGTH] {
        let tally = unmapped(TREE, u64::MAX, stride, 1000);
        assert_eq!((tally.unmaps, tally.entries_max), (1000, 1));
        assert!(tally.visited < 1000, "{}", tally.visited);
    }
}

#[test]
fn a_tree_grows_and_each_search_costs_more_where_addresses_are_scattered() {
    let few = unmapped(TREE, u64::MAX, 2 * LENGTH, 1000);
    let many = unmapped(TREE, u64::MAX, 2 * LENGTH, 2000);
    assert_eq!((few.entries, many.entries), (1000, 2000));
    assert_eq!(few.visited, 1000 * 999 / 2);
    assert!(many.visited > 3 * few.visited);
}

#[test]
fn a_tree_whose_new_ranges_lie_below_all_others_is_searched_fast() {
    let mut cache = RegistrationCache::new(TREE, u64::MAX);
    for index in 0..1000 {
        cache.unmapped(Range::of(0x7000_0000 - index * 2 * LENGTH, LENGTH));
    }
    assert_eq!((cache.tally().entries, cache.tally().visited), (1000, 0));
}

#[test]
fn a_limit_of_1024_bytes_keeps_one_entry_and_is_looked_at_before_the_next() {
    for (version, stride) in [(QUEUE, 0), (QUEUE, 2 * LENGTH), (TREE, 2 * LENGTH)] {
        let tally = unmapped(version, 1024, stride, 1000);
        assert_eq!((tally.entries_max, tally.drains), (1, 999));
    }
    let exactly = unmapped(QUEUE, 2 * LENGTH, 0, 6);
    assert_eq!((exactly.entries_max, exactly.drains), (3, 1));
}

#[test]
fn a_registration_goes_through_all_that_is_pending_and_nothing_else_does() {
    for version in [QUEUE, TREE] {
        let mut cache = RegistrationCache::new(version, u64::MAX);
        cache.registers();
        assert_eq!(cache.tally().drains, 0);
        cache.unmapped(Range::of(PAGE, PAGE));
        cache.unmapped(Range::of(8 * PAGE, PAGE));
        cache.registers();
        let tally = cache.tally();
        assert_eq!((tally.entries, tally.entries_max, tally.drains), (0, 2, 1));
    }
}

#[test]
fn the_tree_came_with_1_21() {
    let entries = |minor| unmapped(UcxVersion::new(minor, 0), u64::MAX, 0, 10).entries;
    assert_eq!([18, 19, 20, 21, 22, 23].map(entries), [10, 10, 10, 1, 1, 1]);
}

#[test]
fn ranges_wrap_around_nothing_and_share_what_is_in_both() {
    assert_eq!(Range::of(u64::MAX - 1, 100).length(), 1);
    let range = Range::of(PAGE, PAGE);
    assert_eq!(range.common(Range::of(2 * PAGE, PAGE)), None);
    let half = Range::of(PAGE + 5, 10);
    assert_eq!(range.common(half), Some(half));
}

/// The tree as a list: each address and the one behind a range belong together.
#[derive(Default)]
struct Reference {
    ranges: Vec<Range>,
}

impl Reference {
    fn add(&mut self, range: Range) -> u64 {
        let touches =
            |one: &Range, other: &Range| one.start <= other.end + 1 && other.start <= one.end + 1;
        let mut whole = range;
        let mut found = 0;
        while let Some(index) = self.ranges.iter().position(|other| touches(other, &whole)) {
            let other = self.ranges.swap_remove(index);
            whole.start = whole.start.min(other.start);
            whole.end = whole.end.max(other.end);
            found += 1;
        }
        let left = self
            .ranges
            .iter()
            .filter(|other| other.start < whole.start)
            .count();
        self.ranges.push(whole);
        found + left as u64
    }
}

#[derive(Clone, Debug)]
enum Step {
    Unmap(u64, u64),
    Register,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0_u64..200, 1_u64..8).prop_map(|(start, length)| Step::Unmap(start, length)),
        1 => Just(Step::Register),
    ];
    vec(step, 0..200)
}

proptest! {
    #[test]
    fn the_tree_is_a_list_of_merged_ranges(steps in steps(), limit in prop_oneof![Just(u64::MAX), 0_u64..300]) {
        let mut cache = RegistrationCache::new(TREE, limit);
        let mut reference = Reference::default();
        let mut visited = 0;
        for step in steps {
            match step {
                Step::Unmap(start, length) => {
                    let bytes: u64 = reference.ranges.iter().map(|range| range.length()).sum();
                    if bytes > limit {
                        reference.ranges.clear();
                    }
                    cache.unmapped(Range::of(start, length));
                    visited += reference.add(Range::of(start, length));
                }
                Step::Register => {
                    cache.registers();
                    reference.ranges.clear();
                }
            }
            let tally = cache.tally();
            prop_assert_eq!((tally.entries, tally.visited), (reference.ranges.len() as u64, visited));
        }
    }
}
