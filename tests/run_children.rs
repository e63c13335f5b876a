//! `mock-ucx run` and the processes that a command starts.

mod run;

use run::{Clients, Ran, left, open, run};
use serde_json::Value;

fn children(how: &str) -> Ran {
    let ran = run(&[], &[&Clients::get().client("children"), &how]);
    assert_eq!(ran.code(), 0, "{ran:#?}");
    ran
}

/// The process that the command itself is, which gave everything back, and its child.
fn parent_and_child(ran: &Ran) -> (&Value, &Value) {
    let [parent, child] = ran.processes() else {
        panic!("{ran:#?}");
    };
    assert_eq!(left(parent), [], "{ran:#?}");
    (parent, child)
}

#[test]
fn a_forked_child_that_never_calls_ucx_has_no_ledger() {
    let ran = children("fork");
    assert_eq!(ran.processes().len(), 1, "{ran:#?}");
    assert_eq!(left(&ran.processes()[0]), []);
}

#[test]
fn what_a_forked_child_inherits_is_none_of_its_own_and_its_use_is_a_finding() {
    let ran = children("inherit");
    let (parent, child) = parent_and_child(&ran);
    assert_eq!(child["forked_from"], parent["pid"]);
    assert_eq!(left(child), []);
    assert_eq!(ran.report["lost"], 0);
    let [finding] = ran.findings() else {
        panic!("{ran:#?}");
    };
    assert_eq!(finding["rule"], "UCP-PROC-001");
    assert_eq!(finding["created"][0]["function"], "use_what_is_inherited");
}

#[test]
fn a_forked_child_that_makes_its_own_is_told_with_that_only() {
    let ran = children("own");
    let (parent, child) = parent_and_child(&ran);
    assert_eq!(child["forked_from"], parent["pid"]);
    assert_eq!(child["end"], "ended by _exit");
    let mut expected = open(1);
    expected.retain(|(kind, ..)| kind != "worker");
    assert_eq!(left(child), expected);
    assert!(ran.findings().is_empty(), "{ran:#?}");
}

#[test]
fn a_spawned_child_is_a_process_of_its_own() {
    let ran = children("spawn");
    let (_, child) = parent_and_child(&ran);
    assert_eq!(child["forked_from"], 0);
    assert_eq!(left(child), open(1));
    assert!(child["command"].as_str().unwrap().ends_with(" leaf"));
}

#[test]
fn an_orphan_that_outlives_the_command_is_waited_for() {
    let ran = children("orphan");
    let (_, orphan) = parent_and_child(&ran);
    assert_eq!(orphan["end"], "ended by _exit with status 0");
    assert_eq!(orphan["census"].as_array().unwrap().len(), 2, "{ran:#?}");
}

#[test]
fn the_wait_for_an_orphan_is_bounded() {
    let ran = run(
        &["--wait", "0"],
        &[&Clients::get().client("children"), &"orphan"],
    );
    let (_, orphan) = parent_and_child(&ran);
    assert_eq!(orphan["end"], "still runs");
}

#[test]
fn of_the_processes_that_a_shell_starts_only_those_that_call_ucx_are_told() {
    let client = Clients::get().client("endings");
    let script = format!(
        "ls / > /dev/null; '{0}' clean; (:); '{0}' _exit; exit 3",
        client.display()
    );
    let ran = run(&[], &[&"sh", &"-c", &script]);
    assert_eq!(ran.code(), 3, "{ran:#?}");
    let [first, second] = ran.processes() else {
        panic!("{ran:#?}");
    };
    assert_eq!((left(first), left(second)), (vec![], open(2)));
}
