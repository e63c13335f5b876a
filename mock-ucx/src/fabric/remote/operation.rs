//! What this process has begun with others and not finished: sends that wait for room, transfers through the owner, and who waits for them.

use std::collections::BTreeMap;

use crate::abi::types::UcsStatus;
use crate::fabric::endpoint;
use crate::fabric::memory::Region;
use crate::fabric::remote::direct::{self, Direction};
use crate::fabric::remote::frame::{CHUNK_BYTES, Frame, Place};
use crate::fabric::remote::{self, Complaint};
use crate::fabric::request;
use crate::fabric::transfer::REMOTE_ACCESS;
use crate::rules::Rule;
use crate::universe::State;

/// Bytes of a transfer that are on their way at once; the rest waits where it is, in the client's memory.
const WINDOW_BYTES: usize = 1 << 20;

/// All of them, by number: an earlier one has a smaller number.
#[derive(Default)]
pub(crate) struct Operations {
    all: BTreeMap<u64, Operation>,
    latest: u64,
    /// Flushes among them.
    flushes: usize,
}

/// One operation.
pub(crate) struct Operation {
    /// Worker that owns the request.
    pub(crate) worker: u64,
    /// Endpoint it was posted on; 0 for a receive, which has none.
    pub(crate) endpoint: u64,
    /// The other process.
    pub(crate) peer: u64,
    /// The client's request, which it may have freed.
    pub(crate) request: u64,
    pub(crate) kind: Kind,
}

/// What it does.
pub(crate) enum Kind {
    /// An active message whose frames are not all sent.
    Send,
    /// An active message whose data the peer is to fetch from here.
    Rendezvous { source: Region },
    /// A put or get through the owner's progress.
    Transfer(Transfer),
    /// A receive of rendezvous data through the sender's progress; `announced` is the sender's operation.
    Fetch { transfer: Transfer, announced: u64 },
    /// Complete when no earlier operation of its endpoint is left.
    Flush,
}

/// Bytes that go through frames, window by window.
pub(crate) struct Transfer {
    direction: Direction,
    pieces: Vec<RemotePiece>,
    /// The piece under way, how much of it is done, and how much of it is on its way.
    index: usize,
    done: usize,
    window: usize,
}

/// One contiguous piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemotePiece {
    pub(crate) local: u64,
    pub(crate) remote: u64,
    pub(crate) length: usize,
    pub(crate) place: Place,
    /// Serial of the remote key; 0 for rendezvous data.
    pub(crate) rkey: u64,
}

impl Transfer {
    /// A transfer that has not begun.
    pub(crate) fn new(direction: Direction, mut pieces: Vec<RemotePiece>) -> Transfer {
        pieces.retain(|piece| piece.length > 0);
        Transfer {
            direction,
            pieces,
            index: 0,
            done: 0,
            window: 0,
        }
    }

    /// The piece under way; `None` at the end.
    fn piece(&self) -> Option<RemotePiece> {
        self.pieces.get(self.index).copied()
    }

    /// Opens the next window; returns its piece, moved to the window's first byte; `None` at the end.
    fn advance(&mut self) -> Option<RemotePiece> {
        self.done += self.window;
        self.window = 0;
        let piece = self.piece()?;
        if self.done == piece.length {
            self.index += 1;
            self.done = 0;
        }
        let piece = self.piece()?;
        self.window = WINDOW_BYTES.min(piece.length - self.done);
        Some(RemotePiece {
            local: piece.local.wrapping_add(self.done as u64),
            remote: piece.remote.wrapping_add(self.done as u64),
            length: self.window,
            ..piece
        })
    }

    /// Puts bytes that came into the client's buffer; false if they are none that were asked for, or the buffer is gone.
    fn take(&self, offset: u64, data: &[u8]) -> bool {
        let Some(piece) = self.piece() else {
            return false;
        };
        let end = offset.checked_add(data.len() as u64);
        if self.direction == Direction::Put || end.is_none_or(|end| end > self.window as u64) {
            return false;
        }
        let at = piece.local.wrapping_add(self.done as u64 + offset);
        direct::write_own(at, data)
    }
}

impl Operation {
    fn transfer_mut(&mut self) -> Option<&mut Transfer> {
        match &mut self.kind {
            Kind::Transfer(transfer) | Kind::Fetch { transfer, .. } => Some(transfer),
            Kind::Send | Kind::Rendezvous { .. } | Kind::Flush => None,
        }
    }
}

impl Operations {
    /// A number for the next operation.
    pub(crate) fn number(&mut self) -> u64 {
        self.latest += 1;
        self.latest
    }

    /// Enters an operation under a number of its own.
    pub(crate) fn enter(&mut self, number: u64, operation: Operation) {
        self.flushes += usize::from(matches!(operation.kind, Kind::Flush));
        self.all.insert(number, operation);
    }

    /// The buffer of a rendezvous that `peer` may read.
    pub(crate) fn announced(&self, number: u64, peer: u64) -> Option<Region> {
        match self.all.get(&number) {
            Some(Operation {
                kind: Kind::Rendezvous { source },
                peer: to,
                ..
            }) if *to == peer => Some(*source),
            _ => None,
        }
    }

    /// Whether an operation that a flush waits for is under way on an endpoint, of those before number `before`. Rendezvous data is not
    /// waited for: the receiver may take it at any time.
    fn busy_before(&self, endpoint: u64, before: u64) -> bool {
        self.all.range(..before).any(|(_, operation)| {
            operation.endpoint == endpoint
                && matches!(operation.kind, Kind::Send | Kind::Transfer(_))
        })
    }

    /// Whether a flush on an endpoint would have to wait.
    pub(crate) fn busy(&self, endpoint: u64) -> bool {
        self.busy_before(endpoint, u64::MAX)
    }

    fn remove(&mut self, number: u64) -> Option<Operation> {
        let operation = self.all.remove(&number)?;
        self.flushes -= usize::from(matches!(operation.kind, Kind::Flush));
        Some(operation)
    }

    fn numbers(&self, which: impl Fn(&Operation) -> bool) -> Vec<u64> {
        self.all
            .iter()
            .filter(|(_, operation)| which(operation))
            .map(|(number, _)| *number)
            .collect()
    }
}

/// Begins a put, a get or a fetch that was entered, or goes on with it; complete at the last byte.
pub(crate) fn go_on(state: &mut State, number: u64) {
    let Some(operation) = state.operations.all.get_mut(&number) else {
        return;
    };
    let peer = operation.peer;
    let Some(transfer) = operation.transfer_mut() else {
        return;
    };
    let (direction, window) = (transfer.direction, transfer.advance());
    let Some(piece) = window else {
        finish(state, number, UcsStatus::OK);
        return;
    };
    let frames = match (direction, piece.place) {
        (Direction::Put, Place::Memory(memory)) => write_frames(number, memory, piece),
        (_, place) => {
            let read = Frame::Read {
                operation: number,
                place,
                address: piece.remote,
                length: piece.length as u64,
            };
            Some(vec![read.encode()])
        }
    };
    match frames {
        // The local buffer is gone: a local protection error on a real network.
        None => finish(state, number, UcsStatus::IO_ERROR),
        Some(frames) => {
            if !remote::send(state, peer, frames, None) {
                finish(state, number, UcsStatus::CONNECTION_RESET);
            }
        }
    }
}

fn write_frames(operation: u64, memory: u64, piece: RemotePiece) -> Option<Vec<Vec<u8>>> {
    let mut frames = Vec::with_capacity(piece.length.div_ceil(CHUNK_BYTES));
    for start in (0..piece.length).step_by(CHUNK_BYTES) {
        let length = CHUNK_BYTES.min(piece.length - start);
        let mut data = vec![0; length];
        if !direct::read_own(piece.local.wrapping_add(start as u64), &mut data) {
            return None;
        }
        let frame = Frame::Write {
            operation,
            memory,
            address: piece.remote.wrapping_add(start as u64),
            last: start + length == piece.length,
            data,
        };
        frames.push(frame.encode());
    }
    Some(frames)
}

/// Takes bytes that came for an operation. One that has ended meanwhile lets them fall.
pub(crate) fn take(state: &mut State, number: u64, peer: u64, offset: u64, data: &[u8]) {
    let Some(operation) = state.operations.all.get_mut(&number) else {
        return;
    };
    if operation.peer != peer {
        return;
    }
    if let Some(transfer) = operation.transfer_mut()
        && !transfer.take(offset, data)
    {
        finish(state, number, UcsStatus::IO_ERROR);
    }
}

/// The peer says how an operation, or a window of it, went. A refused access is a complaint about the remote key, and the endpoint fails.
pub(crate) fn answered(
    state: &mut State,
    number: u64,
    peer: u64,
    status: UcsStatus,
) -> Option<Complaint> {
    let operation = state.operations.all.get_mut(&number)?;
    if operation.peer != peer {
        return None;
    }
    let on = operation.endpoint;
    let piece = operation
        .transfer_mut()
        .and_then(|transfer| transfer.piece());
    match piece {
        Some(_) if status == UcsStatus::OK => {
            go_on(state, number);
            None
        }
        Some(piece) if status == REMOTE_ACCESS && on != 0 => {
            finish(state, number, status);
            endpoint::fail(state, on, status);
            Some(Complaint {
                rule: Rule::RkeyUnmapped,
                object: piece.rkey,
                detail: [piece.remote, piece.length as u64],
            })
        }
        _ => {
            finish(state, number, status);
            None
        }
    }
}

/// Ends an operation: its request completes at the next progress, a fetch tells the sender, and flushes that waited for it go on.
pub(crate) fn finish(state: &mut State, number: u64, status: UcsStatus) {
    let Some(operation) = state.operations.remove(number) else {
        return;
    };
    request::complete_later(state, operation.request, status);
    if let Kind::Fetch { announced, .. } = operation.kind {
        remote::tell(state, operation.peer, announced, status);
    }
    if state.operations.flushes == 0 {
        return;
    }
    let endpoint = operation.endpoint;
    let operations = &state.operations;
    let waiting =
        operations.numbers(|other| matches!(other.kind, Kind::Flush) && other.endpoint == endpoint);
    let through = waiting
        .into_iter()
        .filter(|flush| !operations.busy_before(endpoint, *flush));
    for flush in through.collect::<Vec<_>>() {
        if let Some(flush) = state.operations.remove(flush) {
            request::complete_later(state, flush.request, UcsStatus::OK);
        }
    }
}

/// Ends all operations of an endpoint, in order: it failed, or was closed by force.
pub(crate) fn abort(state: &mut State, endpoint: u64, status: UcsStatus) {
    abort_all(state, status, |operation| operation.endpoint == endpoint);
}

/// Ends all operations with a process.
pub(crate) fn abort_peer(state: &mut State, peer: u64, status: UcsStatus) {
    abort_all(state, status, |operation| operation.peer == peer);
}

fn abort_all(state: &mut State, status: UcsStatus, which: impl Fn(&Operation) -> bool) {
    for number in state.operations.numbers(which) {
        if let Some(operation) = state.operations.remove(number) {
            request::complete_later(state, operation.request, status);
        }
    }
}

/// Forgets the operations of a worker that is destroyed; senders whose data it was fetching are told.
pub(crate) fn forget_worker(state: &mut State, worker: u64) {
    for number in state
        .operations
        .numbers(|operation| operation.worker == worker)
    {
        if let Some(operation) = state.operations.remove(number)
            && let Kind::Fetch { announced, .. } = operation.kind
        {
            remote::tell(state, operation.peer, announced, UcsStatus::CANCELED);
        }
    }
}
