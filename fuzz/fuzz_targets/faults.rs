//! The scenarios that come with the program, under decisions of the adversary that a fuzzer draws.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: fuzz::start(), |input: &[u8]| fuzz::faults(input));
