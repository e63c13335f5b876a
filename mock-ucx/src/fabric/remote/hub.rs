//! The sockets of a process: one that listens, and connections to every process that it has to do with.
//!
//! A connection is a Unix socket of packets in order (`SOCK_SEQPACKET`): packets arrive whole, a full socket is told from a broken one, and
//! the end of the peer is seen as the end of the connection, however it died. Nothing here blocks, and nothing here knows workers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustc_hash::FxHashSet;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, SocketFlags, accept_with, bind, connect, listen, recv, send, sockopt,
};

use crate::fabric::doorbell::Doorbell;
use crate::fabric::remote::connection::{
    Connection, Ended, SEND_BUFFER_BYTES, packet_socket, peer_pid, socket_name, watch,
};
use crate::fabric::remote::frame::{FRAME_BYTES_MAX, Frame};

/// Frames that one look takes in at most, so that a progress call that has so many callbacks to run is not given more.
const LOOK_BATCH: usize = 64;
/// Idle progress calls after which one looks all the same: the end of a peer rings no bell.
const IDLE_CALLS_MAX: u32 = 256;
/// Connections that may wait to be accepted while nobody progresses; the system's own limit is 4096.
const BACKLOG: i32 = 4096;
/// Events taken from the kernel at once; more come at the next look.
const EVENTS: usize = 32;
/// What the kernel calls the listening socket; connections count from 1.
const LISTENER: u64 = 0;

/// All that a process has open towards others.
pub(crate) struct Hub {
    pub(crate) nonce: u64,
    epoll: OwnedFd,
    listener: OwnedFd,
    bell: Doorbell,
    /// Kept open for peers to find.
    bell_file: File,
    /// Rings up to the latest look.
    heard: u64,
    /// Idle progress calls since the latest look.
    idle: u32,
    /// The latest look left something.
    unread: bool,
    /// Peers that cannot ring.
    mute: BTreeSet<u64>,
    connections: BTreeMap<u64, Connection>,
    latest: u64,
    /// Ways to other processes, by their nonce.
    pub(crate) links: BTreeMap<u64, Link>,
    /// Frames in queues.
    unsent: usize,
    buffer: Vec<u8>,
}

/// The way to another process.
pub(crate) struct Link {
    /// The connection that frames are sent on. They may come on others too, if both sides connected at the same time.
    connection: u64,
    /// The process, as this one sees it; `None` in another world of process ids.
    pub(crate) pid: Option<u32>,
    bell: Option<Doorbell>,
    queue: VecDeque<Outgoing>,
    /// Nothing can be sent any more.
    pub(crate) broken: bool,
    /// Its memory may be touched directly, as far as is known.
    pub(crate) direct: bool,
    /// Its workers that are known to have ended.
    pub(crate) gone: FxHashSet<u64>,
}

/// A frame that waits for room.
struct Outgoing {
    bytes: Vec<u8>,
    operation: Option<u64>,
}

/// Something that a look brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Frame {
        peer: u64,
        frame: Frame,
    },
    /// The last frame of an operation has left its queue.
    Sent {
        operation: u64,
    },
    /// The process has ended.
    Died {
        peer: u64,
    },
}

/// Why a process is not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectError {
    /// It ended.
    Gone,
    /// It cannot be reached from here.
    Unreachable,
}

/// How far a send went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All of it is with the kernel.
    Sent,
    /// Some of it waits for room.
    Queued,
    /// The peer is gone.
    Lost,
}

impl Hub {
    /// Opens a process's sockets and doorbell.
    pub(crate) fn open(nonce: u64) -> io::Result<Hub> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let listener = packet_socket()?;
        bind(&listener, &socket_name(nonce)?)?;
        listen(&listener, BACKLOG)?;
        watch(&epoll, &listener, LISTENER)?;
        let (bell, bell_file) = Doorbell::create(nonce)?;
        Ok(Hub {
            nonce,
            epoll,
            listener,
            bell,
            bell_file,
            heard: 0,
            idle: 0,
            unread: false,
            mute: BTreeSet::new(),
            connections: BTreeMap::new(),
            latest: LISTENER,
            links: BTreeMap::new(),
            unsent: 0,
            buffer: vec![0; FRAME_BYTES_MAX],
        })
    }

    /// Descriptor of the doorbell, for peers.
    pub(crate) fn bell_number(&self) -> i32 {
        self.bell_file.as_raw_fd()
    }

    /// Readable when a look would bring something.
    pub(crate) fn readiness(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Whether it is time to look, asked by a progress call. No system call.
    pub(crate) fn due(&mut self) -> bool {
        self.idle += 1;
        self.unread
            || self.unsent > 0
            || self.bell.rings() != self.heard
            || self.idle >= IDLE_CALLS_MAX
            || !self.mute.is_empty()
    }

    /// Connects to a process, unless it is connected.
    pub(crate) fn connect(&mut self, nonce: u64, bell: i32) -> Result<(), ConnectError> {
        if let Some(link) = self.links.get(&nonce) {
            return if link.broken {
                Err(ConnectError::Gone)
            } else {
                Ok(())
            };
        }
        let connected = packet_socket().and_then(|socket| {
            connect(&socket, &socket_name(nonce)?)?;
            Ok(socket)
        });
        let socket = connected.map_err(|error| match error {
            Errno::CONNREFUSED => ConnectError::Gone,
            _ => ConnectError::Unreachable,
        })?;
        let hello = Frame::Hello {
            nonce: self.nonce,
            bell: self.bell_number(),
        };
        let pid = peer_pid(&socket);
        let connection = self
            .adopt(socket, Some(nonce))
            .map_err(|_| ConnectError::Unreachable)?;
        self.link(nonce, connection, pid, bell, Some(hello));
        Ok(())
    }

    /// Takes in what has come, and sends what has room now.
    pub(crate) fn look(&mut self, arrivals: &mut Vec<Arrival>) {
        self.heard = self.bell.rings();
        self.idle = 0;
        self.unread = false;
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // An interrupted wait finds at the next look what it did not find now.
        if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&now)).is_err() {
            self.unread = true;
        }
        self.unread |= events.len() == EVENTS;
        let mut ready: Vec<u64> = events.iter().map(|event| event.data.u64()).collect();
        if ready.contains(&LISTENER) {
            self.accept(&mut ready);
        }
        let mut budget = LOOK_BATCH;
        for connection in ready {
            if self.receive(connection, &mut budget, arrivals).is_err() {
                self.forget(connection, arrivals);
            }
        }
        let waiting = self.links.iter().filter(|(_, link)| !link.queue.is_empty());
        let waiting: Vec<u64> = waiting.map(|(nonce, _)| *nonce).collect();
        for nonce in waiting {
            self.pump(nonce, arrivals);
        }
    }

    fn accept(&mut self, ready: &mut Vec<u64>) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        while let Ok(socket) = accept_with(&self.listener, flags) {
            // What the kernel grants the peer's end it grants this one; a refusal leaves the default.
            let _ = sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES);
            ready.extend(self.adopt(socket, None));
        }
    }

    fn adopt(&mut self, socket: OwnedFd, peer: Option<u64>) -> io::Result<u64> {
        watch(&self.epoll, &socket, self.latest + 1)?;
        self.latest += 1;
        self.connections
            .insert(self.latest, Connection::new(socket, peer));
        Ok(self.latest)
    }

    fn link(
        &mut self,
        nonce: u64,
        connection: u64,
        pid: Option<u32>,
        bell: i32,
        hello: Option<Frame>,
    ) {
        let bell = pid.and_then(|pid| Doorbell::of_peer(pid, bell, nonce));
        let mute = bell.is_none().then_some(Frame::Mute);
        let link = Link {
            connection,
            pid,
            bell,
            queue: VecDeque::new(),
            broken: false,
            direct: pid.is_some(),
            gone: FxHashSet::default(),
        };
        self.links.insert(nonce, link);
        let frames = hello.into_iter().chain(mute).map(|frame| frame.encode());
        self.send(nonce, frames.collect(), None, &mut Vec::new());
    }

    /// Reads a connection until it is empty or the budget is spent; an error says that it is of no use any more.
    fn receive(
        &mut self,
        number: u64,
        budget: &mut usize,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<(), Ended> {
        let mut retried = false;
        while *budget > 0 {
            let Some(connection) = self.connections.get_mut(&number) else {
                return Ok(());
            };
            let length = match recv(
                &connection.socket,
                &mut self.buffer[..],
                RecvFlags::DONTWAIT,
            ) {
                Ok((0, _)) => return Err(Ended),
                Ok((length, _)) => length,
                Err(Errno::AGAIN) => return Ok(()),
                // A peer that ended without reading all says so once, before what it had sent.
                Err(Errno::CONNRESET) if !mem::replace(&mut retried, true) => continue,
                Err(Errno::INTR) => continue,
                Err(_) => return Err(Ended),
            };
            *budget -= 1;
            let frame = Frame::decode(&self.buffer[..length]).ok_or(Ended)?;
            match (connection.peer, frame) {
                (None, Frame::Hello { nonce, bell }) => self.greet(number, nonce, bell),
                (None, _) | (Some(_), Frame::Hello { .. }) => return Err(Ended),
                (Some(peer), Frame::Mute) => {
                    self.mute.insert(peer);
                }
                (Some(peer), frame) => {
                    if let Some(frame) = connection.assemble(frame)? {
                        arrivals.push(Arrival::Frame { peer, frame });
                    }
                }
            }
        }
        self.unread = true;
        Ok(())
    }

    fn greet(&mut self, number: u64, nonce: u64, bell: i32) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        connection.peer = Some(nonce);
        if !self.links.contains_key(&nonce) {
            let pid = peer_pid(&connection.socket);
            self.link(nonce, number, pid, bell, None);
        }
    }

    fn forget(&mut self, number: u64, arrivals: &mut Vec<Arrival>) {
        let Some(connection) = self.connections.remove(&number) else {
            return;
        };
        // Closing alone does not do it while a process that is being started holds a copy.
        let _ = epoll::delete(&self.epoll, &connection.socket);
        let Some(peer) = connection.peer else {
            return;
        };
        if self
            .links
            .get(&peer)
            .is_some_and(|link| link.connection == number)
        {
            if let Some(link) = self.links.remove(&peer) {
                self.unsent -= link.queue.len();
            }
            self.mute.remove(&peer);
            arrivals.push(Arrival::Died { peer });
        }
    }

    /// Sends frames to a process, in order with all others to it. `operation` is told of when the last of them has left the queue.
    pub(crate) fn send(
        &mut self,
        peer: u64,
        frames: Vec<Vec<u8>>,
        operation: Option<u64>,
        arrivals: &mut Vec<Arrival>,
    ) -> Progress {
        let Some(link) = self.links.get_mut(&peer).filter(|link| !link.broken) else {
            return Progress::Lost;
        };
        self.unsent += frames.len();
        link.queue.extend(frames.into_iter().map(|bytes| Outgoing {
            bytes,
            operation: None,
        }));
        if let Some(last) = link.queue.back_mut() {
            last.operation = operation;
        }
        self.pump(peer, arrivals)
    }

    fn pump(&mut self, peer: u64, arrivals: &mut Vec<Arrival>) -> Progress {
        let Some(link) = self.links.get_mut(&peer) else {
            return Progress::Lost;
        };
        let Some(connection) = self.connections.get_mut(&link.connection) else {
            return Progress::Lost;
        };
        let before = link.queue.len();
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        while let Some(front) = link.queue.front() {
            match send(&connection.socket, &front.bytes, flags) {
                Ok(_) => {
                    let operation = link.queue.pop_front().and_then(|sent| sent.operation);
                    arrivals.extend(operation.map(|operation| Arrival::Sent { operation }));
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) => break,
                Err(_) => {
                    // What it had sent before its end is still to be read: the end itself is noticed after that.
                    link.broken = true;
                    self.unread = true;
                    self.unsent -= before;
                    link.queue.clear();
                    return Progress::Lost;
                }
            }
        }
        let sent = before - link.queue.len();
        self.unsent -= sent;
        if sent > 0
            && let Some(bell) = &link.bell
        {
            bell.ring();
        }
        connection.watch_room(&self.epoll, link.connection, !link.queue.is_empty());
        if link.queue.is_empty() {
            Progress::Sent
        } else {
            Progress::Queued
        }
    }

    /// Whether the connection to a process has ended, by a question to the kernel.
    pub(crate) fn hung_up(&self, peer: u64) -> bool {
        let link = self.links.get(&peer);
        let connection = link.and_then(|link| self.connections.get(&link.connection));
        connection.is_none_or(|connection| {
            let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            let peeked = recv(&connection.socket, &mut [0_u8; 1][..], peek);
            matches!(peeked, Ok((0, _)) | Err(Errno::CONNRESET))
        })
    }
}

#[cfg(test)]
mod tests;
