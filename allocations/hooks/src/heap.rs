//! The heap of the hooks themselves: a capture of a call stack allocates now and then, and may do so while the client's thread holds a lock
//! of glibc's allocator. So what is allocated inside of a hook comes from memory that is reserved for it, and the rest from the system.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use allocations::{inside, is_armed};
use dlmalloc::{Allocator, Dlmalloc};

/// Address space that is reserved; pages cost memory when they are touched. A thread's unwinder takes 0.3 MB, a list of 300 modules 0.2 MB.
const SPAN_BYTES: usize = 1 << 30;

/// Attempts to get the lock. A child that was forked while another thread held it must not wait for ever: it goes without.
const ATTEMPTS_MAX: u32 = 100_000;

/// Allocates inside of hooks from memory of their own.
pub(crate) struct Routed;

static LOCKED: AtomicBool = AtomicBool::new(false);
static OWN: Own = Own(UnsafeCell::new(Dlmalloc::new_with_allocator(Span)));

struct Own(UnsafeCell<Dlmalloc<Span>>);

// SAFETY: used under `LOCKED` only.
unsafe impl Sync for Own {}

/// Runs `work` on the heap of the hooks; `None`: somebody holds it, or held it when this process was forked.
fn locked<T>(work: impl FnOnce(&mut Dlmalloc<Span>) -> T) -> Option<T> {
    for _ in 0..ATTEMPTS_MAX {
        if LOCKED
            .compare_exchange(false, true, AcqRel, Relaxed)
            .is_ok()
        {
            // SAFETY: the lock is held, and nothing in here comes back to it.
            let result = work(unsafe { &mut *OWN.0.get() });
            LOCKED.store(false, Release);
            return Some(result);
        }
        std::hint::spin_loop();
    }
    None
}

/// Gives out pages of one reserved span, and never takes them back.
struct Span;

static START: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);

fn holds(address: *mut u8) -> bool {
    let start = START.load(Acquire);
    start != 0 && (start..start + SPAN_BYTES).contains(&(address as usize))
}

fn reserve() -> usize {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let start = unsafe {
        libc::syscall(
            libc::SYS_mmap,
            ptr::null_mut::<libc::c_void>(),
            SPAN_BYTES,
            libc::c_long::from(libc::PROT_READ | libc::PROT_WRITE),
            libc::c_long::from(flags),
            -1 as libc::c_long,
            0 as libc::c_long,
        )
    };
    usize::try_from(start).unwrap_or(0)
}

// SAFETY: what is given out is zeroed, page-aligned, and nobody else's; nothing is ever taken back.
unsafe impl Allocator for Span {
    fn alloc(&self, bytes: usize) -> (*mut u8, usize, u32) {
        if START.load(Relaxed) == 0 {
            START.store(reserve(), Release);
        }
        let start = START.load(Relaxed);
        let used = USED.load(Relaxed);
        if start == 0 || bytes > SPAN_BYTES - used {
            return (ptr::null_mut(), 0, 0);
        }
        USED.store(used + bytes, Relaxed);
        ((start + used) as *mut u8, bytes, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        4096
    }
}

// SAFETY: each block is given back to where it came from, which its address tells.
unsafe impl GlobalAlloc for Routed {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_armed() && inside() {
            // SAFETY: a layout's size and alignment are valid.
            let block = locked(|own| unsafe { own.malloc(layout.size(), layout.align()) });
            if let Some(block) = block.filter(|block| !block.is_null()) {
                return block;
            }
        }
        // SAFETY: handed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if holds(block) {
            // What cannot be given back now is lost, in a child that was forked at a bad moment.
            // SAFETY: it came from there, with this layout.
            locked(|own| unsafe { own.free(block, layout.size(), layout.align()) });
        } else {
            // SAFETY: handed on from the caller.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_armed() && inside() {
            // SAFETY: handed on from the caller; the block has that many bytes.
            unsafe {
                let block = self.alloc(layout);
                if !block.is_null() {
                    block.write_bytes(0, layout.size());
                }
                return block;
            }
        }
        // SAFETY: handed on from the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        let in_hook = is_armed() && inside();
        if !in_hook && !holds(block) {
            // SAFETY: handed on from the caller.
            return unsafe { System.realloc(block, layout, bytes) };
        }
        // SAFETY: the caller vouches for the new size; both blocks have as many bytes as are copied.
        unsafe {
            let layout_of_new = Layout::from_size_align_unchecked(bytes, layout.align());
            let moved = self.alloc(layout_of_new);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(bytes));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
