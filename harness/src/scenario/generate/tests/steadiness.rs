//! A small change of the input is a small change of the scenario.

use std::collections::BTreeMap;

use super::*;

fn lines(scenario: &Scenario) -> Vec<String> {
    scenario.lines().map(ToString::to_string).collect()
}

/// Lines of one scenario that the other does not have.
fn difference(one: &[String], other: &[String]) -> usize {
    let mut counts = BTreeMap::<&String, i32>::new();
    one.iter()
        .for_each(|line| *counts.entry(line).or_default() += 1);
    other
        .iter()
        .for_each(|line| *counts.entry(line).or_default() -= 1);
    counts
        .values()
        .filter(|count| **count > 0)
        .map(|count| *count as usize)
        .sum()
}

#[test]
fn an_operation_more_at_the_end_leaves_those_before_as_they_are() {
    for number in 0..200 {
        let mut recipe = Recipe::from_bytes(&Stream::new(0, number).bytes(400));
        let before = lines(&recipe.scenario("a", Class::Contract));
        recipe.records.push([number as u8; RECORD_BYTES]);
        let after = lines(&recipe.scenario("a", Class::Contract));
        assert_eq!(after[..before.len()], before[..]);
    }
}

#[test]
fn one_byte_changes_few_lines() {
    let mut changed = Vec::new();
    for number in 0..400 {
        let recipe = Recipe::from_bytes(&Stream::new(0, number).recipe());
        if recipe.records.is_empty() {
            continue;
        }
        let mut other = recipe.clone();
        let place = number as usize % recipe.records.len();
        other.records[place][1 + number as usize % 7] ^= 1 << (number % 8);
        let (one, two) = (
            lines(&recipe.scenario("a", Class::Contract)),
            lines(&other.scenario("a", Class::Contract)),
        );
        changed.push(difference(&one, &two) * 100 / one.len().max(1));
    }
    changed.sort_unstable();
    let median = changed[changed.len() / 2];
    println!(
        "lines changed by one bit, in percent: median {median}, 9 of 10 up to {}",
        changed[changed.len() * 9 / 10]
    );
    assert!(
        changed.iter().any(|percent| *percent > 0),
        "no bit changes anything"
    );
    assert!(median <= 10, "{median} % of the lines change with one bit");
}

#[test]
fn decisions_come_from_the_back_and_a_longer_scenario_does_not_shift_them() {
    let mut bytes = vec![0; SETUP_BYTES];
    bytes[0] = 1;
    bytes.extend([7; RECORD_BYTES]);
    bytes.extend([1, 2, 3]);
    let short = Recipe::from_bytes(&bytes);
    assert_eq!(short.decisions, [3, 2, 1]);
    bytes[0] = 2;
    bytes.splice(SETUP_BYTES..SETUP_BYTES, [9; RECORD_BYTES]);
    let long = Recipe::from_bytes(&bytes);
    assert_eq!((long.records.len(), long.decisions), (2, short.decisions));
}
