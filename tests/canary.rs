//! The alarm chain works: a bug that is planted in a healthy scenario is found, made small, and shown again, and the exit status says so.
//! Were any link of the chain dead, all other hunts would be silent for the wrong reason.
//!
//! What is planted is a crash of NIXL 1.5.1 itself (tests/findings/registered-twice.scenario): that release never changes, so the bug
//! is there for good.

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

/// What has to stand in a scenario for NIXL 1.5.1 to crash.
const BUG: &str = "region r9 size=65536 seed=9
register a1 r9 r1[0..64]
register a1 r9
deregister a1 r9 r9
";

/// A transfer with all that belongs to it, and `planted` behind it.
fn scenario(planted: &str) -> String {
    let scenario = harness::scenario::builtin_named("two-agents-write").unwrap();
    let text = scenario.to_string();
    assert!(text.contains("\nrelease x0\n"), "{text}");
    text.replace("\nrelease x0\n", &format!("\nrelease x0\n{planted}"))
        .replace("name two-agents-write", "name canary")
}

#[test]
fn a_planted_bug_is_found_made_small_and_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = folder.path().join("canary.scenario");
    let hunt = |planted| {
        std::fs::write(&file, scenario(planted)).unwrap();
        let (out, file) = (out.to_str().unwrap(), file.to_str().unwrap());
        mock_ucx(&["hunt", "--cases", "1", "--fresh", "--out", out, file])
    };
    let clean = hunt("");
    assert_eq!(clean.status.code(), Some(0), "{}", text(&clean.stdout));

    let alarm = hunt(BUG);
    assert_eq!(alarm.status.code(), Some(1), "{}", text(&alarm.stdout));
    let lines = std::fs::read_to_string(out.join("findings.jsonl")).unwrap();
    let finding: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(finding["oracle"], "crash", "{finding}");
    assert_eq!(finding["minimal"], true, "{finding}");
    assert_eq!(finding["stability"]["shown"], 10, "{finding}");
    assert!(finding["certificate"]["shown"].is_object(), "{finding}");
    let small = finding["scenario"].as_str().unwrap();
    let operations: Vec<&str> = small.split_once("\n\n").unwrap().1.lines().collect();
    // What is left at the end is given back in any case, so the deregistration need not be said.
    let expected = [
        "agent a1 progress_thread=off",
        "backend b1 a1 UCX",
        "region r9 size=64 seed=9",
        "register a1 r9",
        "register a1 r9",
    ];
    assert_eq!(operations, expected);

    let id = finding["id"].as_str().unwrap();
    let replay = mock_ucx(&["replay", "--out", out.to_str().unwrap(), id]);
    assert_eq!(replay.status.code(), Some(1), "{}", text(&replay.stdout));
}
