//! Which registrations a range of addresses touches.

use std::collections::BTreeSet;

use super::Range;

/// Live registrations by their addresses; they may overlap in any way.
///
/// Those of about the same length are kept together: one that touches a range begins at most its length before it, so that few
/// are looked at, and how many there are in all does not matter.
#[derive(Debug)]
pub(crate) struct Registered {
    /// By the bits of the length: start and serial.
    classes: [BTreeSet<(u64, u64)>; u64::BITS as usize + 1],
}

impl Default for Registered {
    fn default() -> Registered {
        Registered {
            classes: [const { BTreeSet::new() }; u64::BITS as usize + 1],
        }
    }
}

impl Registered {
    pub(crate) fn insert(&mut self, range: Range, serial: u64) {
        self.classes[class(range)].insert((range.start, serial));
    }

    pub(crate) fn remove(&mut self, range: Range, serial: u64) {
        self.classes[class(range)].remove(&(range.start, serial));
    }

    /// The registrations (serials) that may touch a range, in the order in which they were made. Their ends are for the caller to compare.
    pub(crate) fn near(&self, range: Range) -> Vec<u64> {
        let mut found = Vec::new();
        for (bits, class) in self.classes.iter().enumerate() {
            if !class.is_empty() {
                let longest = u64::MAX.checked_shr(u64::BITS - bits as u32).unwrap_or(0);
                let first = range.start.saturating_sub(longest);
                let those = class.range((first, 0)..(range.end, 0));
                found.extend(those.map(|(_, serial)| *serial));
            }
        }
        found.sort_unstable();
        found
    }

    /// The addresses between the lowest and the highest of all; empty if there are none.
    pub(crate) fn hull(&self) -> Range {
        let used = || self.classes.iter().enumerate();
        let start = used().filter_map(|(_, class)| Some(class.first()?.0)).min();
        let end = used().filter_map(|(bits, class)| {
            let longest = u64::MAX.checked_shr(u64::BITS - bits as u32).unwrap_or(0);
            Some(class.last()?.0.saturating_add(longest))
        });
        Range {
            start: start.unwrap_or(u64::MAX),
            end: end.max().unwrap_or(0),
        }
    }
}

/// The bits of the length: all of one class are shorter than two to that power.
fn class(range: Range) -> usize {
    (u64::BITS - range.length().leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hull_holds_all_and_is_empty_when_none_is_left() {
        let mut registered = Registered::default();
        assert!(registered.hull().is_empty());
        let (low, high) = (Range::of(0x1000, 100), Range::of(0x9000, 5000));
        registered.insert(low, 1);
        registered.insert(high, 2);
        let hull = registered.hull();
        assert!(hull.start == low.start && hull.end >= high.end);
        registered.remove(high, 2);
        assert!(registered.hull().end < high.start);
        registered.remove(low, 1);
        assert!(registered.hull().is_empty());
    }

    proptest! {
        #[test]
        fn whatever_touches_a_range_is_near_it(
            ranges in vec((0_u64..5000, 1_u64..2000), 1..40),
            asked in (0_u64..6000, 1_u64..500),
            gone in vec(any::<bool>(), 40),
        ) {
            let mut registered = Registered::default();
            let asked = Range::of(asked.0, asked.1);
            let mut touching = Vec::new();
            for (serial, (start, length)) in ranges.iter().enumerate() {
                let range = Range::of(*start, *length);
                registered.insert(range, serial as u64);
                if gone[serial] {
                    registered.remove(range, serial as u64);
                } else if range.common(asked).is_some() {
                    touching.push(serial as u64);
                }
            }
            let near = registered.near(asked);
            for serial in &touching {
                prop_assert!(near.contains(serial));
            }
            for serial in &near {
                let (start, length) = ranges[*serial as usize];
                prop_assert!(!gone[*serial as usize] && start < asked.end && start + 2 * length > asked.start);
            }
        }
    }
}
