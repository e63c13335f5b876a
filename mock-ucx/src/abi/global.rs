//! The one global universe, made at the first call of UCX and made anew in a forked child.

use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};
use std::sync::{Mutex, Once, PoisonError};

use crate::control::settings::{self, COMMAND_LINE, LEDGER};
use crate::control::{ending, supervisor};
use crate::hooks;
use crate::settings::Settings;
use crate::universe::Universe;

/// The universe of this process; null before the first call, and in a forked child until its first call.
static CURRENT: AtomicPtr<Universe> = AtomicPtr::new(ptr::null_mut());
/// In a forked child: the universe of the process it was forked from.
static PARENT: AtomicPtr<Universe> = AtomicPtr::new(ptr::null_mut());
/// Settings chosen by the program that links the mock, instead of the environment's.
static CHOSEN: Mutex<Option<Settings>> = Mutex::new(None);
/// The operation of the client that is under way.
static OPERATION: AtomicU32 = AtomicU32::new(0);
/// Ledgers this process has made, so that each has a name of its own.
static LEDGERS: AtomicU32 = AtomicU32::new(0);

/// Chooses the settings of this process's universe, instead of the environment. Only before the first call of UCX has it an effect;
/// [`configured`] tells.
pub fn configure(settings: Settings) {
    *CHOSEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
}

/// Whether UCX was called already in this process.
pub fn configured() -> bool {
    !CURRENT.load(Acquire).is_null()
}

/// The universe of this process, if UCX was called already.
pub(crate) fn current() -> Option<&'static Universe> {
    // SAFETY: a universe is leaked when it is published and never freed.
    unsafe { CURRENT.load(Acquire).as_ref() }
}

/// The universe of this process.
pub(crate) fn universe() -> &'static Universe {
    let current = CURRENT.load(Acquire);
    // SAFETY: a universe is leaked when it is published and never freed.
    unsafe { current.as_ref() }.unwrap_or_else(make)
}

#[cold]
fn make() -> &'static Universe {
    static MAKING: Mutex<()> = Mutex::new(());
    let _guard = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as in `universe`.
    if let Some(current) = unsafe { CURRENT.load(Acquire).as_ref() } {
        return current;
    }
    // SAFETY: as in `universe`.
    let made = match unsafe { PARENT.load(Acquire).as_ref() } {
        Some(parent) => parent.fork(own_ledger()),
        None => Universe::new(first_settings()),
    };
    let universe = match made {
        Ok(universe) => Box::leak(Box::new(universe)),
        Err(error) => settings::fail(&format!("cannot start: {error}")),
    };
    watch_forks();
    ending::watch();
    CURRENT.store(universe, Release);
    tell_operation(universe);
    universe
}

/// Says which operation of the client begins now; 0 = none. Objects and findings remember it. The first call of UCX may come later.
pub fn set_operation(operation: u32) {
    OPERATION.store(operation, Relaxed);
    // SAFETY: as in `universe`.
    if let Some(current) = unsafe { CURRENT.load(Acquire).as_ref() } {
        tell_operation(current);
    }
}

fn tell_operation(universe: &Universe) {
    if hooks::pending() {
        // What was unmapped until now belongs to the operation that is over.
        universe.lock().settle_unmaps();
    }
    let operation = OPERATION.load(Relaxed);
    universe.map.header().operation.store(operation, Relaxed);
}

fn first_settings() -> Settings {
    let chosen = CHOSEN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    chosen.unwrap_or_else(|| Settings {
        ledger: own_ledger(),
        ..settings::from_environment()
    })
}

/// A file in the folder that the supervisor watches, if there is one: a folder that is gone says that the run is over, which a
/// daemon may outlive. Beside it the command line is kept, for a report after the process is gone.
fn own_ledger() -> Option<PathBuf> {
    let folder = settings::ledger_folder().filter(|folder| folder.is_dir())?;
    let path = loop {
        let number = LEDGERS.fetch_add(1, Relaxed);
        let path = folder.join(format!("{}-{number}.{LEDGER}", std::process::id()));
        // A process that was replaced by `exec` left its own.
        if !path.exists() {
            break path;
        }
    };
    // Without the copy the report names the process by its number only.
    let _ = std::fs::copy("/proc/self/cmdline", path.with_extension(COMMAND_LINE));
    supervisor::connect_to(&path);
    Some(path)
}

fn watch_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the three functions are safe to call at any fork.
        unsafe {
            libc::pthread_atfork(
                Some(before_fork),
                Some(after_fork_parent),
                Some(after_fork_child),
            );
        }
    });
}

extern "C" fn before_fork() {
    // SAFETY: as in `universe`.
    if let Some(current) = unsafe { CURRENT.load(Acquire).as_ref() } {
        current.lock_for_fork();
        crate::ledger::hold_captures();
    }
}

extern "C" fn after_fork_parent() {
    // SAFETY: as in `universe`; this thread took the lock in `before_fork`.
    unsafe {
        if let Some(current) = CURRENT.load(Acquire).as_ref() {
            crate::ledger::allow_captures();
            current.force_unlock();
        }
    }
}

extern "C" fn after_fork_child() {
    let current = CURRENT.swap(ptr::null_mut(), AcqRel);
    if current.is_null() {
        return;
    }
    PARENT.store(current, Release);
    crate::ledger::allow_captures();
    crate::arena::leave_to_parent();
    crate::hooks::after_fork();
    // SAFETY: as in `universe`; this thread took the lock in `before_fork`, and it is the only one here.
    unsafe {
        (*current).abandon_connections();
    }
}
