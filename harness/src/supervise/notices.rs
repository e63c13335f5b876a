//! What processes tell before they end: each waits for an answer while it is looked at.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use mock_ucx::control::is_real_ucx;
use mock_ucx::control::supervisor::{NOTICE_BYTES, Notice};
use mock_ucx::ledger::ObjectState;
use mock_ucx::ledger::read::Snapshot;

use super::folder::{Folder, LedgerFile, words};
use crate::oracle::ownership;

/// A notice is 64 bytes that were sent before: one that does not come at once never comes.
const NOTICE_WAIT: Duration = Duration::from_secs(1);

/// Where notices arrive.
pub(super) struct Notices {
    listener: UnixListener,
}

/// A process that is about to end.
#[derive(Debug)]
pub(super) struct Farewell {
    /// Its ledger; `None`: it never called the mock.
    pub(super) ledger: Option<LedgerFile>,
    /// Its number.
    pub(super) pid: u32,
    /// Its command line.
    pub(super) command: String,
    /// It called `_exit`.
    pub(super) quick: bool,
    /// Who holds what, or why its memory could not be read.
    pub(super) held: Result<Held, String>,
    /// Files of a real UCX that were mapped.
    pub(super) real_ucx: Vec<String>,
}

/// What a look at the memory of a process said.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// Live objects whose handle was found.
    pub(super) found: BTreeSet<u64>,
    /// All objects that were alive.
    pub(super) alive: BTreeSet<u64>,
}

impl Notices {
    /// Begins to listen.
    pub(super) fn new(folder: &Folder) -> io::Result<Notices> {
        let listener = UnixListener::bind(folder.socket())?;
        listener.set_nonblocking(true)?;
        Ok(Notices { listener })
    }

    /// The descriptor to wait for.
    pub(super) fn descriptor(&self) -> RawFd {
        self.listener.as_raw_fd()
    }

    /// The next process that says farewell, looked at and let go.
    pub(super) fn next(&self, folder: &Folder) -> Option<Farewell> {
        loop {
            let (mut stream, _) = self.listener.accept().ok()?;
            // Nothing is known of a process that hung up.
            if let Ok(farewell) = receive(&mut stream, folder) {
                let _ = stream.write_all(&[1]);
                return Some(farewell);
            }
        }
    }
}

fn receive(stream: &mut UnixStream, folder: &Folder) -> io::Result<Farewell> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(NOTICE_WAIT))?;
    let pid = peer(stream)?;
    let mut message = [0; NOTICE_BYTES];
    stream.read_exact(&mut message)?;
    let notice = Notice::from_number(message[0])
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    let name = String::from_utf8_lossy(&message[1..]);
    let ledger = LedgerFile::parse(name.trim_end_matches('\0'));
    let held = match &ledger {
        Some(file) => look(pid, &folder.ledger(file)).map_err(|error| error.to_string()),
        None => Err("it has no ledger".to_owned()),
    };
    Ok(Farewell {
        pid: ledger.as_ref().map_or(pid, |file| file.pid),
        ledger,
        command: words(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()),
        quick: notice == Notice::QuickExit,
        held,
        real_ucx: real_ucx(pid),
    })
}

/// The process at the other end, as this one numbers it.
fn peer(stream: &UnixStream) -> io::Result<u32> {
    // SAFETY: all zeros is a valid record, and the size that is passed is its own.
    let (failed, peer) = unsafe {
        let mut peer: libc::ucred = mem::zeroed();
        let mut size = size_of::<libc::ucred>() as libc::socklen_t;
        let failed = libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut size,
        );
        (failed != 0, peer)
    };
    if failed {
        return Err(io::Error::last_os_error());
    }
    Ok(peer.pid.cast_unsigned())
}

fn look(pid: u32, ledger: &Path) -> io::Result<Held> {
    let snapshot = Snapshot::open(ledger)?;
    let found = ownership::scan(pid, &snapshot)?;
    let alive = snapshot
        .objects
        .iter()
        .filter(|object| object.state == ObjectState::Alive)
        .map(|object| object.serial)
        .collect();
    Ok(Held { found, alive })
}

/// Files of a real UCX that a process has mapped.
pub(super) fn real_ucx(pid: u32) -> Vec<String> {
    let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let paths: BTreeSet<&[u8]> = maps
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            line.iter()
                .position(|byte| *byte == b'/')
                .map(|at| &line[at..])
        })
        .filter(|path| is_real_ucx(path))
        .collect();
    paths
        .into_iter()
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect()
}
