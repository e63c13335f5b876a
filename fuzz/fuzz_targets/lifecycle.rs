//! The search that `hunt` makes, under libFuzzer: scenarios from the front of an input, the adversary's decisions from its back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: fuzz::start(), |input: &[u8]| fuzz::lifecycle(input));
