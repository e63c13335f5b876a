//! The mock's C surface with rubbish: nothing that a client passes makes it misbehave, and all can be given back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: fuzz::lend_counters(), |input: &[u8]| fuzz::ucp::play(input));
