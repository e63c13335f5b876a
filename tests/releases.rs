//! Older releases of NIXL are driven as the newest is: with their C API from 0.10.1 on, through their Python module before that.
//!
//! One or two of each kind are tried here. All of them: `MOCK_UCX_RELEASES=all cargo test --test releases` (1 GB is fetched the first time).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::nixl::{Driver, Package, RELEASES};
use harness::scenario::builtin;

/// Variable that asks for all releases.
const ALL: &str = "MOCK_UCX_RELEASES";

/// The last release that Python drives, and the first that has the C API: nothing but the driver differs between them.
const LAST_BY_PYTHON: &str = "0.10.0";
const FIRST_BY_C_API: &str = "0.10.1";

/// Of the releases that Python drives, one with UCX in a library of its own, and CUDA's driver.
const OLD_BY_PYTHON: &str = "0.9.0";

/// Scenarios without threads, which make their own order, and without functions that the module lacks.
const QUIET: [&str; 8] = [
    "invalidate-reload",
    "notifications",
    "partial-metadata",
    "prepared-lists",
    "repost",
    "self-transfer",
    "three-agents",
    "two-agents-read",
];

fn releases() -> Vec<&'static str> {
    if std::env::var_os(ALL).is_some_and(|wish| wish == "all") {
        let of_cu12 = RELEASES.iter().filter(|one| one.package == Package::Cu12);
        return of_cu12.map(|release| release.version).collect();
    }
    vec![OLD_BY_PYTHON, FIRST_BY_C_API, "1.5.1"]
}

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The trace of a built-in scenario on a release.
fn trace(release: &str, scenario: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let scenario = file(&format!("harness/scenarios/{scenario}.scenario"));
    let output = mock_ucx(&[
        "replay",
        "--nixl",
        release,
        "--trace",
        trace.to_str().unwrap(),
        scenario.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    std::fs::read_to_string(trace).unwrap()
}

#[test]
fn every_built_in_scenario_runs_clean_on_every_release_but_for_what_is_known() {
    for release in releases() {
        let out = tempfile::tempdir().unwrap();
        let hunt = mock_ucx(&[
            "hunt",
            "--nixl",
            release,
            "--time",
            "0",
            "--known",
            "none",
            "--out",
            out.path().to_str().unwrap(),
        ]);
        let told = text(&hunt);
        // Transfers of 0.9.0 keep the endpoint of a forgotten peer on any network (tests/fixed/endpoint-kept.scenario).
        let keeps = release == "0.9.0";
        assert_eq!(
            hunt.status.code(),
            Some(i32::from(keeps)),
            "{release}: {told}"
        );
        let findings = usize::from(keeps);
        let all = format!("{} cases, {findings} distinct findings", builtin().len());
        assert!(told.contains(&all), "{release}: {told}");
        assert_eq!(told.contains("endpoint kept"), keeps, "{release}: {told}");
        // What the newest has and an older one lacks is skipped, counted and said.
        let lacks = told.contains("operations were skipped: this NIXL does not have");
        assert_eq!(lacks, !release.starts_with("1.5."), "{release}: {told}");
    }
}

#[test]
fn what_python_drives_calls_ucx_as_what_the_c_api_drives_does() {
    for name in QUIET {
        let (by_python, by_c_api) = (trace(LAST_BY_PYTHON, name), trace(FIRST_BY_C_API, name));
        assert!(by_python.lines().count() > 30, "{name}: {by_python}");
        assert_eq!(by_python, by_c_api, "{name}");
    }
}

#[test]
fn a_lost_handle_is_found_in_a_release_that_python_drives() {
    let lost = file("tests/findings/forgotten-registration.scenario");
    let replay = mock_ucx(&["replay", "--nixl", OLD_BY_PYTHON, lost.to_str().unwrap()]);
    let told = text(&replay);
    assert_eq!(replay.status.code(), Some(1), "{told}");
    assert!(told.contains("memory_handle lost"), "{told}");
    assert!(told.contains("libnixl.so!nixlAgent::registerMem"), "{told}");
    assert!(!told.contains("pybind11"), "glue names nothing: {told}");
}

#[test]
fn what_a_release_lacks_is_skipped_and_said() {
    let views = file("harness/scenarios/memory-views.scenario");
    for release in [OLD_BY_PYTHON, FIRST_BY_C_API] {
        let replay = mock_ucx(&["replay", "--nixl", release, views.to_str().unwrap()]);
        let told = text(&replay);
        assert_eq!(replay.status.code(), Some(0), "{release}: {told}");
        assert!(
            told.contains("2 operations were skipped")
                && told.contains("nixl_capi_prep_mem_view_local"),
            "{release}: {told}"
        );
    }
}

#[test]
fn a_machine_without_a_fitting_python_is_told_which_would_do() {
    let lost = file("tests/findings/forgotten-registration.scenario");
    let output = Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(["replay", "--nixl", OLD_BY_PYTHON])
        .arg(&lost)
        .env("PATH", "/nonexistent")
        .output()
        .expect("the program starts");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("NIXL 0.9.0 has no C API and needs one of Python 3.10, 3.11, 3.12"),
        "{told}"
    );
}

#[test]
fn a_release_whose_module_does_not_load_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let cached = harness::nixl::fetch(OLD_BY_PYTHON).expect("it is fetched");
    let copy = folder.path().join("nixl");
    let copied = Command::new("cp")
        .arg("-r")
        .args([&cached.root, &copy])
        .status();
    assert!(copied.expect("cp").success());
    let libnixl = copy.join(".nixl_cu12.mesonpy.libs/libnixl.so");
    std::fs::write(libnixl, "no library").unwrap();
    let lost = file("tests/findings/forgotten-registration.scenario");
    let copy = copy.to_str().unwrap();
    let output = mock_ucx(&["replay", "--nixl", copy, lost.to_str().unwrap()]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains(copy) && told.contains("cannot be loaded"),
        "{told}"
    );
}

#[test]
fn every_release_is_driven_in_one_of_two_ways() {
    for release in RELEASES.iter().filter(|one| one.package == Package::Cu12) {
        let by_python = ["0.7.1", "0.8.0", "0.9.0", LAST_BY_PYTHON].contains(&release.version);
        assert_eq!(release.driver == Driver::Python, by_python, "{release}");
    }
}
