//! Growth of memory and of objects is found in releases that are known to have it, made small and shown again, and is not in one that has none.
//!
//! NIXL 1.0.1 keeps one remote key more for each registration of a region that was registered before (nixlUcxEngine::internalMDHelper), and
//! its C API forgets the handle of a list that is released (nixl_capi_release_xfer_dlist_handle). These releases never change.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What a hunt of some scenarios finds, from its file.
fn hunt(nixl: &str, time: &str, scenario: &str, out: &Path) -> (Option<i32>, Vec<Value>) {
    let out = out.to_str().expect("a readable path");
    let hunted = mock_ucx(&[
        "hunt", "--nixl", nixl, "--time", time, "--cases", "1", "--known", "none", "--out", out,
        scenario,
    ]);
    let lines = std::fs::read_to_string(Path::new(out).join("findings.jsonl"));
    let lines = lines.unwrap_or_else(|error| panic!("{error}: {}", text(&hunted)));
    let findings = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    (hunted.status.code(), findings.collect())
}

#[test]
fn a_handle_that_is_never_freed_is_found_made_small_and_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let (status, findings) = hunt("1.0.1", "60s", "growth-lists", folder.path());
    assert_eq!(status, Some(1));
    let [finding] = &findings[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!(finding["oracle"], "growth");
    assert_eq!(finding["object"], "memory");
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains("made by nixl_capi_prep_xfer_dlist"),
        "{message}"
    );
    let scenario = finding["scenario"].as_str().unwrap();
    assert!(
        finding["minimal"] == true && !scenario.contains("post"),
        "{scenario}"
    );
    let out = folder.path().to_str().unwrap();
    let id = finding["id"].as_str().unwrap();
    let again = mock_ucx(&["replay", id, "--out", out]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    let fixed = mock_ucx(&["replay", id, "--out", out, "--nixl", "1.5.1"]);
    assert_eq!(fixed.status.code(), Some(0), "{}", text(&fixed));
}

#[test]
fn remote_keys_that_become_more_with_each_registration_are_found_as_objects_and_as_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (status, findings) = hunt("1.0.1", "2s", "growth-registrations", folder.path());
    assert_eq!(status, Some(1));
    let kinds: Vec<_> = findings.iter().map(|finding| &finding["object"]).collect();
    assert!(kinds.iter().any(|kind| **kind == "rkey"), "{kinds:?}");
    assert!(kinds.iter().any(|kind| **kind == "memory"), "{kinds:?}");
    assert!(findings.iter().all(|finding| finding["oracle"] == "growth"));
}

#[test]
fn a_release_in_which_nothing_grows_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["growth-lists", "growth-registrations", "growth-reposts"];
    for name in names {
        let (status, findings) = hunt("1.5.1", "5s", name, folder.path());
        assert_eq!((status, findings.len()), (Some(0), 0), "{findings:#?}");
    }
}
