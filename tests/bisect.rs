//! `bisect`: each release is named with what shows on it, what is known is not played again, and the document says what is found.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Releases that other tests need, too: by Python, by the older C API, by the newer one.
const RELEASES: &str = "0.9.0,0.10.1,1.5.1";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/findings")
        .join(name)
}

fn bisect(out: &Path, files: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
    command
        .args(["bisect", "--nixl", RELEASES, "--out"])
        .arg(out);
    command.args(files);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_crash_that_came_with_a_later_release_is_told_so_and_again_without_a_play() {
    let out = tempfile::tempdir().unwrap();
    let (twice, repost) = (
        file("registered-twice.scenario"),
        file("repost-after-failed-notification.scenario"),
    );
    let first = bisect(out.path(), &[&twice, &repost]).output().unwrap();
    let told = String::from_utf8_lossy(&first.stdout).into_owned();
    assert_eq!(first.status.code(), Some(1), "{}", text(&first));
    let expected = "registered-twice: process crash
  0.9.0    does not show
  0.10.1   does not show
  1.5.1    shows in 3 of 3 plays
  first affected: 1.5.1; fixed in: open
";
    assert!(told.starts_with(expected), "{told}");
    let lacks = "  0.9.0    skipped: this release does not have nixl_capi_create_xfer_req\n";
    assert!(told.contains(lacks), "{told}");

    // Without Python and without a cache nothing can be played: all of it is known.
    let again = bisect(out.path(), &[&twice, &repost])
        .env("PATH", "/nonexistent")
        .env("XDG_CACHE_HOME", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    assert_eq!(String::from_utf8_lossy(&again.stdout), told);
}

#[test]
fn a_release_that_cannot_be_played_is_named_and_skipped() {
    let out = tempfile::tempdir().unwrap();
    let twice = file("registered-twice.scenario");
    let output = bisect(out.path(), &[&twice])
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("  0.9.0    skipped: NIXL 0.9.0 has no C API and needs one of Python"),
        "{told}"
    );
    assert!(told.contains("  1.5.1    shows in 3 of 3 plays"), "{told}");
}

#[test]
fn a_fault_that_does_not_happen_is_no_proof_of_a_fix() {
    let folder = tempfile::tempdir().unwrap();
    let text_of = std::fs::read_to_string(file("forgotten-registration.scenario")).unwrap();
    let late = folder.path().join("late.scenario");
    std::fs::write(&late, text_of.replace("ucp_rkey_pack@1", "ucp_rkey_pack@9")).unwrap();
    let output = bisect(folder.path(), &[&late]).output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(
        told.matches("does not show; a fault that it needs did not happen")
            .count(),
        3,
        "{told}"
    );
}

/// The signs of a document's second table: finding, release, sign.
fn signs(document: &str) -> Vec<(String, String, String)> {
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = document
        .lines()
        .skip_while(|line| !line.starts_with("| finding | 0"));
    let releases = cells(lines.next().expect("a second table"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.flat_map(|line| {
        let row = cells(line);
        let named = releases.iter().zip(row.clone()).skip(1);
        let of_row = |(release, sign): (&String, String)| (row[0].clone(), release.clone(), sign);
        named.map(of_row).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_document_says_of_these_releases_what_is_found_now() {
    let out = tempfile::tempdir().unwrap();
    let written = out.path().join("releases.md");
    // What hangs takes ten seconds of a processor on each release.
    let quick = |path: &PathBuf| {
        !std::fs::read_to_string(path)
            .unwrap()
            .contains("rule: spinning")
    };
    let folders = [file(""), file("../fixed")];
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(quick)
        .collect();
    files.sort();
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let output = bisect(out.path(), &files)
        .args(["--times", "1", "--write"])
        .arg(&written)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/releases.md");
    let kept = signs(&std::fs::read_to_string(document).unwrap());
    let now = signs(&std::fs::read_to_string(written).unwrap());
    assert!(now.len() >= 33, "{now:?}");
    for row in now {
        assert!(
            kept.contains(&row),
            "{row:?} is new: `mock-ucx bisect tests/findings tests/fixed --write docs/releases.md`"
        );
    }
}
