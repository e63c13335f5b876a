//! One case after the other in one process, as if each were the first.

mod common;

use common::*;
use mock_ucx::Settings;
use mock_ucx::abi::library;
use mock_ucx::abi::types::*;
use mock_ucx::control::{begin_anew, is_idle, snapshot};
use mock_ucx::ledger::read::Snapshot;

fn failing(faults: &str) -> Settings {
    Settings {
        faults: faults.parse().expect("a specification"),
        record_questions: true,
        ..Settings::default()
    }
}

/// What a ledger says, but for serials, handles and stacks.
fn told(snapshot: &Snapshot) -> String {
    let objects = snapshot.objects.iter().map(|object| {
        let (created, ended) = (object.created.step, object.ended.step);
        format!("{} #{} {created}-{ended}", object.kind, object.ordinal)
    });
    let fired = snapshot
        .fired
        .iter()
        .map(|fired| fired.to_fault().to_string());
    let asked = snapshot
        .asked
        .iter()
        .map(|asked| format!("{} {} {}", asked.point, asked.occurrence, asked.of_object));
    let lines: Vec<String> = objects.chain(fired).chain(asked).collect();
    format!("{lines:#?} {:?} {:?}", snapshot.calls, snapshot.created)
}

/// A pair that exchanges a message, with whatever fails of it.
fn play() -> String {
    exchange_a_message();
    told(&snapshot().expect("UCX was called"))
}

#[test]
fn a_case_is_recorded_the_same_whatever_was_played_before_it() {
    alone_with(failing("am.complete=+1"), |_| {
        let first = play();
        assert!(first.contains("am.complete@1=+1"), "{first}");
        assert!(begin_anew(failing("")));
        let benign = play();
        assert!(!benign.contains("am.complete@1=+1"), "{benign}");
        assert!(begin_anew(failing("am.complete=+1")));
        assert_eq!(play(), first);
        assert!(begin_anew(failing("")));
        assert_eq!(play(), benign);
    });
}

#[test]
fn nothing_begins_anew_while_a_client_has_something() {
    alone(|_| {
        let pair = Pair::new();
        assert!(!begin_anew(failing("")));
        let settings = snapshot().expect("UCX was called");
        assert!(settings.objects.len() > 2, "nothing was forgotten");
        pair.end();
        assert!(begin_anew(failing("")));
        assert!(snapshot().expect("UCX was called").objects.is_empty());
    });
}

#[test]
fn nothing_is_under_way_to_a_worker_that_ended_with_its_context() {
    alone_with(failing("am.deliver=withheld"), |_| {
        let context = context();
        let from = worker(context, UCS_THREAD_MODE_SINGLE);
        let to = worker(context, UCS_THREAD_MODE_SINGLE);
        let ep = connect(from, to, UCP_ERR_HANDLING_MODE_NONE, None);
        assert_eq!(send(ep, 1, b"", b"on its way", &plain()), 0);
        assert!(!is_idle());
        library::ucp_cleanup(context);
        assert!(begin_anew(failing("")));
    });
}
