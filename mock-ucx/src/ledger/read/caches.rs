//! The registration caches, as a ledger holds them.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::hooks;
use crate::ledger::layout::{
    CacheCounters, CachePoint, HookState, POINT_CAPACITY, PointRecord, SITE_CAPACITY,
};
use crate::rcache::ENTRY_BYTES;

/// What the registration caches of a process hold and did, over all its contexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caches {
    /// Whether unmaps are seen.
    pub hooks: HookState,
    /// Why they are not, if that was wanted.
    pub unseen: Option<String>,
    /// Caches that were made.
    pub made: u64,
    /// Unmaps that they heard of.
    pub unmaps: u64,
    /// Entries that are pending in the fullest.
    pub entries: u64,
    /// The most that ever were.
    pub entries_max: u64,
    /// Nodes of its tree that the searches of all unmaps looked at: for each unmap those of the cache that had to look at most.
    pub visited: u64,
    /// Times that one went through what was pending.
    pub drains: u64,
    /// Unmaps that they did not hear of, because more came between two calls of UCX than there was room for.
    pub missed: u64,
    /// How they stood at moments that are spread evenly over the unmaps.
    pub points: Vec<CachePoint>,
    /// Where memory was unmapped.
    pub sites: Vec<UnmapSite>,
}

/// A call stack from which memory was unmapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnmapSite {
    /// Its node: [`Snapshot::stack`](super::Snapshot::stack) has the addresses.
    pub stack: u32,
    /// The function of the C library.
    pub function: &'static str,
    /// Times that it was found among the samples.
    pub samples: u64,
}

impl Caches {
    /// Whether there is anything to tell: a cache that heard of an unmap, or unmaps that should have been seen.
    pub fn is_worth_telling(&self) -> bool {
        self.unmaps > 0 || self.missed > 0 || self.unseen.is_some()
    }

    /// Bytes that the real UCX would hold for what is pending in the fullest.
    pub fn bytes(&self) -> u64 {
        Caches::bytes_of(self.entries)
    }

    /// Bytes that the real UCX holds for so many entries.
    pub fn bytes_of(entries: u64) -> u64 {
        entries * ENTRY_BYTES
    }
}

/// `registration cache: 12 entries pending (1 kB in UCX) after 90 unmaps, 15 at most; gone through 3 times; 4.5 nodes looked at ...`.
impl fmt::Display for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.unseen {
            return write!(f, "registration cache: not modelled, because {why}");
        }
        write!(
            f,
            "registration cache: {} entries pending ({} kB in UCX) after {} unmaps, {} at most; gone through {} times",
            self.entries,
            self.bytes() / 1000,
            self.unmaps,
            self.entries_max,
            self.drains
        )?;
        if self.visited > 0 {
            let each = self.visited as f64 / self.unmaps.max(1) as f64;
            write!(f, "; {each:.1} nodes looked at for each unmap")?;
        }
        if self.missed > 0 {
            write!(f, "; {} unmaps were not noted in time", self.missed)?;
        }
        Ok(())
    }
}

pub(super) fn read_caches(counters: &CacheCounters) -> Caches {
    let sum = |counter: &AtomicU64| counter.load(Relaxed);
    let hooks = HookState::from_number(counters.hooks.load(Acquire));
    let points = counters.points.load(Acquire).min(POINT_CAPACITY) as usize;
    let sites = counters.sites.load(Acquire).min(SITE_CAPACITY) as usize;
    let unseen = counters.unseen.iter().map(|byte| byte.load(Relaxed));
    let unseen: Vec<u8> = unseen.take_while(|byte| *byte != 0).collect();
    Caches {
        hooks,
        unseen: (hooks == HookState::Failed).then(|| String::from_utf8_lossy(&unseen).into_owned()),
        made: sum(&counters.made),
        unmaps: sum(&counters.unmaps),
        entries: sum(&counters.entries),
        entries_max: sum(&counters.entries_max),
        visited: sum(&counters.visited),
        drains: sum(&counters.drains),
        missed: sum(&counters.missed),
        points: counters.point[..points]
            .iter()
            .map(PointRecord::get)
            .collect(),
        sites: counters.site[..sites]
            .iter()
            .map(|site| UnmapSite {
                stack: site.stack.load(Relaxed),
                function: hooks::Kind::from_number(site.kind.load(Relaxed)).function(),
                samples: site.samples.load(Relaxed),
            })
            .collect(),
    }
}
