//! Works off what the hooks noted: each unmap reaches every registration cache, in the order in which the calls were made, and memory
//! that goes while it is registered is a broken rule.

use crate::abi::call::Call;
use crate::functions::Function;
use crate::hooks::{self, Event, Kind, Sample};
use crate::ledger::{NewFinding, Site, Stack, Trouble};
use crate::objects::Memory;
use crate::rcache::{Range, Registered};
use crate::rules::Rule;
use crate::stack::CopyWalker;
use crate::universe::State;

/// What is needed to work off what the hooks noted.
#[derive(Default)]
pub(crate) struct Unmaps {
    /// Unwinds the samples, once there is one.
    walker: Option<Box<CopyWalker>>,
    /// The hooks are held: a context has a cache.
    held: bool,
    /// Registrations that were made meanwhile.
    registered: Registered,
    /// Registrations of those whose memory is gone.
    stale: u64,
}

/// What became of the memory of a registration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pages {
    /// The number that the next event had when the registration was made.
    since: u64,
    /// Some of them are not those that were registered.
    gone: bool,
    /// Something else was mapped in their place.
    replaced: bool,
}

impl State {
    /// Sees unmaps from now on.
    pub(crate) fn hold_hooks(&mut self) {
        if self.unmaps.held {
            return;
        }
        match hooks::hold() {
            Ok(()) => {
                self.unmaps.held = true;
                self.ledger.hooks_installed();
            }
            Err(why) => self.ledger.hooks_failed(&why.to_string()),
        }
    }

    /// Nobody needs to see unmaps any more.
    pub(crate) fn release_hooks(&mut self) {
        if std::mem::take(&mut self.unmaps.held) {
            hooks::release();
        }
    }

    /// A registration begins.
    pub(crate) fn watch_pages(&mut self, serial: u64) {
        if !self.unmaps.held {
            return;
        }
        let Some(memory) = self.memory_mut(serial) else {
            return;
        };
        memory.pages.since = hooks::next_number();
        let range = range_of(memory);
        self.unmaps.registered.insert(range, serial);
        self.watch_hull();
    }

    /// A registration ends.
    pub(crate) fn leave_pages(&mut self, serial: u64, memory: &Memory) {
        // It may have begun while the hooks were held, and they are not any more.
        self.unmaps.registered.remove(range_of(memory), serial);
        self.unmaps.stale -= u64::from(memory.pages.gone);
        if self.unmaps.held {
            self.watch_hull();
        }
    }

    fn watch_hull(&self) {
        let hull = self.unmaps.registered.hull();
        hooks::watch(hull.start, hull.end);
    }

    /// Works off what was noted.
    pub(crate) fn settle_unmaps(&mut self) {
        if !self.unmaps.held || !hooks::pending() {
            return;
        }
        let walker = self.unmaps.walker.take();
        let mut walker = walker.unwrap_or_else(|| Box::new(CopyWalker::new()));
        hooks::take(|event, sample| {
            let stack = sample.map(|sample| stack_of(&mut walker, sample));
            self.settle(event, stack.as_ref());
        });
        self.unmaps.walker = Some(walker);
        self.ledger.caches_missed(hooks::missed());
    }

    fn settle(&mut self, event: Event, stack: Option<&Stack>) {
        if let Some(stack) = stack.filter(|_| !event.heard.is_empty()) {
            self.ledger.unmap_seen(event.kind, stack);
        }
        if !event.heard.is_empty() {
            self.unmapped(event.heard, event.mappings);
        }
        if !event.changed.is_empty() {
            for serial in self.unmaps.registered.near(event.changed) {
                self.judge_pages(serial, event, stack);
            }
        }
    }

    /// Judges what an event did to the pages of a registration.
    fn judge_pages(&mut self, serial: u64, event: Event, stack: Option<&Stack>) {
        let Some(memory) = self.memory_mut(serial) else {
            return;
        };
        let touched = range_of(memory).common(event.changed);
        // What happened before the registration was made has nothing to do with it, however late it is worked off.
        let (Some(touched), true) = (touched, event.number >= memory.pages.since) else {
            return;
        };
        let before = memory.pages;
        let replaces = matches!(event.kind, Kind::Map | Kind::MapOver);
        memory.pages.gone = true;
        memory.pages.replaced |= replaces;
        self.unmaps.stale += u64::from(!before.gone);
        let rule = match (replaces, before.gone, before.replaced) {
            (true, _, false) => Rule::MemoryReplaced,
            (false, false, _) => Rule::MemoryGone,
            _ => return,
        };
        let none = Stack::none();
        let site = Site {
            function: Function::MemMap,
            step: self.steps(),
            thread: 0,
            stack: stack.unwrap_or(&none),
        };
        let finding = NewFinding {
            rule,
            trouble: Trouble::None,
            argument: None,
            value: 0,
            object: serial,
            other: 0,
            detail: [event.kind as u64 + 1, touched.start],
        };
        self.ledger.finding(finding, site);
    }
}

/// A call uses registrations; their pages must be those that were registered.
pub(crate) fn judge_use(
    call: &Call,
    state: &mut State,
    registrations: impl IntoIterator<Item = u64>,
) {
    if state.unmaps.stale == 0 {
        return;
    }
    for serial in registrations {
        if state.memory(serial).is_some_and(|memory| memory.pages.gone) {
            state.broken(Rule::MemoryStale, serial, [0, 0], call.site());
        }
    }
}

fn range_of(memory: &Memory) -> Range {
    Range::of(memory.region.address, memory.region.length as u64)
}

fn stack_of(walker: &mut CopyWalker, sample: &Sample) -> Stack {
    Stack::of_copy(walker, sample.registers, sample.stack())
}
