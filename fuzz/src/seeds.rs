//! The seeds of the targets whose inputs are bytes that nobody writes by hand. `BLESS=1 cargo test -p fuzz --test seeds` puts them into
//! `fuzz/corpus`; without BLESS the test says which of them are not as they would be made today.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use harness::campaign::Recorded;
use harness::scenario::builtin;
use harness::scenario::generate::{Damage, RECORD_BYTES, Recipe, SETUP_BYTES};

/// Inputs by their names, which are those of their files.
pub type Seeds = BTreeMap<String, Vec<u8>>;

/// The folder with the inputs of a target.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

/// The files there that are seeds, sorted by name; none, if there is no such folder.
pub fn files(target: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(target)).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry of it").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| !is_found(path)).collect();
    files.sort();
    files
}

/// Whether a file is what a fuzzer found, which is named by its hash, and nobody's seed.
fn is_found(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.len() == 40 && name.iter().all(u8::is_ascii_hexdigit)
}

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

/// Seeds of `lifecycle`: what comes with the program and what is known of NIXL, as nearly as the generator can say it.
pub fn lifecycle() -> Seeds {
    let mut scenarios = builtin();
    let findings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/findings");
    let mut files: Vec<_> = std::fs::read_dir(findings)
        .expect("the folder of the findings")
        .map(|entry| entry.expect("an entry of it").path())
        .collect();
    files.sort();
    scenarios.extend(files.iter().map(|file| {
        let recorded = Recorded::read(file).expect("a finding that is well-formed");
        recorded.scenario
    }));
    let seed = |scenario| Recipe::nearest_to(scenario).to_bytes();
    scenarios
        .iter()
        .map(|scenario| (scenario.name.clone(), seed(scenario)))
        .collect()
}

/// A dictionary for `lifecycle`: the operations of its seeds, each once.
pub fn dictionary(seeds: &Seeds) -> String {
    let records = seeds
        .values()
        .flat_map(|seed| seed[SETUP_BYTES..].chunks_exact(RECORD_BYTES));
    let distinct: std::collections::BTreeSet<&[u8]> = records.collect();
    let mut text =
        "# Operations of the seeds: BLESS=1 cargo test -p fuzz --test seeds\n".to_owned();
    for record in distinct {
        let bytes: String = record.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        text += &format!("\"{bytes}\"\n");
    }
    text
}

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
