//! What a test or a tool may ask of the library while it runs.

pub(crate) mod answer;
pub mod api;
pub mod build;
pub mod edges;
pub(crate) mod ending;
pub(crate) mod report;
pub mod settings;
pub mod supervisor;

use std::panic::catch_unwind;
use std::sync::atomic::Ordering::Relaxed;

use crate::abi::call::thread_number;
use crate::ledger::Stack;
use crate::ledger::read::Snapshot;
use crate::schedule::{Choice, Environment};
use crate::settings::Settings;

pub use crate::abi::{configure, configured, set_operation};
pub use ending::is_real_ucx;

/// The adversary heals: from now on nothing deviates, and what it withheld comes. Without effect before the first call of UCX.
pub fn heal() {
    if let Some(universe) = crate::abi::current() {
        crate::fabric::flight::heal(&mut universe.lock());
    }
}

/// Whether nothing will happen any more by itself: nothing is under way but what the adversary withholds until it heals, no worker has an
/// event, and no other process is connected. Progress calls bring nothing then.
pub fn is_quiet() -> bool {
    crate::abi::current().is_none_or(|universe| universe.lock().is_quiet())
}

/// Whether it [is quiet](is_quiet), and nothing is withheld either: healing brings nothing then.
pub fn is_idle() -> bool {
    crate::abi::current().is_none_or(|universe| universe.lock().is_idle())
}

/// Begins now, as the first call of UCX would: for a client whose [`environment`] is to fail before that.
pub fn begin() {
    crate::abi::universe();
}

/// Whether the system is to fail what the client asks of it now, and with which of the point's errors. To be asked by whoever stands in for
/// the system's functions, for calls of the client alone; costs a load unless such faults were asked for.
pub fn environment(which: Environment) -> Option<&'static str> {
    if !which.is_asked_for() {
        return None;
    }
    let decided = catch_unwind(|| {
        let universe = crate::abi::current()?;
        let step = universe.map.header().step.load(Relaxed) + 1;
        let mut state = universe.lock();
        let choice = state.ask_environment(which, step, thread_number(), Stack::capture);
        let Choice::Variant(number) = choice else {
            return None;
        };
        let variant = which.variants().get(usize::from(number))?;
        Some(variant.name)
    });
    decided.ok().flatten()
}

/// Everything is as at the start of the process, except what was recorded: the adversary deviates again, and all is counted anew. Only
/// while no object is alive; false otherwise, and before the first call of UCX.
pub fn reset() -> bool {
    crate::abi::current().is_some_and(|universe| universe.lock().reset())
}

/// As at the start of a process with these settings, and with nothing recorded, but that ledger and emulated release stay what they
/// are. For a program that plays one case after the other. Only while nothing of the client is alive or under way, and while none of its
/// threads is inside UCX; false otherwise, and before the first call of UCX.
pub fn begin_anew(settings: Settings) -> bool {
    crate::abi::current().is_some_and(|universe| universe.lock().begin_anew(settings))
}

/// What the ledger of this process says, if UCX was called already.
pub fn snapshot() -> Option<Snapshot> {
    crate::abi::current().map(|universe| Snapshot::of(&universe.map))
}

/// What the ledger of this process says but for call stacks and modules, if UCX was called already.
pub fn snapshot_without_stacks() -> Option<Snapshot> {
    crate::abi::current().map(|universe| Snapshot::without_stacks(&universe.map))
}

/// Progress calls of each worker after [`heal`] within which every operation under way is complete.
pub use crate::fabric::flight::HEALED_PROGRESS_MAX;
