//! `benchmark`: a bug is found on the release that has it, by a hunt that is told nothing, and not on the release without it; what is known
//! is not searched again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests")
        .join(name)
}

fn benchmark(out: &Path, time: &str, files: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
    command
        .args(["benchmark", "--seeds", "1", "--time", time, "--out"])
        .arg(out);
    command.args(files);
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_leak_is_found_in_the_release_that_has_it_and_not_in_the_one_that_mended_it() {
    let out = tempfile::tempdir().unwrap();
    let leak = file("fixed/unmaps-remembered-everywhere.scenario");
    let document = out.path().join("known-bugs.md");
    let output = benchmark(out.path(), "15s", &[&leak])
        .arg("--write")
        .arg(&document)
        .output()
        .unwrap();
    let first = told(&output);
    assert_eq!(output.status.code(), Some(0), "{first}");
    let found = "unmaps-remembered-everywhere: found with 1 of 1 seeds, after ";
    assert!(first.starts_with(found), "{first}");
    assert!(first.contains(" in 0.9.0; clean in "), "{first}");
    let written = std::fs::read_to_string(document).unwrap();
    let row = "| [unmaps-remembered-everywhere](../tests/fixed/unmaps-remembered-everywhere.scenario) | memory growth registration_cache | \
               0.9.0 | 1 of 1 | ";
    assert!(written.contains(row), "{written}");
    assert!(written.contains("| 0.10.0 | 2920e02d1 (#1210) | clean in "));

    // Without Python and without a cache nothing can be searched: all of it is known.
    let again = benchmark(out.path(), "15s", &[&leak])
        .env("PATH", "/nonexistent")
        .env("XDG_CACHE_HOME", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", told(&again));
    assert_eq!(told(&again), first);
}

#[test]
fn a_bug_that_its_own_file_does_not_show_is_not_searched_for() {
    let out = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(file("findings/forgotten-registration.scenario")).unwrap();
    let benign: String = text
        .lines()
        .filter(|line| !line.starts_with("#! faults"))
        .map(|line| format!("{line}\n"))
        .collect();
    let benign_file = out.path().join("benign.scenario");
    std::fs::write(&benign_file, benign).unwrap();
    let output = benchmark(out.path(), "5s", &[&benign_file])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("its own file does not show it in 1.5.1"),
        "{}",
        told(&output)
    );
}

#[test]
fn a_bug_that_is_open_is_found_and_another_crash_is_not_taken_for_one() {
    let out = tempfile::tempdir().unwrap();
    // It shows in what grows, which is played early: a slow machine has time for it, too.
    let grown = file("findings/unmaps-remembered.scenario");
    // A crash in this operation there is, but not in cases of this shape.
    let text = std::fs::read_to_string(file("findings/metadata-memory-type.scenario")).unwrap();
    let other = text.replace(
        "#! shape: write_md $m at=22* ...; load_md $a $m",
        "#! shape: destroy_agent $a; load_md $a $m",
    );
    assert_ne!(other, text);
    let other_file = out.path().join("other.scenario");
    std::fs::write(&other_file, other).unwrap();
    let output = benchmark(out.path(), "40s", &[&grown, &other_file])
        .output()
        .unwrap();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("unmaps-remembered: found with 1 of 1"),
        "{told}"
    );
    assert!(
        told.contains("metadata-memory-type: found with 0 of 1"),
        "{told}"
    );
}
