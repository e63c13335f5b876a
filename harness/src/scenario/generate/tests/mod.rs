//! The generator keeps its promises: valid, within the contract, steady, and of every shape.

mod contract;
mod shapes;
mod steadiness;
mod strategy;

use super::*;

/// Numbers that look random and are the same in every run: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes());
        words.flatten().take(count).collect()
    }
}

/// As many scenarios as asked for, each from bytes that are drawn anew.
fn drawn(count: u64, class: Class) -> impl Iterator<Item = Scenario> {
    (0..count).map(move |number| {
        let bytes = Random(number).bytes(SETUP_BYTES + RECORDS_MAX * RECORD_BYTES);
        Recipe::from_bytes(&bytes).scenario("drawn", class)
    })
}
