//! What the ledger holds of unmaps: how the registration caches took them, where they came from, and how what is pending went.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release};

use crate::clock::monotonic_ns;
use crate::hooks;
use crate::ledger::Stack;
use crate::ledger::layout::{CachePoint, HookState, POINT_CAPACITY, SITE_CAPACITY};
use crate::ledger::writer::Ledger;

impl Ledger {
    /// Unmaps are seen from now on.
    pub(crate) fn hooks_installed(&self) {
        let caches = &self.mapping().header().caches;
        caches.hooks.store(HookState::Installed as u32, Relaxed);
    }

    /// Unmaps cannot be seen, for this reason.
    pub(crate) fn hooks_failed(&self, why: &str) {
        let caches = &self.mapping().header().caches;
        for (place, byte) in caches.unseen.iter().zip(why.bytes()) {
            place.store(byte, Relaxed);
        }
        caches.hooks.store(HookState::Failed as u32, Release);
    }

    /// Another registration cache.
    pub(crate) fn cache_made(&self) {
        self.mapping().header().caches.made.fetch_add(1, Relaxed);
    }

    /// Unmaps that no cache heard of.
    pub(crate) fn caches_missed(&self, count: u64) {
        if count > 0 {
            let caches = &self.mapping().header().caches;
            caches.missed.fetch_add(count, Relaxed);
        }
    }

    /// Something was unmapped, and so many nodes were looked at for it.
    pub(crate) fn unmapped(&self, visited: u64) {
        let caches = &self.mapping().header().caches;
        caches.unmaps.fetch_add(1, Relaxed);
        caches.visited.fetch_add(visited, Relaxed);
    }

    /// So many entries are pending in the fullest cache, and so often more one went through what was pending.
    pub(crate) fn caches_stand(&self, fullest: u64, drains: u64) {
        let caches = &self.mapping().header().caches;
        caches.entries.store(fullest, Relaxed);
        caches.entries_max.fetch_max(fullest, Relaxed);
        caches.drains.fetch_add(drains, Relaxed);
    }

    /// Notes how things stand after so many mappings, if enough was unmapped since the last time.
    pub(crate) fn note_point_if_due(&self, mappings: u64) {
        let caches = &self.mapping().header().caches;
        let unmaps = caches.unmaps.load(Relaxed);
        if unmaps >= caches.next_point.load(Relaxed) {
            self.note_point(unmaps, mappings);
        }
    }

    /// Notes how things stand. When there is no more room, every second note goes, and from then on half as many are made: so the notes
    /// are spread evenly over the process's life, however long that is.
    fn note_point(&self, unmaps: u64, mappings: u64) {
        let header = self.mapping().header();
        let caches = &header.caches;
        let mut count = caches.points.load(Relaxed);
        let mut stride = caches.point_stride.load(Relaxed).max(1);
        if count >= POINT_CAPACITY {
            for index in 0..count / 2 {
                let kept = caches.point[2 * index as usize + 1].get();
                caches.point[index as usize].set(kept);
            }
            count /= 2;
            stride *= 2;
        }
        let now = |counter: &AtomicU64| counter.load(Relaxed);
        caches.point[count as usize].set(CachePoint {
            at_ns: monotonic_ns(),
            step: now(&header.step),
            operation: u64::from(header.operation.load(Relaxed)),
            unmaps,
            mappings,
            entries: now(&caches.entries),
            visited: now(&caches.visited),
            drains: now(&caches.drains),
        });
        caches.point_stride.store(stride, Relaxed);
        caches.next_point.store(unmaps + stride, Relaxed);
        caches.points.store(count + 1, Release);
    }

    /// Memory was unmapped from this stack.
    pub(crate) fn unmap_seen(&mut self, kind: hooks::Kind, stack: &Stack) {
        let node = self.intern(stack);
        let caches = &self.mapping().header().caches;
        let used = caches.sites.load(Relaxed);
        let known = caches.site[..used as usize].iter();
        let mut matching = known.filter(|site| {
            site.stack.load(Relaxed) == node && site.kind.load(Relaxed) == kind as u32
        });
        if let Some(site) = matching.next() {
            site.samples.fetch_add(1, Relaxed);
        } else if used < SITE_CAPACITY {
            let site = &caches.site[used as usize];
            site.stack.store(node, Relaxed);
            site.kind.store(kind as u32, Relaxed);
            site.samples.store(1, Relaxed);
            caches.sites.store(used + 1, Release);
        } else {
            caches.sites_dropped.fetch_add(1, Relaxed);
        }
    }

    /// Nothing was unmapped so far; whether unmaps are seen stays.
    pub(super) fn forget_unmaps(&self) {
        let caches = &self.mapping().header().caches;
        for number in [&caches.points, &caches.sites] {
            number.store(0, Relaxed);
        }
        for sum in [
            &caches.made,
            &caches.unmaps,
            &caches.entries,
            &caches.entries_max,
            &caches.visited,
            &caches.drains,
            &caches.missed,
            &caches.sites_dropped,
            &caches.next_point,
            &caches.point_stride,
        ] {
            sum.store(0, Relaxed);
        }
    }
}
