//! One connection: a socket of packets, and the message that comes over it in parts.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with, sockopt};

use crate::fabric::remote::frame::Frame;

/// Bytes that a connection may hold, if the system permits so many.
pub(super) const SEND_BUFFER_BYTES: usize = 1 << 20;

/// One socket.
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    /// Nonce of the process at the other end, once it is known.
    pub(super) peer: Option<u64>,
    /// A message whose parts have not all come.
    partial: Option<Frame>,
    wants_room: bool,
}

impl Connection {
    /// A new one; its peer is known to who connected.
    pub(super) fn new(socket: OwnedFd, peer: Option<u64>) -> Connection {
        Connection {
            socket,
            peer,
            partial: None,
            wants_room: false,
        }
    }
}

/// A connection that can be closed.
#[derive(Debug)]
pub(super) struct Ended;

impl Connection {
    /// Puts a message together out of its parts; anything else passes through. An error for parts that do not fit.
    pub(super) fn assemble(&mut self, frame: Frame) -> Result<Option<Frame>, Ended> {
        let whole = match (self.partial.take(), frame) {
            (None, Frame::More { .. }) => return Err(Ended),
            (None, frame) => frame,
            (
                Some(Frame::Message {
                    route,
                    length,
                    header,
                    mut data,
                }),
                Frame::More { data: next },
            ) => {
                data.extend_from_slice(&next);
                Frame::Message {
                    route,
                    length,
                    header,
                    data,
                }
            }
            (Some(_), _) => return Err(Ended),
        };
        if let Frame::Message { length, data, .. } = &whole
            && (data.len() as u64) < *length
        {
            self.partial = Some(whole);
            return Ok(None);
        }
        Ok(Some(whole))
    }

    /// Has the kernel tell of room, or not.
    pub(super) fn watch_room(&mut self, epoll: &OwnedFd, number: u64, wanted: bool) {
        if self.wants_room == wanted {
            return;
        }
        let mut events = epoll::EventFlags::IN;
        events.set(epoll::EventFlags::OUT, wanted);
        let data = epoll::EventData::new_u64(number);
        // Without it a sleeper is not woken by room, but the progress calls still try.
        if epoll::modify(epoll, &self.socket, data, events).is_ok() {
            self.wants_room = wanted;
        }
    }
}

/// A socket that is not connected.
pub(super) fn packet_socket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES)?;
    Ok(socket)
}

/// Where the process with this nonce listens.
pub(super) fn socket_name(nonce: u64) -> Result<SocketAddrUnix, Errno> {
    SocketAddrUnix::new_abstract_name(format!("mock-ucx-{nonce:016x}").as_bytes())
}

/// Has the kernel tell what comes, under a number.
pub(super) fn watch(epoll: &OwnedFd, source: &OwnedFd, number: u64) -> io::Result<()> {
    let data = epoll::EventData::new_u64(number);
    Ok(epoll::add(epoll, source, data, epoll::EventFlags::IN)?)
}

/// The process at the other end; `None` if it has no number here.
pub(super) fn peer_pid(socket: &OwnedFd) -> Option<u32> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `peer` has `length` bytes. (The wrapper that the crate has for this takes no process id of 0.)
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    u32::try_from(peer.pid)
        .ok()
        .filter(|pid| answer == 0 && *pid != 0)
}
