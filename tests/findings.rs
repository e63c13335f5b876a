//! The bugs of NIXL that are kept: each is still there in 1.5.1, on every replay.

use std::path::Path;
use std::process::Command;

/// Replays of each. A finding that is kept must not depend on luck.
const REPLAYS: &str = "5";

#[test]
fn every_kept_finding_still_shows_in_nixl_1_5_1() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/findings");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let output = Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
            .args(["replay", "--nixl", "1.5.1", "--times", REPLAYS])
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
        let all = format!("showed in {REPLAYS} of {REPLAYS} replays");
        assert!(told.contains(&all), "{}: {told}", file.display());
        println!(
            "still there in 1.5.1: {}",
            file.file_stem().unwrap().to_string_lossy()
        );
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
