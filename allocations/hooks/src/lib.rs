//! The malloc family, `mmap` and its kin, under their own names: whoever links this, or has it preloaded, has them interposed in the whole
//! process. Each hands its call on to the C library, and tells `allocations` once that is armed.
//!
//! Not for a program that is built with AddressSanitizer, which has an allocator of its own: a fuzzer's build (`--cfg fuzzing`, which cargo-fuzz
//! sets) has nothing of this but two names.
//!
//! What this cannot see: what glibc and the loader map for themselves, calls of libraries that were opened with `RTLD_DEEPBIND`, and the
//! calls of a program that brings an allocator of its own.

#[cfg(not(fuzzing))]
mod attach;
#[cfg(not(fuzzing))]
mod heap;
#[cfg(not(fuzzing))]
pub mod malloc;
#[cfg(not(fuzzing))]
pub mod mappings;

/// Variable with the folder for the files of all processes; without it nothing is counted.
pub const FOLDER_VARIABLE: &str = "MOCK_UCX_ALLOCATIONS";
/// What the files' names end in, behind `PID-NUMBER.`.
pub const FILE_EXTENSION: &str = "allocations";

#[cfg(not(fuzzing))]
#[global_allocator]
static HEAP: heap::Routed = heap::Routed;
