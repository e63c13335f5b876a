//! Which memory of a process is live, by the call stack that allocated it: counts in tables of a fixed size, kept without a lock and without
//! an allocation, so that they can be kept inside `malloc` and inside a handler of UCX's memory events.
//!
//! `allocation-hooks` calls [`allocated`] and [`released`]; whoever wants to know calls [`reading`] in the same process, or opens the file
//! with [`Reader`] from another one. Nothing is counted before [`arm_private`] or [`arm_shared`]: until then each hook is a load and a branch.
//!
//! What this cannot see: memory that was allocated before, what glibc and the loader map for themselves, and what is freed by other ways
//! than the hooked functions.

mod blocks;
mod forks;
mod layout;
mod read;
mod record;
mod sites;
mod table;

pub use forks::{allow_captures, allow_captures_in_child, hold_captures};
pub use layout::FRAMES_MAX;
pub use read::{Reader, Reading, SiteReading, reading};
pub use record::{
    Released, allocated, inside, is_armed, mapped, prepare, released, unmap_took, unmapped,
};
pub use table::{arm_private, arm_shared, disarm};

/// What a site does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Allocates blocks of the heap: the malloc family.
    Heap = 1,
    /// Makes anonymous mappings.
    Mapping = 2,
    /// Gives mappings back; only how often and in what time is counted.
    Unmap = 3,
}

impl Kind {
    fn from_number(number: u32) -> Option<Kind> {
        [Kind::Heap, Kind::Mapping, Kind::Unmap]
            .into_iter()
            .find(|kind| *kind as u32 == number)
    }
}
