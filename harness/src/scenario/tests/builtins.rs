//! The scenarios that come with the program.

use std::collections::BTreeSet;

use crate::scenario::*;

#[test]
fn every_file_is_embedded_and_every_embedded_text_is_a_file() {
    let files = |folder: &str| -> BTreeSet<String> {
        let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(folder).expect("the folder of scenarios");
        entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect()
    };
    let names = |scenarios: Vec<Scenario>| -> BTreeSet<String> {
        scenarios
            .into_iter()
            .map(|scenario| scenario.name)
            .collect()
    };
    assert_eq!(files("scenarios"), names(builtin()));
    assert_eq!(files("scenarios/growth"), names(builtin_growth()));
    assert_eq!(files("scenarios/misuse"), names(builtin_misuse()));
}

#[test]
fn only_those_that_say_so_break_the_contract() {
    assert!(builtin_misuse().iter().all(|scenario| scenario.misuse));
    let lawful = builtin().into_iter().chain(builtin_growth());
    assert!(lawful.into_iter().all(|scenario| !scenario.misuse));
}

#[test]
fn growth_is_looked_for_in_a_repeat_of_each_scenario_that_is_made_for_it() {
    for scenario in builtin_growth() {
        assert!(
            scenario.growth && scenario.measured().is_some(),
            "{}",
            scenario.name
        );
    }
    assert!(builtin().iter().all(|scenario| !scenario.growth));
}

#[test]
fn every_text_parses_and_is_named_like_its_file() {
    for (file, text) in builtin_texts() {
        let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(scenario.name, *file);
        assert!(
            !scenario.about.is_empty(),
            "{file} does not say what it is for"
        );
        assert!(scenario.lines().count() > 3, "{file} does nothing");
    }
    assert!(builtin().len() >= 18);
}

#[test]
fn a_name_that_is_none_is_not_found() {
    assert!(builtin_named("two-agents-write").is_some());
    assert!(builtin_named("no-such-scenario").is_none());
}
