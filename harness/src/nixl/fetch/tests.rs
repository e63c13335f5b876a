//! Fetching with a stand-in for Python: what is fetched when, and what is said when it fails.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;

use super::*;
use crate::nixl::release::{Driver, Package, release};
use crate::nixl::stub;

const OWN: &str = ".nixl_cu12.mesonpy.libs";
const PLUGIN: &str = ".nixl_cu12.mesonpy.libs/plugins/libplugin_UCX.so";
const UCP: &str = "nixl_cu12.libs/libucp-01234567.so.0.0.0";

/// A cache, a stand-in for Python, and a release whose wheel that stand-in can deliver.
struct Bench {
    folder: tempfile::TempDir,
    release: &'static Release,
}

impl Bench {
    /// With a wheel that has the given files, each a stub library.
    fn new(files: &[&str]) -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wheel = folder.path().join("served.whl");
        let mut zip = zip::ZipWriter::new(fs::File::create(&wheel).expect("a file"));
        for file in files {
            let soname = Path::new(file)
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            zip.start_file(*file, SimpleFileOptions::default())
                .expect("an entry");
            zip.write_all(&stub::library(&soname).expect("a stub"))
                .expect("its bytes");
        }
        zip.finish().expect("a wheel");
        let sum: &'static str = sha256_of(&wheel).expect("a checksum").leak();
        let row = release(Package::Cu12, "9.9.9", "1.0.0", Driver::Python, sum, sum);
        Bench {
            folder,
            release: Box::leak(Box::new(row)),
        }
    }

    fn nixl() -> Bench {
        Bench::new(&[
            PLUGIN,
            UCP,
            ".nixl_cu12.mesonpy.libs/libnixl.so",
            "nixl_ep_cu12/big.so",
        ])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cache(&self) -> Cache {
        Cache::at(self.path("cache"))
    }

    /// A fetcher whose Python is a shell script. `$dest` is the folder that pip is told to fill.
    fn fetcher(&self, script: &str) -> Fetcher {
        let python = self.path("python3");
        let find_dest = "while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done";
        fs::write(&python, format!("#!/bin/sh\n{find_dest}\n{script}\n")).expect("a script");
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("an executable");
        Fetcher::with(self.cache(), python).expect("a supported machine")
    }

    /// A fetcher that delivers the wheel, slowly, and counts how often it was asked.
    fn serving(&self) -> Fetcher {
        let (served, log) = (self.path("served.whl"), self.path("calls"));
        let name = self
            .release
            .wheel(Machine::here().expect("a supported machine"))
            .file_name();
        self.fetcher(&format!(
            "echo call >> {}; sleep 0.2; cp {} \"$dest/{name}\"",
            log.display(),
            served.display()
        ))
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    fn failure(&self, script: &str) -> String {
        self.fetcher(script)
            .fetch(self.release)
            .expect_err("it must fail")
            .to_string()
    }

    /// What is left in the cache besides locks.
    fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("cache"))
            .into_iter()
            .flatten()
            .flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.ends_with(".lock")).collect()
    }
}

#[test]
fn a_release_is_fetched_once_and_served_from_the_cache_after_that() {
    let bench = Bench::nixl();
    let fetcher = bench.serving();
    assert_eq!(fetcher.state(bench.release), State::Missing);
    let installed = fetcher.fetch(bench.release).expect("it is served");
    assert_eq!(installed.ucx[0].soname, "libucp-01234567.so.0.0.0");
    assert_eq!(installed.release, Some(bench.release));
    assert!(
        !installed.root.join("nixl_ep_cu12").exists(),
        "GPU code was unpacked"
    );
    fetcher.fetch(bench.release).expect("it is cached");
    assert_eq!(bench.calls(), 1);
    assert_eq!(bench.leftovers(), ["nixl-cu12-9.9.9"]);
}

#[test]
fn several_that_want_the_same_release_at_once_fetch_it_once() {
    let bench = Bench::nixl();
    let fetcher = bench.serving();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fetcher.fetch(bench.release).expect("it is served"));
        }
    });
    assert_eq!(bench.calls(), 1);
}

#[test]
fn a_changed_a_shortened_and_a_missing_file_are_noticed_and_mended() {
    let bench = Bench::nixl();
    let fetcher = bench.serving();
    let plugin = fetcher.fetch(bench.release).expect("it is served").plugin;
    let whole = fs::read(&plugin).expect("the plugin");
    let mut changed = whole.clone();
    *changed.last_mut().expect("it has bytes") ^= 1;
    let damages: [(&str, &dyn Fn()); 3] = [
        ("was changed", &|| {
            fs::write(&plugin, &changed).expect("a file")
        }),
        ("bytes instead of", &|| {
            fs::write(&plugin, &whole[1..]).expect("a file")
        }),
        ("No such file", &|| {
            fs::remove_file(&plugin).expect("a file")
        }),
    ];
    for (count, (sign, damage)) in damages.iter().enumerate() {
        damage();
        let State::Damaged(what) = fetcher.state(bench.release) else {
            panic!("{sign}: not noticed")
        };
        assert!(
            what.contains(sign) && what.contains("libplugin_UCX.so"),
            "{what}"
        );
        fetcher.fetch(bench.release).expect("it is mended");
        assert_eq!(fs::read(&plugin).expect("the plugin"), whole);
        assert_eq!(bench.calls(), count + 2);
    }
    assert_eq!(bench.leftovers(), ["nixl-cu12-9.9.9"]);
}

#[test]
fn damage_that_cannot_be_mended_is_told_with_its_reason() {
    let bench = Bench::nixl();
    let plugin = bench
        .serving()
        .fetch(bench.release)
        .expect("it is served")
        .plugin;
    fs::remove_file(&plugin).expect("a file");
    let message = bench.failure("echo 'ERROR: gone' >&2; exit 1");
    assert!(
        message.contains("is damaged") && message.contains("ERROR: gone"),
        "{message}"
    );
}

#[test]
fn a_wheel_with_another_checksum_is_refused_and_leaves_nothing() {
    let bench = Bench::nixl();
    let name = bench
        .release
        .wheel(Machine::here().expect("a supported machine"))
        .file_name();
    let message = bench.failure(&format!("echo other > \"$dest/{name}\""));
    assert!(
        message.contains("is pinned; nothing was installed"),
        "{message}"
    );
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_missing_python_says_what_to_install() {
    let bench = Bench::nixl();
    let fetcher =
        Fetcher::with(bench.cache(), bench.path("nowhere/python3")).expect("a supported machine");
    let message = fetcher
        .fetch(bench.release)
        .expect_err("there is none")
        .to_string();
    assert!(
        message.contains("was not found") && message.contains("install Python 3 with pip"),
        "{message}"
    );
}

#[test]
fn a_python_without_pip_says_how_to_get_it() {
    let message = Bench::nixl().failure("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    assert!(message.contains("has no pip; install it"), "{message}");
}

#[test]
fn a_failing_pip_is_quoted_by_its_last_error() {
    let script = "echo 'ERROR: first' >&2; echo 'ERROR: No matching distribution found' >&2; echo '[notice] upgrade' >&2; exit 1";
    let message = Bench::nixl().failure(script);
    assert!(
        message.contains("ERROR: No matching distribution found. Try again"),
        "{message}"
    );
}

#[test]
fn a_missing_network_is_told_as_such() {
    let script = "echo 'WARNING: Retrying after NewConnectionError' >&2; echo 'ERROR: No matching distribution' >&2; exit 1";
    let message = Bench::nixl().failure(script);
    assert!(message.contains("Check the network"), "{message}");
}

#[test]
fn an_index_that_answers_nothing_is_told_as_a_missing_network_and_a_missing_version_is_not() {
    let script = |versions: &str| {
        format!("echo 'ERROR: Could not find a version (from versions: {versions})' >&2; exit 1")
    };
    let none = Bench::nixl().failure(&script("none"));
    assert!(none.contains("Check the network"), "{none}");
    let others = Bench::nixl().failure(&script("1.4.0, 1.4.1"));
    assert!(!others.contains("network"), "{others}");
}

#[test]
fn a_pip_that_succeeds_without_a_wheel_is_a_failure() {
    let message = Bench::nixl().failure("exit 0");
    assert!(
        message.contains("pip could not fetch nixl-cu12 9.9.9: it printed nothing"),
        "{message}"
    );
}

#[test]
fn a_wheel_without_the_ucx_plugin_is_told_as_such() {
    let bench = Bench::new(&[".nixl_cu12.mesonpy.libs/libnixl.so"]);
    let message = bench
        .serving()
        .fetch(bench.release)
        .expect_err("it has no plugin")
        .to_string();
    assert!(message.contains("has no UCX plugin"), "{message}");
}

#[test]
fn a_wheel_that_is_no_archive_is_refused_and_leaves_nothing() {
    let bench = Bench::nixl();
    let served = bench.path("served.whl");
    fs::write(&served, "not a zip").expect("a file");
    let sum: &'static str = sha256_of(&served).expect("a checksum").leak();
    let row = release(Package::Cu12, "9.9.9", "1.0.0", Driver::Python, sum, sum);
    let message = bench
        .serving()
        .fetch(Box::leak(Box::new(row)))
        .expect_err("it is text")
        .to_string();
    assert!(message.contains("cannot be unpacked"), "{message}");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_cache_that_cannot_be_written_says_which_setting_moves_it() {
    let bench = Bench::nixl();
    // A file in the way stops root too.
    fs::write(bench.path("cache"), "in the way").expect("a file");
    let message = bench.failure("exit 0");
    assert!(
        message.contains("cannot be written") && message.contains("XDG_CACHE_HOME"),
        "{message}"
    );
}

#[test]
fn what_a_killed_fetch_left_behind_is_cleared_away() {
    let bench = Bench::nixl();
    let left = bench.path("cache/.nixl-cu12-9.9.9.part/unpacked").join(OWN);
    fs::create_dir_all(&left).expect("a folder");
    fs::write(left.join("stray.so"), "half").expect("a file");
    let installed = bench.serving().fetch(bench.release).expect("it is served");
    assert!(
        !installed.libraries.join("stray.so").exists(),
        "what was left behind got in"
    );
    assert_eq!(bench.leftovers(), ["nixl-cu12-9.9.9"]);
}
