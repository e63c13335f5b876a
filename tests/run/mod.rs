//! Clients written in C, and `mock-ucx run` with its report, for the tests of `run`.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// A folder with the clients, compiled against a stub of libucp that answers every call with an error.
pub(crate) struct Clients {
    folder: TempDir,
}

impl Clients {
    pub(crate) fn get() -> &'static Clients {
        static CLIENTS: OnceLock<Clients> = OnceLock::new();
        CLIENTS.get_or_init(|| {
            let clients = Clients {
                folder: tempfile::tempdir().expect("a folder"),
            };
            let stub = ["-shared", "-fPIC", "-Wl,-soname,libucp.so.0"];
            clients.compile("stub_libucp.c", "libucp.so.0", &stub);
            clients
        })
    }

    /// A client by the name of its source, linked against the stub.
    pub(crate) fn client(&self, name: &str) -> PathBuf {
        self.client_with(name, &[])
    }

    /// As [`Clients::client`], with more arguments for the compiler.
    pub(crate) fn client_with(&self, name: &str, more: &[&str]) -> PathBuf {
        let stub = self.stub();
        let mut arguments = vec![
            stub.to_str().expect("a readable path"),
            "-ldl",
            "-Wl,-rpath,$ORIGIN",
        ];
        arguments.extend(more);
        self.compile(&format!("{name}.c"), &own_file(name), &arguments)
    }

    /// As [`Clients::client_with`], with the C source read as C++.
    pub(crate) fn client_in_cpp(&self, name: &str, library: &str) -> PathBuf {
        let stub = self.stub();
        let stub = stub.to_str().expect("a readable path");
        let (source, target) = (format!("{name}.c"), own_file(name));
        let language = ["-x", "c++", "-std=c++17"];
        let libraries = [stub, library, "-Wl,-rpath,$ORIGIN"];
        self.compile_with("g++", &language, &source, &target, &libraries)
    }

    /// A program that is linked statically.
    pub(crate) fn linked_statically(&self) -> PathBuf {
        self.compile("stub_main.c", "stub_main", &["-static"])
    }

    /// A library that defines nothing of UCX.
    pub(crate) fn harmless(&self) -> PathBuf {
        let arguments = ["-shared", "-fPIC", "-Dmain=harmless"];
        self.compile("stub_main.c", "libharmless.so", &arguments)
    }

    pub(crate) fn stub(&self) -> PathBuf {
        self.folder.path().join("libucp.so.0")
    }

    fn compile(&self, source: &str, target: &str, arguments: &[&str]) -> PathBuf {
        self.compile_with("cc", &[], source, target, arguments)
    }

    fn compile_with(
        &self,
        compiler: &str,
        language: &[&str],
        source: &str,
        target: &str,
        arguments: &[&str],
    ) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let target = self.folder.path().join(target);
        let status = Command::new(compiler)
            .args(["-g", "-O0", "-Wall", "-Werror", "-o"])
            .arg(&target)
            .arg("-I")
            .arg(root.join("mock-ucx/include"))
            .args(language)
            .arg(root.join("tests/clients").join(source))
            // The libraries are not sources.
            .args(if language.is_empty() {
                &[][..]
            } else {
                &["-x", "none"]
            })
            .args(arguments)
            .status()
            .unwrap_or_else(|error| panic!("a compiler named {compiler}: {error}"));
        assert!(status.success(), "{source} does not compile");
        target
    }
}

/// Tests are threads: each gets a file of its own.
fn own_file(name: &str) -> String {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("{name}.{number}")
}

/// `mock-ucx run` with these arguments, not started yet.
pub(crate) fn mock_ucx(arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
    command.arg("run").args(arguments);
    command.env_remove("LD_PRELOAD");
    command
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `report.json`; null if there is none.
    pub(crate) report: Value,
}

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.status.code().expect("it exits")
    }

    /// The processes that called the mock.
    pub(crate) fn processes(&self) -> &[Value] {
        self.report["processes"]
            .as_array()
            .unwrap_or_else(|| panic!("{self:#?}"))
    }

    pub(crate) fn findings(&self) -> &[Value] {
        self.report["findings"]
            .as_array()
            .unwrap_or_else(|| panic!("{self:#?}"))
    }
}

/// Runs a client with options of `run` before it.
pub(crate) fn run(options: &[&str], client: &[&dyn AsRef<OsStr>]) -> Ran {
    let out = tempfile::tempdir().expect("a folder");
    let mut arguments: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
    arguments.extend([
        OsStr::new("--out"),
        out.path().as_os_str(),
        OsStr::new("--"),
    ]);
    arguments.extend(client.iter().map(|word| word.as_ref()));
    let output = mock_ucx(&arguments).output().expect("it starts");
    ran(output, out.path())
}

/// What a run that is over came to.
pub(crate) fn ran(output: Output, out: &Path) -> Ran {
    let report = std::fs::read(out.join("report.json")).unwrap_or_default();
    Ran {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        report: serde_json::from_slice(&report).unwrap_or_default(),
    }
}

/// What a process left: kind, function that created it, open, lost.
pub(crate) fn left(process: &Value) -> Vec<(String, String, u64, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut left: Vec<_> = process["left"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|origin| {
            let function = text(&origin["origin"]);
            let function = function.rsplit('!').next().unwrap_or_default().to_owned();
            let number = |name: &str| origin[name].as_u64().unwrap_or(u64::MAX);
            (
                text(&origin["kind"]),
                function,
                number("open"),
                number("lost"),
            )
        })
        .collect();
    left.sort();
    left
}

/// What a client that begins and keeps `registrations` leaves.
pub(crate) fn open(registrations: u64) -> Vec<(String, String, u64, u64)> {
    [
        ("context", "make_context", 1),
        ("memory_handle", "map_buffer", registrations),
        ("worker", "make_worker", 1),
    ]
    .into_iter()
    .filter(|(_, _, count)| *count > 0)
    .map(|(kind, function, count)| (kind.to_owned(), function.to_owned(), count, 0))
    .collect()
}
