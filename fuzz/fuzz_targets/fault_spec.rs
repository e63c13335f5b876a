//! A fault specification of any kind is parsed, or refused with a place inside it; what was parsed prints back to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mock_ucx::schedule::FaultSpec;

fuzz_target!(|text: &str| {
    match text.parse::<FaultSpec>() {
        Ok(spec) => {
            let printed = spec.to_string();
            assert_eq!(printed.parse().as_ref(), Ok(&spec), "{printed}");
        }
        Err(error) => {
            let line = text.split('\n').nth(error.line - 1);
            let characters = line.expect("a line that it has").chars().count();
            assert!((1..=characters + 1).contains(&error.column), "{error:?}");
            assert!(!error.message.is_empty());
        }
    }
});
