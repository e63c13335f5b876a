//! The registration caches of the contexts: each hears of every unmap.

use super::{Configuration, Range, RegistrationCache, Switch};
use crate::status::UcsStatus;
use crate::universe::State;

impl State {
    /// Whether a context can have what is said of its cache: one that must have a cache cannot be had without hooks
    /// (`core/ucp_context.c:ucp_init_version`).
    pub(crate) fn judge_cache(&self, said: &Configuration) -> Result<(), UcsStatus> {
        if said.enable == Switch::Yes && !said.can_hear() {
            return Err(UcsStatus::UNSUPPORTED);
        }
        Ok(())
    }

    /// The cache of a new context, if it has one.
    pub(crate) fn begin_cache(&mut self, context: u64, said: &Configuration) {
        if !self.settings.watch_unmaps || said.enable == Switch::No || !said.can_hear() {
            return;
        }
        self.hold_hooks();
        let cache = RegistrationCache::new(self.settings.version, said.unreleased_max);
        self.caches.insert(context, cache);
        self.ledger.cache_made();
    }

    /// A context ends, and what its cache holds is gone through.
    pub(crate) fn end_cache(&mut self, context: u64) {
        self.settle_unmaps();
        if self.caches.remove(&context).is_some() {
            self.tell_caches(self.drains());
        }
        if self.caches.is_empty() {
            self.release_hooks();
        }
    }

    /// A range is unmapped, by a process that has made so many mappings.
    pub(crate) fn unmapped(&mut self, range: Range, mappings: u64) {
        let drains = self.drains();
        let searches = self.caches.values_mut().map(|cache| cache.unmapped(range));
        if let Some(visited) = searches.max() {
            self.ledger.unmapped(visited);
            self.tell_caches(drains);
            self.ledger.note_point_if_due(mappings);
        }
    }

    /// Memory is registered on a context, or looked for in its cache.
    pub(crate) fn registers(&mut self, context: u64) {
        let drains = self.drains();
        if let Some(cache) = self.caches.get_mut(&context) {
            cache.registers();
            self.tell_caches(drains);
        }
    }

    /// How often the caches that are there went through what was pending.
    fn drains(&self) -> u64 {
        let drains = self.caches.values().map(|cache| cache.tally().drains);
        drains.sum()
    }

    /// Tells the ledger how the caches stand, after they had gone through what was pending `drains` times.
    fn tell_caches(&self, drains: u64) {
        let entries = self.caches.values().map(|cache| cache.tally().entries);
        let fullest = entries.max().unwrap_or(0);
        self.ledger.caches_stand(fullest, self.drains() - drains);
    }
}
