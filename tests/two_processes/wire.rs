//! What the two sides of a test tell each other beside UCX: over a socket that each has as its standard input.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;

/// One end of it.
pub(crate) struct Wire(UnixStream);

impl Wire {
    /// The socket that the process was started with.
    pub(crate) fn of_process() -> Wire {
        // SAFETY: standard input is that socket, and nothing else reads it.
        Wire(unsafe { UnixStream::from_raw_fd(0) })
    }

    pub(crate) fn tell(&self, bytes: &[u8]) {
        let mut socket = &self.0;
        socket
            .write_all(&(bytes.len() as u64).to_le_bytes())
            .unwrap();
        socket.write_all(bytes).unwrap();
    }

    pub(crate) fn hear(&self) -> Vec<u8> {
        let mut socket = &self.0;
        let mut length = [0; 8];
        socket.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
        socket.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Tells the other side to go on.
    pub(crate) fn go(&self) {
        self.tell(b"go");
    }

    /// Waits until the other side says so, without progress.
    pub(crate) fn wait(&self) {
        assert_eq!(self.hear(), b"go");
    }

    /// Whether the other side has said something that was not heard.
    pub(crate) fn is_ready(&self) -> bool {
        let mut ready = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one element.
        unsafe { libc::poll(&mut ready, 1, 0) == 1 }
    }
}
