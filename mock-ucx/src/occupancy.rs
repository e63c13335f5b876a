//! Which thread is inside something that only one may be inside at a time.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

/// The thread inside, and how deep: a callback calls again.
#[derive(Debug, Default)]
pub(crate) struct Occupancy(AtomicU64);

/// Bits of the depth, above which the thread stands.
const DEPTH_BITS: u32 = 32;
const DEPTH: u64 = (1 << DEPTH_BITS) - 1;

impl Occupancy {
    /// Enters.
    ///
    /// # Errors
    /// Another thread is inside: it.
    pub(crate) fn enter(&self, thread: u16) -> Result<(), u16> {
        let own = u64::from(thread) << DEPTH_BITS;
        let deeper = |now: u64| match now & DEPTH {
            0 => Some(own | 1),
            _ if now & !DEPTH == own => Some(now + 1),
            _ => None,
        };
        match self.0.fetch_update(AcqRel, Acquire, deeper) {
            Ok(_) => Ok(()),
            Err(now) => Err((now >> DEPTH_BITS) as u16),
        }
    }

    /// Leaves what was entered.
    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_enter_again_and_no_other_may_until_it_has_left() {
        let occupancy = Occupancy::default();
        assert_eq!(occupancy.enter(1), Ok(()));
        assert_eq!(occupancy.enter(1), Ok(()));
        assert_eq!(occupancy.enter(2), Err(1));
        occupancy.leave();
        assert_eq!(occupancy.enter(2), Err(1));
        occupancy.leave();
        assert_eq!(occupancy.enter(2), Ok(()));
    }
}
