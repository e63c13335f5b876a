//! Scenario text of any kind is parsed, or refused with a position inside it; what was parsed prints back to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzz::text::scenario(text));
