//! Files of whoever wrote them, of which no more is read than they may have.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file that has at most so many bytes.
///
/// # Errors
/// It cannot be read, or has more ([`io::ErrorKind::FileTooLarge`]).
pub(crate) fn read_at_most(path: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(bytes + 1).read_to_end(&mut text)?;
    if text.len() as u64 > bytes {
        let longer = format!("it is longer than {bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, longer));
    }
    Ok(text)
}
