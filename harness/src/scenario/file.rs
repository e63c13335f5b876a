//! The text of a scenario's file, of which no more is read than a scenario can have.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};

use crate::files::read_at_most;

/// A longer file is no scenario: 256 bytes for each of the lines that it may have.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads the text of a file.
///
/// # Errors
/// It cannot be read, is not UTF-8, or is longer than [`FILE_BYTES_MAX`].
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let bytes = match read_at_most(path, FILE_BYTES_MAX) {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => bail!(
            "{} is longer than {FILE_BYTES_MAX} bytes: it is no scenario",
            path.display()
        ),
        bytes => bytes.with_context(cannot)?,
    };
    String::from_utf8(bytes).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn file_of(bytes: u64) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.scenario");
        File::create(&path).unwrap().set_len(bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_as_long_as_it_may_be_is_read() {
        let (_folder, path) = file_of(FILE_BYTES_MAX);
        assert_eq!(read_text(&path).unwrap().len() as u64, FILE_BYTES_MAX);
    }

    /// A terabyte could not be read.
    #[test]
    fn a_longer_file_is_refused_unread() {
        for bytes in [FILE_BYTES_MAX + 1, 1 << 40] {
            let (_folder, path) = file_of(bytes);
            let error = read_text(&path).unwrap_err().to_string();
            let end = "a.scenario is longer than 1048576 bytes: it is no scenario";
            assert!(error.ends_with(end), "{error}");
        }
    }
}
