//! The malloc family, `mmap` and its kin, under their own names: whoever links this, or has it preloaded, has them interposed in the whole
//! process. Each hands its call on to the C library, and tells `allocations` once that is armed.
//!
//! Not for a program that is built with AddressSanitizer, which has an allocator of its own: link this into executables only, never into a
//! library that others test.
//!
//! What this cannot see: what glibc and the loader map for themselves, calls of libraries that were opened with `RTLD_DEEPBIND`, and the
//! calls of a program that brings an allocator of its own.

mod attach;
mod heap;
pub mod malloc;
pub mod mappings;

pub use attach::{FILE_EXTENSION, FOLDER_VARIABLE};

#[global_allocator]
static HEAP: heap::Routed = heap::Routed;
