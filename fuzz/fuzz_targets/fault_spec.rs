//! A fault specification of any kind is parsed, or refused with a place inside it; what was parsed prints back to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzz::text::fault_spec(text));
