//! The functions that stand in the C library's place.

use std::ffi::{c_int, c_void};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use super::patch::Hook;
use super::ring::{Kind, NOTHING, RING};
use super::segment::segment_length;
use super::{ARMED, sample};
use crate::rcache::Range;
use crate::stack::Registers;

/// What each function goes on to: the instructions that were overwritten, and the rest of the original.
static ORIGINALS: [AtomicUsize; 6] = [const { AtomicUsize::new(0) }; 6];

const MUNMAP: usize = 0;
const MMAP: usize = 1;
const MREMAP: usize = 2;
const MADVISE: usize = 3;
const BRK: usize = 4;
const SHMDT: usize = 5;

/// All hooks. `sbrk` needs none: it calls `brk`.
pub(super) static HOOKS: [Hook; 6] = [
    hook("munmap", munmap as *const (), MUNMAP),
    hook("mmap", mmap as *const (), MMAP),
    hook("mremap", mremap as *const (), MREMAP),
    hook("madvise", madvise as *const (), MADVISE),
    hook("brk", brk as *const (), BRK),
    hook("shmdt", shmdt as *const (), SHMDT),
];

const fn hook(name: &'static str, function: *const (), index: usize) -> Hook {
    Hook {
        name,
        function,
        original: &ORIGINALS[index],
    }
}

/// The first events since the hooks were installed whose stacks are all sampled, and of the later ones each of so many: a sample takes a
/// microsecond. A prime, so that unmaps that come in turn are all met.
const SAMPLED_FIRST: u64 = 32;
const SAMPLED_EVERY: u64 = 61;

/// Begins an event. Inlined, so that the registers are those of the hook.
#[inline(always)]
fn begin(kind: Kind, heard: Range) -> Option<u64> {
    if !ARMED.load(Relaxed) {
        return None;
    }
    let number = RING.next_number();
    let sampled =
        number < SAMPLED_FIRST || number.is_multiple_of(SAMPLED_EVERY) || RING.is_watched(heard);
    let sample = if sampled {
        sample::take(Registers::here())
    } else {
        None
    };
    RING.begin(kind, heard, sample)
}

fn end(event: Option<u64>, changed: Range) {
    if let Some(number) = event {
        RING.end(number, changed);
    }
}

fn range(address: *const c_void, length: usize) -> Range {
    Range::of(address as u64, length as u64)
}

/// Calls the original function number `$index`.
macro_rules! original {
    ($index:expr, ($($type:ty),*) -> $answer:ty, $($argument:expr),*) => {{
        let address = ORIGINALS[$index].load(Acquire);
        // SAFETY: the address was written before the hook could be reached and is that of code which does what the function of this
        // signature does; the arguments are the client's.
        unsafe {
            let function: unsafe extern "C" fn($($type),*) -> $answer = std::mem::transmute(address);
            function($($argument),*)
        }
    }};
}

unsafe extern "C" fn munmap(address: *mut c_void, length: usize) -> c_int {
    let unmapped = range(address, length);
    let event = begin(Kind::Unmap, unmapped);
    let answer = original!(MUNMAP, (*mut c_void, usize) -> c_int, address, length);
    end(event, if answer == 0 { unmapped } else { NOTHING });
    answer
}

unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: usize,
    access: c_int,
    flags: c_int,
    file: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    // UCX hears of those that replace what was there (ucm/event/event.c:ucm_mmap).
    let replaces = flags & libc::MAP_FIXED != 0 && !address.is_null();
    let event = if replaces {
        begin(Kind::MapOver, range(address, length))
    } else {
        None
    };
    let answer = original!(MMAP, (*mut c_void, usize, c_int, c_int, c_int, libc::off_t) -> *mut c_void,
        address, length, access, flags, file, offset);
    let mapped = match answer {
        libc::MAP_FAILED => NOTHING,
        address => range(address, length),
    };
    if ARMED.load(Relaxed) && answer != libc::MAP_FAILED {
        RING.mapped();
    }
    if !replaces && RING.is_watched(mapped) {
        end(begin(Kind::Map, NOTHING), mapped);
    }
    end(event, mapped);
    answer
}

unsafe extern "C" fn mremap(
    old: *mut c_void,
    old_length: usize,
    length: usize,
    flags: c_int,
    wanted: *mut c_void,
) -> *mut c_void {
    let before = range(old, old_length);
    let event = begin(Kind::Remap, before);
    let answer = original!(MREMAP, (*mut c_void, usize, usize, c_int, *mut c_void) -> *mut c_void,
        old, old_length, length, flags, wanted);
    let gone = match answer {
        libc::MAP_FAILED => NOTHING,
        same if same == old && length >= old_length => NOTHING,
        same if same == old => {
            Range::of(before.start + length as u64, (old_length - length) as u64)
        }
        _ => before,
    };
    end(event, gone);
    let mapped = range(answer, length);
    if answer != libc::MAP_FAILED && answer != old && RING.is_watched(mapped) {
        end(begin(Kind::Map, NOTHING), mapped);
    }
    answer
}

unsafe extern "C" fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    // As ucm/event/event.c:ucm_madvise. Pages that are only free to be taken (MADV_FREE) are still there while a device holds them.
    let drops = matches!(advice, libc::MADV_DONTNEED | libc::MADV_REMOVE);
    let discarded = range(address, length);
    let event = if drops || advice == libc::MADV_FREE {
        begin(Kind::Discard, discarded)
    } else {
        None
    };
    let answer = original!(MADVISE, (*mut c_void, usize, c_int) -> c_int, address, length, advice);
    end(
        event,
        if answer == 0 && drops {
            discarded
        } else {
            NOTHING
        },
    );
    answer
}

unsafe extern "C" fn brk(address: *mut c_void) -> c_int {
    // SAFETY: with 0 it only tells where the break is.
    let now = unsafe { libc::sbrk(0) } as u64;
    let wanted = address as u64;
    let below = Range {
        start: wanted,
        end: now,
    };
    let shrinks = wanted != 0 && wanted < now;
    let event = if shrinks {
        begin(Kind::Break, below)
    } else {
        None
    };
    let answer = original!(BRK, (*mut c_void) -> c_int, address);
    end(event, if answer == 0 { below } else { NOTHING });
    answer
}

unsafe extern "C" fn shmdt(address: *const c_void) -> c_int {
    let detached = Range::of(address as u64, segment_length(address as u64));
    let event = begin(Kind::Detach, detached);
    let answer = original!(SHMDT, (*const c_void) -> c_int, address);
    end(event, if answer == 0 { detached } else { NOTHING });
    answer
}
