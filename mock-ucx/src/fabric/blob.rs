//! The two blobs that leave a process: worker addresses and packed remote keys.
//!
//! UCX passes both without a length, so they carry their own, and a checksum, and are read in a way that survives any address.

use std::ptr;

use crate::fabric::memory::PAGE_BYTES;
use crate::hidden::Bytes;

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobKind {
    Address,
    Rkey,
}

impl BlobKind {
    fn magic(self) -> u64 {
        u64::from_le_bytes(match self {
            BlobKind::Address => *b"mckucxA2",
            BlobKind::Rkey => *b"mckucxR1",
        })
    }
}

/// The content of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// The process that made it.
    pub(crate) nonce: u64,
    /// Serial there of the worker or memory handle.
    pub(crate) serial: u64,
    /// Remote key: first byte of the region. Address: the process id.
    pub(crate) first: u64,
    /// Remote key: length of the region. Address: how to ring the process, 0 = it cannot be reached from others.
    pub(crate) second: u64,
}

/// Words in a blob: magic, four of content, checksum.
const WORDS: usize = 6;

const WORD_BYTES: u64 = 8;

/// Bytes in a blob.
pub(crate) const BLOB_BYTES: usize = WORDS * WORD_BYTES as usize;

fn checksum(words: &[u64]) -> u64 {
    words.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, word| {
        (sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
    })
}

/// Writes a blob, and `padding` zeros behind it.
pub(crate) fn encode(kind: BlobKind, content: Content, padding: usize) -> Bytes {
    let words = [
        kind.magic(),
        content.nonce,
        content.serial,
        content.first,
        content.second,
    ];
    let bytes: Vec<u8> = words
        .iter()
        .chain(&[checksum(&words)])
        .flat_map(|word| word.to_le_bytes())
        .chain(std::iter::repeat_n(0, padding))
        .collect();
    Bytes::copy_of(&bytes, 1)
}

/// Reads a blob at an address of the client; `None` if it is not readable, or not a whole and unmodified blob of this kind.
pub(crate) fn decode(kind: BlobKind, address: u64) -> Option<Content> {
    let bytes = read_own(address)?;
    let mut words = [0; WORDS];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().ok()?);
    }
    let [magic, nonce, serial, first, second, sum] = words;
    let intact = magic == kind.magic() && sum == checksum(&words[..WORDS - 1]);
    intact.then_some(Content {
        nonce,
        serial,
        first,
        second,
    })
}

/// Copies a blob's bytes, if the client's address can be read.
fn read_own(address: u64) -> Option<[u8; BLOB_BYTES]> {
    let last = address.checked_add(BLOB_BYTES as u64 - WORD_BYTES)?;
    let end = last.checked_add(WORD_BYTES - 1)?;
    let one_page = address / PAGE_BYTES == end / PAGE_BYTES;
    if !is_readable(address) || !(one_page || is_readable(last)) {
        return None;
    }
    let mut bytes = [0; BLOB_BYTES];
    for (at, word) in bytes.chunks_exact_mut(WORD_BYTES as usize).enumerate() {
        // SAFETY: the first and the last word can be read, and a blob lies on no page besides theirs.
        let read = unsafe { load(address + at as u64 * WORD_BYTES) };
        word.copy_from_slice(&read.to_ne_bytes());
    }
    Some(bytes)
}

/// Reads eight bytes that can be read, whoever they belong to: of an address that was cut off (NIXL hands on what a peer sent), they are no
/// longer the client's. A load of Rust's own would have to lie in one allocation, and a sanitizer sees that it does not.
///
/// # Safety
/// The bytes can be read.
unsafe fn load(address: u64) -> u64 {
    let word;
    // SAFETY: the caller's; nothing but the register is written.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::asm!("mov {}, [{}]", out(reg) word, in(reg) address,
            options(nostack, readonly, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        std::arch::asm!("ldr {}, [{}]", out(reg) word, in(reg) address,
            options(nostack, readonly, preserves_flags));
    }
    word
}

/// Whether eight bytes can be read. The kernel is asked, which answers with an error where a load would crash: this call reads a set of
/// signals before it notices that it is told to do nothing known with it. `process_vm_readv` takes six times as long.
fn is_readable(address: u64) -> bool {
    const NOTHING_KNOWN: libc::c_int = -1;
    // SAFETY: the kernel checks the address, and changes nothing.
    let status = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            NOTHING_KNOWN,
            address,
            ptr::null_mut::<u64>(),
            WORD_BYTES,
        )
    };
    status == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: Content = Content {
        nonce: 1,
        serial: 2,
        first: 3,
        second: 4,
    };

    #[test]
    fn a_blob_is_read_back() {
        let blob = encode(BlobKind::Rkey, CONTENT, 0);
        assert_eq!(blob.len(), BLOB_BYTES);
        assert_eq!(decode(BlobKind::Rkey, blob.pointer()), Some(CONTENT));
    }

    #[test]
    fn a_blob_that_was_changed_or_is_of_another_kind_is_refused() {
        for index in 0..BLOB_BYTES {
            let blob = encode(BlobKind::Rkey, CONTENT, 0);
            // SAFETY: `index` is inside the blob.
            unsafe { *((blob.pointer() + index as u64) as *mut u8) ^= 1 };
            assert_eq!(decode(BlobKind::Rkey, blob.pointer()), None, "byte {index}");
        }
        let blob = encode(BlobKind::Rkey, CONTENT, 0);
        assert_eq!(decode(BlobKind::Address, blob.pointer()), None);
    }

    #[test]
    fn an_address_that_cannot_be_read_is_refused() {
        for address in [0, 1, 8, u64::MAX, u64::MAX - 47, 0xdead_0000] {
            assert_eq!(decode(BlobKind::Address, address), None);
        }
    }

    #[test]
    fn a_blob_is_read_across_pages_and_refused_where_the_second_one_is_missing() {
        let page = PAGE_BYTES as usize;
        let mut pages = memmap2::MmapMut::map_anon(2 * page).unwrap();
        let blob = encode(BlobKind::Rkey, CONTENT, 0);
        for inside in 1..BLOB_BYTES {
            pages[page - inside..][..BLOB_BYTES].copy_from_slice(blob.as_slice());
            let address = pages[page - inside..].as_ptr() as u64;
            assert_eq!(decode(BlobKind::Rkey, address), Some(CONTENT), "{inside}");
        }
        // SAFETY: nobody has a reference into the second page.
        let status = unsafe { libc::mprotect(pages[page..].as_mut_ptr().cast(), page, 0) };
        assert_eq!(status, 0);
        let start = pages.as_ptr() as u64 + PAGE_BYTES;
        for inside in 1..BLOB_BYTES as u64 {
            assert_eq!(decode(BlobKind::Rkey, start - inside), None, "{inside}");
        }
    }
}
