//! `mock-ucx run` tells what is lost from what is only open, fails calls as it is told, and answers by its exit status.

mod run;

use run::{Clients, Ran, left, open, run};

fn holders(options: &[&str], how: &str) -> Ran {
    run(options, &[&Clients::get().client("holders"), &how])
}

/// The registration is lost, because nobody holds its handle; all else is open.
fn assert_lost(ran: &Ran) {
    let mut expected = open(1);
    expected[1].2 = 0;
    expected[1].3 = 1;
    assert_eq!(left(&ran.processes()[0]), expected, "{ran:#?}");
    let [finding] = ran.findings() else {
        panic!("{ran:#?}");
    };
    assert_eq!(
        (&finding["oracle"], &finding["object"]),
        (&"lost".into(), &"memory_handle".into())
    );
    let evidence = finding["evidence"][0].as_str().unwrap();
    assert!(evidence.contains("no copy of its handle"), "{evidence}");
}

fn assert_open(ran: &Ran) {
    assert_eq!(left(&ran.processes()[0]), open(1), "{ran:#?}");
    assert!(ran.findings().is_empty(), "{ran:#?}");
}

#[test]
fn a_registration_whose_handle_nobody_holds_is_lost_while_its_context_lives() {
    assert_lost(&holders(&[], "forgotten"));
    assert_lost(&holders(&[], "forgotten-_exit"));
}

#[test]
fn a_registration_that_a_global_holds_is_open() {
    assert_open(&holders(&[], "kept"));
}

#[test]
fn a_stale_copy_in_freed_memory_holds_nothing_unless_freed_memory_is_left_as_it_is() {
    assert_lost(&holders(&[], "forgotten"));
    assert_open(&holders(&["--no-perturb"], "forgotten"));
}

#[test]
fn what_handlers_of_exit_drop_was_held_until_the_end() {
    assert_open(&holders(&[], "dropped-at-exit"));
    assert_open(&holders(&[], "dropped-late"));
}

#[test]
fn what_handlers_of_exit_give_back_is_not_left() {
    let ran = holders(&[], "unmapped-at-exit");
    assert_eq!(left(&ran.processes()[0]), open(0), "{ran:#?}");
    assert!(ran.findings().is_empty(), "{ran:#?}");
}

#[test]
fn the_status_of_the_command_is_kept_unless_findings_have_one_of_their_own() {
    assert_eq!(holders(&[], "forgotten").code(), 0);
    assert_eq!(holders(&["--error-exitcode", "42"], "forgotten").code(), 42);
    assert_eq!(holders(&["--error-exitcode", "42"], "kept").code(), 0);
}

#[test]
fn the_findings_are_lines_of_a_file_too() {
    let out = tempfile::tempdir().unwrap();
    let client = Clients::get().client("holders");
    let arguments = [
        "--json".as_ref(),
        "--out".as_ref(),
        out.path().as_os_str(),
        "--".as_ref(),
        client.as_os_str(),
        "forgotten".as_ref(),
    ];
    let output = run::mock_ucx(&arguments).output().unwrap();
    let line = String::from_utf8_lossy(&output.stderr);
    let report: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    let ran = run::ran(output.clone(), out.path());
    assert_eq!(report, ran.report);
    let findings = harness::report::Findings::read(out.path()).unwrap();
    assert_eq!(findings.len(), 1);
}

#[test]
fn a_fault_makes_the_call_fail_and_is_told() {
    let client = Clients::get().client("endings");
    let ran = run(
        &["--faults", "ucp_mem_map@2=NO_MEMORY"],
        &[&client, &"return"],
    );
    assert_eq!(ran.code(), 77, "the client gives up: {ran:#?}");
    assert!(
        ran.stderr
            .contains("ucp_mem_map(context, &params, &made) answered -4"),
        "{ran:#?}"
    );
    assert_eq!(left(&ran.processes()[0]), open(1));
    assert_eq!(ran.report["unfired"].as_array().unwrap().len(), 0);
}

#[test]
fn a_fault_that_never_happens_is_told_and_the_result_is_not_vouched_for() {
    let client = Clients::get().client("endings");
    let faults = [
        "--faults",
        "ucp_mem_map@2=NO_MEMORY; ucp_mem_map@7=NO_MEMORY",
    ];
    let ran = run(&faults, &[&client, &"return"]);
    assert_eq!(ran.code(), 2, "{ran:#?}");
    assert_eq!(
        ran.report["unfired"].as_array().unwrap(),
        &["ucp_mem_map@7=NO_MEMORY (ucp_mem_map was called 2 times)"]
    );
    let allowed = [faults[0], faults[1], "--allow-unfired"];
    assert_eq!(run(&allowed, &[&client, &"return"]).code(), 77);
}

#[test]
fn a_process_that_passes_the_mock_by_is_named_and_the_result_is_not_vouched_for() {
    let client = Clients::get().client_with("bypass", &["-Wl,--as-needed"]);
    let stub = Clients::get().stub();
    let ran = run(&[], &[&client, &stub]);
    assert_eq!(ran.code(), 2, "{ran:#?}");
    assert!(ran.processes().is_empty());
    let bypassed = &ran.report["bypassed"][0];
    assert_eq!(bypassed["real_ucx"][0], stub.to_str().unwrap());
    assert!(
        ran.stderr.contains("no process called the mock; process"),
        "{ran:#?}"
    );
}

#[test]
fn a_command_that_never_calls_ucx_is_not_vouched_for() {
    let ran = run(&[], &[&"true"]);
    assert_eq!(ran.code(), 2, "{ran:#?}");
    assert!(
        ran.stderr.contains("the program never called UCX"),
        "{ran:#?}"
    );
}

#[test]
fn a_version_of_ucx_can_be_chosen() {
    let client = Clients::get().client("holders");
    let ran = run(&["--ucx-version", "1.20"], &[&client, &"forgotten"]);
    assert_eq!(ran.findings()[0]["ucx_version"], "1.20.0", "{ran:#?}");
}
