//! The registration caches of the contexts: each hears of every unmap.

use super::{Configuration, Range, RegistrationCache, Switch, Tally};
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
        if let Some(cache) = self.caches.remove(&context) {
            let pending = cache.tally();
            let after = Tally {
                entries: 0,
                ..pending
            };
            self.ledger.cache_changed(pending, after);
        }
        if self.caches.is_empty() {
            self.release_hooks();
        }
    }

    /// A range is unmapped.
    pub(crate) fn unmapped(&mut self, range: Range) {
        for cache in self.caches.values_mut() {
            let before = cache.tally();
            cache.unmapped(range);
            self.ledger.cache_changed(before, cache.tally());
        }
    }

    /// Memory is registered on a context, or looked for in its cache.
    pub(crate) fn registers(&mut self, context: u64) {
        if let Some(cache) = self.caches.get_mut(&context) {
            let before = cache.tally();
            cache.registers();
            self.ledger.cache_changed(before, cache.tally());
        }
    }
}
