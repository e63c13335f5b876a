//! The rule book is told as it is, and every rule that the mock says it can see broken is broken by a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mock_ucx::rules;

/// Folders of tests that break rules, by their names or by their ids.
const TESTS: [&str; 3] = [
    "mock-ucx/tests",
    "mock-ucx/tests/rules",
    "harness/src/oracle/lost",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn explain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .arg("explain")
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn the_page_of_rules_is_the_one_that_the_book_generates() {
    let page = fs::read_to_string(root().join("docs/rules.md")).expect("docs/rules.md");
    let output = explain(&["--list", "--markdown"]);
    assert!(output.status.success());
    assert!(
        text(&output.stdout) == page,
        "docs/rules.md is not current: cargo run -- explain --list --markdown > docs/rules.md"
    );
}

#[test]
fn every_rule_is_on_the_page_of_rules_once() {
    let page = fs::read_to_string(root().join("docs/rules.md")).expect("docs/rules.md");
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| UCP-")?.split(' ').next())
        .collect();
    let seen = rules::all().map(|(_, info)| info.id);
    let unseen = rules::unobservable().map(|rule| rule.info.id);
    let ids: Vec<&str> = seen
        .chain(unseen)
        .filter_map(|id| id.strip_prefix("UCP-"))
        .collect();
    assert_eq!(rows, ids);
}

#[test]
fn every_rule_of_the_book_is_named_by_a_test_that_breaks_it() {
    let mut tests = String::new();
    for folder in TESTS {
        for file in fs::read_dir(root().join(folder)).expect(folder).flatten() {
            if file.path().extension().is_some_and(|end| end == "rs") {
                tests += &fs::read_to_string(file.path()).expect("a test");
            }
        }
    }
    let word = |letter: char| !letter.is_alphanumeric() && letter != ':' && letter != '-';
    let words: BTreeSet<&str> = tests.split(word).collect();
    let untested: Vec<&str> = rules::all()
        .filter(|(rule, info)| {
            !words.contains(format!("Rule::{rule:?}").as_str()) && !words.contains(info.id)
        })
        .map(|(_, info)| info.id)
        .collect();
    assert_eq!(untested, Vec::<&str>::new());
}

#[test]
fn a_rule_is_explained_for_people_and_for_programs() {
    let output = explain(&["UCP-MEM-003"]);
    assert_eq!(output.status.code(), Some(0));
    let words = text(&output.stdout);
    for part in ["UCP_MEM_MAP_ALLOCATE", "contract", "ucp.h:ucp_mem_map"] {
        assert!(words.contains(part), "{words}");
    }
    let output = explain(&["UCP-MEM-004", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(value["id"], "UCP-MEM-004");
    let output = explain(&["--list", "--json"]);
    let list: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        list.len(),
        rules::all().count() + rules::unobservable().count()
    );
}

#[test]
fn an_unknown_rule_is_no_answer_but_the_nearest_one() {
    let output = explain(&["UCP-RKEY-08"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean UCP-RKEY-00"));
    assert_eq!(explain(&[]).status.code(), Some(2));
    assert_eq!(explain(&["UCP-MEM-003", "--list"]).status.code(), Some(2));
}
