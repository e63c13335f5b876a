//! How long something is waited for.

use std::time::Duration;

/// The bounds of one wait.
///
/// Where only the client makes progress a wait is a number of polls: the same in every run and
/// never a matter of time. Where other threads make progress too, polls alone would starve them on
/// a small machine: after some polls each further one is followed by a short sleep.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Polls of one wait without other threads.
    pub polls_max: u32,
    /// With other threads: polls before the first sleep.
    pub eager_polls: u32,
    /// With other threads: length of a sleep.
    pub sleep: Duration,
    /// With other threads: sleeps of one wait.
    pub sleeps_max: u32,
    /// Called when a wait seems in vain: the adversary heals, and the wait goes on as long again.
    pub heal: Option<fn()>,
    /// Says whether nothing will come any more by itself, as far as UCX knows.
    pub is_quiet: Option<fn() -> bool>,
    /// Says whether healing would bring nothing, either. A wait that ends then changes nothing of what is to come.
    pub is_idle: Option<fn() -> bool>,
    /// Polls in a row that find all quiet, after which a wait is in vain. NIXL may have something to do of its own.
    pub quiet_polls: u32,
    /// The same with other threads, in sleeps: these may have something to do that UCX does not know of.
    pub quiet_sleeps: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            // Real UCX connects within some hundred polls; 1 MiB takes some thousand.
            polls_max: 200_000,
            eager_polls: 50,
            sleep: Duration::from_micros(50),
            // About ten seconds with the timer slack of 50 us: far beyond a busy machine's hiccups.
            sleeps_max: 100_000,
            heal: None,
            is_quiet: None,
            is_idle: None,
            quiet_polls: u32::MAX,
            quiet_sleeps: u32::MAX,
        }
    }
}

/// One wait.
#[derive(Debug)]
pub(super) struct Wait {
    patience: Patience,
    threaded: bool,
    polls: u32,
    quiet: u32,
    healed: bool,
    over: bool,
}

impl Wait {
    pub(super) fn new(patience: Patience, threaded: bool) -> Self {
        Self {
            patience,
            threaded,
            polls: 0,
            quiet: 0,
            healed: false,
            over: false,
        }
    }

    /// How many polls there were.
    pub(super) fn polls(&self) -> u32 {
        self.polls
    }

    /// Whether there should be no further poll. To be asked behind a look at what is waited for: the last poll may have brought it.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Counts a poll.
    pub(super) fn polled(&mut self) {
        if self.count() {
            return;
        }
        match self.patience.heal {
            Some(heal) if !self.healed && !self.is_idle() => {
                heal();
                self.healed = true;
                self.polls = 0;
                self.quiet = 0;
            }
            _ => self.over = true,
        }
    }

    /// With other threads there may be something under way that UCX does not know of.
    fn is_idle(&self) -> bool {
        !self.threaded && self.patience.is_idle.is_some_and(|is_idle| is_idle())
    }

    /// Whether the patience is not at its end with one more.
    fn count(&mut self) -> bool {
        self.polls += 1;
        if !self.threaded {
            self.look();
            return self.polls < self.patience.polls_max && self.quiet < self.patience.quiet_polls;
        }
        let sleeps = self.polls.saturating_sub(self.patience.eager_polls);
        if sleeps > 0 {
            std::thread::sleep(self.patience.sleep);
            self.look();
        }
        sleeps < self.patience.sleeps_max && self.quiet < self.patience.quiet_sleeps
    }

    fn look(&mut self) {
        self.quiet = match self.patience.is_quiet {
            Some(is_quiet) if is_quiet() => self.quiet + 1,
            _ => 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;

    /// Polls so often; whether another poll may follow each time.
    fn again<const TIMES: usize>(wait: &mut Wait) -> [bool; TIMES] {
        std::array::from_fn(|_| {
            wait.polled();
            !wait.is_over()
        })
    }

    #[test]
    fn a_wait_without_threads_ends_after_its_polls() {
        let patience = Patience {
            polls_max: 3,
            sleep: Duration::from_secs(3600),
            ..Patience::default()
        };
        let mut wait = Wait::new(patience, false);
        assert_eq!(again(&mut wait), [true, true, false]);
        assert_eq!(wait.polls(), 3);
    }

    #[test]
    fn a_wait_in_vain_heals_once_and_goes_on_as_long_again() {
        static HEALED: AtomicU32 = AtomicU32::new(0);
        let patience = Patience {
            polls_max: 2,
            heal: Some(|| {
                HEALED.fetch_add(1, Relaxed);
            }),
            ..Patience::default()
        };
        let mut wait = Wait::new(patience, false);
        assert_eq!(again(&mut wait), [true, true, true, false]);
        assert_eq!(HEALED.load(Relaxed), 1);
    }

    #[test]
    fn a_wait_in_which_all_is_quiet_ends_early_after_the_healing() {
        let patience = Patience {
            heal: Some(|| ()),
            is_quiet: Some(|| true),
            quiet_polls: 2,
            ..Patience::default()
        };
        let mut wait = Wait::new(patience, false);
        assert_eq!(again(&mut wait), [true, true, true, false]);
    }

    #[test]
    fn nothing_heals_for_a_wait_to_which_healing_brings_nothing() {
        static HEALED: AtomicU32 = AtomicU32::new(0);
        let patience = Patience {
            heal: Some(|| {
                HEALED.fetch_add(1, Relaxed);
            }),
            is_quiet: Some(|| true),
            is_idle: Some(|| true),
            quiet_polls: 2,
            quiet_sleeps: 2,
            eager_polls: 0,
            sleep: Duration::ZERO,
            ..Patience::default()
        };
        let mut wait = Wait::new(patience, false);
        assert_eq!(again(&mut wait), [true, false]);
        assert_eq!(HEALED.load(Relaxed), 0);
        // Threads may be about to do something.
        let mut wait = Wait::new(patience, true);
        assert_eq!(again(&mut wait), [true, true, true, false]);
        assert_eq!(HEALED.load(Relaxed), 1);
    }

    #[test]
    fn a_wait_in_which_something_is_under_way_goes_on() {
        static POLLS: AtomicU32 = AtomicU32::new(0);
        let patience = Patience {
            // Never twice in a row.
            is_quiet: Some(|| POLLS.fetch_add(1, Relaxed).is_multiple_of(2)),
            quiet_polls: 2,
            polls_max: 100,
            ..Patience::default()
        };
        let mut wait = Wait::new(patience, false);
        assert_eq!(again(&mut wait), [true; 99]);
    }

    #[test]
    fn a_wait_beside_threads_ends_after_its_sleeps() {
        let patience = Patience {
            eager_polls: 2,
            sleeps_max: 2,
            sleep: Duration::ZERO,
            ..Patience::default()
        };
        let mut wait = Wait::new(patience, true);
        assert_eq!(again(&mut wait), [true, true, true, false]);
    }
}
