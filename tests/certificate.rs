//! Findings on the real UCX of the released NIXL 1.5.1, with a shim that interferes with one call: what it lets through, what it counts,
//! and what it shows.

use std::path::Path;
use std::process::Command;

use harness::certificate::certify;
use harness::report::{Certificate, Finding};
use serde_json::{Value, json};

/// A lost registration as a hunt would tell it, shown by `faults`.
fn finding(oracle: &str, object: &str, faults: &str) -> Finding {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/findings/forgotten-registration.scenario");
    let text = std::fs::read_to_string(file).unwrap();
    let value = json!({
        "id": "f", "fingerprint": "f", "family": "f", "oracle": oracle, "rule": "UCP-CTX-004", "object": object,
        "count": 1, "evidence": [], "created": [], "operation": "register a0 r0", "scenario": text,
        "decisions": [], "faults": faults, "nixl": "1.5.1", "ucx_version": "1.23.0",
        "stability": {"shown": 1, "of": 1}, "message": "",
    });
    serde_json::from_value(value).unwrap()
}

fn certified(oracle: &str, object: &str, faults: &str) -> Certificate {
    certify(&finding(oracle, object, faults), "1.5.1").unwrap()
}

#[test]
fn the_forgotten_registration_is_lost_on_the_real_ucx_too() {
    match certified("lost", "memory_handle", "ucp_rkey_pack@1=NO_MEMORY") {
        Certificate::Shown { what } => assert_eq!(
            what,
            "memory handles that NIXL made: 1, gave back: 0, left alive when their parent ended: 1; without the fault: 0"
        ),
        other => panic!("{other}"),
    }
}

#[test]
fn what_nixl_gives_back_is_not_shown() {
    let shows = |faults: &str| match certified("lost", "memory_handle", faults) {
        Certificate::NotShown { what } => what,
        other => panic!("{other}"),
    };
    // When the registration itself fails there is nothing to give back.
    assert!(
        shows("ucp_mem_map@1=NO_MEMORY")
            .contains("made: 0, gave back: 0, left alive when their parent ended: 0")
    );
    assert!(shows("ucp_rkey_pack@9=NO_MEMORY").contains("never made"));
    assert!(shows("").contains("made: 1, gave back: 1"));
}

#[test]
fn what_cannot_be_tried_says_why() {
    let why = |oracle: &str, object: &str, faults: &str| match certified(oracle, object, faults) {
        Certificate::Impossible { why } => why,
        other => panic!("{other}"),
    };
    let fault = "ep#1.fail@1=CONNECTION_RESET";
    assert!(why("lost", "memory_handle", fault).contains("is decided inside UCX"));
    assert!(why("rule", "worker", "ucp_rkey_pack@1=NO_MEMORY").contains("does not tell"));
    assert!(why("lost", "listener", "").contains("does not count a listener"));
}

/// The last line that the shim wrote for a scenario: the handles by kind.
fn handles(scenario: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    let output = Command::new(env!("CARGO_BIN_EXE_nixl-real"))
        .args(["--quiet", "--watch", lines.to_str().unwrap(), scenario])
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{scenario}: {told}");
    let text = std::fs::read_to_string(&lines).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["done"]["handles"].clone()
}

#[test]
fn the_shim_changes_nothing_in_a_healthy_scenario_and_counts_all() {
    for scenario in ["two-agents-write", "two-agents-read", "thread-pool"] {
        let handles = handles(scenario);
        let kinds = handles.as_object().unwrap();
        for kind in [
            "context",
            "worker",
            "endpoint",
            "memory_handle",
            "rkey",
            "rkey_buffer",
        ] {
            let count = kinds
                .get(kind)
                .unwrap_or_else(|| panic!("{scenario}: no {kind}: {handles}"));
            assert!(
                count["made"].as_u64() > Some(0),
                "{scenario}: {kind}: {handles}"
            );
            assert_eq!(
                count["made"], count["ended"],
                "{scenario}: {kind}: {handles}"
            );
            assert_eq!(count["lost"], 0, "{scenario}: {kind}: {handles}");
        }
    }
}

/// A notification that belongs to no transfer.
const NOTIFICATION: &str = "name notification
agent a0 name=initiator progress_thread=off
agent a1 name=target progress_thread=off
backend b0 a0 UCX
backend b1 a1 UCX
get_md m1 a1
load_md a0 m1
notify a0 a1 \"late\"
";

#[test]
fn an_operation_may_fail_by_its_callback_and_cannot_be_late_by_it() {
    let certified = |faults: &str| {
        let mut finding = finding("lost", "request", faults);
        finding.scenario = NOTIFICATION.to_owned();
        certify(&finding, "1.5.1").unwrap()
    };
    match certified("am.status@1=IO_ERROR") {
        // NIXL gives the request back in its callback, whatever the status.
        Certificate::NotShown { what } => {
            assert!(
                what.contains("gave back: 2, left alive when their parent ended: 0"),
                "{what}"
            );
        }
        other => panic!("{other}"),
    }
    match certified("am.complete@1=+20") {
        Certificate::Impossible { why } => assert!(why.contains("cannot be put off"), "{why}"),
        other => panic!("{other}"),
    }
}
