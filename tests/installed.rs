//! The program installed elsewhere: a copy of it and of its library, in a folder that cargo knows nothing of.

mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::supervise::find_library;
use mock_ucx::control::build::BUILD_ID;
use run::Clients;
use tempfile::TempDir;

/// `bin/mock-ucx`, and its library in `folder` if there is one.
struct Installed {
    root: TempDir,
}

impl Installed {
    fn new(folder: Option<&str>) -> Installed {
        let installed = Installed {
            root: tempfile::tempdir().expect("a folder"),
        };
        fs::create_dir(installed.root.path().join("bin")).expect("a folder");
        fs::copy(env!("CARGO_BIN_EXE_mock-ucx"), installed.program()).expect("a copy");
        if let Some(folder) = folder {
            let folder = installed.root.path().join(folder);
            fs::create_dir_all(&folder).expect("a folder");
            fs::copy(built(), folder.join("libmock_ucx.so")).expect("a copy");
        }
        installed
    }

    fn program(&self) -> PathBuf {
        self.root.path().join("bin/mock-ucx")
    }

    fn library(&self, folder: &str) -> PathBuf {
        self.root.path().join(folder).join("libmock_ucx.so")
    }

    /// A run of a client that keeps one registration, started from a folder that has nothing to do with either.
    fn run(&self, program: &Path) -> Output {
        let client = Clients::get().client("endings");
        let out = self.root.path().join("out");
        let mut command = Command::new(program);
        command.args(["run", "--json", "--out"]).arg(&out).arg("--");
        command.arg(client).arg("clean");
        command.current_dir("/").env_remove("LD_PRELOAD");
        command.output().expect("it starts")
    }

    fn assert_runs(&self, folder: &str) {
        let output = self.run(&self.program());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{told}");
        let report = fs::read(self.root.path().join("out/report.json")).expect("a report");
        let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
        let processes = report["processes"].as_array().map_or(0, Vec::len);
        assert_eq!(processes, 1, "{report:#}");
        // It was this copy that was loaded, and no other.
        let maps = Command::new(self.program())
            .args(["run", "--", "cat", "/proc/self/maps"])
            .current_dir("/")
            .env_remove("LD_PRELOAD")
            .output()
            .expect("it starts");
        let maps = String::from_utf8_lossy(&maps.stdout).into_owned();
        let path = self.library(folder).canonicalize().expect("it is there");
        assert!(
            maps.contains(path.to_str().expect("a readable path")),
            "{maps}"
        );
    }

    fn assert_refuses(&self, words: &[&str]) {
        let output = self.run(&self.program());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        for word in words {
            assert!(told.contains(word), "{told}");
        }
    }
}

/// The library of this build, where cargo put it.
fn built() -> PathBuf {
    find_library().unwrap_or_else(|error| panic!("{error}"))
}

/// Makes the library one of another build, by the id in it.
fn change_build(library: &Path) {
    let mut bytes = fs::read(library).expect("it is there");
    let found = bytes
        .windows(BUILD_ID.len())
        .position(|window| window == BUILD_ID.as_bytes());
    let at = found.expect("a library has its id in it");
    bytes[at..at + BUILD_ID.len()].fill(b'0');
    fs::write(library, bytes).expect("it is ours");
}

#[test]
fn a_library_in_lib_is_found() {
    Installed::new(Some("lib")).assert_runs("lib");
}

#[test]
fn a_library_beside_the_program_is_found() {
    Installed::new(Some("bin")).assert_runs("bin");
}

#[test]
fn a_program_that_is_started_by_a_link_finds_its_library() {
    let installed = Installed::new(Some("lib"));
    let link = installed.root.path().join("link");
    std::os::unix::fs::symlink(installed.program(), &link).expect("a link");
    let output = installed.run(&link);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
}

#[test]
fn a_library_of_another_build_is_refused_with_what_mends_it() {
    let installed = Installed::new(Some("lib"));
    change_build(&installed.library("lib"));
    installed.assert_refuses(&[
        "is of another build (0000",
        BUILD_ID,
        "target/release/mock-ucx, target/release/deps/libmock_ucx.so",
    ]);
}

#[test]
fn a_stale_library_beside_the_program_does_not_hide_the_right_one() {
    let installed = Installed::new(Some("lib"));
    fs::copy(built(), installed.library("bin")).expect("a copy");
    change_build(&installed.library("bin"));
    installed.assert_runs("lib");
}

#[test]
fn a_program_without_a_library_says_where_it_looked() {
    Installed::new(None).assert_refuses(&["libmock_ucx.so is nowhere", "../lib", "cargo build"]);
}
