//! What the bytes of a scenario's memory are: runs of patterns, and what transfers make of them.

use std::collections::BTreeMap;

/// Bytes `start .. end` of one mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The mapping; a region that is made anew has a new one.
    pub(super) mapping: u32,
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Range {
    /// Number of bytes.
    pub fn len(self) -> u64 {
        self.end - self.start
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.end == self.start
    }

    pub(super) fn overlaps(self, other: Range) -> bool {
        self.mapping == other.mapping && self.start < other.end && other.start < self.end
    }

    /// They have a byte in common, or one of them is empty and starts in the other.
    pub(super) fn meets(self, other: Range) -> bool {
        let starts_in = |one: Range, other: Range| {
            one.mapping == other.mapping
                && (other.start..other.end.max(other.start + 1)).contains(&one.start)
        };
        starts_in(self, other) || starts_in(other, self)
    }

    pub(super) fn covers(self, other: Range) -> bool {
        self.mapping == other.mapping && self.start <= other.start && other.end <= self.end
    }
}

/// Whether two sets of ranges have a byte in common.
pub(super) fn overlap(one: &[Range], other: &[Range]) -> bool {
    one.iter()
        .any(|one| other.iter().any(|other| one.overlaps(*other)))
}

/// Bytes of one pattern, from one of its positions on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// The pattern.
    pub seed: u8,
    /// The position of the first byte.
    pub from: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    len: u64,
    pattern: Pattern,
}

/// What is known of all bytes. Bytes that are in no run may be anything.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    runs: BTreeMap<(u32, u64), Run>,
}

impl Contents {
    /// From now on the range holds this pattern; `None`: anything.
    pub(super) fn set(&mut self, range: Range, pattern: Option<Pattern>) {
        if range.is_empty() {
            return;
        }
        let touched: Vec<_> = self
            .runs
            .range((range.mapping, 0)..(range.mapping, range.end))
            .filter(|((_, start), run)| start + run.len > range.start)
            .map(|(key, run)| (key.1, *run))
            .collect();
        for (start, run) in touched {
            self.runs.remove(&(range.mapping, start));
            if start < range.start {
                let len = range.start - start;
                self.runs.insert((range.mapping, start), Run { len, ..run });
            }
            let end = start + run.len;
            if end > range.end {
                let pattern = Pattern {
                    from: run.pattern.from + (range.end - start),
                    ..run.pattern
                };
                let len = end - range.end;
                self.runs
                    .insert((range.mapping, range.end), Run { len, pattern });
            }
        }
        if let Some(pattern) = pattern {
            let len = range.len();
            self.runs
                .insert((range.mapping, range.start), Run { len, pattern });
        }
    }

    /// The parts of a range of which it is known what they hold, in order.
    pub(super) fn known(&self, range: Range) -> Vec<(Range, Pattern)> {
        self.runs
            .range((range.mapping, 0)..(range.mapping, range.end))
            .filter_map(|((mapping, run_start), run)| {
                let start = range.start.max(*run_start);
                let end = range.end.min(run_start + run.len);
                let from = run.pattern.from + start.saturating_sub(*run_start);
                let part = Range {
                    mapping: *mapping,
                    start,
                    end,
                };
                (start < end).then_some((
                    part,
                    Pattern {
                        from,
                        ..run.pattern
                    },
                ))
            })
            .collect()
    }

    /// The range certainly holds this pattern, or as much of it as there is.
    pub(super) fn holds(&self, range: Range, pattern: Pattern) -> bool {
        let mut reached = range.start;
        for (part, found) in self.known(range) {
            let wanted = pattern.from + (part.start - range.start);
            if part.start != reached || found.seed != pattern.seed || found.from != wanted {
                return false;
            }
            reached = part.end;
        }
        reached == range.end
    }

    /// `to` gets what `from` holds.
    pub(super) fn copy(&mut self, from: Range, to: Range) {
        let parts = self.known(from);
        self.set(to, None);
        for (part, pattern) in parts {
            let start = to.start + (part.start - from.start);
            let place = Range {
                mapping: to.mapping,
                start,
                end: (start + part.len()).min(to.end),
            };
            self.set(place, Some(pattern));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64) -> Range {
        Range {
            mapping: 1,
            start,
            end,
        }
    }

    fn pattern(seed: u8, from: u64) -> Pattern {
        Pattern { seed, from }
    }

    #[test]
    fn a_copy_carries_the_patterns_with_their_positions() {
        let mut contents = Contents::default();
        contents.set(range(0, 100), Some(pattern(1, 0)));
        contents.set(range(200, 300), Some(pattern(2, 0)));
        contents.copy(range(10, 30), range(250, 270));
        assert!(contents.holds(range(250, 270), pattern(1, 10)));
        assert!(contents.holds(range(200, 250), pattern(2, 0)));
        assert!(contents.holds(range(270, 300), pattern(2, 70)));
        assert!(!contents.holds(range(240, 260), pattern(2, 40)));
    }

    #[test]
    fn what_is_unknown_holds_nothing() {
        let mut contents = Contents::default();
        contents.set(range(0, 100), Some(pattern(1, 0)));
        contents.set(range(40, 60), None);
        assert!(contents.holds(range(0, 40), pattern(1, 0)));
        assert!(!contents.holds(range(0, 41), pattern(1, 0)));
        assert!(!contents.holds(range(40, 60), pattern(1, 40)));
        assert_eq!(contents.known(range(30, 70)).len(), 2);
    }
}
