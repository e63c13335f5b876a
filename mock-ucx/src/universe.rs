//! The core as one value: everything hangs on it. `abi` owns the only global one; tests make their own.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::CString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;

use crate::clock::monotonic_ns;
use crate::counts::OfProcess;
use crate::fabric::agenda::{Agenda, WITHHELD};
use crate::fabric::remote::hub::Hub;
use crate::fabric::remote::operation::Operations;
use crate::functions::FUNCTION_COUNT;
use crate::handle::HandleSpace;
use crate::ledger::{Kind, Ledger, Mapping};
use crate::objects::{Body, Objects};
use crate::rcache::RegistrationCache;
use crate::schedule::Decider;
use crate::settings::Settings;
use crate::status::UcsStatus;
use crate::trace::Trace;
use crate::unmaps::Unmaps;
use crate::version::UcxVersion;

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
    pub(crate) ended_pointers: VecDeque<(u64, u64)>,
    /// The same of the process this one was forked from.
    pub(crate) inherited_pointers: FxHashMap<u64, u64>,
    /// The one memory handle of all registrations of zero bytes, and its packed key (core/ucp_mm.c:ucp_mem_dummy_handle): serials. They are
    /// never made for a client and never given back, so the ledger does not have them.
    pub(crate) zero_length: [Option<u64>; 2],
    /// Status of each request in the client's memory that completed lately, by serial: the client may ask until it reuses the memory.
    pub(crate) external_statuses: FxHashMap<u64, UcsStatus>,
    pub(crate) decider: Arc<dyn Decider>,
    /// The adversary has healed: whatever is asked, the answer is benign.
    pub(crate) healed: bool,
    /// How often each point was reached; each object knows how often with it.
    pub(crate) counts: OfProcess,
    /// Calls of each function that do not count for the decider, because they came before it.
    pub(crate) calls_before: [u64; FUNCTION_COUNT],
    /// What is under way.
    pub(crate) agenda: Agenda,
    /// Values of handles that ended, by kind, newest last, for a new object that gets one of them again.
    pub(crate) retired: FxHashMap<Kind, VecDeque<u64>>,
    /// Told apart from every other process that uses the mock on this host.
    pub(crate) nonce: u64,
    /// Its connections to other processes, once it has any to offer or to use.
    pub(crate) hub: Option<Box<Hub>>,
    /// What it has begun with them.
    pub(crate) operations: Operations,
    /// The registration caches, by context.
    pub(crate) caches: BTreeMap<u64, RegistrationCache>,
    /// What is needed to see unmaps.
    pub(crate) unmaps: Unmaps,
    /// Memory lists that are alive.
    pub(crate) lists: u32,
    pub(crate) settings: Settings,
    /// Those that the process began with.
    pub(crate) first_settings: Settings,
    /// Contexts without a name of their own so far.
    pub(crate) nameless_contexts: u64,
}

impl State {
    /// Nothing is under way but what is withheld, no worker has an event, and no other process is connected.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut objects = self.objects.values();
        self.hub.as_ref().is_none_or(|hub| hub.links.is_empty())
            && self.agenda.all().all(|(key, _)| key.due == WITHHELD)
            && objects.all(|entry| match &entry.body {
                Body::Worker(worker) => worker.inbox.is_empty(),
                _ => true,
            })
    }

    /// The same, and the adversary withholds nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.agenda.is_empty() && self.is_quiet()
    }
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
        let decider = settings.decider();
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
            counts: settings.counts(&*decider),
            decider,
            healed: false,
            agenda: Agenda::default(),
            retired: FxHashMap::default(),
            nonce: process_nonce(),
            hub: None,
            operations: Operations::default(),
            caches: BTreeMap::new(),
            unmaps: Unmaps::default(),
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
    (u64::from(std::process::id()) << 40) ^ monotonic_ns()
}

impl State {
    /// Calls of UCX so far.
    pub(crate) fn steps(&self) -> u64 {
        self.ledger.mapping().header().step.load(Relaxed)
    }

    /// What UCX calls the next context that was given no name (core/ucp_context.c:ucp_fill_config).
    pub(crate) fn next_context_name(&mut self) -> String {
        let name = format!("ucp_context_{}", self.nameless_contexts);
        self.nameless_contexts += 1;
        name
    }
}

fn packed(version: UcxVersion) -> u32 {
    u32::from(version.major) << 16 | u32::from(version.minor) << 8 | u32::from(version.patch & 0xff)
}
