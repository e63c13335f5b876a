//! Text of any kind is parsed, or refused with a place inside it; what was parsed prints back to itself.

use harness::scenario::Scenario;
use mock_ucx::schedule::FaultSpec;

/// A fault specification.
pub fn fault_spec(text: &str) {
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
}

/// A scenario.
pub fn scenario(text: &str) {
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
}
