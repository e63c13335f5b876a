//! The C control API, asked by a client written in C that is linked against the mock and runs preloaded with it.

mod run;

use run::{Clients, run};

#[test]
fn a_client_in_c_gets_its_census_and_report_from_the_mock_itself() {
    let library = harness::supervise::find_library().unwrap_or_else(|error| panic!("{error}"));
    let client = Clients::get().client_with("control", &[library.to_str().unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let ran = run(&[], &[&client, &report]);
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let build = mock_ucx::control::build::BUILD_ID;
    assert!(ran.stdout.contains(&format!("build {build}")), "{ran:#?}");
    let report = std::fs::read_to_string(&report).unwrap();
    assert!(report.contains("3 handles left"), "{report}");
    assert!(report.contains("memory_handle: 1 of 2"), "{report}");
}
