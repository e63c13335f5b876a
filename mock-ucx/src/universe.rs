//! The core as one value: everything hangs on it. `abi` owns the only global one; tests make their own.

use std::collections::VecDeque;
use std::ffi::CString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;

use crate::fabric::agenda::Agenda;
use crate::fabric::remote::hub::Hub;
use crate::fabric::remote::operation::Operations;
use crate::functions::FUNCTION_COUNT;
use crate::handle::{HandleSpace, Shape};
use crate::hidden::POINTER_MASK;
use crate::ledger::layout::HANDLE_MASK;
use crate::ledger::{
    Kind, Ledger, Mapping, NO_SLOT, NewFinding, NewObject, ObjectState, Site, Trouble,
};
use crate::objects::{Body, Entry, Objects};
use crate::rules::{Rule, rule_for_handle};
use crate::schedule::{Choice, Decider, FaultSpec, Move, Point, mix};
use crate::status::UcsStatus;
use crate::trace::Trace;
use crate::version::UcxVersion;

/// Pointers of ended objects that are remembered. A client that releases twice seldom does so thousands of releases later.
const ENDED_POINTERS_MAX: usize = 1 << 14;

/// A client that polls a healthy network so often for nothing has waited for some ten milliseconds, longer than any operation takes.
const HEAL_AFTER: u64 = 100_000;

/// Who decides where no fault of the specification applies.
#[derive(Clone, Debug, Default)]
pub enum Adversary {
    /// Nobody: all is as on a healthy network.
    #[default]
    Benign,
    /// A swarm drawn from the seed.
    Swarm,
    /// A fuzzer's bytes.
    Bytes(Vec<u8>),
    /// A decider of the program that links the mock.
    Own(Arc<dyn Decider>),
}

/// What can be chosen before the first call.
#[derive(Clone, Debug)]
pub struct Settings {
    /// File for the ledger; `None` keeps it in memory of the process.
    pub ledger: Option<PathBuf>,
    /// Faults to make happen.
    pub faults: FaultSpec,
    /// Seed of whatever is drawn.
    pub seed: u64,
    /// Who decides where no fault applies.
    pub adversary: Adversary,
    /// Whether a swarm makes moves, too, whose permission is doubtful.
    pub paranoid: bool,
    /// Progress calls of a worker without anything to do, while something is withheld, after which the adversary heals.
    pub heal_after: u64,
    /// Whether a trace is written beside the ledger.
    pub trace: bool,
    /// Whether every question is recorded in the ledger, for a search that goes through them.
    pub record_questions: bool,
    /// Version of UCX to be.
    pub version: UcxVersion,
    /// Whether the machine has a GPU that memory lists can be made for.
    pub device_api: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ledger: None,
            faults: FaultSpec::default(),
            seed: 0,
            adversary: Adversary::Benign,
            paranoid: false,
            heal_after: HEAL_AFTER,
            trace: false,
            record_questions: false,
            version: UcxVersion::NEWEST,
            device_api: false,
        }
    }
}

/// One emulated UCX library with everything it gave out.
pub struct Universe {
    state: Mutex<State>,
    /// The trace, if one is written.
    pub(crate) trace: Option<Arc<Trace>>,
    /// The ledger's memory, for counters that need no lock.
    pub(crate) map: Arc<Mapping>,
    pub(crate) version: UcxVersion,
    /// What `ucp_get_version_string` answers.
    pub(crate) version_text: CString,
}

/// What is behind the lock.
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) handles: HandleSpace,
    pub(crate) objects: Objects,
    /// Objects whose handle is a pointer to real memory: masked pointer to serial. Those that ended lately are among them, so that a
    /// second release is told from a value that never was a handle.
    pub(crate) pointers: FxHashMap<u64, u64>,
    /// Entries of `pointers` whose object has ended, oldest first.
    ended_pointers: VecDeque<(u64, u64)>,
    /// The same of the process this one was forked from.
    inherited_pointers: FxHashMap<u64, u64>,
    /// The one memory handle of all registrations of zero bytes, and its packed key (core/ucp_mm.c:ucp_mem_dummy_handle): serials. They are
    /// never made for a client and never given back, so the ledger does not have them.
    pub(crate) zero_length: [Option<u64>; 2],
    /// Status of each request in the client's memory that completed lately, by serial: the client may ask until it reuses the memory.
    external_statuses: FxHashMap<u64, UcsStatus>,
    pub(crate) decider: Arc<dyn Decider>,
    /// The adversary has healed: whatever is asked, the answer is benign.
    pub(crate) healed: bool,
    /// How often each point was reached: in the process (object 0), and with each object.
    pub(crate) reached: FxHashMap<(Point, u64), u64>,
    /// Calls of each function that do not count for the decider, because they came before it.
    pub(crate) calls_before: [u64; FUNCTION_COUNT],
    /// Children born so far, by parent and kind.
    pub(crate) born: FxHashMap<(u64, Kind), u64>,
    /// What is under way.
    pub(crate) agenda: Agenda,
    /// Values of handles that ended, by kind, newest last, for a new object that gets one of them again.
    pub(crate) retired: FxHashMap<Kind, Vec<u64>>,
    /// Told apart from every other process that uses the mock on this host.
    pub(crate) nonce: u64,
    /// Its connections to other processes, once it has any to offer or to use.
    pub(crate) hub: Option<Box<Hub>>,
    /// What it has begun with them.
    pub(crate) operations: Operations,
    /// Memory lists that are alive.
    pub(crate) lists: u32,
    pub(crate) settings: Settings,
    /// Those that the process began with.
    pub(crate) first_settings: Settings,
    /// Contexts without a name of their own so far.
    pub(crate) nameless_contexts: u64,
}

/// A bad handle, as far as it was understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BadHandle {
    pub(crate) trouble: Trouble,
    /// Serial of the object that it is or was; 0 = none.
    pub(crate) object: u64,
}

impl Universe {
    /// A fresh universe.
    ///
    /// # Errors
    /// The ledger cannot be created, or no address range is left for handles.
    pub fn new(settings: Settings) -> io::Result<Universe> {
        let ledger = Ledger::new(settings.ledger.as_deref())?;
        let handles = HandleSpace::reserve().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::OutOfMemory,
                "no address range of 1 MiB is left for handles",
            )
        })?;
        Universe::assemble(ledger, handles, settings)
    }

    fn assemble(ledger: Ledger, handles: HandleSpace, settings: Settings) -> io::Result<Universe> {
        let beside = settings.ledger.as_deref().filter(|_| settings.trace);
        let trace = beside.map(Trace::beside).transpose()?.map(Arc::new);
        let map = ledger.mapping().clone();
        let header = map.header();
        header.handle_base.store(handles.base(), Relaxed);
        header.handle_span.store(handles.span(), Relaxed);
        header.ucx_version.store(packed(settings.version), Relaxed);
        ledger.publish();
        let version = settings.version;
        let state = State {
            ledger,
            trace: trace.clone(),
            handles,
            objects: Objects::default(),
            pointers: FxHashMap::default(),
            ended_pointers: VecDeque::new(),
            inherited_pointers: FxHashMap::default(),
            zero_length: [None; 2],
            external_statuses: FxHashMap::default(),
            decider: settings.decider(),
            healed: false,
            reached: FxHashMap::default(),
            born: FxHashMap::default(),
            agenda: Agenda::default(),
            retired: FxHashMap::default(),
            nonce: process_nonce(),
            hub: None,
            operations: Operations::default(),
            lists: 0,
            calls_before: [0; FUNCTION_COUNT],
            first_settings: settings.clone(),
            settings,
            nameless_contexts: 0,
        };
        let version_text = CString::new(version.to_string()).unwrap_or_default();
        Ok(Universe {
            state: Mutex::new(state),
            trace,
            map,
            version,
            version_text,
        })
    }

    /// The state, locked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The universe of a child that was forked while `self` was in use: nothing in it, what was alive marked as inherited.
    ///
    /// # Errors
    /// As [`Universe::new`].
    pub(crate) fn fork(&self, ledger: Option<PathBuf>) -> io::Result<Universe> {
        // SAFETY: the lock is held for good by the thread that forked, which is this process's first: nobody changes the state any more.
        let parent = unsafe { &*self.state.data_ptr() };
        let settings = Settings {
            ledger,
            ..parent.settings.clone()
        };
        let mut ledger = Ledger::new(settings.ledger.as_deref())?;
        let handles = parent.handles.fork().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::OutOfMemory,
                "no address range of 1 MiB is left for handles",
            )
        })?;
        ledger
            .mapping()
            .header()
            .forked_from
            .store(parent.ledger.mapping().header().pid.load(Relaxed), Relaxed);
        for (serial, entry) in &parent.objects {
            // The parent's file is shared: it may have used the slot again since the fork.
            if let Some(record) = parent
                .ledger
                .object(entry.slot)
                .filter(|record| record.serial == *serial)
            {
                ledger.inherit(&record);
            }
        }
        let universe = Universe::assemble(ledger, handles, settings)?;
        let mut inherited = parent.inherited_pointers.clone();
        inherited.extend(&parent.pointers);
        let mut state = universe.lock();
        state.inherited_pointers = inherited;
        state.first_settings = parent.first_settings.clone();
        drop(state);
        Ok(universe)
    }

    /// Gives the lock back after a fork.
    ///
    /// # Safety
    /// Only one thread exists, and the lock was taken by it before the fork.
    pub(crate) unsafe fn force_unlock(&self) {
        // SAFETY: handed on to the caller.
        unsafe { self.state.force_unlock() };
    }

    /// Closes a forked child's copies of the parent's connections: while they were open, the parent's peers could not see its end.
    ///
    /// The lock stays taken in the child: other threads may have waited for it when the parent forked, and giving it back would look for
    /// them for ever.
    ///
    /// # Safety
    /// Only one thread exists, and the lock was taken by it before the fork.
    pub(crate) unsafe fn abandon_connections(&self) {
        // SAFETY: this thread holds the lock.
        unsafe { (*self.state.data_ptr()).hub = None };
    }

    /// Takes the lock and keeps it, until [`Universe::force_unlock`].
    pub(crate) fn lock_for_fork(&self) {
        std::mem::forget(self.state.lock());
    }
}

/// A number that no other process on this host has: its id and the time it started.
fn process_nonce() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    (u64::from(std::process::id()) << 40)
        ^ (time.tv_sec.cast_unsigned() << 30)
        ^ time.tv_nsec.cast_unsigned()
}

impl State {
    /// What UCX calls the next context that was given no name (core/ucp_context.c:ucp_fill_config).
    pub(crate) fn next_context_name(&mut self) -> String {
        let name = format!("ucp_context_{}", self.nameless_contexts);
        self.nameless_contexts += 1;
        name
    }

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
        if self.retired.get(&kind).is_none_or(Vec::is_empty)
            || self.ask(Move::HandleReuse, parent, site) == Choice::Benign
        {
            return None;
        }
        self.retired.get_mut(&kind)?.pop()
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
                body,
            },
        );
    }

    /// Hash of the place of the next child in the tree of objects; nobody asks for it unless somebody decides.
    pub(crate) fn path_of_child(&mut self, parent: u64, kind: Kind) -> u64 {
        if !self.is_asking() {
            return 0;
        }
        let born = self.born.entry((parent, kind)).or_insert(0);
        *born += 1;
        let above = self.objects.get(&parent).map_or(0, |parent| parent.path);
        mix(above, &[kind as u64, *born])
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
            self.retired.entry(kind).or_default().push(value);
        }
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
            body,
        };
        self.objects.insert(serial, entry);
        Some(serial)
    }

    /// The live object whose memory holds `value` behind its first byte.
    fn holder(&self, value: u64) -> Option<u64> {
        self.pointers.iter().find_map(|(masked, serial)| {
            let offset = value.wrapping_sub(masked ^ POINTER_MASK);
            let length = self.objects.get(serial)?.body.memory_length() as u64;
            (offset < length && offset > 0).then_some(*serial)
        })
    }

    /// The serial behind a handle value, whatever its kind.
    pub(crate) fn serial(&self, value: u64) -> Option<u64> {
        let known = || self.pointers.get(&(value ^ POINTER_MASK)).copied();
        match self.handles.shape(value) {
            Shape::Serial(serial) if self.retired.is_empty() => Some(serial),
            Shape::Serial(serial) => known().or(Some(serial)),
            _ => known(),
        }
    }

    /// The live object of this kind behind a handle value.
    pub(crate) fn resolve(&self, value: u64, kind: Kind) -> Result<u64, BadHandle> {
        let bad = |trouble, object| Err(BadHandle { trouble, object });
        let Some(serial) = self.serial(value) else {
            return match self.handles.shape(value) {
                _ if value == 0 => bad(Trouble::Null, 0),
                _ if crate::abi::types::ptr_is_err(value as usize) => bad(Trouble::ErrorPointer, 0),
                Shape::Misaligned(serial) => bad(Trouble::Misaligned, serial),
                Shape::Inherited(serial) => bad(Trouble::Inherited, serial),
                Shape::Foreign => bad(Trouble::OtherProcess, 0),
                _ => match (
                    self.inherited_pointers.get(&(value ^ POINTER_MASK)),
                    self.holder(value),
                ) {
                    (Some(serial), _) => bad(Trouble::Inherited, *serial),
                    (None, Some(serial)) => bad(Trouble::Misaligned, serial),
                    (None, None) => bad(Trouble::Unknown, 0),
                },
            };
        };
        match self.objects.get(&serial) {
            Some(entry) if entry.body.kind() == kind => Ok(serial),
            Some(_) => bad(Trouble::OtherKind, serial),
            None => match self.ledger.ended(serial) {
                Some(record) if record.kind != kind as u8 => bad(Trouble::OtherKind, serial),
                _ => bad(Trouble::Stale, serial),
            },
        }
    }

    /// Records a bad handle.
    pub(crate) fn bad_handle(
        &mut self,
        kind: Kind,
        argument: Option<u16>,
        value: u64,
        bad: BadHandle,
        site: Site<'_>,
    ) {
        let rule = rule_for_handle(site.function, kind, bad.trouble);
        let finding = NewFinding {
            rule,
            trouble: bad.trouble,
            argument,
            value,
            object: bad.object,
            other: 0,
            detail: [kind as u64, 0],
        };
        self.ledger.finding(finding, site);
    }

    /// Records a broken rule about a live object and another one.
    pub(crate) fn broken_with(&mut self, rule: Rule, object: u64, other: u64, site: Site<'_>) {
        let finding = NewFinding {
            rule,
            trouble: Trouble::None,
            argument: None,
            value: 0,
            object,
            other,
            detail: [0, 0],
        };
        self.ledger.finding(finding, site);
    }

    /// Records a broken rule about a live object.
    pub(crate) fn broken(&mut self, rule: Rule, object: u64, detail: [u64; 2], site: Site<'_>) {
        let finding = NewFinding {
            rule,
            trouble: Trouble::None,
            argument: None,
            value: 0,
            object,
            other: 0,
            detail,
        };
        self.ledger.finding(finding, site);
    }
}

fn packed(version: UcxVersion) -> u32 {
    u32::from(version.major) << 16 | u32::from(version.minor) << 8 | u32::from(version.patch & 0xff)
}
