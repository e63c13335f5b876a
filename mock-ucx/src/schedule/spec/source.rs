//! Where a specification comes from: a text, or `@FILE`.

use std::fs::File;
use std::io::{self, Read};

use super::SpecError;
use crate::schedule::FaultSpec;

/// A longer text is no specification that somebody wrote.
pub const SOURCE_BYTES_MAX: usize = 1 << 16;

/// Why a specification cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is wrong.
    #[error("{}{error}", if file.is_empty() { String::new() } else { format!("{file}: ") })]
    Wrong {
        /// The file it is in; empty for none.
        file: String,
        /// The whole text.
        text: String,
        /// What is wrong.
        error: SpecError,
    },
    /// The file cannot be read.
    #[error("the fault specification `{file}` cannot be read: {source}")]
    File {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is too long.
    #[error("the fault specification is longer than {SOURCE_BYTES_MAX} bytes")]
    TooLong,
}

impl FaultSpec {
    /// Reads a specification from its text, or from the file that is named behind `@`.
    ///
    /// # Errors
    /// The file cannot be read, or the text is longer than [`SOURCE_BYTES_MAX`], or not a specification.
    pub fn from_source(source: &str, paranoid: bool) -> Result<FaultSpec, SourceError> {
        let (file, text) = match source.trim_start().strip_prefix('@') {
            None => (String::new(), source.to_owned()),
            Some(name) => (name.to_owned(), read(name)?),
        };
        bounded(&text, paranoid, file)
    }

    /// Reads a specification from its text alone, for which `@FILE` is a mistake.
    ///
    /// # Errors
    /// The text is longer than [`SOURCE_BYTES_MAX`], or not a specification.
    pub fn from_text(text: &str, paranoid: bool) -> Result<FaultSpec, SourceError> {
        bounded(text, paranoid, String::new())
    }
}

fn bounded(text: &str, paranoid: bool, file: String) -> Result<FaultSpec, SourceError> {
    if text.len() > SOURCE_BYTES_MAX {
        return Err(SourceError::TooLong);
    }
    FaultSpec::parse(text, paranoid).map_err(|error| SourceError::Wrong {
        file,
        text: text.to_owned(),
        error,
    })
}

/// One byte more than is permitted shows that a file is too long.
fn read(name: &str) -> Result<String, SourceError> {
    let mut text = String::new();
    File::open(name)
        .and_then(|file| {
            file.take(SOURCE_BYTES_MAX as u64 + 1)
                .read_to_string(&mut text)
        })
        .map_err(|source| SourceError::File {
            file: name.to_owned(),
            source,
        })?;
    Ok(text)
}
