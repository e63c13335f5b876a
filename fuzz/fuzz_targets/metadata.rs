//! Metadata that changed on its way is loaded, used and forgotten: NIXL survives it, and gives back what it made of it.
#![no_main]

#[cfg(feature = "mutator")]
use fuzz::mutate::{METADATA, mutate};
use libfuzzer_sys::fuzz_target;
#[cfg(feature = "mutator")]
use libfuzzer_sys::{fuzz_mutator, fuzzer_mutate};

fuzz_target!(init: fuzz::start(), |input: &[u8]| fuzz::metadata(input));
#[cfg(feature = "mutator")]
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(METADATA, data, size, max_size, seed, fuzzer_mutate)
});
