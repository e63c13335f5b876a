//! Samples of the stacks from which memory was unmapped: a hook may not unwind a stack, but it may copy it.

use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::raw::system_call;
use super::ring::anonymous;
use crate::stack::Registers;

/// Bytes of the stack that are copied: frames of a deep call path in Python, NIXL and the C library.
const STACK_BYTES: usize = 16 << 10;
/// Samples between two calls of UCX.
const SAMPLES: usize = 32;

/// A copy of the top of a stack.
#[repr(C)]
pub(crate) struct Sample {
    state: AtomicU32,
    /// Of the hook.
    pub(crate) registers: Registers,
    length: usize,
    bytes: [u8; STACK_BYTES],
}

const FREE: u32 = 0;
const TAKEN: u32 = 1;

impl Sample {
    /// The bytes from the stack pointer upwards.
    pub(crate) fn stack(&self) -> &[u8] {
        &self.bytes[..self.length.min(STACK_BYTES)]
    }
}

static SAMPLES_AT: AtomicPtr<Sample> = AtomicPtr::new(ptr::null_mut());

/// Sets the memory aside.
pub(super) fn reserve() -> Result<(), String> {
    if SAMPLES_AT.load(Relaxed).is_null() {
        // Zeroed memory is samples that are free.
        let memory = anonymous(SAMPLES * size_of::<Sample>())?;
        SAMPLES_AT.store(memory.cast(), Release);
    }
    Ok(())
}

fn place(index: usize) -> Option<*mut Sample> {
    let samples = SAMPLES_AT.load(Acquire);
    // SAFETY: so many samples are there, and they stay for good.
    (!samples.is_null() && index < SAMPLES).then(|| unsafe { samples.add(index) })
}

/// The state of the sample at `place`.
fn state<'a>(place: *mut Sample) -> &'a AtomicU32 {
    // SAFETY: `place` comes from the function above; the state is only ever touched as an atomic.
    unsafe { AtomicU32::from_ptr((&raw mut (*place).state).cast()) }
}

/// Copies the stack above `registers`, which are those of a function that is not left before this is; the sample's index, if one is free.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(super) fn take(registers: Registers) -> Option<usize> {
    for index in 0..SAMPLES {
        let place = place(index)?;
        if state(place)
            .compare_exchange(FREE, TAKEN, Acquire, Relaxed)
            .is_ok()
        {
            // SAFETY: whoever took the sample has it for itself.
            unsafe {
                (*place).registers = registers;
                (*place).length =
                    copy_up_to((&raw mut (*place).bytes).cast(), registers.sp, STACK_BYTES);
            }
            return Some(index);
        }
    }
    None
}

/// Copies what can be read of `bytes` bytes at `from`. The kernel does it, because nobody knows where the stack ends, and without the C
/// library, which would keep its errors in `errno`.
///
/// # Safety
/// So many bytes can be written at `to`.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
unsafe fn copy_up_to(to: *mut u8, from: u64, bytes: usize) -> usize {
    const PAGE: usize = 4096;
    let pages_end = |count: usize| (from as usize & !(PAGE - 1)) + count * PAGE;
    let mut remote = [libc::iovec {
        iov_base: ptr::null_mut(),
        iov_len: 0,
    }; STACK_BYTES / PAGE + 1];
    // A transfer ends before the first piece that cannot be read: so each page is one.
    let mut at = from as usize;
    let mut pieces = 0;
    while pieces < remote.len() && at < from as usize + bytes {
        let end = pages_end(pieces + 1).min(from as usize + bytes);
        remote[pieces] = libc::iovec {
            iov_base: at as *mut libc::c_void,
            iov_len: end - at,
        };
        pieces += 1;
        at = end;
    }
    let local = libc::iovec {
        iov_base: to.cast(),
        iov_len: bytes,
    };
    let process = system_call(libc::SYS_getpid, [0; 6]);
    let arguments = [
        process,
        (&raw const local) as i64,
        1,
        remote.as_ptr() as i64,
        pieces as i64,
        0,
    ];
    let copied = system_call(libc::SYS_process_vm_readv, arguments);
    usize::try_from(copied).unwrap_or(0)
}

/// Shows a sample and frees it.
pub(super) fn with(index: Option<usize>, look: impl FnOnce(Option<&Sample>)) {
    let place = index.and_then(place);
    // SAFETY: the event that names the sample is over, so nobody writes to it any more.
    look(place.map(|place| unsafe { &*place }));
    if let Some(index) = index {
        free(index);
    }
}

/// The sample may be taken again.
pub(super) fn free(index: usize) {
    if let Some(place) = place(index) {
        state(place).store(FREE, Release);
    }
}
