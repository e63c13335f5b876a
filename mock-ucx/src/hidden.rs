//! Memory that the client reads through a pointer of its own, while ours is kept masked: a scan of the process's memory for the
//! pointer then finds the client's copies only.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr;

/// Pointers are kept exclusive-or this.
pub(crate) const POINTER_MASK: u64 = 0x5a5a_a5a5_0000_ffff;

/// Least alignment, that of `malloc`.
const ALIGNMENT_MIN: usize = 16;

/// Zeroed bytes on the heap.
pub(crate) struct Bytes {
    masked: u64,
    layout: Layout,
    length: usize,
}

impl Bytes {
    /// `length` zero bytes at a multiple of `alignment`, a power of two.
    pub(crate) fn zeroed(length: usize, alignment: usize) -> Bytes {
        Bytes::try_zeroed(length, alignment)
            .unwrap_or_else(|| handle_alloc_error(Layout::new::<u8>()))
    }

    /// The same; `None` if there is no memory, for lengths that the client chooses.
    pub(crate) fn try_zeroed(length: usize, alignment: usize) -> Option<Bytes> {
        let layout = Layout::from_size_align(length.max(1), alignment.max(ALIGNMENT_MIN)).ok()?;
        // SAFETY: the layout's size is not zero.
        let pointer = unsafe { alloc_zeroed(layout) };
        (!pointer.is_null()).then(|| Bytes {
            masked: pointer as u64 ^ POINTER_MASK,
            layout,
            length,
        })
    }

    /// A copy of `source`.
    pub(crate) fn copy_of(source: &[u8], alignment: usize) -> Bytes {
        let bytes = Bytes::zeroed(source.len(), alignment);
        let length = source.len().min(bytes.layout.size());
        // SAFETY: the new memory has at least `length` bytes and cannot overlap `source`.
        unsafe { ptr::copy_nonoverlapping(source.as_ptr(), bytes.pointer() as *mut u8, length) };
        bytes
    }

    /// Address of the first byte.
    pub(crate) fn pointer(&self) -> u64 {
        self.masked ^ POINTER_MASK
    }

    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: allocated with at least `length` bytes, and initialised, in `zeroed`.
        unsafe { std::slice::from_raw_parts(self.pointer() as *const u8, self.length) }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.length
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `zeroed`.
        unsafe { dealloc(self.pointer() as *mut u8, self.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_copied_and_aligned() {
        let bytes = Bytes::copy_of(b"hello", 256);
        assert_eq!((bytes.pointer() % 256, bytes.len()), (0, 5));
        // SAFETY: the memory has five bytes.
        let copied = unsafe { std::slice::from_raw_parts(bytes.pointer() as *const u8, 5) };
        assert_eq!(copied, b"hello");
    }
}
