//! UCX's headers of a release, from the Python package `libucx-cu12`, in the user's cache.

use crate::Failure;
use etcetera::base_strategy::{BaseStrategy, Xdg};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The wheels' checksums. The headers do not depend on the machine, so one machine's wheel serves all.
const WHEELS: &[(&str, &str)] = &[
    (
        "1.18.0",
        "212a90ced46b237e4df05ce7f6c5df95189900ab9b15f13398656c4fcc48fdb3",
    ),
    (
        "1.20.0",
        "596e6a4e1272a027cad7e44155865c26a6d76393c46db690032f50723bfbbd98",
    ),
    (
        "1.22.0",
        "5cbbef0c140a0a158ae3486089af659b38822b2234cd3dc90ba40a5e6553402a",
    ),
];
const PLATFORM: &str = "manylinux_2_28_x86_64";
const INCLUDE: &str = "libucx/include/";

/// The folder to compile against; fetched at the first use.
pub(crate) fn include_folder(release: &str) -> Result<PathBuf, Failure> {
    let pinned = WHEELS.iter().find(|(known, _)| *known == release);
    let (_, sha256) =
        pinned.ok_or_else(|| Failure(format!("no checksum is pinned for UCX {release}")))?;
    let strategy = Xdg::new()
        .map_err(|_| Failure("no home folder for the cache: set XDG_CACHE_HOME".to_owned()))?;
    let cache = strategy.cache_dir().join("mock-ucx").join("ucx-headers");
    let folder = cache.join(release);
    if !folder.exists() {
        fs::create_dir_all(&cache).map_err(|error| cannot_write(&cache, &error))?;
        let workshop =
            tempfile::tempdir_in(&cache).map_err(|error| cannot_write(&cache, &error))?;
        let wheel = download(release, workshop.path())?;
        check(&wheel, sha256)?;
        let unpacked = workshop.path().join("include");
        unpack(&wheel, &unpacked)?;
        // Whole or not there at all; another process may have been faster.
        fs::rename(&unpacked, &folder)
            .or_else(|error| if folder.exists() { Ok(()) } else { Err(error) })
            .map_err(|error| cannot_write(&folder, &error))?;
    }
    Ok(folder)
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure(format!(
        "the cache {} cannot be written: {error}; make it writable, or set XDG_CACHE_HOME",
        path.display()
    ))
}

/// Has pip put the wheel into a folder.
fn download(release: &str, into: &Path) -> Result<PathBuf, Failure> {
    let package = format!("libucx-cu12=={release}");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
    ]);
    pip.args([
        "--only-binary",
        ":all:",
        "--platform",
        PLATFORM,
        "--python-version",
        "3.11",
    ]);
    let output = pip.arg("--dest").arg(into).arg(&package).output();
    let output = output.map_err(|error| {
        Failure(format!(
            "python3 cannot be run ({error}): install Python 3 with pip"
        ))
    })?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let reason = complaint
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("it said nothing")
            .trim();
        return Err(Failure(format!(
            "`python3 -m pip download {package}` failed: {reason}; it needs pip and the network, once"
        )));
    }
    let files = fs::read_dir(into).map_err(|error| cannot_write(into, &error))?;
    let mut wheels = files.flatten().map(|entry| entry.path());
    let wheel = wheels.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| Failure(format!("pip delivered no wheel for {package}")))
}

fn check(wheel: &Path, expected: &str) -> Result<(), Failure> {
    let bytes =
        fs::read(wheel).map_err(|error| Failure(format!("{}: {error}", wheel.display())))?;
    let found = format!("{:x}", Sha256::digest(bytes));
    if found == expected {
        return Ok(());
    }
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    Err(Failure(format!(
        "{name} has SHA-256 {found}, but {expected} is pinned: is the package index a faithful mirror?"
    )))
}

/// Unpacks the headers of a wheel and nothing else.
fn unpack(wheel: &Path, into: &Path) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure(format!("{} cannot be unpacked: {error}", wheel.display()))
    };
    let file = File::open(wheel).map_err(|error| failed(&error))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| failed(&error))?;
    for index in 0..archive.len() {
        let mut packed = archive.by_index(index).map_err(|error| failed(&error))?;
        let name = packed.enclosed_name();
        let Some(name) = name
            .as_ref()
            .and_then(|name| name.strip_prefix(INCLUDE).ok())
        else {
            continue;
        };
        if name.extension().is_none_or(|extension| extension != "h") {
            continue;
        }
        let path = into.join(name);
        let folder = path.parent().expect("a header stands in a folder");
        let copied = fs::create_dir_all(folder)
            .and_then(|()| io::copy(&mut packed, &mut File::create(&path)?));
        copied.map_err(|error| failed(&error))?;
    }
    Ok(())
}
