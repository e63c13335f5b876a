//! Scenario text of any kind is parsed, or refused with a position inside it; what was parsed prints back to itself.
#![no_main]

use harness::scenario::Scenario;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Scenario::parse(text) {
        Ok(scenario) => {
            let printed = scenario.to_string();
            let read =
                Scenario::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
            assert_eq!(read, scenario, "{printed}");
        }
        Err(error) => {
            let lines = text.lines().count().max(1);
            assert!(
                (1..=lines).contains(&error.line) && error.column >= 1,
                "{error:?}"
            );
            assert!(!error.to_string().is_empty());
        }
    }
});
