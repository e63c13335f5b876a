//! The alarm chain works: a bug that is planted - a scenario that expects bytes which nobody wrote - is found, made small, and shown
//! again, and the exit status says so. Were any link of the chain dead, all other hunts would be silent for the wrong reason.

use std::process::{Command, Output};

use serde_json::Value;

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A transfer that brings pattern 1, with questions around it that have nothing to do with the bug.
fn scenario(expected_seed: u8) -> String {
    let scenario = harness::scenario::builtin_named("two-agents-write").unwrap();
    let text = scenario.to_string();
    let expectation = text
        .lines()
        .find(|line| line.starts_with("expect_bytes"))
        .expect("it looks at the bytes");
    let planted = format!("expect_bytes r1 seed={expected_seed}");
    text.replace(expectation, &format!("plugins a0\n{planted}\nplugins a1"))
        .replace("name two-agents-write", "name canary")
}

#[test]
fn a_planted_bug_is_found_made_small_and_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = folder.path().join("canary.scenario");
    let hunt = |seed| {
        std::fs::write(&file, scenario(seed)).unwrap();
        let (out, file) = (out.to_str().unwrap(), file.to_str().unwrap());
        mock_ucx(&["hunt", "--cases", "1", "--fresh", "--out", out, file])
    };
    let clean = hunt(1);
    assert_eq!(clean.status.code(), Some(0), "{}", text(&clean.stdout));

    let alarm = hunt(9);
    assert_eq!(alarm.status.code(), Some(1), "{}", text(&alarm.stdout));
    let lines = std::fs::read_to_string(out.join("findings.jsonl")).unwrap();
    let finding: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(finding["oracle"], "bytes", "{finding}");
    assert_eq!(finding["minimal"], true, "{finding}");
    assert_eq!(finding["stability"]["shown"], 10, "{finding}");
    let small = finding["scenario"].as_str().unwrap();
    assert!(small.ends_with("expect_bytes r1 seed=9\n"), "{small}");
    assert!(
        small.contains("post x0"),
        "what wrote the bytes is left: {small}"
    );
    assert!(!small.contains("plugins"), "{small}");

    let id = finding["id"].as_str().unwrap();
    let replay = mock_ucx(&["replay", "--out", out.to_str().unwrap(), id]);
    assert_eq!(replay.status.code(), Some(1), "{}", text(&replay.stdout));
}
