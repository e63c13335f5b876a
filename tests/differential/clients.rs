//! The C clients of the differential arm: compiled once against UCX's headers and the wheel's UCX, run on it and on the mock.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use harness::nixl::{self, Installed};

use crate::{headers, run};

/// The headers: the newest release of them that is published. The wheel's UCX is a snapshot one release later, whose types are the same.
const HEADERS: &str = "1.22.0";

/// Programs that run at once.
const JOBS: usize = 2;

/// One client, and what it printed on both arms.
pub(crate) struct Played {
    pub(crate) name: String,
    /// Rules that its source says it breaks.
    pub(crate) breaks: BTreeSet<String>,
    /// Rules that the mock found broken.
    pub(crate) found: BTreeSet<String>,
    pub(crate) mock: String,
    pub(crate) real: String,
    /// What went wrong apart from what was printed.
    pub(crate) trouble: Vec<String>,
}

/// All clients, played once for all tests.
pub(crate) fn all() -> &'static [Played] {
    static PLAYED: OnceLock<Vec<Played>> = OnceLock::new();
    PLAYED.get_or_init(play_all)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources() -> Vec<PathBuf> {
    let folder = root().join("tests/clients/differential");
    let entries = fs::read_dir(folder).expect("the clients").flatten();
    let mut sources: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    sources.retain(|path| path.extension() == Some(OsStr::new("c")));
    sources.sort();
    sources
}

fn play_all() -> Vec<Played> {
    let workshop = Workshop::open();
    let waiting = Mutex::new(sources().into_iter());
    let played = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no panic").next();
                    let Some(source) = next else { return };
                    let one = workshop.play(&source);
                    played.lock().expect("no panic").push(one);
                }
            });
        }
    });
    let mut played = played.into_inner().expect("no panic");
    played.sort_by(|one, other| one.name.cmp(&other.name));
    played
}

/// Where clients are made, and what they are made with.
struct Workshop {
    folder: tempfile::TempDir,
    include: PathBuf,
    installed: Installed,
}

impl Workshop {
    fn open() -> Workshop {
        Workshop {
            folder: tempfile::tempdir().expect("a folder"),
            include: headers::include_folder(HEADERS).expect("UCX's headers"),
            installed: nixl::fetch(nixl::DEFAULT_SPEC).expect("the default release"),
        }
    }

    fn play(&self, source: &Path) -> Played {
        let name = source
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let program = self.compile(source, &name);
        let mut trouble = Vec::new();
        let mock = on_the_mock(&program);
        if mock.code() != 0 {
            trouble.push(format!(
                "{name} on the mock: {}\n{}",
                mock.status, mock.stderr
            ));
        }
        let mut command = Command::new(&program);
        command.env_remove("LD_PRELOAD").envs(settings());
        let real = command.output().expect("it starts");
        if !real.status.success() {
            let log = String::from_utf8_lossy(&real.stderr);
            trouble.push(format!("{name} on the real UCX: {}\n{log}", real.status));
        }
        let rule =
            |finding: &serde_json::Value| finding["rule"].as_str().unwrap_or("no rule").to_owned();
        Played {
            breaks: declared(source),
            found: mock.findings().iter().map(rule).collect(),
            mock: mock.stdout,
            real: String::from_utf8_lossy(&real.stdout).into_owned(),
            name,
            trouble,
        }
    }

    /// Compiles a client against the wheel's own UCX, by whose hashed name the loader then finds it; the mock goes before it.
    fn compile(&self, source: &Path, name: &str) -> PathBuf {
        let target = self.folder.path().join(name);
        let libraries = self.installed.ucx.iter();
        let libraries: Vec<&Path> = libraries
            .filter(|library| matches!(library.name, "libucp" | "libucs"))
            .filter_map(|library| library.path.as_deref())
            .collect();
        let mut search = OsString::from("-Wl,--disable-new-dtags,-rpath,");
        search.push(libraries[0].parent().expect("a folder"));
        let status = Command::new("cc")
            .args([
                "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-isystem",
            ])
            .arg(&self.include)
            .arg(source)
            .arg("-o")
            .arg(&target)
            .args(&libraries)
            .arg(&search)
            .status()
            .expect("a C compiler named cc");
        assert!(status.success(), "{name} does not compile");
        target
    }
}

/// The same on both arms. The wheel's InfiniBand modules crash at the end of a process.
fn settings() -> [(&'static str, &'static str); 3] {
    [
        ("UCX_MODULES", "^ib"),
        ("UCX_LOG_LEVEL", "fatal"),
        ("UCX_WARN_UNUSED_ENV_VARS", "n"),
    ]
}

fn on_the_mock(program: &Path) -> run::Ran {
    let out = tempfile::tempdir().expect("a folder");
    let arguments = [
        OsStr::new("--out"),
        out.path().as_os_str(),
        OsStr::new("--"),
        program.as_os_str(),
    ];
    let output = run::mock_ucx(&arguments).envs(settings()).output();
    run::ran(output.expect("it starts"), out.path())
}

/// The rules that a client says it breaks, in a comment `Breaks: ID ID ...`.
fn declared(source: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(source).expect("a client");
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("/* Breaks: "));
    lines
        .flat_map(|line| line.trim_end_matches("*/").split_whitespace())
        .map(str::to_owned)
        .collect()
}
