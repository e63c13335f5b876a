//! Metadata that changed on its way is loaded, used and forgotten: NIXL survives it, and gives back what it made of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: fuzz::start(), |input: &[u8]| fuzz::metadata(input));
