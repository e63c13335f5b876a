//! Patterns of large regions, made once for all cases: such a region is mapped from a file that holds its pattern, so that pages that nobody
//! touches cost nothing, and is compared with that file instead of with a pattern that is made anew.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use memmap2::Mmap;

use super::region::pattern;

/// Bytes from which on a region is large: making smaller ones costs less than a mapping of a file.
const LARGE: usize = 256 << 10;
/// Bytes of each pattern, and how many there are, from seed 0 on: those that scenarios are drawn with.
const LEN: usize = 4 << 20;
const SEEDS: usize = 16;
/// Bytes that are made at a time.
const BLOCK: usize = 64 << 10;

/// The file, and its bytes.
struct Patterns {
    file: File,
    bytes: Mmap,
}

/// Begins: processes that are forked later have the file in common.
pub(super) fn begin() {
    patterns();
}

fn patterns() -> Option<&'static Patterns> {
    static PATTERNS: OnceLock<Option<Patterns>> = OnceLock::new();
    // Without it regions are filled.
    PATTERNS.get_or_init(|| Patterns::new().ok()).as_ref()
}

/// A pattern from position 0 on, as a file and the place in it; `None` if it is not kept.
pub(super) fn file_of(seed: u8, len: usize) -> Option<(&'static File, u64)> {
    Some((&made(seed, len)?.file, start_of(seed)))
}

/// The bytes of a pattern from position 0 on; `None` if they are not kept.
pub(super) fn bytes_of(seed: u8, len: usize) -> Option<&'static [u8]> {
    let bytes = &made(seed, len)?.bytes;
    bytes.get(start_of(seed) as usize..)?.get(..len)
}

/// The patterns with this one made, if it is kept.
fn made(seed: u8, len: usize) -> Option<&'static Patterns> {
    if !(LARGE..=LEN).contains(&len) || usize::from(seed) >= SEEDS {
        return None;
    }
    let patterns = patterns()?;
    patterns.make(seed, len).ok()?;
    Some(patterns)
}

fn start_of(seed: u8) -> u64 {
    u64::from(seed) * LEN as u64
}

impl Patterns {
    fn new() -> io::Result<Patterns> {
        let size = (LEN * SEEDS) as u64;
        if !may_be_so_large(size) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::memfd_create(c"patterns".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and nobody else's.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(size)?;
        // SAFETY: the file is never made shorter, and its bytes are written before they are read, always the same ones.
        let bytes = unsafe { Mmap::map(&file) }?;
        Ok(Patterns { file, bytes })
    }

    /// Makes a pattern as long as this, as far as no process has yet: what is made of it is what of the file is no hole.
    fn make(&self, seed: u8, len: usize) -> io::Result<()> {
        let start = start_of(seed);
        let mut made = self.hole_after(start)? - start;
        if made >= len as u64 {
            return Ok(());
        }
        let mut bytes = vec![0; BLOCK];
        while made < len as u64 {
            pattern(seed, made, &mut bytes);
            self.file.write_all_at(&bytes, start + made)?;
            made += BLOCK as u64;
        }
        Ok(())
    }

    fn hole_after(&self, at: u64) -> io::Result<u64> {
        let at = at.try_into().map_err(io::Error::other)?;
        // SAFETY: no pointers are involved. Nobody uses the position in the file.
        let hole = unsafe { libc::lseek(self.file.as_raw_fd(), at, libc::SEEK_HOLE) };
        u64::try_from(hole).map_err(|_| io::Error::last_os_error())
    }
}

/// Whether this process may have a file of so many bytes: to make a larger one would end it (`ulimit -f`).
fn may_be_so_large(bytes: u64) -> bool {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure is writable.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) == 0 && limit.rlim_cur >= bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_kept_is_the_one_that_is_made() {
        for (seed, len) in [(3, LARGE), (3, LEN), (15, LEN)] {
            let mut made = vec![0; len];
            pattern(seed, 0, &mut made);
            assert!(
                bytes_of(seed, len) == Some(&made),
                "seed {seed}, {len} bytes"
            );
        }
    }

    #[test]
    fn small_and_rare_patterns_are_not_kept() {
        assert!(file_of(3, LARGE - 1).is_none());
        assert!(file_of(3, LEN + 1).is_none());
        assert!(file_of(16, LEN).is_none());
        assert!(bytes_of(255, LEN).is_none());
    }
}
