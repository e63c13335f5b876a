//! Every function with every handle argument, and every structure member that is a handle, times every way in which a handle can be bad.
//!
//! The functions and their arguments come from the mock's own table, so a new function without an entry in `calls` fails this test. Each cell
//! must be noticed once, with the right rule, answered with an error, and change nothing. The calls are made in child processes, because
//! the mock's universe is one for a process.

#[path = "bad_handles/calls.rs"]
mod calls;
#[path = "bad_handles/values.rs"]
mod values;
#[path = "bad_handles/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::process::Command;

use mock_ucx::functions::Answer;
use mock_ucx::ledger::Kind;
use mock_ucx::ledger::read::{Finding, Snapshot};
use mock_ucx::rules::rule_for_handle;
use mock_ucx::status::UcsStatus;

use calls::{Place, Reply, places};
use values::{Flaw, LEGAL, flaws};
use world::{Handles, World};

/// Room that the context asks for at each request: without any, request handles are numbers; with some, pointers.
const REQUEST_SIZES: [usize; 2] = [0, 64];

/// Runs one of the ignored tests below alone, in a process that has one thread; returns what it printed.
fn child(test: &str) -> String {
    let program = std::env::current_exe().expect("this executable");
    let arguments = [
        "--exact",
        test,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ];
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("it starts");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{test}: {}, after {}\n{stderr}",
        output.status,
        stdout
            .lines()
            .rfind(|line| line.starts_with("cell: "))
            .unwrap_or("no cell"),
    );
    stdout
}

#[test]
fn every_bad_handle_is_a_finding_about_that_argument_and_changes_nothing() {
    let printed = child("child_that_makes_all_bad_calls");
    let summary: Vec<_> = printed
        .lines()
        .filter(|line| line.starts_with("matrix:"))
        .collect();
    assert_eq!(summary.len(), REQUEST_SIZES.len(), "{printed}");
    println!("{}", summary.join("\n"));
}

/// The handles of another process that uses the mock, whose range of handle values is not ours.
fn strangers(request_size: usize, own: &World) -> Handles {
    let base = own.snapshot().handles.0;
    for _ in 0..8 {
        let printed = child(&format!("child_that_prints_its_handles_{request_size}"));
        let handles = world::parse(&printed);
        if handles[&Kind::Context].abs_diff(base) > own.snapshot().handles.1 {
            return handles;
        }
    }
    panic!("eight processes in a row had the range of handle values of this one");
}

#[test]
#[ignore = "run in a process of its own by `strangers`"]
fn child_that_prints_its_handles_0() {
    let folder = tempfile::tempdir().expect("a folder");
    print!("{}", World::new(&folder.path().join("ledger"), 0, 1000));
}

#[test]
#[ignore = "run in a process of its own by `strangers`"]
fn child_that_prints_its_handles_64() {
    let folder = tempfile::tempdir().expect("a folder");
    print!("{}", World::new(&folder.path().join("ledger"), 64, 1000));
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_that_makes_all_bad_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    for request_size in REQUEST_SIZES {
        let world = World::new(&folder.path().join("ledger"), request_size, 0);
        let strangers = strangers(request_size, &world);
        let places = places(&world);
        let (mut cells, mut legal) = (0_u64, 0_u64);
        for place in &places {
            for flaw in flaws(place.kind, cells) {
                println!("cell: {} is {}", place.name, flaw.name());
                let value = flaw.value(&world, &strangers, place.kind);
                cells += 1;
                match LEGAL
                    .iter()
                    .find(|legal| legal.place == place.name && legal.flaw == flaw)
                {
                    Some(exception) => {
                        legal += 1;
                        expect_silence(&world, place, value, exception.reason);
                    }
                    None => expect_finding(&world, place, flaw, value),
                }
            }
        }
        println!(
            "matrix: requests with {request_size} bytes: {cells} cells at {} places, {legal} of them legal, none skipped",
            places.len()
        );
        world.finish();
    }
}

/// A legal cell: no finding, and the call succeeds.
fn expect_silence(world: &World, place: &Place, value: u64, reason: &str) {
    let before = world.snapshot();
    let reply = (place.call)(world, value);
    assert_eq!(reply, Reply::Status(UcsStatus::OK), "legal: {reason}");
    assert_eq!(
        counts(&world.snapshot().findings),
        counts(&before.findings),
        "legal: {reason}"
    );
    world.clean_up_after_success(place);
}

/// Any other: one finding about this argument, UCX's error, and nothing else.
fn expect_finding(world: &World, place: &Place, flaw: Flaw, value: u64) {
    let before = world.snapshot();
    let reply = (place.call)(world, value);
    let after = world.snapshot();

    let found = new_finding(&before.findings, &after.findings);
    let trouble = flaw.trouble(world, place.kind);
    let rule = rule_for_handle(place.function, place.kind, trouble);
    assert_eq!(
        (found.rule, found.trouble, found.argument),
        (rule, trouble, place.argument)
    );
    assert_eq!(found.at.function, Some(place.function));
    if found.count == 1 {
        assert_eq!(found.value(), value);
    }

    let error = UcsStatus::INVALID_PARAM;
    let expected = match place.function.info().answer {
        Answer::Status => Reply::Status(error),
        Answer::StatusPointer => Reply::Pointer(error.to_ptr()),
        Answer::Void => Reply::Nothing,
        Answer::Plain => Reply::Count(0),
    };
    assert_eq!(reply, expected);
    assert_eq!(state(&after), state(&before), "an object changed");
    assert_eq!(after.internal_errors, 0);
}

/// The one finding that is new or was counted again.
fn new_finding(before: &[Finding], after: &[Finding]) -> Finding {
    let seen = |index: usize| before.get(index).map_or(0, |finding| finding.count);
    let changed: Vec<Finding> = after
        .iter()
        .enumerate()
        .filter(|(index, finding)| finding.count != seen(*index))
        .map(|(_, finding)| *finding)
        .collect();
    assert_eq!(changed.len(), 1, "findings: {changed:?}");
    let total = |findings: &[Finding]| counts(findings).iter().sum::<u64>();
    assert_eq!(total(after) - total(before), 1, "reported more than once");
    changed[0]
}

fn counts(findings: &[Finding]) -> Vec<u64> {
    findings.iter().map(|finding| finding.count).collect()
}

/// Everything that a bad call could have changed.
fn state(snapshot: &Snapshot) -> (Vec<u64>, Vec<u64>, BTreeMap<u64, u8>) {
    let objects = snapshot
        .objects
        .iter()
        .map(|object| (object.serial, object.state as u8))
        .collect();
    (snapshot.live.to_vec(), snapshot.created.to_vec(), objects)
}
