//! The supervisor's signals as a queue: who sent one decides what is done, and only a `signalfd` tells.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Those that are passed on to the command; what else ends the supervisor ends it.
pub(super) const FORWARDED: [i32; 5] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
];
/// The one that asks for a census.
pub(super) const CENSUS: i32 = libc::SIGUSR2;

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    /// Which.
    pub(super) number: i32,
    /// The terminal sent it, and so to the command too.
    pub(super) from_terminal: bool,
}

/// The queue. While it exists the signals do not interrupt the supervisor.
pub(super) struct Signals {
    descriptor: OwnedFd,
    before: libc::sigset_t,
}

impl Signals {
    /// Begins to queue signals.
    pub(super) fn new() -> io::Result<Signals> {
        // SAFETY: the sets are initialised by the calls that get them; the descriptor is new and ours.
        unsafe {
            let mut wanted: libc::sigset_t = mem::zeroed();
            let mut before: libc::sigset_t = mem::zeroed();
            libc::sigemptyset(&raw mut wanted);
            for signal in FORWARDED.into_iter().chain([CENSUS, libc::SIGCHLD]) {
                libc::sigaddset(&raw mut wanted, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const wanted, &raw mut before);
            let descriptor = libc::signalfd(
                -1,
                &raw const wanted,
                libc::SFD_CLOEXEC | libc::SFD_NONBLOCK,
            );
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Signals {
                descriptor: OwnedFd::from_raw_fd(descriptor),
                before,
            })
        }
    }

    /// The descriptor to wait for.
    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// The mask that a command is to start with: the one from before.
    pub(super) fn mask_of_command(&self) -> libc::sigset_t {
        self.before
    }

    /// The next signal, if one has arrived. `SIGCHLD` only wakes.
    pub(super) fn next(&self) -> Option<Signal> {
        loop {
            // SAFETY: all zeros is a valid record.
            let mut record: libc::signalfd_siginfo = unsafe { mem::zeroed() };
            let size = size_of::<libc::signalfd_siginfo>();
            // SAFETY: the record has the size that is passed.
            let length = unsafe { libc::read(self.descriptor(), (&raw mut record).cast(), size) };
            if length != size.cast_signed() {
                return None;
            }
            let number = record.ssi_signo.cast_signed();
            if number != libc::SIGCHLD {
                return Some(Signal {
                    number,
                    from_terminal: record.ssi_code == libc::SI_KERNEL,
                });
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: the mask was filled in by `new`.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                std::ptr::null_mut(),
            );
        }
    }
}

/// The name of a signal, as `kill -l` has it.
pub(super) fn name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
