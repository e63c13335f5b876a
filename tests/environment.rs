//! The system under NIXL fails, which is a class of its own: a hunt tries it if it is asked to, and what comes of it says so.

#![cfg(target_arch = "x86_64")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use harness::execute::pool::Zygote;
use harness::execute::{Place, at_places, first_faults};
use harness::nixl::DEFAULT_SPEC;

fn mock_ucx(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

/// The text of a built-in scenario.
fn builtin(name: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    std::fs::read_to_string(source.join(name).with_extension("scenario")).unwrap()
}

/// Replays a built-in scenario with this fault; what was told, the exit status, and the trace.
fn replayed(scenario: &str, fault: &str) -> (String, Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let text = builtin(scenario);
    let file = folder.path().join("case.scenario");
    std::fs::write(&file, format!("#! faults: {fault}\n{text}")).unwrap();
    let arguments = ["replay", "case.scenario", "--trace", "trace"];
    let output = mock_ucx(folder.path(), &arguments);
    let trace = std::fs::read_to_string(folder.path().join("trace")).unwrap_or_default();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (told, output.status.code(), trace)
}

/// Plays of a case, in one of which the fault must happen.
const PLAYS_MAX: usize = 5;

#[test]
fn a_thread_that_is_refused_is_told_of_as_a_fault_of_the_environment() {
    let (told, status, _) = replayed("progress-thread", "system.thread@1=EAGAIN");
    assert_eq!(status, Some(1), "{told}");
    assert!(
        told.contains("in a failing environment: the process died of SIGSEGV"),
        "{told}"
    );
}

#[test]
fn what_nixl_lives_through_is_no_finding() {
    for (scenario, fault) in [
        ("listener", "system.socket@1=EMFILE"),
        ("listener", "system.connection@1=ECONNREFUSED"),
        ("two-agents-write", "system.memory@1=bad_alloc"),
    ] {
        let point = fault.split('@').next().unwrap();
        // A listener's thread may come too late for it on a busy machine.
        let mut last = String::new();
        let happened = (0..PLAYS_MAX).any(|_| {
            let (told, status, trace) = replayed(scenario, fault);
            assert_eq!(status, Some(0), "{fault}: {told}");
            last.clone_from(&trace);
            let mut lines = trace.lines();
            lines.any(|line| line.contains("\tdecision\t") && line.contains(point))
        });
        assert!(happened, "{fault} did not happen: {last}");
    }
}

#[test]
fn a_hunt_fails_the_system_only_if_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let hunt = |more: &[&str], out: &str| {
        let mut arguments = vec!["hunt", "--known", "none", "--time", "8s", "--out", out];
        arguments.extend(more);
        arguments.push("progress-thread");
        mock_ucx(folder.path(), &arguments);
        std::fs::read_to_string(folder.path().join(out).join("findings.jsonl")).unwrap_or_default()
    };
    assert!(hunt(&["--environment"], "asked").contains("system.thread@1 operation "));
    assert!(!hunt(&[], "not-asked").contains("system."));
}

/// Places in NIXL, and in the libraries under it, at which the plainest lifecycle asks for memory: dozens in each of its operations.
const PLACES_MIN: usize = 100;

#[test]
fn where_the_system_is_asked_is_told_once_for_each_place_and_the_same_from_each_zygote() {
    let text = builtin("two-agents-write");
    let play = || {
        let program = Path::new(env!("CARGO_BIN_EXE_mock-ucx"));
        let mut zygote = Zygote::start_with(program, DEFAULT_SPEC).unwrap();
        zygote.record_environment();
        let played = zygote.play(&text, "").unwrap();
        played.snapshot.expect("a ledger")
    };
    let (one, other) = (play(), play());
    let found = at_places(&one);
    assert_eq!(found, at_places(&other));
    let places: BTreeSet<Place> = found.iter().map(|(place, _)| *place).collect();
    assert_eq!(places.len(), found.len());
    assert!(places.len() > PLACES_MIN, "{}", places.len());
    let repetitions = first_faults(&one);
    assert!(
        found
            .iter()
            .all(|(_, faults)| !repetitions.contains(faults))
    );
}
