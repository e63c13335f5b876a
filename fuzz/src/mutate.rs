//! Changes inputs as their readers read them: a start of fixed width whose first byte says how many records follow, the records, and decisions
//! from the back. Whole records come, go and change places; what is decided changes apart from them.

use harness::scenario::generate::{self, Stream};

/// How an input is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Bytes at the start.
    pub start: usize,
    /// Bytes of a record.
    pub record: usize,
    /// Records at most.
    pub records_max: usize,
}

/// Of `lifecycle`.
pub const LIFECYCLE: Layout = Layout {
    start: generate::SETUP_BYTES,
    record: generate::RECORD_BYTES,
    records_max: generate::RECORDS_MAX,
};

/// Of `metadata`.
pub const METADATA: Layout = Layout {
    start: generate::PLAN_BYTES,
    record: generate::CHANGE_BYTES,
    records_max: generate::CHANGES_MAX,
};

/// One change in so many is left to libFuzzer, which knows the dictionary, and what was compared.
const LEFT_TO_LIBFUZZER: u64 = 4;
/// Decisions that are made at once, at most.
const DECISIONS: u64 = 8;
/// Decisions of an input, at most: more questions are not asked of most scenarios.
const DECISIONS_MAX: usize = 256;
/// Outcomes of a decision have numbers below this; most have few.
const OUTCOMES: u64 = 8;

/// Changes the input in the first `size` bytes of `data`; returns its new size. `otherwise` is libFuzzer's own way to change it.
pub fn mutate(
    layout: Layout,
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    otherwise: impl FnOnce(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut drawn = Stream::new(u64::from(seed), 0);
    if drawn.next_number().is_multiple_of(LEFT_TO_LIBFUZZER) {
        return otherwise(data, size, max_size);
    }
    let mut input = Input::read(layout, &data[..size]);
    input.change(&mut drawn);
    let bytes = input.write(max_size.min(data.len()));
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

struct Input {
    layout: Layout,
    start: Vec<u8>,
    records: Vec<Vec<u8>>,
    /// The first decision first.
    decisions: Vec<u8>,
}

impl Input {
    fn read(layout: Layout, bytes: &[u8]) -> Input {
        let mut start = bytes[..bytes.len().min(layout.start)].to_vec();
        start.resize(layout.start, 0);
        let rest = bytes.get(layout.start..).unwrap_or_default();
        let count = usize::from(start[0]) % (layout.records_max + 1);
        let records: Vec<Vec<u8>> = rest
            .chunks_exact(layout.record)
            .take(count)
            .map(<[u8]>::to_vec)
            .collect();
        let decisions = &rest[records.len() * layout.record..];
        Input {
            layout,
            start,
            decisions: decisions.iter().rev().copied().collect(),
            records,
        }
    }

    /// The bytes, of which there may be so many: decisions go first, then records.
    fn write(mut self, max_size: usize) -> Vec<u8> {
        let room = max_size.saturating_sub(self.layout.start);
        self.records.truncate(room / self.layout.record);
        let room = room - self.records.len() * self.layout.record;
        self.decisions.truncate(room);
        self.start[0] = self.records.len() as u8;
        let mut bytes = self.start;
        bytes.extend(self.records.into_iter().flatten());
        bytes.extend(self.decisions.into_iter().rev());
        bytes.truncate(max_size);
        bytes
    }

    /// One change, of which there are as many as libFuzzer asks for.
    fn change(&mut self, drawn: &mut Stream) {
        let kind = below(drawn, 12);
        match kind {
            0..=7 if self.records.is_empty() => self.insert(drawn),
            0 | 1 => self.insert(drawn),
            2 => drop(self.records.remove(self.some_record(drawn))),
            3 => {
                let (one, other) = (self.some_record(drawn), self.some_record(drawn));
                self.records.swap(one, other);
            }
            4 => {
                let copied = self.records[self.some_record(drawn)].clone();
                self.put(copied, drawn);
            }
            5..=7 => {
                let index = self.some_record(drawn);
                let place = below(drawn, self.layout.record);
                alter(&mut self.records[index][place], drawn);
            }
            // The first byte is the number of records.
            8 => {
                let place = 1 + below(drawn, self.layout.start - 1);
                alter(&mut self.start[place], drawn);
            }
            9 => self.decisions.clear(),
            _ => self.decide(drawn),
        }
    }

    fn insert(&mut self, drawn: &mut Stream) {
        let new = drawn.bytes(self.layout.record);
        self.put(new, drawn);
    }

    fn put(&mut self, record: Vec<u8>, drawn: &mut Stream) {
        if self.records.len() < self.layout.records_max {
            let index = below(drawn, self.records.len() + 1);
            self.records.insert(index, record);
        }
    }

    /// Some decisions, not far behind those that are there; what is not decided is benign.
    fn decide(&mut self, drawn: &mut Stream) {
        for _ in 0..=below(drawn, DECISIONS as usize) {
            let index = below(drawn, self.decisions.len() + DECISIONS as usize);
            if index >= self.decisions.len() {
                self.decisions.resize((index + 1).min(DECISIONS_MAX), 0);
            }
            if let Some(decision) = self.decisions.get_mut(index) {
                *decision = (drawn.next_number() % OUTCOMES) as u8;
            }
        }
    }

    /// The place of a record, where there are any.
    fn some_record(&self, drawn: &mut Stream) -> usize {
        below(drawn, self.records.len())
    }
}

fn below(drawn: &mut Stream, bound: usize) -> usize {
    (drawn.next_number() % bound.max(1) as u64) as usize
}

/// Another value: near, far, or with one bit turned.
fn alter(byte: &mut u8, drawn: &mut Stream) {
    let number = drawn.next_number();
    let operand = (number >> 8) as u8;
    *byte = match number % 4 {
        0 => byte.wrapping_add(1),
        1 => byte.wrapping_sub(1),
        2 => *byte ^ 1 << (operand % 8),
        _ => operand,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::scenario::generate::Recipe;

    /// An input with three operations and four decisions.
    fn input() -> Vec<u8> {
        let mut bytes = vec![0; LIFECYCLE.start];
        bytes[0] = 3;
        for record in 1..=3 {
            bytes.extend([record; generate::RECORD_BYTES]);
        }
        bytes.extend([4, 3, 2, 1]);
        bytes
    }

    /// All that becomes of an input.
    fn outcomes(max_size: usize) -> Vec<Vec<u8>> {
        let one = |seed| {
            let mut data = vec![0; max_size];
            let bytes = input();
            data[..bytes.len()].copy_from_slice(&bytes);
            let keep = |_: &mut [u8], size, _| size;
            let size = mutate(LIFECYCLE, &mut data, bytes.len(), max_size, seed, keep);
            data.truncate(size);
            data
        };
        (0..2000).map(one).collect()
    }

    #[test]
    fn operations_come_go_and_change_places_and_the_decisions_stay() {
        let before = Recipe::from_bytes(&input());
        let (mut more, mut fewer, mut moved, mut decided) = (0, 0, 0, 0);
        for bytes in outcomes(512) {
            let after = Recipe::from_bytes(&bytes);
            let same_decisions = after.decisions == before.decisions;
            match after.records.len() {
                4 => more += usize::from(same_decisions),
                2 => fewer += usize::from(same_decisions),
                _ => moved += usize::from(same_decisions && after.records != before.records),
            }
            decided += usize::from(!same_decisions && after.records == before.records);
        }
        let all = [more, fewer, moved, decided];
        assert!(all.iter().all(|count| *count > 50), "{all:?}");
    }

    #[test]
    fn no_input_grows_beyond_its_room() {
        for max_size in [input().len(), input().len() + 3] {
            assert!(
                outcomes(max_size)
                    .iter()
                    .all(|bytes| bytes.len() <= max_size)
            );
        }
    }

    #[test]
    fn the_same_seed_changes_the_same() {
        assert_eq!(outcomes(512), outcomes(512));
    }
}
