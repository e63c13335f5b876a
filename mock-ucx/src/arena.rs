//! Memory at addresses that are never given out twice, as handle values are.
//!
//! The heap gives an address out again and again, and stale pointers to its earlier owners lie all over a process: to a scan for who holds
//! an object they look like copies of its handle. What is given back here goes to the system, chunk by chunk, and its addresses stay
//! reserved.

use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::{Mutex, PoisonError};

/// Addresses reserved: a client that makes and ends a thousand requests of 64 bytes a millisecond has used them up after 17 minutes,
/// and gets memory of the heap from then on.
const SPAN: usize = 1 << 36;
/// The same where the system sets a limit to them (`ulimit -v`), of which the client needs the most.
const SPAN_LIMITED: usize = 1 << 24;
/// What is taken from the system and given back at once.
const CHUNK: usize = 1 << 18;
/// Longest piece, in bytes: at most a quarter of a chunk is left unused at its end.
pub(crate) const LENGTH_MAX: usize = CHUNK / 4;
/// Largest alignment, in bytes.
pub(crate) const ALIGNMENT_MAX: usize = 4096;
/// Where the first piece lies: at the very start its pointer would equal that of the arena, which a scan finds.
const FIRST: usize = 64;

/// This process's arena; null before the first use, and in a forked child until its first.
static CURRENT: AtomicPtr<Mutex<Arena>> = AtomicPtr::new(ptr::null_mut());

/// `length` zero bytes at a multiple of `alignment`, a power of two; `None` if the arena has no room for them.
pub(crate) fn allocate(length: usize, alignment: usize) -> Option<u64> {
    if length > LENGTH_MAX || alignment > ALIGNMENT_MAX {
        return None;
    }
    let mut arena = current().lock().unwrap_or_else(PoisonError::into_inner);
    arena.allocate(length, alignment).map(|place| place as u64)
}

/// Gives back what [`allocate`] gave out. What the process had that this one was forked from stays there.
pub(crate) fn free(pointer: u64) {
    let mut arena = current().lock().unwrap_or_else(PoisonError::into_inner);
    arena.free(pointer as usize);
}

/// In a forked child: leaves the arena to the parent, whose other threads may have been using it.
pub(crate) fn leave_to_parent() {
    CURRENT.store(ptr::null_mut(), Release);
}

fn current() -> &'static Mutex<Arena> {
    let current = CURRENT.load(Acquire);
    // SAFETY: an arena is leaked when it is published.
    if let Some(arena) = unsafe { current.as_ref() } {
        return arena;
    }
    let made = Box::into_raw(Box::new(Mutex::new(Arena::reserve())));
    match CURRENT.compare_exchange(ptr::null_mut(), made, AcqRel, Acquire) {
        // SAFETY: as above.
        Ok(_) => unsafe { &*made },
        Err(theirs) => {
            // SAFETY: it was not published, so it is ours alone.
            drop(unsafe { Box::from_raw(made) });
            // SAFETY: as above.
            unsafe { &*theirs }
        }
    }
}

struct Arena {
    base: usize,
    span: usize,
    /// Where the next piece may begin, counted from the base.
    next: usize,
    /// Pieces that are in use, by chunk; the last chunk is the one that is being filled.
    live: Vec<u32>,
}

impl Arena {
    /// An arena without room if the system has no addresses left.
    fn reserve() -> Arena {
        let spans = [SPAN, SPAN_LIMITED].into_iter();
        let reserved = spans.filter_map(|span| Some((map(0, span)?, span))).next();
        let (base, span) = reserved.unwrap_or((0, 0));
        Arena {
            base,
            span,
            next: FIRST,
            live: Vec::new(),
        }
    }

    fn allocate(&mut self, length: usize, alignment: usize) -> Option<usize> {
        let length = length.max(1);
        let mut offset = self.next.next_multiple_of(alignment);
        if offset / CHUNK != (offset + length - 1) / CHUNK {
            offset = offset.next_multiple_of(CHUNK);
        }
        if offset + length > self.span {
            return None;
        }
        let chunk = offset / CHUNK;
        if chunk == self.live.len() {
            self.open(chunk)?;
        }
        self.live[chunk] += 1;
        self.next = offset + length;
        Some(self.base + offset)
    }

    /// Begins to fill a chunk.
    fn open(&mut self, chunk: usize) -> Option<()> {
        let start = (self.base + chunk * CHUNK) as *mut libc::c_void;
        // SAFETY: the chunk lies in the range that was reserved, and nothing is in it yet.
        if unsafe { libc::mprotect(start, CHUNK, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return None;
        }
        self.live.push(0);
        // All that lay in the chunk before may have been given back while it was being filled.
        if let Some(before) = chunk.checked_sub(1)
            && self.live[before] == 0
        {
            self.close(before);
        }
        Some(())
    }

    fn free(&mut self, pointer: usize) {
        let offset = pointer.wrapping_sub(self.base);
        if offset >= self.span {
            return;
        }
        let chunk = offset / CHUNK;
        self.live[chunk] -= 1;
        if self.live[chunk] == 0 && chunk + 1 < self.live.len() {
            self.close(chunk);
        }
    }

    /// Gives a chunk's memory back and keeps its addresses. Where that fails the memory stays.
    fn close(&self, chunk: usize) {
        map(self.base + chunk * CHUNK, CHUNK);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if self.span > 0 {
            // SAFETY: this is the whole range that was reserved, and an arena is dropped only if it was never used.
            unsafe { libc::munmap(self.base as *mut libc::c_void, self.span) };
        }
    }
}

/// Addresses without memory: anywhere if `place` is 0, else in the place of what is there.
fn map(place: usize, length: usize) -> Option<usize> {
    let fixed = if place == 0 { 0 } else { libc::MAP_FIXED };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    // SAFETY: what is replaced is a chunk of the arena's with no piece in use.
    let mapped = unsafe {
        libc::mmap(
            place as *mut libc::c_void,
            length,
            libc::PROT_NONE,
            flags,
            -1,
            0,
        )
    };
    (mapped != libc::MAP_FAILED).then_some(mapped as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_address_is_given_out_twice_and_pieces_do_not_overlap() {
        let mut arena = Arena::reserve();
        let mut end = 0;
        for round in 0..20_000_usize {
            let (length, alignment) = (1 + round * 37 % 3000, 16 << (round % 4));
            let place = arena.allocate(length, alignment).unwrap();
            assert_eq!(place % alignment, 0);
            assert!(place >= end, "{round}");
            end = place + length;
            // SAFETY: the piece is ours and that long.
            let bytes = unsafe { std::slice::from_raw_parts_mut(place as *mut u8, length) };
            assert!(bytes.iter().all(|byte| *byte == 0), "{round}");
            bytes.fill(1);
            arena.free(place);
        }
    }

    #[test]
    fn memory_goes_back_to_the_system_once_all_of_its_chunk_is_given_back() {
        let resident = |place: usize| {
            let mut state = 0_u8;
            let page = (place & !4095) as *mut libc::c_void;
            // SAFETY: one page has one byte of state.
            let known = unsafe { libc::mincore(page, 4096, &raw mut state) } == 0;
            known && state & 1 != 0
        };
        let mut arena = Arena::reserve();
        let mut places = BTreeSet::new();
        while arena.live.len() < 3 {
            let place = arena.allocate(1000, 16).unwrap();
            // SAFETY: the piece is ours.
            unsafe { *(place as *mut u8) = 1 };
            places.insert(place);
        }
        let first = *places.first().unwrap();
        assert!(resident(first));
        let of_first_chunk = |place: &&usize| **place - arena.base < CHUNK;
        let gone: Vec<usize> = places.iter().filter(of_first_chunk).copied().collect();
        let (last, others) = gone.split_last().unwrap();
        for place in others {
            arena.free(*place);
        }
        assert!(resident(first), "one piece is still in use");
        arena.free(*last);
        assert!(!resident(first));
    }

    #[test]
    fn what_is_too_long_is_refused_and_a_foreign_pointer_is_left_alone() {
        assert_eq!(allocate(LENGTH_MAX + 1, 16), None);
        assert_eq!(allocate(16, 2 * ALIGNMENT_MAX), None);
        let mut arena = Arena::reserve();
        let place = arena.allocate(8, 16).unwrap();
        arena.free(arena.base + arena.span);
        arena.free(8);
        assert_eq!(arena.live, [1]);
        arena.free(place);
        assert_eq!(arena.live, [0]);
    }
}
