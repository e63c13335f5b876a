//! All findings of a hunt or a run: each once, in an order that does not depend on who came first, and the file they are kept in.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Finding;

/// Name of the file in the output folder.
pub const FILE_NAME: &str = "findings.jsonl";

/// Distinct findings with their counts, by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    by_fingerprint: BTreeMap<String, Finding>,
}

/// Why findings cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The output folder is of no use.
    #[error("cannot write to the output folder {}: {cause}; name another one with --out", folder.display())]
    Folder {
        /// It.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// There is no such file, or it cannot be read.
    #[error("cannot read {}: {cause}; it is written by `mock-ucx hunt`", path.display())]
    Unreadable {
        /// It.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A line is no finding.
    #[error("{}, line {line}: this is no finding of this version: {cause}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        cause: serde_json::Error,
    },
}

/// Makes the output folder and makes sure that it can be written to, before anything long begins.
///
/// # Errors
/// It cannot.
pub fn prepare_folder(folder: &Path) -> Result<(), ReportError> {
    let prepare = || {
        std::fs::create_dir_all(folder)?;
        NamedTempFile::new_in(folder).map(drop)
    };
    prepare().map_err(|cause| ReportError::Folder {
        folder: folder.to_owned(),
        cause,
    })
}

impl Findings {
    /// Takes a finding in; says whether it is new.
    ///
    /// One that another fault of its case, or no fault, accounts for as well is counted with the finding that has that cause: a second
    /// fault makes no second bug. Of several cases that show a finding the simplest is kept.
    pub fn insert(&mut self, finding: Finding) -> bool {
        let known = std::iter::once(&finding.fingerprint)
            .chain(&finding.otherwise)
            .find(|fingerprint| self.by_fingerprint.contains_key(*fingerprint))
            .cloned();
        let Some(kept) = known.and_then(|known| self.by_fingerprint.get_mut(&known)) else {
            self.by_fingerprint
                .insert(finding.fingerprint.clone(), finding);
            return true;
        };
        let count = kept.count + finding.count;
        let name = kept.known.take().or_else(|| finding.known.clone());
        if kept.fingerprint == finding.fingerprint && finding.simplicity() < kept.simplicity() {
            *kept = finding;
        }
        kept.count = count;
        kept.known = name;
        false
    }

    /// How many distinct ones.
    pub fn len(&self) -> usize {
        self.by_fingerprint.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    /// All of them: by oracle, by object, by family, then by fingerprint.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        let mut sorted: Vec<&Finding> = self.by_fingerprint.values().collect();
        sorted.sort_by_key(|finding| {
            (
                finding.oracle,
                &finding.object,
                &finding.family,
                &finding.fingerprint,
            )
        });
        sorted.into_iter()
    }

    /// Puts a finding in the place of the one with the fingerprint `was`. If its own is another now, and there is one with that, the two
    /// are one.
    pub fn replace(&mut self, was: &str, finding: Finding) {
        self.by_fingerprint.remove(was);
        self.insert(finding);
    }

    /// Takes the one with this fingerprint out.
    pub fn remove(&mut self, fingerprint: &str) {
        self.by_fingerprint.remove(fingerprint);
    }

    /// Writes `findings.jsonl` into a folder, whole or not at all; returns its path.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, ReportError> {
        prepare_folder(folder)?;
        let path = folder.join(FILE_NAME);
        self.write_file(folder, &path)
            .map_err(|cause| ReportError::Folder {
                folder: folder.to_owned(),
                cause,
            })?;
        Ok(path)
    }

    fn write_file(&self, folder: &Path, path: &Path) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(folder)?;
        let mut text = io::BufWriter::new(file.as_file_mut());
        for finding in self.iter() {
            serde_json::to_writer(&mut text, finding)?;
            text.write_all(b"\n")?;
        }
        text.flush()?;
        drop(text);
        allow_reading(file.as_file())?;
        file.persist(path)?;
        Ok(())
    }

    /// Reads `findings.jsonl` from a folder that may have none.
    ///
    /// # Errors
    /// As [`Findings::read`], but for a file that is not there.
    pub fn read_if_any(folder: &Path) -> Result<Findings, ReportError> {
        match Findings::read(folder) {
            Err(ReportError::Unreadable { cause, .. })
                if cause.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Findings::default())
            }
            result => result,
        }
    }

    /// Reads `findings.jsonl` from a folder.
    ///
    /// # Errors
    /// It cannot be read, or a line of it is no finding.
    pub fn read(folder: &Path) -> Result<Findings, ReportError> {
        let path = folder.join(FILE_NAME);
        let unreadable = |cause| ReportError::Unreadable {
            path: path.clone(),
            cause,
        };
        let file = std::fs::File::open(&path).map_err(unreadable)?;
        let mut findings = Findings::default();
        for (index, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(unreadable)?;
            let finding: Finding =
                serde_json::from_str(&line).map_err(|cause| ReportError::Malformed {
                    path: path.clone(),
                    line: index + 1,
                    cause,
                })?;
            findings.insert(finding);
        }
        Ok(findings)
    }
}

/// A temporary file is its owner's alone; a report is not.
fn allow_reading(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests;
