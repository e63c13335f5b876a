//! `mock-ucx minimize` on the released NIXL 1.5.1: findings become small, stay themselves, and do so in little time.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// What minimising a finding may take.
const TIME_MAX: Duration = Duration::from_secs(10);

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn kept() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/findings");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// A built-in scenario in which the second packing of a key fails.
fn large(folder: &Path) -> PathBuf {
    let scenario = harness::scenario::builtin_named("several-regions").unwrap();
    let file = folder.join("large.scenario");
    std::fs::write(
        &file,
        format!("#! faults: ucp_rkey_pack@2=NO_MEMORY\n{scenario}"),
    )
    .unwrap();
    file
}

#[test]
fn a_whole_scenario_becomes_the_few_lines_that_lose_the_registration() {
    let folder = tempfile::tempdir().unwrap();
    let file = large(folder.path());
    let file = file.to_str().unwrap();
    let output = mock_ucx(&["minimize", file]);
    let small = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let operations: Vec<&str> = small.split_once("\n\n").unwrap().1.lines().collect();
    assert_eq!(operations.len(), 4, "{small}");
    assert!(operations[3].starts_with("register a"), "{small}");
    assert!(
        small.contains("#! faults: ucp_rkey_pack@1=NO_MEMORY\n"),
        "{small}"
    );
    assert!(small.contains("#! showed: 10 of 10\n"), "{small}");
    // The same steps each time, and nothing is left to leave out.
    assert_eq!(text(&mock_ucx(&["minimize", file]).stdout), small);
    let again = folder.path().join("small.scenario");
    std::fs::write(&again, &small).unwrap();
    assert_eq!(
        text(&mock_ucx(&["minimize", again.to_str().unwrap()]).stdout),
        small
    );
}

#[test]
fn a_fault_that_came_last_and_led_to_nothing_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let crash = include_str!("findings/split-batch-size-zero.scenario");
    let file = folder.path().join("crash.scenario");
    std::fs::write(&file, format!("#! faults: handle.reuse@1=reuse\n{crash}")).unwrap();
    let output = mock_ucx(&["minimize", file.to_str().unwrap()]);
    let small = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!small.contains("#! faults:"), "{small}");
    assert!(small.contains("#! showed: 10 of 10\n"), "{small}");
}

/// Two writes; the request of the second has the value that the first one's had.
const REUSED: &str = "#! faults: ep#3.put.status@1=NO_MEMORY; ep#4.put.status@1=IO_ERROR; worker#1.handle.reuse@3=reuse
#! object: request
name reused
agent a0 progress_thread=off
agent a1 progress_thread=off
backend b0 a0 UCX
backend b1 a1 UCX
region r0 size=4096 seed=1
region r1 size=4096 seed=2
register a0 r0
register a1 r1
get_md m1 a1
load_md a0 m1
create x0 a0 write local=r0 to=a1 remote=r1
post x0 => any
invalidate a0 a1
load_md a0 m1
create x1 a0 write local=r0 to=a1 remote=r1
post x1 => any
";

#[test]
fn which_value_the_handle_of_a_lost_request_has_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reused.scenario");
    std::fs::write(&file, REUSED).unwrap();
    let output = mock_ucx(&["minimize", file.to_str().unwrap()]);
    let small = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        small.contains("put.status@1=") && !small.contains("reuse="),
        "{small}"
    );
}

#[test]
fn every_kept_finding_is_minimised_within_ten_seconds_and_shows_again() {
    let folder = tempfile::tempdir().unwrap();
    for file in kept() {
        let kept = std::fs::read_to_string(&file).unwrap();
        // A hang takes some ten seconds each time it is played.
        if kept.contains("rule: spinning") {
            continue;
        }
        // How long threads that only poll take for their work, and how often what they race for shows, depends on what else runs here.
        let races = kept.contains("rule: UCP-THR-002") || kept.contains("num_threads=16");
        let small = folder.path().join(file.file_name().unwrap());
        let begun = Instant::now();
        let output = mock_ucx(&[
            "minimize",
            "--to",
            small.to_str().unwrap(),
            file.to_str().unwrap(),
        ]);
        let took = begun.elapsed();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{}: {told}", file.display());
        assert!(
            races || took < TIME_MAX,
            "{}: {took:?}: {told}",
            file.display()
        );
        println!(
            "{}: {}",
            file.file_stem().unwrap().to_string_lossy(),
            told.trim()
        );
        let replay = mock_ucx(&["replay", "--times", "20", small.to_str().unwrap()]);
        assert_eq!(replay.status.code(), Some(1), "{}", text(&replay.stdout));
    }
}

#[test]
fn what_shows_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clean.scenario");
    let scenario = harness::scenario::builtin_named("two-agents-write").unwrap();
    std::fs::write(&file, scenario.to_string()).unwrap();
    let output = mock_ucx(&["minimize", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("shows nothing on NIXL 1.5.1"));
    assert!(output.stdout.is_empty());
}
