//! A process that used the mock, or passed it by, as it is known when the run is over.

use std::collections::BTreeSet;
use std::fmt;

use mock_ucx::ledger::ObjectState;
use mock_ucx::ledger::read::Snapshot;

use super::notices::Held;
use super::signals;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It came to `exit`; the status, if the supervisor was its parent.
    Exited(Option<i32>),
    /// It called `_exit`.
    QuickExit(Option<i32>),
    /// A signal ended it.
    Signalled(i32),
    /// It was replaced by another program (`exec`).
    Replaced,
    /// It ended without a word: the status, if the supervisor was its parent and no signal ended it.
    Unseen(Option<i32>),
    /// It still runs.
    Running,
}

impl End {
    /// It came to its end by its own will, so that what it left to itself can be judged.
    pub fn is_orderly(self) -> bool {
        matches!(self, End::Exited(_) | End::QuickExit(_))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exited(None) => f.write_str("exited"),
            End::Exited(Some(status)) => write!(f, "exited with status {status}"),
            End::QuickExit(None) => f.write_str("ended by _exit"),
            End::QuickExit(Some(status)) => write!(f, "ended by _exit with status {status}"),
            End::Signalled(signal) => write!(f, "ended by {}", signals::name(*signal)),
            End::Replaced => f.write_str("was replaced by another program (exec)"),
            End::Unseen(None) => {
                f.write_str("ended without exit (killed, aborted, or replaced by exec)")
            }
            End::Unseen(Some(status)) => write!(
                f,
                "ended with status {status} without exit (replaced by exec, or by a raw system call)"
            ),
            End::Running => f.write_str("still runs"),
        }
    }
}

/// A process that called the mock.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// How it ended.
    pub end: End,
    /// Its ledger, read after it was gone.
    pub snapshot: Snapshot,
    /// Files of a real UCX that it had mapped.
    pub real_ucx: Vec<String>,
    pub(super) look: Result<Held, String>,
}

impl Process {
    /// Live objects whose handle is held, or why that is not known.
    ///
    /// What came to be after the look, in destructors, counts as held: nobody looked for it.
    ///
    /// # Errors
    /// Nobody looked.
    pub fn held(&self) -> Result<BTreeSet<u64>, &str> {
        let look = self.look.as_ref().map_err(String::as_str)?;
        let later = self
            .snapshot
            .objects
            .iter()
            .filter(|object| {
                object.state == ObjectState::Alive && !look.alive.contains(&object.serial)
            })
            .map(|object| object.serial);
        Ok(look.found.iter().copied().chain(later).collect())
    }
}
