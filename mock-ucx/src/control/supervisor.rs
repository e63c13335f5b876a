//! The line to a supervisor: a process tells it that it is about to end, and waits while the supervisor looks at its memory.
//!
//! Everything on the telling side is async-signal-safe, because `_exit` may be called from a signal handler, and bounded, because
//! a supervisor may be gone or stuck.

use std::ffi::OsStr;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::atomic::{AtomicBool, AtomicPtr};

/// Name of the supervisor's socket inside the folder for ledgers.
pub const SOCKET: &str = "supervisor";

/// Bytes of a notice: its kind, then the name of the ledger's file, filled up with zeros.
pub const NOTICE_BYTES: usize = 64;

/// Longest wait for the answer, in seconds. A scan of a process with a few GiB takes about one second.
const ANSWER_SECONDS_MAX: libc::time_t = 20;

/// What a process tells.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It came to `exit`, and no handler that was registered before its first call of UCX has run.
    Exit = b'E',
    /// It called `_exit`.
    QuickExit = b'Q',
    /// It ends, had a UCX of its own mapped, and never called the mock.
    Bypassed = b'B',
}

impl Notice {
    /// The notice with this number.
    pub fn from_number(number: u8) -> Option<Notice> {
        [Notice::Exit, Notice::QuickExit, Notice::Bypassed]
            .into_iter()
            .find(|notice| *notice as u8 == number)
    }
}

/// How to reach the supervisor from one process.
struct Line {
    pid: libc::pid_t,
    address: libc::sockaddr_un,
    ledger: [u8; NOTICE_BYTES - 1],
    told: AtomicBool,
}

/// The line of this process; in a forked child that of its parent, until it makes a ledger of its own.
static LINE: AtomicPtr<Line> = AtomicPtr::new(ptr::null_mut());

/// Remembers the supervisor that watches the folder in which `ledger` lies.
pub(crate) fn connect_to(ledger: &Path) {
    let (Some(folder), Some(name)) = (ledger.parent(), ledger.file_name()) else {
        return;
    };
    if let Some(line) = line(folder, name) {
        // A former line is leaked: another thread may be using it.
        LINE.store(
            Box::into_raw(Box::new(line)),
            std::sync::atomic::Ordering::Release,
        );
    }
}

fn line(folder: &Path, ledger: &OsStr) -> Option<Line> {
    // SAFETY: all zeros is a valid address.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let path = folder.join(SOCKET);
    let path = path.as_os_str().as_bytes();
    // The last byte stays zero.
    if path.len() >= address.sun_path.len() {
        return None;
    }
    for (to, from) in address.sun_path.iter_mut().zip(path) {
        *to = *from as libc::c_char;
    }
    let mut name = [0; NOTICE_BYTES - 1];
    let ledger = ledger.as_bytes();
    name.get_mut(..ledger.len())?.copy_from_slice(ledger);
    Some(Line {
        // SAFETY: always safe.
        pid: unsafe { libc::getpid() },
        address,
        ledger: name,
        told: AtomicBool::new(false),
    })
}

/// Tells the supervisor of this process's ledger, once, and waits for its answer. Does nothing without one, and nothing in a child
/// that shares memory with this process (`vfork`) or was forked from it.
pub(crate) fn tell(notice: Notice) {
    // SAFETY: a line is leaked when it is published.
    let Some(line) = (unsafe { LINE.load(Acquire).as_ref() }) else {
        return;
    };
    // SAFETY: always safe.
    let pid = unsafe { libc::getpid() };
    if line.pid == pid && !line.told.swap(true, AcqRel) {
        line.send(notice);
    }
}

/// Tells the supervisor that watches `folder` about a process that has no ledger.
pub(crate) fn tell_without_ledger(folder: &Path, notice: Notice) {
    if let Some(line) = line(folder, OsStr::new("")) {
        line.send(notice);
    }
}

/// Whether this process, and not the one it was forked from, has a line.
pub(crate) fn is_connected() -> bool {
    // SAFETY: a line is leaked when it is published; `getpid` is always safe.
    unsafe {
        LINE.load(Acquire)
            .as_ref()
            .is_some_and(|line| line.pid == libc::getpid())
    }
}

impl Line {
    fn send(&self, notice: Notice) {
        let mut message = [0u8; NOTICE_BYTES];
        message[0] = notice as u8;
        message[1..].copy_from_slice(&self.ledger);
        let wait = libc::timeval {
            tv_sec: ANSWER_SECONDS_MAX,
            tv_usec: 0,
        };
        // SAFETY: plain system calls on a socket of our own, with pointers to values that live as long as the calls.
        unsafe {
            let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
            if socket < 0 {
                return;
            }
            for option in [libc::SO_SNDTIMEO, libc::SO_RCVTIMEO] {
                libc::setsockopt(
                    socket,
                    libc::SOL_SOCKET,
                    option,
                    (&raw const wait).cast(),
                    size_of::<libc::timeval>() as libc::socklen_t,
                );
            }
            let address = (&raw const self.address).cast();
            let length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
            if libc::connect(socket, address, length) == 0 {
                libc::send(
                    socket,
                    message.as_ptr().cast(),
                    NOTICE_BYTES,
                    libc::MSG_NOSIGNAL,
                );
                let mut answer = 0u8;
                libc::recv(socket, (&raw mut answer).cast(), 1, 0);
            }
            libc::close(socket);
        }
    }
}
