//! One ELF image as it lies in memory: its ranges, its build id, its unwind tables.

use std::ffi::{CStr, OsStr};
use std::ops::{Deref, Range};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use framehop::ModuleSectionInfo;

/// How a pointer in `.eh_frame_hdr` is written: relative to its own place, four signed bytes.
/// Every linker in use writes it so; other encodings are treated as "no unwind table".
const PCREL_SDATA4: u8 = 0x1b;

/// The type of an ELF note that holds the build id, and the name of its owner.
const NT_GNU_BUILD_ID: u32 = 3;
const NOTE_OWNER: &[u8] = b"GNU\0";

/// The longest build id taken over (SHA-256; linkers write 8, 16 or 20 bytes).
const BUILD_ID_BYTES_MAX: usize = 32;

/// What an image's program headers tell about it.
pub(super) struct Image {
    pub(super) name: PathBuf,
    pub(super) bias: u64,
    pub(super) range: Range<u64>,
    pub(super) text: Range<u64>,
    pub(super) build_id: Vec<u8>,
    pub(super) eh_frame: Option<Mapped>,
    pub(super) eh_frame_hdr: Option<Mapped>,
}

/// Bytes of a mapped image.
///
/// They are read for a frame that lies in this image only, and code that is on a stack is not
/// unmapped; so they are there when they are read.
#[derive(Clone, Copy)]
pub(super) struct Mapped {
    start: *const u8,
    len: usize,
}

// SAFETY: read-only bytes of the process's image; any thread may read them.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn new(range: Range<u64>) -> Self {
        Self {
            start: range.start as *const u8,
            len: (range.end - range.start) as usize,
        }
    }

    pub(super) fn range(&self) -> Range<u64> {
        self.start as u64..self.start as u64 + self.len as u64
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `Image::read` made the range from a readable segment; see the type's comment.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Image {
    /// Reads the headers of one image; `None` if it has no code.
    ///
    /// # Safety
    /// `info` describes an image that stays mapped during the call.
    pub(super) unsafe fn read(info: &libc::dl_phdr_info) -> Option<Self> {
        // SAFETY: the caller vouches for the image, and so for its headers and its name.
        let (headers, name) = unsafe {
            (
                std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)),
                CStr::from_ptr(info.dlpi_name),
            )
        };
        let bias = info.dlpi_addr;
        let span = |header: &libc::Elf64_Phdr| {
            let start = bias.wrapping_add(header.p_vaddr);
            start..start.wrapping_add(header.p_memsz)
        };
        let of_type = |kind| headers.iter().filter(move |header| header.p_type == kind);
        let range = cover(of_type(libc::PT_LOAD).map(span))?;
        let text = cover(
            of_type(libc::PT_LOAD)
                .filter(|header| header.p_flags & libc::PF_X != 0)
                .map(span),
        )?;
        let readable: Vec<Range<u64>> = of_type(libc::PT_LOAD)
            .filter(|header| header.p_flags & libc::PF_R != 0)
            .map(|header| {
                let start = span(header).start;
                start..start.wrapping_add(header.p_filesz)
            })
            .collect();
        let segment_of = |address| readable.iter().find(|range| range.contains(&address));

        let eh_frame_hdr = of_type(libc::PT_GNU_EH_FRAME)
            .map(span)
            .find(|range| segment_of(range.start).is_some_and(|segment| range.end <= segment.end))
            .map(Mapped::new);
        let eh_frame = eh_frame_hdr
            .as_ref()
            .and_then(eh_frame_start)
            .and_then(|start| Some(Mapped::new(start..segment_of(start)?.end)));
        let build_id = of_type(libc::PT_NOTE)
            .map(span)
            .filter(|range| segment_of(range.start).is_some_and(|seg| range.end <= seg.end))
            .find_map(|range| build_id_in(&Mapped::new(range)))
            .unwrap_or_default();
        Some(Self {
            name: PathBuf::from(OsStr::from_bytes(name.to_bytes())),
            bias,
            range,
            text,
            build_id,
            eh_frame_hdr: eh_frame_hdr.filter(|_| eh_frame.is_some()),
            eh_frame,
        })
    }
}

/// Addresses as they are mapped serve as "stated" ones too: unwind tables are position-independent,
/// or the image is mapped where it was linked to be.
impl ModuleSectionInfo<Mapped> for Image {
    fn base_svma(&self) -> u64 {
        self.range.start
    }

    fn section_svma_range(&mut self, name: &[u8]) -> Option<Range<u64>> {
        match name {
            b".text" => Some(self.text.clone()),
            b".eh_frame" => self.eh_frame.as_ref().map(Mapped::range),
            b".eh_frame_hdr" => self.eh_frame_hdr.as_ref().map(Mapped::range),
            _ => None,
        }
    }

    fn section_data(&mut self, name: &[u8]) -> Option<Mapped> {
        match name {
            b".eh_frame" => self.eh_frame,
            b".eh_frame_hdr" => self.eh_frame_hdr,
            _ => None,
        }
    }
}

/// The smallest range that contains all the given ones.
fn cover(ranges: impl Iterator<Item = Range<u64>>) -> Option<Range<u64>> {
    ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
}

/// Where `.eh_frame` begins, as its header says.
fn eh_frame_start(header: &Mapped) -> Option<u64> {
    let [1, PCREL_SDATA4, _, _, a, b, c, d] = *header.first_chunk::<8>()? else {
        return None;
    };
    let offset = i32::from_le_bytes([a, b, c, d]);
    // The pointer is relative to its own place, after four bytes of encodings.
    Some((header.range().start + 4).wrapping_add_signed(i64::from(offset)))
}

/// The build id among the notes of one segment.
fn build_id_in(notes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = notes;
    loop {
        let (head, tail) = rest.split_first_chunk::<12>()?;
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (name_len, id_len) = (word(0) as usize, word(4) as usize);
        let id_start = name_len.checked_next_multiple_of(4)?;
        let next = id_start.checked_add(id_len.checked_next_multiple_of(4)?)?;
        let name = tail.get(..name_len)?;
        if word(8) == NT_GNU_BUILD_ID && name == NOTE_OWNER && id_len <= BUILD_ID_BYTES_MAX {
            return tail.get(id_start..id_start + id_len).map(<[u8]>::to_vec);
        }
        rest = tail.get(next..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(owner: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        note.extend((owner.len() as u32).to_le_bytes());
        note.extend((content.len() as u32).to_le_bytes());
        note.extend(kind.to_le_bytes());
        for part in [owner, content] {
            note.extend(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    #[test]
    fn a_build_id_is_found_behind_other_notes() {
        let notes = [
            note(b"GNU\0", 1, &[0; 16]),
            note(b"FDO\0", NT_GNU_BUILD_ID, b"not it"),
            note(NOTE_OWNER, NT_GNU_BUILD_ID, &[7; 20]),
        ]
        .concat();
        assert_eq!(build_id_in(&notes), Some(vec![7; 20]));
    }

    #[test]
    fn damaged_notes_give_no_build_id() {
        let whole = note(NOTE_OWNER, NT_GNU_BUILD_ID, &[7; 20]);
        for end in 0..whole.len() {
            assert_eq!(build_id_in(&whole[..end]), None, "cut at {end}");
        }
        let too_long = note(NOTE_OWNER, NT_GNU_BUILD_ID, &[7; BUILD_ID_BYTES_MAX + 1]);
        assert_eq!(build_id_in(&too_long), None);
        assert_eq!(build_id_in(&[0xff; 64]), None);
    }
}
