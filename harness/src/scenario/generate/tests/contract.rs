//! The contract class keeps the contract, whatever the bytes; the misuse class does not, and says so.

use super::*;
use crate::scenario::model::{Model, Seen};

/// How often a scenario breaks the contract if all that can be done is done.
fn breaches(scenario: &Scenario) -> usize {
    let mut model = Model::new(true);
    let mut breaches = 0;
    for line in scenario.lines() {
        breaches += usize::from(model.permits(&line.op).is_err());
        let seen = match model.allowed(&line.op).is_error() {
            true => Seen::Refused,
            false => Seen::Done(&[]),
        };
        model.apply(&line.op, seen);
    }
    breaches
}

#[test]
fn drawn_scenarios_keep_the_contract() {
    for scenario in drawn(3_000, Class::Contract) {
        assert_eq!(breaches(&scenario), 0, "{scenario}");
        assert!(!scenario.misuse);
    }
}

#[test]
fn the_misuse_class_breaks_the_contract_and_says_so() {
    let broken: usize = drawn(1_000, Class::Misuse)
        .map(|scenario| breaches(&scenario))
        .sum();
    assert!(broken > 100, "{broken} breaches in 1,000 scenarios");
    let said = drawn(10, Class::Misuse).all(|scenario| scenario.to_string().contains("\nmisuse\n"));
    assert!(said);
}
