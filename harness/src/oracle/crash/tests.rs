//! Processes that die in several ways, and one that does not.

use super::*;
use crate::oracle::testing::{Client, empty, ledger_of, notes, start};
use crate::oracle::{Hang, Outcome};
use mock_ucx::functions::Function;

#[test]
fn a_process_that_ends_well_did_not_crash() {
    let (snapshot, notes) = (empty(), notes(&[("agent a0", Outcome::Done)]));
    let observation = Observation {
        operations: &notes,
        ..Observation::of(&snapshot)
    };
    assert!(judge(&observation).is_none());
    assert!(
        judge(&Observation {
            ended: Ended::Exited(3),
            ..observation
        })
        .is_none()
    );
    assert!(
        judge(&Observation {
            ended: Ended::Hung(Hang::Blocked),
            ..observation
        })
        .is_none()
    );
}

#[test]
fn a_signal_is_named_with_the_operation_and_the_last_call() {
    let mut child = start("", Client::new);
    // SAFETY: a child of ours that waits.
    unsafe { libc::kill(child.pid.cast_signed(), libc::SIGABRT) };
    let signal = libc::WTERMSIG(child.end());
    let (snapshot, notes) = (
        child.snapshot(),
        notes(&[("agent a0", Outcome::Unfinished)]),
    );
    let observation = Observation {
        operations: &notes,
        ended: Ended::Signalled(signal),
        ..Observation::of(&snapshot)
    };
    let verdict = judge(&observation).unwrap();
    assert_eq!(
        (verdict.rule.as_deref(), verdict.operation),
        (Some("SIGABRT"), Some(1))
    );
    let texts: Vec<_> = verdict
        .evidence
        .iter()
        .map(|evidence| evidence.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "it was in operation 1 `agent a0`",
            "the last call of UCX that returned was ucp_init_version, with OK"
        ]
    );
}

#[test]
fn an_exit_in_the_middle_of_an_operation_is_a_crash() {
    let (snapshot, notes) = (empty(), notes(&[("agent a0", Outcome::Unfinished)]));
    let verdict = judge(&Observation {
        operations: &notes,
        ended: Ended::Exited(1),
        ..Observation::of(&snapshot)
    })
    .unwrap();
    assert_eq!(verdict.rule.as_deref(), Some("exit"));
}

#[test]
fn an_exception_is_named_by_its_type() {
    let snapshot = empty();
    let log = "I0 begins\nterminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n";
    let observation = Observation {
        ended: Ended::Signalled(libc::SIGABRT),
        log,
        ..Observation::of(&snapshot)
    };
    let verdict = judge(&observation).unwrap();
    assert_eq!(verdict.rule.as_deref(), Some("SIGABRT:std::bad_alloc"));
    assert_eq!(
        verdict.evidence[1].text,
        "it printed: what():  std::bad_alloc"
    );
    let silent = judge(&Observation {
        log: "",
        ..observation
    })
    .unwrap();
    assert_eq!(silent.rule.as_deref(), Some("SIGABRT"));
}

#[test]
fn a_copy_that_was_under_way_says_whose_memory_it_was() {
    let mut snapshot = ledger_of("", || {
        let mut client = Client::new();
        let handle = client.register();
        client.unmap(handle);
    });
    let [start, length] = snapshot.objects[1].detail;
    let copy = |target| CopyUnderWay {
        function: Function::PutNbx,
        source: 16,
        target,
        length: 8,
    };
    snapshot.copies = vec![copy(start + length - 1), copy(start + length)];
    let verdict = judge(&Observation {
        ended: Ended::Signalled(libc::SIGSEGV),
        ..Observation::of(&snapshot)
    })
    .unwrap();
    let inside = &verdict.evidence[0].text;
    assert!(
        inside.starts_with("ucp_put_nbx was copying 8 bytes"),
        "{inside}"
    );
    assert!(inside.contains("from 0x10 (never registered)"), "{inside}");
    assert!(
        inside.ends_with("(registered as memory_handle #1, unmapped before)"),
        "{inside}"
    );
    assert!(verdict.evidence[1].text.ends_with("(never registered)"));
}
