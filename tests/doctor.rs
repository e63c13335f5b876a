//! `mock-ucx doctor` on machines where something is missing: it says what, and what to do.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A machine where everything is there but what a test takes away. Its cache is empty, so that pip is needed.
struct Machine {
    command: Command,
    cache: tempfile::TempDir,
}

impl Machine {
    fn new() -> Machine {
        Machine::with_program(Path::new(env!("CARGO_BIN_EXE_mock-ucx")))
    }

    fn with_program(program: &Path) -> Machine {
        let cache = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program);
        command.arg("doctor");
        command
            .env_remove("LD_PRELOAD")
            .env("XDG_CACHE_HOME", cache.path());
        Machine { command, cache }
    }

    /// Exit status, and the line about `check` with what to do.
    fn examine(mut self, check: &str) -> (Option<i32>, String) {
        let output = self.command.output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // Shown when a test fails: what else was ill decides the exit status.
        eprintln!("{text}");
        let mut lines = text.lines();
        let about = lines
            .find(|line| line.get(6..).is_some_and(|rest| rest.starts_with(check)))
            .unwrap_or_else(|| panic!("nothing about {check}:\n{text}"));
        let to_do = lines
            .next()
            .filter(|line| line.trim().starts_with("to do:"));
        (
            output.status.code(),
            format!("{about} {}", to_do.unwrap_or_default().trim()),
        )
    }

    fn assert_fails(self, check: &str, words: &[&str]) {
        let (status, about) = self.examine(check);
        assert!(about.starts_with("FAIL"), "{about}");
        for word in words {
            assert!(about.contains(word), "{about}");
        }
        assert_eq!(status, Some(2), "{about}");
    }

    fn assert_well(self, check: &str) {
        let (status, about) = self.examine(check);
        assert!(about.starts_with("ok"), "{about}");
        assert_eq!(status, Some(0), "{about}");
    }
}

/// By a process of its own: a file that another test's child was forked with, open for writing, cannot be run.
fn write_script(path: &Path, text: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut input = writer.stdin.take().expect("its input");
    input.write_all(text.as_bytes()).expect("a script");
    drop(input);
    assert!(writer.wait().expect("its end").success());
}

#[test]
fn a_machine_with_everything_is_well() {
    for check in ["process memory", "library", "preload", "cache", "pip"] {
        Machine::new().assert_well(check);
    }
}

#[test]
fn a_missing_python_is_named_with_what_to_install() {
    let mut machine = Machine::new();
    machine.command.env("PATH", "/no/such/folder");
    machine.assert_fails("Python", &["no python3", "apt install python3-pip"]);
}

#[test]
fn a_python_without_pip_is_told_from_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let python = folder.path().join("python3");
    write_script(
        &python,
        "#!/bin/sh\n[ \"$1\" = --version ] && echo Python 3.11.2\n",
    );
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let mut machine = Machine::new();
    machine.command.env("PATH", path);
    machine.assert_fails("pip", &["python3 has no pip", "python3-pip"]);
}

#[test]
fn a_damaged_release_is_named_with_the_command_that_mends_it() {
    let machine = Machine::new();
    let release = machine.cache.path().join("mock-ucx/nixl/nixl-cu12-1.4.1");
    std::fs::create_dir_all(&release).expect("a folder");
    machine.assert_fails("cache", &["nixl-cu12-1.4.1", "mock-ucx nixl fetch 1.4.1"]);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let mut machine = Machine::new();
    machine.command.env("XDG_CACHE_HOME", "/proc/no");
    machine.assert_fails("cache", &["cannot be written", "XDG_CACHE_HOME"]);
}

#[test]
fn a_ucx_that_is_preloaded_already_is_named() {
    let mut machine = Machine::new();
    // The loader says that it is not there and goes on.
    machine.command.env("LD_PRELOAD", "/no/such/libucp.so.0");
    machine.assert_fails("preload", &["already names libucp.so.0", "unset it"]);
}

#[test]
fn a_program_without_its_library_says_where_it_looked() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("mock-ucx");
    std::fs::copy(env!("CARGO_BIN_EXE_mock-ucx"), &program).expect("a copy");
    Machine::with_program(&program)
        .assert_fails("library", &["libmock_ucx.so is nowhere", "../lib"]);
}

#[test]
fn what_hunts_do_not_need_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    write_script(
        &folder.path().join("cat"),
        "#!/bin/sh\nexec /bin/cat \"$@\"\n",
    );
    let python = "#!/bin/sh\ncase \"$*\" in --version) echo Python 3.11.2 ;; '-m pip --version') echo pip 24.0 from /x ;; *) exit 1 ;; esac\n";
    write_script(&folder.path().join("python3"), python);
    let mut machine = Machine::new();
    machine.command.env("PATH", folder.path());
    let (status, about) = machine.examine("C compiler");
    assert!(
        about.starts_with("weak") && about.contains("apt install gcc"),
        "{about}"
    );
    assert_eq!(status, Some(0), "{about}");
}
