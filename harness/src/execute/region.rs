//! Memory of regions: mappings, and the patterns they are filled with.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;

use super::patterns;

/// Bytes that are filled or compared at a time, on the stack.
const BLOCK: usize = 4096;

/// Pages of this process, unmapped on drop.
///
/// NIXL and UCX write to them behind Rust's back, so they are only ever touched through raw
/// pointers; no reference to their bytes exists.
#[derive(Debug)]
pub struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: the pages belong to the process, not to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps at least `len` bytes of zeroes, page-aligned. Pages that are never touched cost nothing.
    ///
    /// # Errors
    /// The system has no room for it.
    pub fn new(len: usize) -> io::Result<Self> {
        Mapping::with(len, 0, None)
    }

    /// The same, filled with a pattern.
    ///
    /// # Errors
    /// The system has no room for it.
    pub(super) fn filled(len: usize, seed: u8) -> io::Result<Self> {
        if let Some((file, at)) = patterns::file_of(seed, len) {
            return Mapping::with(len, 0, Some((file, at)));
        }
        // All pages at once: one that comes when it is touched costs three times as much.
        let mapping = Mapping::with(len, libc::MAP_POPULATE, None)?;
        mapping.fill(0, len, seed);
        Ok(mapping)
    }

    fn with(len: usize, flags: libc::c_int, file: Option<(&File, u64)>) -> io::Result<Self> {
        let len = len.max(1);
        let (kind, fd, at) = match file {
            Some((file, at)) => (0, file.as_raw_fd(), at as libc::off_t),
            None => (libc::MAP_ANONYMOUS, -1, 0),
        };
        // SAFETY: a private mapping at an address of the kernel's choice replaces nothing.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_NORESERVE | kind | flags,
                fd,
                at,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    /// Address of the byte at `offset`.
    pub fn address(&self, offset: usize) -> usize {
        self.start as usize + offset
    }

    /// Fills a range with a pattern, from the pattern's position 0 on.
    pub fn fill(&self, offset: usize, len: usize, seed: u8) {
        let kept = patterns::bytes_of(seed, len);
        let mut bytes = [0; BLOCK];
        for (start, size) in self.blocks(offset, len) {
            let bytes = block(kept, seed, (start - offset) as u64, &mut bytes[..size]);
            // SAFETY: the block lies within the mapping, which is writable.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(start), size) };
        }
    }

    /// The first byte of a range that differs from the pattern: its position, what it is, what it should be.
    pub fn first_difference(
        &self,
        offset: usize,
        len: usize,
        seed: u8,
        from: u64,
    ) -> Option<(usize, u8, u8)> {
        let before = usize::try_from(from).unwrap_or(usize::MAX);
        let kept = patterns::bytes_of(seed, len.saturating_add(before));
        let (mut bytes, mut wanted) = ([0; BLOCK], [0; BLOCK]);
        self.blocks(offset, len).find_map(|(start, size)| {
            let position = start - offset;
            let bytes = &mut bytes[..size];
            // SAFETY: the block lies within the mapping, which is readable.
            unsafe { ptr::copy_nonoverlapping(self.start.add(start), bytes.as_mut_ptr(), size) };
            let wanted = block(kept, seed, from + position as u64, &mut wanted[..size]);
            // Equal at once, as nearly always: a fuzzer watches every comparison of single bytes.
            if bytes == wanted {
                return None;
            }
            let mut pairs = bytes.iter().zip(wanted);
            let within = pairs.position(|(one, other)| one != other)?;
            Some((position + within, bytes[within], wanted[within]))
        })
    }

    /// Offsets and lengths of the blocks of a range, as far as it lies in the mapping.
    fn blocks(&self, offset: usize, len: usize) -> impl Iterator<Item = (usize, usize)> {
        let end = offset.saturating_add(len).min(self.len);
        let starts = (offset..end).step_by(BLOCK);
        starts.map(move |start| (start, BLOCK.min(end - start)))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the pages are ours. A failure would leave them mapped, which harms nobody.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// The byte of pattern `seed` at `position`: a hash of both, so that neither a shift nor another
/// seed goes unnoticed.
pub fn pattern_byte(seed: u8, position: u64) -> u8 {
    pattern_word(seed, position >> 3)[(position & 7) as usize]
}

/// The bytes of pattern `seed` from position `from` on, as many as `room` has: those that are kept, else made there.
fn block<'a>(kept: Option<&'a [u8]>, seed: u8, from: u64, room: &'a mut [u8]) -> &'a [u8] {
    match kept {
        Some(kept) => &kept[from as usize..][..room.len()],
        None => {
            pattern(seed, from, room);
            room
        }
    }
}

/// Writes the bytes of pattern `seed` from position `from` on.
pub(super) fn pattern(seed: u8, from: u64, bytes: &mut [u8]) {
    let skipped = (8 - (from & 7) as usize) % 8;
    let (head, rest) = bytes.split_at_mut(skipped.min(bytes.len()));
    for (at, byte) in (from..).zip(head) {
        *byte = pattern_byte(seed, at);
    }
    let first = from.div_ceil(8);
    for (word, bytes) in (first..).zip(rest.chunks_mut(8)) {
        bytes.copy_from_slice(&pattern_word(seed, word)[..bytes.len()]);
    }
}

/// Eight bytes of a pattern.
fn pattern_word(seed: u8, word: u64) -> [u8; 8] {
    // Steps of the golden ratio are a sequence that does not come back; the multiplication and its upper half mix each into all eight bytes.
    let start = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = start.wrapping_add(word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 32)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_range_holds_its_pattern() {
        let mapping = Mapping::new(8192).expect("two pages");
        mapping.fill(100, 5000, 7);
        assert_eq!(mapping.first_difference(100, 5000, 7, 0), None);
        assert_eq!(mapping.first_difference(1100, 4000, 7, 1000), None);
    }

    #[test]
    fn another_seed_a_shift_and_a_changed_byte_are_seen() {
        let mapping = Mapping::new(8192).expect("two pages");
        mapping.fill(0, 4096, 7);
        assert!(mapping.first_difference(0, 4096, 8, 0).is_some());
        assert!(mapping.first_difference(0, 4095, 7, 1).is_some());
        mapping.fill(4000, 1, 9);
        let (position, found, wanted) = mapping
            .first_difference(0, 4096, 7, 0)
            .expect("one byte differs");
        assert_eq!(
            (position, found, wanted),
            (4000, pattern_byte(9, 0), pattern_byte(7, 4000))
        );
    }

    #[test]
    fn a_pattern_is_its_bytes_wherever_it_begins() {
        for (from, len) in [(0, 0), (0, 1), (3, 5), (7, 20), (1000, 17)] {
            let bytes: Vec<u8> = (from..).take(len).map(|at| pattern_byte(5, at)).collect();
            let mut written = vec![0; len];
            pattern(5, from, &mut written);
            assert_eq!(written, bytes, "from {from}, {len} bytes");
        }
    }

    #[test]
    fn a_difference_is_told_by_its_place_in_the_range_however_far_it_is() {
        let mapping = Mapping::new(3 * BLOCK).expect("three pages");
        mapping.fill(3, 2 * BLOCK + 100, 7);
        mapping.fill(3 + 2 * BLOCK + 50, 1, 9);
        let (position, found, _) = mapping
            .first_difference(3, 2 * BLOCK + 100, 7, 0)
            .expect("one byte differs");
        assert_eq!((position, found), (2 * BLOCK + 50, pattern_byte(9, 0)));
    }

    #[test]
    fn a_range_beyond_the_end_is_cut_off() {
        let mapping = Mapping::new(4096).expect("a page");
        mapping.fill(4000, usize::MAX, 1);
        assert_eq!(mapping.first_difference(4000, usize::MAX, 1, 0), None);
    }
}
