//! The search that `hunt` makes, under libFuzzer: scenarios from the front of an input, the adversary's decisions from its back.
#![no_main]

#[cfg(feature = "mutator")]
use fuzz::mutate::{LIFECYCLE, mutate};
use libfuzzer_sys::fuzz_target;
#[cfg(feature = "mutator")]
use libfuzzer_sys::{fuzz_mutator, fuzzer_mutate};

fuzz_target!(init: fuzz::start(), |input: &[u8]| fuzz::lifecycle(input));
#[cfg(feature = "mutator")]
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(LIFECYCLE, data, size, max_size, seed, fuzzer_mutate)
});
