//! Objects come and go: whatever the client is given, and gives back.

use std::collections::VecDeque;

use crate::fabric::flight;
use crate::hidden::POINTER_MASK;
use crate::ledger::layout::HANDLE_MASK;
use crate::ledger::{Kind, NO_SLOT, NewObject, ObjectState, Site};
use crate::objects::{Body, Entry};
use crate::schedule::{Choice, Move, mix};
use crate::status::UcsStatus;
use crate::universe::State;

/// Ended handle values of one kind that may come back. A real allocator gives back what was freed last.
const RETIRED_MAX: usize = 64;

/// Pointers of ended objects that are remembered. A client that releases twice seldom does so thousands of releases later.
const ENDED_POINTERS_MAX: usize = 1 << 14;

impl State {
    /// Enters a new object whose handle is a number out of the reserved range; returns its serial and handle.
    pub(crate) fn create(
        &mut self,
        parent: u64,
        detail: [u64; 2],
        body: Body,
        site: Site<'_>,
    ) -> Option<(u64, u64)> {
        let (serial, fresh) = self.handles.next()?;
        let handle = self.used_again(body.kind(), parent, site).unwrap_or(fresh);
        if handle != fresh {
            self.pointers.insert(handle ^ POINTER_MASK, serial);
        }
        self.enter(serial, handle, parent, detail, body, site);
        Some((serial, handle))
    }

    /// The value of the handle of this kind that ended last, if the adversary gives it to the next one.
    fn used_again(&mut self, kind: Kind, parent: u64, site: Site<'_>) -> Option<u64> {
        if self.retired.get(&kind).is_none_or(VecDeque::is_empty)
            || self.ask(Move::HandleReuse, parent, site) == Choice::Benign
        {
            return None;
        }
        self.retired.get_mut(&kind)?.pop_back()
    }

    /// Enters a new object whose handle is a pointer to memory of ours or of the client.
    pub(crate) fn create_at(
        &mut self,
        pointer: u64,
        parent: u64,
        detail: [u64; 2],
        body: Body,
        site: Site<'_>,
    ) -> Option<u64> {
        let (serial, _) = self.handles.next()?;
        self.pointers.insert(pointer ^ POINTER_MASK, serial);
        self.enter(serial, pointer, parent, detail, body, site);
        Some(serial)
    }

    fn enter(
        &mut self,
        serial: u64,
        handle: u64,
        parent: u64,
        detail: [u64; 2],
        body: Body,
        site: Site<'_>,
    ) {
        let slot = self.ledger.create(&NewObject {
            kind: body.kind(),
            serial,
            handle,
            parent,
            detail,
            site,
        });
        let path = self.path_of_child(parent, body.kind());
        if let Some(parent) = self.objects.get_mut(&parent) {
            parent.children += 1;
        }
        match &body {
            Body::Rkey(rkey) => self.count_rkey(rkey.endpoint, 1),
            Body::MemList(_) => self.lists += 1,
            _ => {}
        }
        self.objects.insert(
            serial,
            Entry {
                slot,
                children: 0,
                parent,
                path,
                counts: None,
                body,
            },
        );
    }

    /// Hash of the place of the next child in the tree of objects; nobody asks for it unless somebody decides.
    pub(crate) fn path_of_child(&mut self, parent: u64, kind: Kind) -> u64 {
        if !self.is_asking() {
            return 0;
        }
        let (above, counts) = match self.objects.get_mut(&parent) {
            Some(parent) => (parent.path, parent.counts.get_or_insert_default().as_mut()),
            None => (0, &mut self.counts.own),
        };
        mix(above, &[kind as u64, counts.bear(kind)])
    }

    /// The handle value of a live object that is not a pointer to memory.
    pub(crate) fn handle_of(&self, serial: u64) -> u64 {
        let entry = self.objects.get(&serial);
        let record = entry.and_then(|entry| self.ledger.object(entry.slot));
        record.map_or_else(
            || self.handles.value(serial),
            |record| record.masked_handle ^ HANDLE_MASK,
        )
    }

    /// The client gave the object back. Children that are still alive go with it, as lost.
    pub(crate) fn end(&mut self, serial: u64, site: Site<'_>) -> Option<Body> {
        if self.lists > 0 {
            self.judge_lists(serial, site);
        }
        self.remove(serial, ObjectState::Ended, site)
    }

    fn remove(&mut self, serial: u64, state: ObjectState, site: Site<'_>) -> Option<Body> {
        if self.is_asking() && state == ObjectState::Ended {
            self.retire(serial);
        }
        let entry = self.objects.remove(&serial)?;
        self.ledger.end(entry.slot, entry.body.kind(), state, site);
        if let Some(parent) = self.objects.get_mut(&entry.parent) {
            parent.children -= 1;
        }
        match &entry.body {
            Body::Rkey(rkey) => self.count_rkey(rkey.endpoint, -1),
            Body::MemList(_) => self.lists -= 1,
            Body::Memory(memory) => self.leave_pages(serial, memory),
            Body::Worker(_) => drop(flight::forget_worker(self, serial)),
            _ => {}
        }
        if entry.children > 0 {
            let mut orphans: Vec<u64> = self
                .objects
                .iter()
                .filter(|(_, child)| child.parent == serial)
                .map(|(child, _)| *child)
                .collect();
            orphans.sort_unstable();
            for orphan in orphans {
                self.judge_orphan(orphan, site);
                self.remove(orphan, ObjectState::Orphaned, site);
            }
        }
        Some(entry.body)
    }

    /// Remembers the value of a handle that ends, for another object.
    fn retire(&mut self, serial: u64) {
        let Some(kind) = self.objects.get(&serial).map(|entry| entry.body.kind()) else {
            return;
        };
        let value = self.handle_of(serial);
        if self.handles.is_value(value) {
            let retired = self.retired.entry(kind).or_default();
            if retired.len() == RETIRED_MAX {
                retired.pop_front();
            }
            retired.push_back(value);
        }
    }

    /// Forgets all pointers of objects that have ended.
    pub(crate) fn forget_ended(&mut self) {
        self.ended_pointers.clear();
        self.external_statuses.clear();
        self.pointers
            .retain(|_, serial| self.objects.contains_key(serial));
    }

    /// The memory at `pointer` goes away with its object: after a while the pointer is forgotten.
    pub(crate) fn forget_pointer(&mut self, pointer: u64) {
        let masked = pointer ^ POINTER_MASK;
        let Some(serial) = self.pointers.get(&masked) else {
            return;
        };
        self.ended_pointers.push_back((masked, *serial));
        if self.ended_pointers.len() > ENDED_POINTERS_MAX
            && let Some((oldest, serial)) = self.ended_pointers.pop_front()
        {
            self.external_statuses.remove(&serial);
            if self.pointers.get(&oldest) == Some(&serial) {
                self.pointers.remove(&oldest);
            }
        }
    }

    /// A request in the client's memory is complete: that ends it, but its status may still be asked for.
    pub(crate) fn end_external(
        &mut self,
        serial: u64,
        pointer: u64,
        status: UcsStatus,
        site: Site<'_>,
    ) {
        self.end(serial, site);
        self.forget_pointer(pointer);
        self.external_statuses.insert(serial, status);
    }

    /// The status of a completed request in the client's memory.
    pub(crate) fn external_status(&self, pointer: u64) -> Option<UcsStatus> {
        self.external_statuses.get(&self.serial(pointer)?).copied()
    }

    /// Enters an object that is not the client's, at `pointer` or, if that is 0, at a handle value.
    pub(crate) fn create_hidden(&mut self, pointer: u64, body: Body) -> Option<u64> {
        let (serial, _) = self.handles.next()?;
        if pointer != 0 {
            self.pointers.insert(pointer ^ POINTER_MASK, serial);
        }
        let entry = Entry {
            slot: NO_SLOT,
            children: 0,
            parent: 0,
            path: 0,
            counts: None,
            body,
        };
        self.objects.insert(serial, entry);
        Some(serial)
    }
}
