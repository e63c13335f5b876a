//! Copies of client memory: the one place where a bad address of the client makes the mock fault. What is being copied is noted in the
//! ledger meanwhile, so that after a crash the supervisor knows whose call it was.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};

use crate::abi::call::Call;
use crate::ledger::layout::{COPY_SLOTS, CopySlot};

/// Copies `length` bytes; the ranges may overlap.
///
/// # Safety
/// `source` is readable and `target` writable for `length` bytes.
pub(crate) unsafe fn copy_bytes(call: &Call, source: u64, target: u64, length: usize) {
    if length == 0 {
        return;
    }
    let slot = claim(call);
    if let Some(slot) = slot {
        slot.function.store(call.function as u32, Relaxed);
        slot.source.store(source, Relaxed);
        slot.target.store(target, Relaxed);
        slot.length.store(length as u64, Release);
    }
    // SAFETY: handed on to the caller.
    unsafe { ptr::copy(source as *const u8, target as *mut u8, length) };
    if let Some(slot) = slot {
        slot.length.store(0, Relaxed);
        slot.thread.store(0, Release);
    }
}

/// A free slot, first the one this thread had last time. None free: the copy is made without a note.
fn claim(call: &Call) -> Option<&'static CopySlot> {
    thread_local! {
        static LAST: Cell<usize> = const { Cell::new(0) };
    }
    let slots = &call.universe.map.header().copies;
    let first = LAST.try_with(Cell::get).unwrap_or(0);
    let number = u32::from(call.thread()) + 1;
    for distance in 0..COPY_SLOTS {
        let index = (first + distance) % COPY_SLOTS;
        if slots[index]
            .thread
            .compare_exchange(0, number, AcqRel, Relaxed)
            .is_ok()
        {
            // A thread that is being torn down need not remember.
            let _ = LAST.try_with(|last| last.set(index));
            return Some(&slots[index]);
        }
    }
    None
}
