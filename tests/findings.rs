//! The bugs of NIXL that are kept: those in tests/findings are still there in 1.5.1, on every replay; those in tests/fixed are not.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::campaign::benchmark::Bug;
use harness::campaign::{Avoid, Recorded};
use mock_ucx::rules::Rule;

/// Replays of each. A finding that is kept must not depend on luck.
const REPLAYS: &str = "5";
/// Of one that hangs, which takes some ten seconds each time.
const REPLAYS_HANG: &str = "1";

fn files() -> Vec<PathBuf> {
    files_of("findings")
}

fn files_of(folder: &str) -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut files: Vec<_> = std::fs::read_dir(tests.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn every_kept_finding_still_shows_in_nixl_1_5_1() {
    for file in files() {
        let recorded = Recorded::read(&file).unwrap();
        let replays = match recorded.note("rule") {
            Some("spinning" | "blocked") => REPLAYS_HANG,
            _ => REPLAYS,
        };
        let output = Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
            .args(["replay", "--nixl", "1.5.1", "--times", replays])
            .arg(&file)
            .output()
            .expect("the program starts");
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{}: {told}{}",
            file.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let all = format!("showed in {replays} of {replays} replays");
        assert!(told.contains(&all), "{}: {told}", file.display());
        let ends = ["] process crash", "] process hang"];
        let faults = &recorded.faults.faults;
        let by_system = faults.iter().any(|fault| fault.point.is_environment());
        // Whoever lets the system fail does so once: nothing is lost behind a crash of that.
        assert!(
            recorded.note("avoid").is_some() == ends.iter().any(|end| told.contains(end))
                || by_system,
            "{}: a crash or a hang, and nothing else, says when it is to be expected",
            file.display()
        );
        println!(
            "still there in 1.5.1: {}",
            file.file_stem().unwrap().to_string_lossy()
        );
    }
}

#[test]
fn each_kept_finding_says_what_shows_where_it_is_and_how_to_mend_it() {
    for file in files() {
        let recorded = Recorded::read(&file).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy();
        assert_eq!(
            recorded.scenario.name, name,
            "a finding is called as its file"
        );
        assert!(!recorded.scenario.about.is_empty(), "{name}: about");
        for key in ["object", "at", "fix"] {
            assert!(recorded.note(key).is_some(), "{name}: {key}");
        }
        assert!(
            recorded.note("at").unwrap().starts_with("src/"),
            "{name}: a file of NIXL"
        );
        let of_process = recorded.note("object") == Some("process");
        let of_memory = matches!(recorded.note("oracle"), Some("growth" | "bytes"));
        let rule = recorded.note("rule").and_then(Rule::from_id);
        assert_eq!(
            rule.is_none(),
            of_process || of_memory,
            "{name}: the rule that an object broke"
        );
        let fits = |text| {
            let avoid = Avoid::parse(text).unwrap();
            avoid.fits(&recorded.scenario, &recorded.faults)
        };
        assert!(
            recorded.note("avoid").is_none_or(fits),
            "{name}: its pattern fits itself"
        );
    }
}

#[test]
fn each_bug_that_was_mended_says_where_it_was_last_and_what_mended_it() {
    let out = tempfile::tempdir().unwrap();
    for file in files_of("fixed") {
        let bug = Bug::read(file.clone()).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy();
        assert_eq!(
            bug.recorded.scenario.name, name,
            "a bug is called as its file"
        );
        assert!(!bug.recorded.scenario.about.is_empty(), "{name}: about");
        for key in ["object", "at", "fix", "fixed"] {
            assert!(bug.recorded.note(key).is_some(), "{name}: {key}");
        }
        assert!(bug.fixed.is_some(), "{name}: last");
        let shape = bug.recorded.note("shape");
        let fits = |text| {
            let shape = Avoid::parse(text).unwrap();
            shape.fits(&bug.recorded.scenario, &bug.recorded.faults)
        };
        assert!(shape.is_none_or(fits), "{name}: its shape fits itself");
        let output = Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
            .args(["bisect", "--nixl", "1.5.1", "--times", "1", "--out"])
            .arg(out.path())
            .arg(&file)
            .output()
            .expect("the program starts");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("1.5.1    does not show\n"), "{name}: {told}");
    }
}

#[test]
fn a_kept_finding_does_not_show_without_its_fault() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/findings/forgotten-registration.scenario"),
    )
    .unwrap();
    let benign: String = text
        .lines()
        .filter(|line| !line.starts_with("#! faults"))
        .map(|line| format!("{line}\n"))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("benign.scenario");
    std::fs::write(&file, benign).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .arg("replay")
        .arg(&file)
        .output()
        .expect("the program starts");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
