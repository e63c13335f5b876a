//! The seeds of the targets whose inputs are bytes that nobody writes by hand. `BLESS=1 cargo test -p fuzz --test seeds` puts them into
//! `fuzz/corpus`; without BLESS the test says which of them are not as they would be made today.

use std::collections::BTreeMap;

use harness::scenario::generate::Damage;

/// Inputs by their names, which are those of their files.
pub type Seeds = BTreeMap<String, Vec<u8>>;

/// Places in the metadata of an agent that has registered one region with UCX: the agent's name, the number of connections, the length of
/// an address, the type of the memory, the number of descriptors, the length of the first, and what lies in it.
const PLACES: [u16; 7] = [24, 41, 64, 221, 235, 244, 260];

/// A change of each kind at each place that matters: which it is, and what it needs.
const CHANGES: [(&str, [u8; 6]); 7] = [
    ("turn-bits", [0, 0x81, 0, 0, 0, 0]),
    ("lead-backwards", [2, 6, 23, 0, 0, 0]),
    ("write-zeroes", [3, 0, 0, 0, 0, 3]),
    ("cut-out", [4, 9, 0, 0, 0, 0]),
    ("repeat", [5, 40, 0, 0, 50, 0]),
    ("splice", [6, 30, 30, 0, 24, 0]),
    ("cut-off", [7, 0, 0, 0, 0, 0]),
];

/// Seeds of `metadata`.
pub fn metadata() -> Seeds {
    let mut seeds = Seeds::new();
    for (kind, [verb, needs @ ..]) in CHANGES {
        for (index, place) in PLACES.into_iter().enumerate() {
            let [low, high] = place.to_le_bytes();
            let [a, b, c, d, e] = needs;
            let damage = Damage {
                // What was loaded before and what is done after differ from place to place.
                plan: [1, 0, 0, 0, index as u8, 0, 0, 0x22 << (index % 3)],
                changes: vec![[verb, low, high, a, b, c, d, e]],
                decisions: Vec::new(),
            };
            seeds.insert(format!("{kind}-at-{place}"), damage.to_bytes());
        }
    }
    seeds
}
