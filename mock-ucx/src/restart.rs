//! What a test may change while its client runs: the faults, the seed, or everything back to the start.

use std::sync::atomic::Ordering::Relaxed;

use crate::ledger::NO_SLOT;
use crate::schedule::FaultSpec;
use crate::settings::{Adversary, Settings};
use crate::universe::State;

impl State {
    /// From now on these faults happen, and no others; occurrences are counted from here.
    pub(crate) fn follow(&mut self, faults: FaultSpec) {
        self.settings.faults = faults;
        self.decide_anew();
    }

    /// From now on a swarm is drawn from this seed.
    pub(crate) fn swarm(&mut self, seed: u64) {
        self.settings.seed = seed;
        self.settings.adversary = Adversary::Swarm;
        self.decide_anew();
    }

    /// Everything is as at the start of the process, except what was recorded. Whether that was possible: nothing that the client got is
    /// alive.
    pub(crate) fn reset(&mut self) -> bool {
        if self.objects.values().any(|entry| entry.slot != NO_SLOT) {
            return false;
        }
        self.settings = self.first_settings.clone();
        self.ledger.restart_ordinals();
        self.retired.clear();
        self.nameless_contexts = 0;
        self.decide_anew();
        true
    }

    /// As at the start of a process with these settings, with nothing recorded; the emulated release and the ledger stay what they are.
    /// Whether that was possible: nothing that the client got is alive, and nothing is under way.
    pub(crate) fn begin_anew(&mut self, settings: Settings) -> bool {
        self.first_settings = Settings {
            ledger: self.settings.ledger.take(),
            version: self.settings.version,
            ..settings
        };
        if !self.agenda.is_empty() || !self.reset() {
            return false;
        }
        self.ledger.begin_anew();
        self.forget_ended();
        // The counters of calls start at zero, too.
        self.calls_before.fill(0);
        true
    }

    /// Another decider begins, and the adversary with it.
    fn decide_anew(&mut self) {
        self.decider = self.settings.decider();
        self.healed = false;
        self.counts = self.settings.counts(&*self.decider);
        for entry in self.objects.values_mut() {
            entry.counts = None;
        }
        let header = self.ledger.mapping().header();
        for (before, calls) in self.calls_before.iter_mut().zip(&header.calls) {
            *before = calls.load(Relaxed);
        }
        for times in &header.faults_fired {
            times.store(0, Relaxed);
        }
        self.place_objects();
    }

    /// Gives each object its place in the tree, which nobody asked for while nothing was decided.
    fn place_objects(&mut self) {
        let mut serials: Vec<u64> = self.objects.keys().copied().collect();
        // Parents are older than their children.
        serials.sort_unstable();
        for serial in serials {
            let Some(entry) = self
                .objects
                .get(&serial)
                .filter(|entry| entry.slot != NO_SLOT)
            else {
                continue;
            };
            let (parent, kind) = (entry.parent, entry.body.kind());
            let path = self.path_of_child(parent, kind);
            if let Some(entry) = self.objects.get_mut(&serial) {
                entry.path = path;
            }
        }
    }
}
