//! The two blobs that leave a process: worker addresses and packed remote keys.
//!
//! UCX passes both without a length, so they carry their own, and a checksum, and are read in a way that survives any address.

use std::mem::MaybeUninit;

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

/// Bytes in a blob.
pub(crate) const BLOB_BYTES: usize = WORDS * 8;

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
    let bytes = read_own::<BLOB_BYTES>(address)?;
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

/// Copies `N` bytes of this process by way of the kernel, which answers with an error where a load would crash.
fn read_own<const N: usize>(address: u64) -> Option<[u8; N]> {
    let mut bytes = MaybeUninit::<[u8; N]>::uninit();
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: N,
    };
    let remote = libc::iovec {
        iov_base: address as *mut libc::c_void,
        iov_len: N,
    };
    // SAFETY: `local` describes `bytes`; the kernel checks `remote`.
    let copied = unsafe {
        libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
    };
    // SAFETY: the kernel wrote all `N` bytes.
    (usize::try_from(copied) == Ok(N)).then(|| unsafe { bytes.assume_init() })
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
        for address in [0, 1, 8, u64::MAX, 0xdead_0000] {
            assert_eq!(decode(BlobKind::Address, address), None);
        }
    }
}
