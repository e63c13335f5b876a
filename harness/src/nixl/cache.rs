//! Where fetched releases live: one folder for each wheel, whole or not there at all.
//!
//! A release is unpacked beside its place under a lock, then renamed into it. A manifest written
//! before the rename says what belongs there, so that damage is noticed at the next use.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::error::Error;
use super::installed::is_ucx_library;
use super::release::{PYTHON_ABI, Wheel};

const MANIFEST: &str = "mock-ucx-manifest.json";

/// The folder that releases are kept in.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// What the cache has of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Missing,
    /// All of it, as it was unpacked.
    Whole,
    /// Something else than what was unpacked; the text says what.
    Damaged(String),
}

/// What belongs into a release's folder.
#[derive(Serialize, Deserialize)]
struct Manifest {
    wheel_sha256: String,
    files: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    size: u64,
    /// For the files under test: a change there that keeps the size must be noticed too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// The right to change a wheel's folder, given up on drop.
pub(super) struct Lock {
    _file: File,
}

impl Cache {
    /// The user's cache: `mock-ucx/nixl` under `$XDG_CACHE_HOME` or `~/.cache`.
    pub fn of_user() -> Result<Cache, Error> {
        let strategy = Xdg::new().map_err(|_| Error::NoHome)?;
        Ok(Cache::at(
            strategy.cache_dir().join("mock-ucx").join("nixl"),
        ))
    }

    /// A cache in a folder, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Cache {
        Cache { root: root.into() }
    }

    /// The folder of a wheel, there or not.
    pub fn folder(&self, wheel: &Wheel) -> PathBuf {
        self.root.join(entry_name(wheel))
    }

    /// What there is of a wheel.
    pub fn state(&self, wheel: &Wheel) -> State {
        let folder = self.folder(wheel);
        if !folder.exists() {
            return State::Missing;
        }
        match check(&folder, wheel.sha256()) {
            Ok(()) => State::Whole,
            Err(damage) => State::Damaged(damage),
        }
    }

    /// Whether releases can be put into it.
    ///
    /// # Errors
    /// They cannot.
    pub fn check_writable(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.root)
            .and_then(|()| tempfile::tempfile_in(&self.root))
            .map(drop)
            .map_err(|cause| Error::Unwritable {
                folder: self.root.clone(),
                cause,
            })
    }

    /// Waits for the right to change a wheel's folder.
    pub(super) fn lock(&self, wheel: &Wheel) -> Result<Lock, Error> {
        let unwritable = |cause| Error::Unwritable {
            folder: self.root.clone(),
            cause,
        };
        fs::create_dir_all(&self.root).map_err(unwritable)?;
        let path = self.root.join(format!("{}.lock", entry_name(wheel)));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(unwritable)?;
        file.lock().map_err(unwritable)?;
        Ok(Lock { _file: file })
    }

    /// An empty folder to work in, on the same file system. A killed process may have left one.
    pub(super) fn workshop(&self, wheel: &Wheel, _lock: &Lock) -> Result<Workshop, Error> {
        let path = self.root.join(format!(".{}.part", entry_name(wheel)));
        let made = remove_if_there(&path).and_then(|()| fs::create_dir(&path));
        made.map_err(|cause| Error::Unwritable {
            folder: self.root.clone(),
            cause,
        })?;
        Ok(Workshop { path })
    }

    /// Unpacks a wheel in the workshop and moves it into its place.
    pub(super) fn install(
        &self,
        wheel: &Wheel,
        file: &Path,
        workshop: &Workshop,
    ) -> Result<(), Error> {
        let unpacked = workshop.path.join("unpacked");
        let files = unpack(file, &unpacked)?;
        let manifest = Manifest {
            wheel_sha256: wheel.sha256().to_owned(),
            files,
        };
        let path = unpacked.join(MANIFEST);
        let text =
            serde_json::to_string_pretty(&manifest).expect("a map of names and numbers is JSON");
        fs::write(&path, text).map_err(|cause| Error::io(&path, cause))?;
        let place = self.folder(wheel);
        let moved = if place.exists() {
            fs::rename(&place, workshop.path.join("damaged"))
        } else {
            Ok(())
        };
        moved
            .and_then(|()| fs::rename(&unpacked, &place))
            .map_err(|cause| Error::Unwritable {
                folder: self.root.clone(),
                cause,
            })
    }
}

/// A folder to work in, removed on drop.
pub(super) struct Workshop {
    pub(super) path: PathBuf,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next fetch of this release.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub fn sha256_of(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(|cause| Error::io(path, cause))?;
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut hasher).map_err(|cause| Error::io(path, cause))?;
    Ok(format!("{:x}", hasher.finalize()))
}

fn entry_name(wheel: &Wheel) -> String {
    let (package, version) = (wheel.release.package.pip_name(), wheel.release.version);
    match wheel.abi.as_str() {
        PYTHON_ABI => format!("{package}-{version}"),
        abi => format!("{package}-{version}-{abi}"),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Holds a folder against its manifest; the error says what differs first.
fn check(folder: &Path, wheel_sha256: &str) -> Result<(), String> {
    let text = fs::read_to_string(folder.join(MANIFEST))
        .map_err(|error| format!("{MANIFEST}: {error}"))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| format!("{MANIFEST}: {error}"))?;
    if manifest.wheel_sha256 != wheel_sha256 {
        return Err("it was unpacked from another wheel".to_owned());
    }
    for (name, entry) in &manifest.files {
        let path = folder.join(name);
        let size = path
            .metadata()
            .map_err(|error| format!("{name}: {error}"))?
            .len();
        if size != entry.size {
            return Err(format!("{name} has {size} bytes instead of {}", entry.size));
        }
        if let Some(expected) = &entry.sha256
            && sha256_of(&path).map_err(|error| error.to_string())? != *expected
        {
            return Err(format!("{name} was changed"));
        }
    }
    Ok(())
}

/// Unpacks what is needed of a wheel and tells what that is.
fn unpack(wheel: &Path, into: &Path) -> Result<BTreeMap<String, Entry>, Error> {
    let bad = |reason: String| Error::BadWheel {
        wheel: wheel.to_owned(),
        reason,
    };
    let file = File::open(wheel).map_err(|cause| Error::io(wheel, cause))?;
    let mut archive = ZipArchive::new(file).map_err(|error| bad(error.to_string()))?;
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut packed = archive
            .by_index(index)
            .map_err(|error| bad(error.to_string()))?;
        let name = packed
            .enclosed_name()
            .ok_or_else(|| bad(format!("{:?} leads outside", packed.name())))?;
        if packed.is_dir() || !is_needed(&name) {
            continue;
        }
        let path = into.join(&name);
        let folder = path.parent().expect("a file in a folder");
        fs::create_dir_all(folder).map_err(|cause| Error::io(folder, cause))?;
        let mut out = File::create(&path).map_err(|cause| Error::io(&path, cause))?;
        let size = io::copy(&mut packed, &mut out).map_err(|cause| Error::io(&path, cause))?;
        let sha256 = if is_under_test(&name) {
            Some(sha256_of(&path)?)
        } else {
            None
        };
        files.insert(name.to_string_lossy().into_owned(), Entry { size, sha256 });
    }
    if files.is_empty() {
        return Err(bad("there is no NIXL in it".to_owned()));
    }
    Ok(files)
}

/// Half of a wheel is GPU code for Torch, headers and example programs.
fn is_needed(name: &Path) -> bool {
    let top = name
        .components()
        .next()
        .map(|top| top.as_os_str().to_string_lossy().into_owned());
    top.is_some_and(|top| {
        !top.starts_with("nixl_ep") && !top.ends_with(".data") && !top.ends_with(".scripts")
    })
}

/// NIXL's own libraries and UCX's.
fn is_under_test(name: &Path) -> bool {
    let text = name.to_string_lossy();
    let own = name
        .parent()
        .is_some_and(|folder| folder.to_string_lossy().ends_with(".mesonpy.libs"));
    own || text.ends_with("/libplugin_UCX.so") || is_ucx_library(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_under_test_are_hashed_and_gpu_code_is_left_out() {
        assert!(is_under_test(Path::new(
            ".nixl_cu12.mesonpy.libs/libnixl_capi.so"
        )));
        assert!(is_under_test(Path::new(
            ".nixl_cu12.mesonpy.libs/plugins/libplugin_UCX.so"
        )));
        assert!(is_under_test(Path::new(
            "nixl_cu12.libs/libucp-b39b3ed9.so.0.0.0"
        )));
        assert!(!is_under_test(Path::new(
            "nixl_cu12.libs/libgrpc-5efa6dad.so.48.0.0"
        )));
        assert!(is_needed(Path::new(
            "nixl_cu12.libs/libgrpc-5efa6dad.so.48.0.0"
        )));
        assert!(!is_needed(Path::new("nixl_ep_cu12/nixl_ep_cpp.so")));
        assert!(!is_needed(Path::new("nixl_cu12-1.5.1.data/headers/nixl.h")));
    }
}
