//! The folder in which the processes of a run keep their ledgers, in memory where the system has such a place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mock_ucx::control::settings::{COMMAND_LINE, LEDGER};
use mock_ucx::control::supervisor::SOCKET;
use mock_ucx::trace::TRACE;
use tempfile::TempDir;

/// How the folders' names begin; the process that made one follows.
const PREFIX: &str = "mock-ucx-run-";
/// Longest path of a socket, without the terminating zero.
const SOCKET_PATH_MAX: usize = 107;
/// Bytes of a command line that are shown.
const COMMAND_BYTES_MAX: usize = 200;

/// A folder, removed when it goes out of scope.
pub(super) struct Folder {
    folder: TempDir,
}

/// One process's ledger: a process that was replaced by `exec` has several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LedgerFile {
    /// The process.
    pub(super) pid: u32,
    /// Which one of the process's ledgers, in order.
    pub(super) number: u32,
}

impl LedgerFile {
    /// Reads `PID-NUMBER.ledger`.
    pub(super) fn parse(name: &str) -> Option<LedgerFile> {
        let (stem, extension) = name.rsplit_once('.')?;
        let (pid, number) = stem.split_once('-')?;
        (extension == LEDGER).then_some(())?;
        Some(LedgerFile {
            pid: pid.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    fn name(&self, extension: &str) -> String {
        format!("{}-{}.{extension}", self.pid, self.number)
    }
}

impl Folder {
    /// A new one. Those of supervisors that were killed are cleared away.
    ///
    /// # Errors
    /// No place can be written to.
    pub(super) fn new() -> io::Result<Folder> {
        let temporary = std::env::temp_dir();
        let places = [Path::new("/dev/shm"), &temporary, Path::new("/tmp")];
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for place in places {
            sweep(place);
            match tempfile::Builder::new().prefix(&prefix).tempdir_in(place) {
                Ok(folder) => {
                    let folder = Folder { folder };
                    if folder.socket().as_os_str().as_bytes().len() <= SOCKET_PATH_MAX {
                        return Ok(folder);
                    }
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path().join(SOCKET)
    }

    pub(super) fn ledger(&self, file: &LedgerFile) -> PathBuf {
        self.path().join(file.name(LEDGER))
    }

    /// All ledgers, by process and number.
    pub(super) fn ledgers(&self) -> Vec<LedgerFile> {
        let entries = fs::read_dir(self.path()).into_iter().flatten().flatten();
        let mut files: Vec<LedgerFile> = entries
            .filter_map(|entry| LedgerFile::parse(entry.file_name().to_str()?))
            .collect();
        files.sort();
        files
    }

    /// Writes the traces of all processes, one after the other; each under a line that names its process if there are several.
    ///
    /// # Errors
    /// One cannot be read or written.
    pub(super) fn write_traces(&self, mut out: File) -> io::Result<()> {
        let ledgers = self.ledgers();
        for ledger in &ledgers {
            if ledgers.len() > 1 {
                writeln!(
                    out,
                    "# process {}: {}",
                    ledger.pid,
                    self.command_line(ledger)
                )?;
            }
            let mut trace = File::open(self.path().join(ledger.name(TRACE)))?;
            io::copy(&mut trace, &mut out)?;
        }
        Ok(())
    }

    /// The command line of a ledger's process, as people write it.
    pub(super) fn command_line(&self, file: &LedgerFile) -> String {
        let bytes = fs::read(self.path().join(file.name(COMMAND_LINE))).unwrap_or_default();
        words(&bytes)
    }
}

/// A command line as the kernel keeps it, each word terminated, as people write it.
pub(super) fn words(bytes: &[u8]) -> String {
    let words: Vec<_> = bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    let mut text = words.join(" ").replace(char::is_control, " ");
    if text.len() > COMMAND_BYTES_MAX {
        let end = (0..=COMMAND_BYTES_MAX)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}

/// Removes the folders of supervisors that are gone: what lies in memory would stay there until the next start of the machine.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'))
            .and_then(|(pid, _)| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // Another user's stays.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledgers_are_listed_by_process_and_number_and_other_files_are_not() {
        let folder = Folder::new().unwrap();
        for name in [
            "20-1.ledger",
            "20-0.ledger",
            "7-0.ledger",
            "7-0.cmdline",
            "supervisor",
            "x-0.ledger",
        ] {
            fs::write(folder.path().join(name), "a\0b c\0").unwrap();
        }
        let found: Vec<_> = folder
            .ledgers()
            .iter()
            .map(|file| (file.pid, file.number))
            .collect();
        assert_eq!(found, [(7, 0), (20, 0), (20, 1)]);
        assert_eq!(folder.command_line(&folder.ledgers()[0]), "a b c");
        assert_eq!(folder.command_line(&folder.ledgers()[1]), "");
    }

    #[test]
    fn the_folder_of_a_supervisor_that_is_gone_is_cleared_away_and_ones_own_stays() {
        let place = tempfile::tempdir().unwrap();
        let name = |pid: u32| place.path().join(format!("{PREFIX}{pid}-abc"));
        // No process has this number: the kernel's largest is 2^22.
        let (gone, own) = (name(u32::MAX), name(std::process::id()));
        for folder in [&gone, &own] {
            fs::create_dir(folder).unwrap();
        }
        sweep(place.path());
        assert_eq!((gone.exists(), own.exists()), (false, true));
    }
}
