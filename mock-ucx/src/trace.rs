//! The trace of a process: a line for each call, each decision and each call into the client, as they happen.
//!
//! Objects are named by kind and ordinal; nothing is named by address, thread id or time, so that the same client under the same decisions
//! leaves the same trace. Polls that found nothing are left out. Each line is written at once, by one system call: a client that aborts
//! loses none.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::schedule::ObjectName;

/// The first line of every trace: its columns.
pub const COLUMNS: &str = "step\tthread\tevent\twhat\tobject\toccurrence\toutcome";

/// Extension of a trace's file, which lies beside the ledger.
pub const TRACE: &str = "trace";

/// A trace that is being written.
#[derive(Debug)]
pub(crate) struct Trace {
    file: File,
}

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A call that ended; the outcome is what it answered.
    Call,
    /// A decision; the outcome is what was decided.
    Decision,
    /// A call into the client that begins; the outcome is what it is told.
    Callback,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Event::Call => "call",
            Event::Decision => "decision",
            Event::Callback => "callback",
        }
    }
}

/// One line.
pub(crate) struct Line<'a> {
    pub(crate) step: u64,
    pub(crate) thread: u16,
    pub(crate) event: Event,
    pub(crate) what: &'a str,
    pub(crate) object: Option<ObjectName>,
    /// Of a decision: how often its point was reached with that object.
    pub(crate) occurrence: Option<u64>,
    pub(crate) outcome: &'a dyn fmt::Display,
}

impl Trace {
    /// A new trace beside a ledger.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn beside(ledger: &Path) -> io::Result<Trace> {
        let path = ledger.with_extension(TRACE);
        let mut file = File::options()
            .create(true)
            .append(true)
            .truncate(false)
            .open(path)?;
        writeln!(file, "{COLUMNS}")?;
        Ok(Trace { file })
    }

    /// Writes a line. A full disk loses lines, never the client.
    pub(crate) fn line(&self, line: &Line<'_>) {
        let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let text = format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
            line.step,
            line.thread,
            line.event.name(),
            line.what,
            or_nothing(line.object.map(|object| object.to_string())),
            or_nothing(line.occurrence.map(|occurrence| occurrence.to_string())),
            line.outcome,
        );
        let _ = (&self.file).write_all(text.as_bytes());
    }
}
