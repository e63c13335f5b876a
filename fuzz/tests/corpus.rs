//! Without libFuzzer: each target takes its own seeds, and whatever else may lie in the folder of a corpus - files of another version of the
//! program or of another target, cut off, empty, huge.
//!
//! Not run by libtest, whose threads would be lost in the processes that are forked here.

use std::path::PathBuf;

use fuzz::{seeds, text, ucp};

type Input = (String, Vec<u8>);
type Target = fn(&[u8]);

/// A target by its name, and what it does with an input.
const TARGETS: [(&str, Target); 6] = [
    ("fault_spec", |input| as_text(input, text::fault_spec)),
    ("scenario_text", |input| as_text(input, text::scenario)),
    ("ucp_api", ucp::play),
    ("faults", fuzz::faults),
    ("lifecycle", fuzz::lifecycle),
    ("metadata", fuzz::metadata),
];

/// Bytes of a file that is far larger than what a fuzzer keeps: libFuzzer cuts files off at 1 MiB.
const HUGE: usize = 1 << 20;

fn main() {
    fuzz::start();
    for (name, target) in TARGETS {
        let seeds = files(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        all_inputs_are_taken(name, target, &seeds);
        all_inputs_are_taken(name, target, &other_files(name, &seeds));
    }
    println!("{} tests passed", 2 * TARGETS.len());
}

/// What libFuzzer does for a target that takes text: bytes that are none are left out.
fn as_text(input: &[u8], target: fn(&str)) {
    if let Ok(text) = std::str::from_utf8(input) {
        target(text);
    }
}

/// What is in a target's folder, sorted by name; what a fuzzer found there is not in the repository.
fn files(target: &str) -> Vec<Input> {
    let paths = seeds::files(target).into_iter();
    let input = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("a file that can be read");
        (path.display().to_string(), bytes)
    };
    paths.map(input).collect()
}

/// What is no seed of the target.
fn other_files(target: &str, seeds: &[Input]) -> Vec<Input> {
    let mut files = vec![
        ("empty".to_owned(), Vec::new()),
        ("zeroes".to_owned(), vec![0; HUGE]),
        ("ones".to_owned(), vec![0xff; HUGE]),
    ];
    // Another version gives another meaning to the bytes, or has more of them.
    for (name, bytes) in seeds.iter().step_by(5) {
        let half = bytes[..bytes.len() / 2].to_vec();
        files.push((format!("half of {name}"), half));
        let mut shifted = vec![b'2'];
        shifted.extend(bytes);
        files.push((format!("{name} behind a byte"), shifted));
        let mut repeated = bytes.repeat(1 + HUGE / bytes.len().max(1));
        repeated.truncate(HUGE);
        files.push((format!("{name} again and again"), repeated));
    }
    let others = TARGETS.into_iter().filter(|(name, _)| *name != target);
    files.extend(others.filter_map(|(name, _)| self::files(name).pop()));
    files
}

fn all_inputs_are_taken(name: &str, target: Target, inputs: &[Input]) {
    for (from, input) in inputs {
        let taken = std::panic::catch_unwind(|| target(input));
        assert!(taken.is_ok(), "{name} does not take {from}");
    }
}
