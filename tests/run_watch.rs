//! `mock-ucx run --watch` names what grows in a process on its own, real UCX, and is silent where nothing does.

use std::path::Path;
use std::process::{Command, Output};

use harness::nixl::python::{Interpreter, abis};
use harness::nixl::{Spec, fetch};

fn watch(command: &[&str], environment: &[(&str, &str)]) -> (String, Output) {
    watch_with(&[], command, environment)
}

fn watch_with(
    options: &[&str],
    command: &[&str],
    environment: &[(&str, &str)],
) -> (String, Output) {
    let mut run = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
    run.args(["run", "--watch", "--error-exitcode", "9"]);
    run.args(options).arg("--");
    // UCX's InfiniBand modules crash at exit in libnl-route, and are of no use here.
    let output = run
        .args(command)
        .env("UCX_MODULES", "^ib")
        .envs(environment.iter().copied())
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (told, output)
}

/// Watches a client that registers memory once, and then maps and unmaps other memory.
fn unmaps(release: &str, pattern: &str, rounds: &str) -> (String, Output) {
    unmaps_with(&[], release, pattern, rounds)
}

fn unmaps_with(options: &[&str], release: &str, pattern: &str, rounds: &str) -> (String, Output) {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/unmaps.py");
    let Ok(Spec::Release(known)) = Spec::parse(release) else {
        panic!("{release} is no release");
    };
    let python = Interpreter::among(&abis(known)).map_or("python3".into(), |found| found.path);
    let installed = fetch(release).expect("the release");
    let folder = installed.root.to_string_lossy();
    let cuda = tempfile::tempdir().expect("a folder");
    compile_cuda(cuda.path());
    let command = [
        &*python.to_string_lossy(),
        &*client.to_string_lossy(),
        &*folder,
        pattern,
        rounds,
    ];
    let stub = cuda.path().to_string_lossy().into_owned();
    watch_with(options, &command, &[("LD_LIBRARY_PATH", &stub)])
}

/// What releases up to 0.9.0 need to be loaded on a machine without a device.
fn compile_cuda(folder: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/cuda.c");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o"])
        .arg(folder.join("libcuda.so.1"))
        .arg(source)
        .status()
        .expect("a C compiler");
    assert!(status.success());
}

#[track_caller]
fn names_the_pool_and_the_unmaps(told: &str, output: &Output) {
    assert_eq!(output.status.code(), Some(9), "{told}");
    for words in [
        "grows: mapped memory of libucs.so",
        "libucs.so!ucs_mpool_grow",
        "cause: unmaps by",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn the_pool_of_0_9_0_grows_with_each_unmap_whatever_its_address() {
    let (told, output) = unmaps("0.9.0", "reused", "150000");
    names_the_pool_and_the_unmaps(&told, &output);
}

#[test]
fn in_1_5_1_it_grows_where_addresses_are_scattered_and_unmaps_cost_more_and_more() {
    let (told, output) = unmaps("1.5.1", "scattered", "30000");
    names_the_pool_and_the_unmaps(&told, &output);
    assert!(told.contains("cost: an unmap took"), "{told}");
}

#[test]
fn in_0_10_1_nothing_grows() {
    let (told, output) = unmaps("0.10.1", "scattered", "40000");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("nothing grew after the warm-up"), "{told}");
    assert!(!told.contains("grows:"), "{told}");
}

#[test]
fn on_the_mock_it_is_told_what_the_registration_cache_holds_beside_what_memory_does() {
    let (told, output) = unmaps_with(&["--mock"], "1.5.1", "scattered", "30000");
    assert_eq!(output.status.code(), Some(9), "{told}");
    for words in [
        "30000 entries pending",
        "UCX's registration cache grows by",
        "live of what was allocated since its start",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn on_the_mock_unmaps_of_reused_addresses_are_no_finding() {
    let (told, output) = unmaps_with(&["--mock"], "1.5.1", "reused", "30000");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("registration cache grows"), "{told}");
    assert!(told.contains(" 0 findings"), "{told}");
}

#[test]
fn a_process_that_ends_early_or_is_killed_is_not_judged() {
    for command in [&["true"][..], &["sh", "-c", "kill -9 $$"]] {
        let (told, output) = watch(command, &[]);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(
            told.contains("too early to tell growth from warm-up"),
            "{told}"
        );
        assert!(
            told.contains("no process was watched for long enough"),
            "{told}"
        );
    }
}
