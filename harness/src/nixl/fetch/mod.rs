//! Fetches a release with pip into the cache, once, whoever asks and however many do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::nixl::cache::{Cache, State, Workshop, sha256_of};
use crate::nixl::error::Error;
use crate::nixl::installed::Installed;
use crate::nixl::release::{Machine, Release, Spec, Wheel};

/// Gets releases from the package index.
#[derive(Debug, Clone)]
pub struct Fetcher {
    cache: Cache,
    python: PathBuf,
    machine: Machine,
}

/// Finds the NIXL that `spec` means in the user's cache or as a folder, and fetches it if need be.
pub fn fetch(spec: &str) -> Result<Installed, Error> {
    match Spec::parse(spec)? {
        Spec::Folder(path) => Installed::open(&path),
        Spec::Release(release) => Fetcher::of_user()?.fetch(release),
    }
}

impl Fetcher {
    /// With the user's cache and the first `python3` of the search path.
    pub fn of_user() -> Result<Fetcher, Error> {
        Ok(Fetcher {
            cache: Cache::of_user()?,
            python: PathBuf::from("python3"),
            machine: Machine::here()?,
        })
    }

    /// With another cache and another Python.
    pub fn with(cache: Cache, python: impl Into<PathBuf>) -> Result<Fetcher, Error> {
        Ok(Fetcher {
            cache,
            python: python.into(),
            machine: Machine::here()?,
        })
    }

    /// What the cache has of a release.
    pub fn state(&self, release: &'static Release) -> State {
        self.cache.state(&release.wheel(self.machine))
    }

    /// Where in the cache a release is, or would be.
    pub fn folder(&self, release: &'static Release) -> PathBuf {
        self.cache.folder(&release.wheel(self.machine))
    }

    /// The release, from the cache or fetched into it.
    pub fn fetch(&self, release: &'static Release) -> Result<Installed, Error> {
        let wheel = release.wheel(self.machine);
        if self.cache.state(&wheel) != State::Whole {
            let lock = self.cache.lock(&wheel)?;
            // Whoever held the lock before may have fetched it.
            match self.cache.state(&wheel) {
                State::Whole => {}
                State::Missing => self.download(&wheel, &self.cache.workshop(&wheel, &lock)?)?,
                State::Damaged(damage) => {
                    let mended = self
                        .cache
                        .workshop(&wheel, &lock)
                        .and_then(|shop| self.download(&wheel, &shop));
                    mended.map_err(|cause| Error::Damaged {
                        folder: self.cache.folder(&wheel),
                        damage,
                        cause: Box::new(cause),
                    })?;
                }
            }
        }
        let installed = Installed::open(&self.cache.folder(&wheel))?;
        Ok(Installed {
            release: Some(release),
            ..installed
        })
    }

    fn download(&self, wheel: &Wheel, workshop: &Workshop) -> Result<(), Error> {
        let folder = workshop.path.join("wheel");
        fs::create_dir(&folder).map_err(|cause| Error::io(&folder, cause))?;
        let output = self.pip(wheel, &folder)?;
        let name = wheel.file_name();
        let file = folder.join(&name);
        if !output.status.success() || !file.is_file() {
            return Err(self.pip_failure(wheel.release, &output));
        }
        let (found, expected) = (sha256_of(&file)?, wheel.sha256());
        if found != expected {
            return Err(Error::HashMismatch {
                wheel: name,
                found,
                expected: expected.to_owned(),
            });
        }
        self.cache.install(wheel, &file, workshop)
    }

    fn pip(&self, wheel: &Wheel, folder: &Path) -> Result<Output, Error> {
        let release = wheel.release;
        let mut command = Command::new(&self.python);
        command
            .args([
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--no-input",
            ])
            .args([
                "--disable-pip-version-check",
                "--platform",
                &self.machine.platform(),
            ])
            .args([
                "--python-version",
                &wheel.python_version(),
                "--implementation",
                "cp",
                "--abi",
                &wheel.abi,
            ])
            .arg("--dest")
            .arg(folder)
            .arg(format!(
                "{}=={}",
                release.package.pip_name(),
                release.version
            ))
            .stdin(Stdio::null());
        command.output().map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => Error::NoPython {
                python: self.python.clone(),
            },
            _ => Error::io(&self.python, cause),
        })
    }

    fn pip_failure(&self, release: &Release, output: &Output) -> Error {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        if stderr.contains("No module named pip") {
            return Error::NoPip {
                python: self.python.clone(),
            };
        }
        let lines = || {
            stderr
                .lines()
                .rev()
                .chain(stdout.lines().rev())
                .map(str::trim)
                .filter(|line| !line.is_empty())
        };
        // Pip's last line may be an offer to upgrade: prefer its last error.
        let last_line = lines()
            .find(|line| line.starts_with("ERROR"))
            .or_else(|| lines().next());
        let network = [
            "NewConnectionError",
            "ConnectTimeout",
            "Connection to",
            "name resolution",
            "Max retries",
            // An index that cannot be reached has no versions; nor has one of which pip knows no wheel's platform.
            "(from versions: none)",
        ];
        Error::PipFailed {
            release: release.to_string(),
            last_line: last_line.unwrap_or("it printed nothing").to_owned(),
            network: network.iter().any(|sign| stderr.contains(sign)),
        }
    }
}

#[cfg(test)]
mod tests;
