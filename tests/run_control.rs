//! The C control API, asked by a client written in C that is linked against the mock and runs preloaded with it.

mod run;

use std::path::{Path, PathBuf};
use std::process::Command;

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

fn library() -> PathBuf {
    harness::supervise::find_library().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_client_in_c_sets_faults_heals_resets_and_marks_and_each_misuse_is_answered() {
    let library = library();
    let client = Clients::get().client_with("api", &[library.to_str().unwrap()]);
    let ran = run(&[], &[&client]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (0, ""), "{ran:#?}");
    let deviations = ran.report["fired"].as_array().unwrap();
    let of = |what: &str| {
        deviations
            .iter()
            .find(|deviation| deviation["what"] == what)
    };
    let map = of("ucp_mem_map").expect("its own faults are told");
    assert_eq!(
        (&map["times"], &map["asked_for"]),
        (&3.into(), &false.into())
    );
}

#[test]
fn the_same_client_in_cpp_is_served_alike_also_without_a_supervisor() {
    let library = library();
    let client = Clients::get().client_in_cpp("api", library.to_str().unwrap());
    let output = Command::new(client)
        .env("LD_PRELOAD", &library)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn a_client_in_python_is_served_through_ctypes() {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/api.py");
    let ran = run(&[], &[&"python3", &client]);
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let version = format!("version {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(ran.stdout, version, "{ran:#?}");
}

#[test]
fn faults_and_a_seed_of_the_run_are_not_overruled_by_the_client() {
    let library = library();
    let client = Clients::get().client_with("api", &[library.to_str().unwrap()]);
    let options = [
        "--faults",
        "ucp_config_read=NO_MEMORY",
        "--seed",
        "0",
        "--allow-unfired",
    ];
    let ran = run(&options, &[&client, &"given"]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (0, ""), "{ran:#?}");
}
