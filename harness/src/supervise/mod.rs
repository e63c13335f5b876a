//! Runs any command with the mock in UCX's place, watches its processes, and reads their ledgers whatever way they end.

mod command;
mod executable;
mod fired;
mod folder;
mod library;
pub mod memory;
mod notices;
mod preload;
mod process;
mod reap;
mod render;
mod report;
mod signals;
mod watch;

pub use command::{CommandError, Program};
pub use fired::{Deviation, Place};
pub use library::{LibraryError, find as find_library, find_driver, find_hooks};
pub use preload::{PreloadError, check_preloaded};
pub use process::{End, Process};
pub use report::{ProcessReport, Question, Report};
pub use watch::{Bypassed, MemoryWatch, Run, RunError, Watched};
