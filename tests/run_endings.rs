//! `mock-ucx run` names exactly what a process left, whatever way the process ended.

mod run;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use run::{Clients, Ran, left, mock_ucx, open, ran, run};

/// Runs `endings HOW`, of which the one process must end as told, with two registrations left.
fn two_left(how: &str, code: i32, end: &str) -> Ran {
    let ran = run(&[], &[&Clients::get().client("endings"), &how]);
    assert_eq!(ran.code(), code, "{ran:#?}");
    let [process] = ran.processes() else {
        panic!("{ran:#?}");
    };
    assert_eq!(process["end"], end);
    assert_eq!(left(process), open(2), "{ran:#?}");
    assert_eq!(ran.report["lost"], 0);
    ran
}

#[test]
fn a_process_that_returns_from_main_is_told_with_what_it_left() {
    let ran = two_left("return", 5, "exited with status 5");
    assert!(ran.findings().is_empty(), "{ran:#?}");
}

#[test]
fn a_process_that_calls_exit_is_told_with_what_it_left() {
    two_left("exit", 6, "exited with status 6");
}

#[test]
fn a_process_that_calls_underscore_exit_is_told_with_what_it_left_and_was_looked_at() {
    let ran = two_left("_exit", 7, "ended by _exit with status 7");
    assert!(ran.processes()[0]["not_looked_at"].is_null(), "{ran:#?}");
}

#[test]
fn a_process_that_ends_by_a_raw_system_call_is_told_with_what_it_left() {
    let ran = two_left(
        "exit_group",
        8,
        "ended with status 8 without exit (replaced by exec, or by a raw system call)",
    );
    assert!(ran.processes()[0]["not_looked_at"].is_string(), "{ran:#?}");
}

#[test]
fn a_process_that_aborts_is_told_with_what_it_left_and_the_crash_is_a_finding() {
    let ran = two_left("abort", 128 + 6, "ended by SIGABRT");
    assert_eq!(ran.findings().len(), 1, "{ran:#?}");
    assert_eq!(ran.findings()[0]["oracle"], "crash");
}

#[test]
fn a_process_that_is_killed_is_told_with_what_it_left_and_that_is_no_finding() {
    let ran = two_left("kill", 128 + 9, "ended by SIGKILL");
    assert!(ran.findings().is_empty(), "{ran:#?}");
}

#[test]
fn a_process_that_gives_everything_back_leaves_nothing() {
    let ran = run(
        &["--error-exitcode", "9"],
        &[&Clients::get().client("endings"), &"clean"],
    );
    assert_eq!(ran.code(), 0, "{ran:#?}");
    assert_eq!(left(&ran.processes()[0]), []);
    assert!(
        ran.stderr.contains("0 handles lost, 0 left open"),
        "{ran:#?}"
    );
}

#[test]
fn a_process_that_is_replaced_by_a_program_that_uses_ucx_is_told_twice() {
    let ran = run(&[], &[&Clients::get().client("endings"), &"exec"]);
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let [before, after] = ran.processes() else {
        panic!("{ran:#?}");
    };
    assert_eq!(before["end"], "was replaced by another program (exec)");
    assert_eq!((left(before), left(after)), (open(2), vec![]));
    assert_eq!(before["pid"], after["pid"]);
    assert!(ran.stderr.contains("1 process called the mock"), "{ran:#?}");
}

#[test]
fn a_process_that_is_replaced_by_another_program_is_told_with_what_it_left() {
    two_left(
        "exec-other",
        9,
        "ended with status 9 without exit (replaced by exec, or by a raw system call)",
    );
}

/// A client that hangs, from the moment at which it holds everything.
fn hanging(out: &std::path::Path) -> Child {
    let client = Clients::get().client("endings");
    let arguments = [
        "--out".as_ref(),
        out.as_os_str(),
        "--".as_ref(),
        // A shell has what it runs in the background ignore interrupts, and tests may be run there.
        "env".as_ref(),
        "--default-signal=INT".as_ref(),
        client.as_os_str(),
        "hang".as_ref(),
    ];
    let mut child = mock_ucx(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stdout = child.stdout.take().expect("a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    child
}

fn signal(child: &Child, signal: &str) {
    let status = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.expect("kill starts").success());
}

fn read_until(stderr: &mut BufReader<ChildStderr>, what: &str) -> String {
    let mut text = String::new();
    while !text.contains(what) {
        let length = stderr.read_line(&mut text).expect("text");
        assert!(length > 0, "{text}");
    }
    text
}

#[test]
fn a_process_that_hangs_until_it_is_interrupted_is_told_with_what_it_left() {
    let out = tempfile::tempdir().unwrap();
    let child = hanging(out.path());
    signal(&child, "-INT");
    let ran = ran(child.wait_with_output().unwrap(), out.path());
    assert_eq!(ran.code(), 130, "{ran:#?}");
    assert_eq!(ran.processes()[0]["end"], "ended by SIGINT");
    assert_eq!(left(&ran.processes()[0]), open(2));
    assert!(ran.findings().is_empty(), "{ran:#?}");
}

#[test]
fn a_signal_asks_for_a_census_of_what_lives_and_the_process_goes_on() {
    let out = tempfile::tempdir().unwrap();
    let mut child = hanging(out.path());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    for _ in 0..2 {
        signal(&child, "-USR2");
        let census = read_until(&mut stderr, "a real UCX was mapped too");
        assert!(
            census.contains("still runs: 4 calls of the mock"),
            "{census}"
        );
        assert!(census.contains("memory_handle from endings"), "{census}");
        std::thread::sleep(Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none(), "it goes on");
    }
    signal(&child, "-TERM");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15), "{rest}");
    assert!(rest.contains("ended by SIGTERM"), "{rest}");
}
