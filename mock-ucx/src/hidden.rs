//! Memory that the client reads through a pointer of its own, while ours is kept masked: a scan of the process's memory for the
//! pointer then finds the client's copies only. Its addresses are not used again, so that no stale copy of an earlier pointer is found
//! either, unless it is very long.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr;

use crate::arena;

/// Pointers are kept exclusive-or this.
pub(crate) const POINTER_MASK: u64 = 0x5a5a_a5a5_0000_ffff;

/// Least alignment, that of `malloc`.
const ALIGNMENT_MIN: usize = 16;

/// Bytes that are zero at first.
pub(crate) struct Bytes {
    masked: u64,
    length: usize,
    /// How they lie on the heap; `None` for those in the arena.
    on_heap: Option<Layout>,
}

impl Bytes {
    /// `length` zero bytes at a multiple of `alignment`, a power of two.
    pub(crate) fn zeroed(length: usize, alignment: usize) -> Bytes {
        Bytes::try_zeroed(length, alignment)
            .unwrap_or_else(|| handle_alloc_error(Layout::new::<u8>()))
    }

    /// The same; `None` if there is no memory, for lengths that the client chooses.
    pub(crate) fn try_zeroed(length: usize, alignment: usize) -> Option<Bytes> {
        let alignment = alignment.max(ALIGNMENT_MIN);
        if let Some(pointer) = arena::allocate(length, alignment) {
            return Some(Bytes {
                masked: pointer ^ POINTER_MASK,
                length,
                on_heap: None,
            });
        }
        let layout = Layout::from_size_align(length.max(1), alignment).ok()?;
        // SAFETY: the layout's size is not zero.
        let pointer = unsafe { alloc_zeroed(layout) };
        (!pointer.is_null()).then(|| Bytes {
            masked: pointer as u64 ^ POINTER_MASK,
            length,
            on_heap: Some(layout),
        })
    }

    /// A copy of `source`.
    pub(crate) fn copy_of(source: &[u8], alignment: usize) -> Bytes {
        let bytes = Bytes::zeroed(source.len(), alignment);
        let target = bytes.pointer() as *mut u8;
        // SAFETY: the new memory is as long as `source` and cannot overlap it.
        unsafe { ptr::copy_nonoverlapping(source.as_ptr(), target, source.len()) };
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
        match self.on_heap {
            // SAFETY: allocated with this layout in `try_zeroed`.
            Some(layout) => unsafe { dealloc(self.pointer() as *mut u8, layout) },
            None => arena::free(self.pointer()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_not_used_again_and_long_bytes_are_zero_too() {
        let first = Bytes::zeroed(100, 1).pointer();
        assert_ne!(Bytes::zeroed(100, 1).pointer(), first);
        let long = Bytes::zeroed(arena::LENGTH_MAX + 1, 1);
        assert!(long.as_slice().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn the_bytes_are_copied_and_aligned() {
        let bytes = Bytes::copy_of(b"hello", 256);
        assert_eq!((bytes.pointer() % 256, bytes.len()), (0, 5));
        // SAFETY: the memory has five bytes.
        let copied = unsafe { std::slice::from_raw_parts(bytes.pointer() as *const u8, 5) };
        assert_eq!(copied, b"hello");
    }
}
