//! Live blocks by address. Whoever allocates a block enters it before anybody else knows its address, and whoever frees it takes it out
//! before the address can come again, so no two threads ever work on one key at a time.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::layout::{BUCKET, Blocks};

/// Buckets that one block may be kept in: 128 slots, which overflow only when the table is all but full.
const BUCKETS_TRIED: usize = 16;

/// A slot that is being written.
const TAKEN: u64 = 1;

const BYTES_BITS: u32 = 48;
const BYTES_MASK: u64 = (1 << BYTES_BITS) - 1;

/// A live block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) site: u32,
    pub(crate) bytes: u64,
}

impl Block {
    fn pack(self) -> u64 {
        u64::from(self.site) << BYTES_BITS | self.bytes.min(BYTES_MASK)
    }

    fn unpack(value: u64) -> Block {
        Block {
            site: (value >> BYTES_BITS) as u32,
            bytes: value & BYTES_MASK,
        }
    }
}

impl<const N: usize> Blocks<N> {
    /// Enters a block; false: there is no room.
    pub(crate) fn insert(&self, address: u64, block: Block) -> bool {
        for bucket in buckets::<N>(address) {
            for slot in bucket..bucket + BUCKET {
                let key = &self.keys[slot];
                let is_free = key.load(Relaxed) == 0;
                if is_free && key.compare_exchange(0, TAKEN, AcqRel, Relaxed).is_ok() {
                    self.values[slot].store(block.pack(), Relaxed);
                    key.store(address, Release);
                    return true;
                }
            }
            self.overflowed[bucket].store(1, Relaxed);
        }
        false
    }

    /// Takes a block out.
    pub(crate) fn remove(&self, address: u64) -> Option<Block> {
        for bucket in buckets::<N>(address) {
            for slot in bucket..bucket + BUCKET {
                if self.keys[slot].load(Relaxed) == address {
                    return self.take(slot, address);
                }
            }
            if self.overflowed[bucket].load(Relaxed) == 0 {
                return None;
            }
        }
        None
    }

    fn take(&self, slot: usize, address: u64) -> Option<Block> {
        let block = Block::unpack(self.values[slot].load(Relaxed));
        let freed = self.keys[slot].compare_exchange(address, 0, AcqRel, Relaxed);
        freed.is_ok().then_some(block)
    }

    /// Takes out some block for which `wanted` holds, with its address.
    pub(crate) fn remove_any(&self, wanted: impl Fn(u64, Block) -> bool) -> Option<(u64, Block)> {
        (0..N).find_map(|slot| {
            let (key, value) = (&self.keys[slot], &self.values[slot]);
            let address = key.load(Acquire);
            let block = Block::unpack(value.load(Acquire));
            // Another thread's block may have come into the slot between the two.
            let is_whole = key.load(Relaxed) == address;
            if address <= TAKEN || !is_whole || !wanted(address, block) {
                return None;
            }
            Some((address, self.take(slot, address)?))
        })
    }
}

/// Where the buckets begin that a block may be kept in, the first choice first.
fn buckets<const N: usize>(address: u64) -> impl Iterator<Item = usize> {
    // Fibonacci hashing: the top bits depend on all bits of the address.
    let hash = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let count = N / BUCKET;
    (0..BUCKETS_TRIED.min(count)).map(move |step| (hash as usize + step) % count * BUCKET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A small table, zeroed as a mapping is.
    fn table<const N: usize>() -> Box<Blocks<N>> {
        // SAFETY: all fields are atomic integers, for which zero is a value.
        unsafe { Box::new(std::mem::zeroed()) }
    }

    fn block(bytes: u64) -> Block {
        Block { site: 3, bytes }
    }

    proptest! {
        #[test]
        fn the_table_holds_what_a_map_holds(
            steps in prop::collection::vec((1u64..40, any::<bool>()), 0..200)
        ) {
            let table = table::<128>();
            let mut expected = BTreeMap::new();
            for (number, alive) in steps {
                let address = number * 16;
                let before = table.remove(address);
                prop_assert_eq!(before, expected.remove(&address));
                if alive {
                    prop_assert!(table.insert(address, block(number)));
                    expected.insert(address, block(number));
                }
            }
        }
    }

    #[test]
    fn a_full_table_refuses_and_takes_again_what_was_freed() {
        let table = table::<64>();
        let kept = (1..=1000u64).filter(|n| table.insert(n * 16, block(*n)));
        let kept: Vec<u64> = kept.collect();
        assert_eq!(kept.len(), 64);
        assert!(!table.insert(16_016, block(1)));
        assert_eq!(table.remove(kept[20] * 16), Some(block(kept[20])));
        assert!(table.insert(16_016, block(1)));
    }

    #[test]
    fn any_block_that_is_wanted_is_found_by_what_it_covers() {
        let table = table::<64>();
        table.insert(0x1000, block(0x2000));
        let covers = |point: u64| {
            move |start: u64, block: Block| (start..start + block.bytes).contains(&point)
        };
        assert_eq!(table.remove_any(covers(0x4000)), None);
        assert_eq!(
            table.remove_any(covers(0x2fff)),
            Some((0x1000, block(0x2000)))
        );
        assert_eq!(table.remove_any(covers(0x2fff)), None);
    }
}
