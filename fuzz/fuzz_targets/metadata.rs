//! Metadata that changed on its way is loaded, used and forgotten: NIXL survives it, and gives back what it made of it.
#![no_main]

use fuzz::mutate::{METADATA, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(init: fuzz::start(), |input: &[u8]| fuzz::metadata(input));
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(METADATA, data, size, max_size, seed, fuzzer_mutate)
});
