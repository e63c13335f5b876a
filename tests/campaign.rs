//! A hunt that knows what was found and played before, and that survives what may happen to it: on the released NIXL 1.5.1.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The folder of the bugs that are kept.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/findings")
}

/// A scenario of four lines in which one deviation loses a registration, which is kept, and nothing else goes wrong.
fn small() -> String {
    let file = kept().join("forgotten-registration.scenario");
    file.to_str().unwrap().to_owned()
}

fn findings(folder: &Path) -> Vec<Value> {
    let lines = std::fs::read_to_string(folder.join("findings.jsonl")).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A hunt in the small scenario with `options`, into `out`.
fn hunt(out: &Path, options: &[&str]) -> Output {
    hunt_cases(out, "150", options)
}

fn hunt_cases(out: &Path, cases: &str, options: &[&str]) -> Output {
    let (out, small) = (out.to_str().unwrap(), small());
    let mut arguments = vec!["hunt", "--out", out, "--cases", cases];
    arguments.extend(options);
    arguments.push(&small);
    mock_ucx(&arguments)
}

fn cases(output: &Output) -> usize {
    let told = text(&output.stdout);
    let line = told.lines().find(|line| line.contains(" cases, ")).unwrap();
    let number = line.split(" cases, ").next().unwrap();
    number.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_is_known_is_counted_apart_and_no_reason_to_fail() {
    let out = tempfile::tempdir().unwrap();
    let unknown = hunt(out.path(), &["--known", "none"]);
    assert_eq!(unknown.status.code(), Some(1), "{}", text(&unknown.stdout));
    assert_eq!(findings(out.path())[0].get("known"), None);

    let kept = kept();
    let known = hunt(out.path(), &["--fresh", "--known", kept.to_str().unwrap()]);
    let told = text(&known.stdout);
    assert_eq!(
        known.status.code(),
        Some(0),
        "{told}{}",
        text(&known.stderr)
    );
    assert!(
        told.contains("known: forgotten-registration: met "),
        "{told}"
    );
    assert!(
        told.contains("known: registered-twice: still there, not met"),
        "{told}"
    );
    assert!(
        told.contains("0 distinct findings in 0 families, 1 known ones met"),
        "{told}"
    );
    assert_eq!(findings(out.path())[0]["known"], "forgotten-registration");
}

#[test]
fn a_hunt_goes_on_where_the_one_before_it_stopped() {
    let out = tempfile::tempdir().unwrap();
    let first = hunt_cases(out.path(), "40", &[]);
    assert_eq!(cases(&first), 40, "{}", text(&first.stdout));
    let keys = || {
        let journal = std::fs::read_to_string(out.path().join("played.log")).unwrap();
        journal
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(keys().len(), 40);
    let second = hunt_cases(out.path(), "40", &[]);
    let told = text(&second.stderr);
    assert!(told.contains("going on behind 40 cases"), "{told}");
    // Only the benign run is played again, and that on a slow network.
    let distinct: std::collections::BTreeSet<String> = keys().into_iter().collect();
    assert_eq!((keys().len(), distinct.len()), (78, 78));
    let third = hunt(out.path(), &[]);
    assert_eq!(third.status.code(), Some(1), "{}", text(&third.stdout));
    // What was found is still told when its case is not played again.
    let fourth = hunt_cases(out.path(), "2", &[]);
    assert_eq!(fourth.status.code(), Some(1), "{}", text(&fourth.stdout));
    let fresh = hunt(out.path(), &["--fresh"]);
    assert!(!text(&fresh.stderr).contains("going on"));
}

#[test]
fn files_of_an_earlier_hunt_that_are_of_no_use_are_named_in_one_line() {
    let out = tempfile::tempdir().unwrap();
    let played = out.path().join("played.log");
    for (contents, words) in [
        (b"".as_slice(), "played.log: it is empty"),
        (
            b"mock-ucx played 0\n",
            "another version of mock-ucx wrote it",
        ),
        (b"\x7fELF rubbish", "no hunt wrote it"),
        (
            b"mock-ucx played 2 nixl=0.0.0@0 build=0 strict=false\n",
            "it is of nixl=0.0.0@0",
        ),
    ] {
        std::fs::write(&played, contents).unwrap();
        let output = hunt_cases(out.path(), "2", &[]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert_eq!(told.matches("is not gone on from").count(), 1, "{told}");
        assert!(told.contains(words), "{told}");
    }
    std::fs::write(out.path().join("findings.jsonl"), "{\"id\": 3}\n").unwrap();
    let output = hunt_cases(out.path(), "2", &[]);
    let told = text(&output.stderr);
    assert!(
        told.contains("findings.jsonl, line 1: this is no finding of this version"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(0), "{told}");
}

#[test]
fn no_time_at_all_is_enough_for_the_benign_runs() {
    let out = tempfile::tempdir().unwrap();
    let output = hunt(out.path(), &["--time", "0"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(cases(&output), 1);
}

#[test]
fn a_full_disk_is_told_with_what_was_found() {
    let out = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", out.path().join("played.log")).unwrap();
    let output = hunt(out.path(), &[]);
    let told = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{told}{}",
        text(&output.stderr)
    );
    assert_eq!(told.matches("No space left on device").count(), 1, "{told}");
    assert!(told.contains("memory_handle lost"), "{told}");
}

#[test]
fn a_limit_on_the_size_of_files_is_no_crash_of_nixl() {
    let folder = tempfile::tempdir().unwrap();
    let hunt =
        "ulimit -f 20000; exec \"$0\" hunt --time 0 --known none --out \"$1\" two-agents-write";
    let output = Command::new("bash")
        .args(["-c", hunt, env!("CARGO_BIN_EXE_mock-ucx")])
        .arg(folder.path().join("out"))
        .output()
        .unwrap();
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("raise that limit"), "{told}");
    assert!(told.contains("0 distinct findings"), "{told}");
}

#[test]
fn a_hunt_that_is_interrupted_tells_what_it_found() {
    let out = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args([
            "hunt",
            "--time",
            "10m",
            "--out",
            out.path().to_str().unwrap(),
        ])
        .arg("two-agents-write")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stderr = child.stderr.take().unwrap();
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.starts_with("found ")),
        "nothing was found"
    );
    // Twice, as `timeout -s INT` does.
    for _ in 0..2 {
        // SAFETY: the child was not waited for, so the number is still its own.
        unsafe { libc::kill(child.id().cast_signed(), libc::SIGINT) };
        std::thread::sleep(Duration::from_millis(20));
    }
    lines.for_each(drop);
    let output = child.wait_with_output().unwrap();
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("stopped early: "), "{told}");
    assert!(!findings(out.path()).is_empty());
}

#[test]
fn a_nixl_that_crashes_when_it_is_loaded_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = folder.path().join("lib");
    std::fs::create_dir_all(libraries.join("plugins")).unwrap();
    let source = folder.path().join("crash.c");
    std::fs::write(
        &source,
        "#include <stdlib.h>\n__attribute__((constructor)) static void crash(void) { abort(); }\n",
    )
    .unwrap();
    for name in ["libnixl.so", "libnixl_capi.so", "plugins/libplugin_UCX.so"] {
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(libraries.join(name))
            .arg(&source)
            .status()
            .expect("a C compiler is there");
        assert!(compiled.success());
    }
    let out = folder.path().join("out");
    let output = hunt(&out, &["--nixl", folder.path().to_str().unwrap()]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("crashes when it is loaded (signal: 6 (SIGABRT)"),
        "{told}"
    );
    assert!(told.contains(folder.path().to_str().unwrap()), "{told}");
}

#[test]
fn known_findings_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let bad = hunt(&out, &["--known", "/nowhere/at/all"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(
        text(&bad.stderr).contains("/nowhere/at/all"),
        "{}",
        text(&bad.stderr)
    );
    std::fs::write(
        folder.path().join("x.scenario"),
        "#! avoid: fault ep.fial\nname x\nagent a0\n",
    )
    .unwrap();
    let bad = hunt(&out, &["--known", folder.path().to_str().unwrap()]);
    assert_eq!(bad.status.code(), Some(2));
    let told = text(&bad.stderr);
    assert!(
        told.contains("x.scenario") && told.contains("`ep.fial`"),
        "{told}"
    );
}

#[test]
fn drawn_cases_of_a_seed_go_on_behind_those_that_were_played() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let drawn = |seed: &str| {
        let limits = ["--cases", "30", "--known", "none", "--out", folder];
        let mut arguments = vec!["hunt", "--random-only", "--seed", seed];
        arguments.extend(limits);
        mock_ucx(&arguments);
        let journal = std::fs::read_to_string(out.path().join("played.log")).unwrap();
        journal.lines().last().unwrap().to_owned()
    };
    assert_eq!(drawn("5"), "drawn 5 contract 30");
    assert_eq!(drawn("5"), "drawn 5 contract 60");
    assert_eq!(drawn("6"), "drawn 6 contract 30");
}
