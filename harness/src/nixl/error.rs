//! Why there is no NIXL to test, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Everything that can go wrong between a spec like `1.5.1` and a loaded NIXL.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No such release.
    #[error(
        "NIXL {asked} is not a known release; the nearest are {nearest}; `mock-ucx nixl list` shows all"
    )]
    UnknownRelease {
        /// What was asked for.
        asked: String,
        /// Specs of known releases.
        nearest: String,
    },
    /// A release that only Python can drive, and no Python that can.
    #[error(
        "NIXL {release} has no C API and needs one of Python {versions} to be driven; none of them is on the search path"
    )]
    NoFittingPython {
        /// The release.
        release: String,
        /// The versions of Python that have a wheel of it.
        versions: String,
    },
    /// A path that is no folder.
    #[error("{} is not a folder; give a folder with an unpacked NIXL, or a release as `mock-ucx nixl list` shows it", path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder without NIXL.
    #[error("{} has no NIXL in it; looked for {looked_for}. Give an unpacked wheel, a site-packages folder, or the prefix of `meson install`", path.display())]
    NoNixl {
        /// The folder.
        path: PathBuf,
        /// What a NIXL would have there.
        looked_for: String,
    },
    /// A NIXL without its UCX plugin.
    #[error("the NIXL in {} has no UCX plugin ({} is missing), so there is nothing to test; use a build that has it", path.display(), plugin.display())]
    NoPlugin {
        /// The folder.
        path: PathBuf,
        /// The plugin that is missing.
        plugin: PathBuf,
    },
    /// A library for another machine.
    #[error("{} is built for {found}, but this machine is {machine}; use a NIXL for {machine}", path.display())]
    WrongMachine {
        /// The library.
        path: PathBuf,
        /// The architecture it is for.
        found: String,
        /// The architecture of this program.
        machine: &'static str,
    },
    /// No wheels for this machine at all.
    #[error(
        "there are no NIXL wheels for {machine}; use an x86-64 or aarch64 machine, or `--nixl DIR` with your own build"
    )]
    UnsupportedMachine {
        /// The architecture of this program.
        machine: String,
    },
    /// A library that cannot be read as ELF.
    #[error("{} cannot be read as a shared library: {reason}; fetch or build this NIXL again", path.display())]
    BadLibrary {
        /// The library.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// No Python.
    #[error("{} was not found; NIXL is fetched with pip, so install Python 3 with pip, or pass a folder with an unpacked NIXL as `--nixl DIR`", python.display())]
    NoPython {
        /// The interpreter that was tried.
        python: PathBuf,
    },
    /// Python without pip.
    #[error("{} has no pip; install it (Debian: `apt install python3-pip`, else `{} -m ensurepip`), or pass a folder with an unpacked NIXL as `--nixl DIR`", python.display(), python.display())]
    NoPip {
        /// The interpreter that was tried.
        python: PathBuf,
    },
    /// Pip did not deliver.
    #[error("pip could not fetch {release}: {last_line}. {}", pip_advice(*network))]
    PipFailed {
        /// The release.
        release: String,
        /// The last line that pip printed.
        last_line: String,
        /// Whether pip complained of the network.
        network: bool,
    },
    /// A wheel that is not the pinned one.
    #[error(
        "{wheel} has SHA-256 {found}, but {expected} is pinned; nothing was installed. If you use a mirror, make it serve the original file; else report this"
    )]
    HashMismatch {
        /// File name of the wheel.
        wheel: String,
        /// The checksum of what was downloaded.
        found: String,
        /// The pinned one.
        expected: String,
    },
    /// A wheel that cannot be unpacked.
    #[error("{} cannot be unpacked: {reason}", wheel.display())]
    BadWheel {
        /// The wheel.
        wheel: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// The cache was damaged, and fetching again failed.
    #[error("the cached NIXL in {} is damaged ({damage}), and fetching it again failed: {cause}", folder.display())]
    Damaged {
        /// The folder of the release in the cache.
        folder: PathBuf,
        /// What is wrong with it.
        damage: String,
        /// Why it could not be mended.
        cause: Box<Error>,
    },
    /// The cache cannot be written.
    #[error("the cache {} cannot be written: {cause}; make it writable, or set XDG_CACHE_HOME to a folder that is", folder.display())]
    Unwritable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is no home folder to put the cache into.
    #[error(
        "no home folder was found for the cache; set XDG_CACHE_HOME to a folder that can be written"
    )]
    NoHome,
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

impl Error {
    /// An I/O error with the path that it is about.
    pub(super) fn io(path: &Path, cause: io::Error) -> Error {
        Error::Io {
            path: path.to_owned(),
            cause,
        }
    }
}

fn pip_advice(network: bool) -> &'static str {
    if network {
        "Check the network, pip's index and proxy settings, and its version (20.3 or newer; `mock-ucx doctor` looks), or pass a folder with an unpacked NIXL as `--nixl DIR`"
    } else {
        "Try again, or pass a folder with an unpacked NIXL as `--nixl DIR`"
    }
}
