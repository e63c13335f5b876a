//! The C control API: what a test written in C, or in anything that can call C, asks of the library while it runs.
//!
//! `include/mock_ucx.h` is generated from this file. What a function answers that does not work, it also says in words:
//! `mock_ucx_message`.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::Ordering::Relaxed;

use crate::abi::{current, universe};
use crate::control::answer::{self, Refusal, answered, refuse};
use crate::control::{build, set_operation};
use crate::fabric::flight;
use crate::ledger::read::{Object, Snapshot};
use crate::ledger::{Kind, ObjectState};
use crate::schedule::{FAULTS_MAX, FaultSpec, SOURCE_BYTES_MAX, SourceError};
use crate::settings::Adversary;
use crate::universe::Universe;

/// Nothing went wrong.
pub const MOCK_UCX_OK: c_int = 0;
/// An argument means nothing: a null pointer, the name of no kind of object, a number that is out of range.
pub const MOCK_UCX_ERROR_ARGUMENT: c_int = -1;
/// The file cannot be read or written.
pub const MOCK_UCX_ERROR_FILE: c_int = -2;
/// The mock failed; a bug of ours.
pub const MOCK_UCX_ERROR_INTERNAL: c_int = -3;
/// Not now: UCX was never called, objects are alive, or what is asked for contradicts the environment.
pub const MOCK_UCX_ERROR_STATE: c_int = -4;
/// The text is no fault specification.
pub const MOCK_UCX_ERROR_FAULTS: c_int = -5;
/// The text is too long.
pub const MOCK_UCX_ERROR_TOO_LONG: c_int = -6;
/// Objects were not given back.
pub const MOCK_UCX_ERROR_LOST: c_int = -7;

/// Version of the mock itself, such as "0.1.0". Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Id of this build, equal in the library and the program that belong together. Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_build_id() -> *const c_char {
    build::id_pointer()
}

/// What was wrong with the last call of this API in this thread, and what to do; "" if nothing was. Never null; valid until this
/// thread's next call of this API.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_message() -> *const c_char {
    answer::message()
}

/// Counts the objects that this process holds: those of one kind ("config", "context", "worker", "address", "endpoint",
/// "memory_handle", "rkey_buffer", "rkey", "request", "am_data", "mem_list"), or all of them if `kind` is null.
///
/// # Safety
/// `kind` is null or a terminated string, `live` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_ucx_census(kind: *const c_char, live: *mut u64) -> c_int {
    answered(|| {
        let kind = if kind.is_null() {
            None
        } else {
            // SAFETY: the caller vouches for the string.
            Some(kind_named(unsafe { CStr::from_ptr(kind) })?)
        };
        let count = current().map_or(0, |universe| count(universe, kind));
        // SAFETY: the caller vouches for the pointer.
        unsafe { write(live, count, "live") }
    })
}

/// Says that operation number `operation` of the client begins now; 0 = none. What is created and ended, and what goes wrong, is
/// reported with the operation it happened in. Without effect before the first call of UCX.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_mark_operation(operation: u32) {
    answered(|| {
        set_operation(operation);
        Ok(())
    });
}

/// Writes what this process holds and which rules it broke, as text, to the file `path`, or to stderr if that is null.
///
/// # Safety
/// `path` is null or a terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_ucx_report(path: *const c_char) -> c_int {
    answered(|| {
        let text = match current() {
            Some(universe) => Snapshot::of(&universe.map).summary(),
            None => format!(
                "mock-ucx: process {}: UCX was never called\n",
                std::process::id()
            ),
        };
        if path.is_null() {
            eprint!("{text}");
            return Ok(());
        }
        // SAFETY: the caller vouches for the string.
        let path = OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes());
        std::fs::write(path, text).or_else(|error| {
            refuse(
                MOCK_UCX_ERROR_FILE,
                format!("{}: {error}", path.to_string_lossy()),
            )
        })
    })
}

/// From now on the faults of the specification `text` happen, and no others; "" for none; "@FILE" reads a file. Occurrences are counted
/// from this call on, objects from the start of the process or the last reset. Before the first call of UCX, too. If the specification
/// is refused, what was in force stays.
///
/// # Safety
/// `text` is null or a terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_ucx_faults(text: *const c_char) -> c_int {
    answered(|| {
        if text.is_null() {
            return refuse(MOCK_UCX_ERROR_ARGUMENT, "`text` is null");
        }
        // SAFETY: the caller vouches for the string; not more than what may belong to it is read.
        let bytes = unsafe {
            let length = libc::strnlen(text, SOURCE_BYTES_MAX + 1);
            std::slice::from_raw_parts(text.cast::<u8>(), length)
        };
        if bytes.len() > SOURCE_BYTES_MAX {
            return refuse(MOCK_UCX_ERROR_TOO_LONG, SourceError::TooLong);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return refuse(
                MOCK_UCX_ERROR_FAULTS,
                "the fault specification is not UTF-8",
            );
        };
        let mut state = universe().lock();
        let faults = FaultSpec::from_source(text, state.settings.paranoid).or_else(|error| {
            let code = match &error {
                SourceError::Wrong { .. } => MOCK_UCX_ERROR_FAULTS,
                SourceError::File { .. } => MOCK_UCX_ERROR_FILE,
                SourceError::TooLong => MOCK_UCX_ERROR_TOO_LONG,
            };
            refuse(code, error)
        })?;
        if !state.first_settings.faults.is_empty() {
            return refuse(
                MOCK_UCX_ERROR_STATE,
                "the process began with faults (--faults, MOCK_UCX_FAULTS); leave one or the other out",
            );
        }
        state.follow(faults);
        Ok(())
    })
}

/// How often fault number `number`, from 1, of the specification in force has happened.
///
/// # Safety
/// `times` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_ucx_fired(number: u32, times: *mut u64) -> c_int {
    answered(|| {
        let universe = begun()?;
        let known = universe.lock().settings.faults.faults.len().min(FAULTS_MAX);
        let Some(index) = (number as usize)
            .checked_sub(1)
            .filter(|index| *index < known)
        else {
            return refuse(
                MOCK_UCX_ERROR_ARGUMENT,
                format!("there is no fault number {number}; {known} are in force"),
            );
        };
        let fired = universe.map.header().faults_fired[index].load(Relaxed);
        // SAFETY: the caller vouches for the pointer.
        unsafe { write(times, fired, "times") }
    })
}

/// From now on the library deviates, wherever UCX permits it, as a swarm drawn from `seed`; faults come first. Before the first call of
/// UCX, too.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_seed(seed: u64) -> c_int {
    answered(|| {
        let mut state = universe().lock();
        if !matches!(state.first_settings.adversary, Adversary::Benign) {
            return refuse(
                MOCK_UCX_ERROR_STATE,
                "the process began with an adversary of its own (--seed, MOCK_UCX_SEED); leave one or the other out",
            );
        }
        state.swarm(seed);
        Ok(())
    })
}

/// The adversary heals: from now on nothing deviates but calls that a specification fails, and what was withheld comes. Faults or a seed that are set later begin anew.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_heal() -> c_int {
    answered(|| {
        flight::heal(&mut begun()?.lock());
        Ok(())
    })
}

/// Everything is as at the start of the process: faults, seed, counts, numbers of objects, and the adversary is not healed. What was
/// recorded stays in the report. Only when no object is alive.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_reset() -> c_int {
    answered(|| {
        let Some(universe) = current() else {
            return Ok(());
        };
        if universe.lock().reset() {
            return Ok(());
        }
        let left = Snapshot::of(&universe.map);
        refuse(
            MOCK_UCX_ERROR_STATE,
            format!("objects are alive: {}", listed(&left, alive)),
        )
    })
}

/// Remembers this moment as `*mark`, for `mock_ucx_expect_nothing_lost`.
///
/// # Safety
/// `mark` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mock_ucx_mark(mark: *mut u64) -> c_int {
    // SAFETY: the caller vouches for the pointer.
    answered(|| unsafe { write(mark, current().map_or(0, step), "mark") })
}

/// Whether each object that was made since `mark` (0: ever) was given back, and none was lost with its parent; else
/// MOCK_UCX_ERROR_LOST, and the message says which.
#[unsafe(no_mangle)]
pub extern "C" fn mock_ucx_expect_nothing_lost(mark: u64) -> c_int {
    answered(|| {
        let now = current().map_or(0, step);
        if mark > now {
            return refuse(MOCK_UCX_ERROR_ARGUMENT, format!("{mark} is no mark"));
        }
        let Some(universe) = current() else {
            return Ok(());
        };
        let snapshot = Snapshot::of(&universe.map);
        let lost = listed(&snapshot, |object| match object.state {
            ObjectState::Alive => object.created.step > mark,
            ObjectState::Orphaned => object.created.step > mark || object.ended.step > mark,
            _ => false,
        });
        if lost.is_empty() {
            return Ok(());
        }
        refuse(MOCK_UCX_ERROR_LOST, format!("not given back: {lost}"))
    })
}

/// Objects that a message names; the others are counted.
const LISTED_MAX: usize = 8;

fn alive(object: &Object) -> bool {
    object.state == ObjectState::Alive
}

/// The objects of a snapshot for which `counts` holds, in the order of their creation.
fn listed(snapshot: &Snapshot, counts: impl Fn(&Object) -> bool) -> String {
    let mut objects: Vec<_> = snapshot
        .objects
        .iter()
        .filter(|object| counts(object))
        .collect();
    objects.sort_by_key(|object| object.serial);
    let mut names: Vec<String> = objects
        .iter()
        .take(LISTED_MAX)
        .map(|object| {
            let function = object
                .created
                .function
                .map_or("?", |function| function.name());
            format!(
                "{}#{} of {function}",
                object.kind.short_name(),
                object.ordinal
            )
        })
        .collect();
    if objects.len() > LISTED_MAX {
        names.push(format!("and {} more", objects.len() - LISTED_MAX));
    }
    names.join(", ")
}

fn begun() -> Result<&'static Universe, Refusal> {
    match current() {
        Some(universe) => Ok(universe),
        None => refuse(MOCK_UCX_ERROR_STATE, "UCX was never called"),
    }
}

fn step(universe: &Universe) -> u64 {
    universe.map.header().step.load(Relaxed)
}

fn kind_named(name: &CStr) -> Result<Kind, Refusal> {
    let known = Kind::ALL
        .into_iter()
        .find(|kind| kind.name().as_bytes() == name.to_bytes());
    match known {
        Some(kind) => Ok(kind),
        None => refuse(
            MOCK_UCX_ERROR_ARGUMENT,
            format!("`{}` is no kind of object", name.to_string_lossy()),
        ),
    }
}

fn count(universe: &Universe, kind: Option<Kind>) -> u64 {
    let live = &universe.map.header().live;
    let of = |kind: Kind| live[kind as usize].load(Relaxed);
    kind.map_or_else(|| Kind::ALL.into_iter().map(of).sum(), of)
}

/// # Safety
/// `target` is null or writable.
unsafe fn write(target: *mut u64, value: u64, name: &str) -> Result<(), Refusal> {
    if target.is_null() {
        return refuse(MOCK_UCX_ERROR_ARGUMENT, format!("`{name}` is null"));
    }
    // SAFETY: the caller vouches for the pointer.
    unsafe { target.write_unaligned(value) };
    Ok(())
}
