//! The report of a process that nobody supervises: a few lines on stderr at its end.

use crate::control::settings;
use crate::ledger::read::Snapshot;
use crate::universe::Universe;

/// Prints what is left, unless a supervisor will.
pub(crate) fn at_exit(universe: &Universe) {
    let state = universe.lock();
    if state.settings.ledger.is_some() || settings::ledger_folder().is_some() {
        return;
    }
    let snapshot = Snapshot::of(&universe.map);
    drop(state);
    eprint!("{}", snapshot.summary());
}
