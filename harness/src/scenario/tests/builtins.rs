//! The scenarios that come with the program.

use std::collections::BTreeSet;

use crate::scenario::*;

#[test]
fn every_file_is_embedded_and_every_embedded_text_is_a_file() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of scenarios")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let embedded: BTreeSet<String> = builtin_texts()
        .iter()
        .map(|(name, _)| format!("{name}.scenario"))
        .collect();
    assert_eq!(files, embedded);
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
