//! No fork happens while a thread captures a stack: that asks the loader for its modules under a lock of glibc's, which a forked child would
//! find taken for ever. Spinning locks of our own, because a lock of the C library may allocate.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU32};

/// Turns that a fork waits for captures under way, and a capture for a fork. Either ends within microseconds; who waits in vain goes on, for
/// a client must never hang because of us.
const TURNS_MAX: u32 = 100_000;

static CAPTURING: AtomicU32 = AtomicU32::new(0);
static FORKING: AtomicBool = AtomicBool::new(false);

/// A capture is under way while this lives.
pub(crate) struct Capturing(());

impl Capturing {
    pub(crate) fn begin() -> Capturing {
        for _ in 0..TURNS_MAX {
            CAPTURING.fetch_add(1, SeqCst);
            if !FORKING.load(SeqCst) {
                return Capturing(());
            }
            CAPTURING.fetch_sub(1, SeqCst);
            std::thread::yield_now();
        }
        CAPTURING.fetch_add(1, SeqCst);
        Capturing(())
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        CAPTURING.fetch_sub(1, SeqCst);
    }
}

/// To be called before a fork, by the thread that forks.
pub fn hold_captures() {
    FORKING.store(true, SeqCst);
    for _ in 0..TURNS_MAX {
        if CAPTURING.load(SeqCst) == 0 {
            return;
        }
        std::thread::yield_now();
    }
}

/// To be called behind a fork, in the parent.
pub fn allow_captures() {
    FORKING.store(false, SeqCst);
}

/// To be called behind a fork, in the child, which has one thread.
pub fn allow_captures_in_child() {
    CAPTURING.store(0, SeqCst);
    FORKING.store(false, SeqCst);
}
