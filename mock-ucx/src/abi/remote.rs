//! Operations towards another process: what can be done in the call is done there, the rest becomes a request.

use crate::abi::call::Call;
use crate::abi::operation::{Attributes, Begun, Done};
use crate::abi::types::UcsStatus;
use crate::fabric::endpoint::{self, Target};
use crate::fabric::memory::Region;
use crate::fabric::remote::direct::{self, Direction, Trouble};
use crate::fabric::remote::frame::{Place, Route};
use crate::fabric::remote::operation::{Kind, Operation, RemotePiece, Transfer};
use crate::fabric::remote::{self, Complaint};
use crate::fabric::transfer::{self, Piece};
use crate::fabric::{message, request};
use crate::hidden::Bytes;
use crate::objects::Callback;
use crate::rules::Rule;
use crate::universe::State;

/// Takes in what has come from other processes, if it is time to.
pub(crate) fn look_if_due(call: &Call, state: &mut State) {
    let complaints = remote::poll_if_due(state);
    report(call, state, &complaints);
}

/// The same for a client that is about to sleep.
pub(crate) fn look_before_sleep(call: &Call, state: &mut State) {
    let complaints = remote::poll_before_sleep(state);
    report(call, state, &complaints);
}

/// Takes in what has come from other processes.
pub(crate) fn look(call: &Call, state: &mut State) {
    let complaints = remote::poll(state);
    report(call, state, &complaints);
}

fn report(call: &Call, state: &mut State, complaints: &[Complaint]) {
    for complaint in complaints {
        state.broken(
            complaint.rule,
            complaint.object,
            complaint.detail,
            call.site(),
        );
    }
}

/// An endpoint that leads to another process, and who owns it.
#[derive(Clone, Copy)]
pub(crate) struct Path {
    pub(crate) endpoint: u64,
    pub(crate) worker: u64,
    pub(crate) target: Target,
}

impl Path {
    fn operation(&self, request: u64, kind: Kind) -> Operation {
        Operation {
            worker: self.worker,
            endpoint: self.endpoint,
            peer: self.target.nonce,
            request,
            kind,
        }
    }

    /// The peer turned out to be gone.
    fn lost(&self, state: &mut State) -> UcsStatus {
        endpoint::fail(state, self.endpoint, UcsStatus::CONNECTION_RESET);
        UcsStatus::CONNECTION_RESET
    }
}

/// A put or get: directly if the kernel permits it, else through the owner's progress.
pub(crate) fn transfer(
    call: &Call,
    path: Path,
    direction: Direction,
    pieces: &[Piece],
    attributes: Attributes,
) -> Result<Begun, UcsStatus> {
    let peer = path.target.nonce;
    let pid = remote::direct_pid(&call.lock(), peer);
    if let Some(pid) = pid {
        let copied = pieces.iter().try_for_each(|piece| {
            direct::copy(direction, pid, piece.local, piece.remote, piece.length)
                .map_err(|trouble| (trouble, *piece))
        });
        let worker = path.worker;
        match copied {
            Ok(()) => return Ok(Begun::Done(Done { worker }, attributes)),
            Err((Trouble::Gone, _)) => return Err(path.lost(&mut call.lock())),
            Err((Trouble::Fault, piece)) => return Err(fault(call, path, piece)),
            Err((Trouble::Forbidden, _)) => remote::forbid_direct(&mut call.lock(), peer),
        }
    }
    let mut state = call.lock();
    let pieces = pieces.iter().map(|piece| RemotePiece {
        local: piece.local,
        remote: piece.remote,
        length: piece.length,
        place: Place::Memory(state.rkey(piece.rkey).map_or(0, |rkey| rkey.memory)),
        rkey: piece.rkey,
    });
    let kind = Kind::Transfer(Transfer::new(direction, pieces.collect()));
    let opened = request::open(&mut state, path.worker, attributes.wish(), call.site())?;
    remote::begin(&mut state, path.operation(opened.serial, kind));
    Ok(Begun::Running(opened))
}

/// The kernel found no memory, on this side or the other.
fn fault(call: &Call, path: Path, piece: Piece) -> UcsStatus {
    let mut state = call.lock();
    let ends = [piece.local, piece.local + (piece.length - 1) as u64];
    if !ends.iter().all(|end| direct::read_own(*end, &mut [0])) {
        let detail = [piece.local, piece.length as u64];
        state.broken(Rule::RmaBuffer, path.endpoint, detail, call.site());
        return UcsStatus::IO_ERROR;
    }
    let peer = path.target.nonce;
    // The memory of a process that is being killed goes before its connections do.
    if !state.hub.as_ref().is_some_and(|hub| hub.hung_up(peer)) {
        let detail = [piece.remote, piece.length as u64];
        state.broken(Rule::RkeyUnmapped, piece.rkey, detail, call.site());
    }
    endpoint::fail(&mut state, path.endpoint, transfer::REMOTE_ACCESS);
    transfer::REMOTE_ACCESS
}

/// Sends an active message with its data; a request if there is no room for all of it.
pub(crate) fn send_eager(
    call: &Call,
    path: Path,
    route: Route,
    header: &Bytes,
    data: &Bytes,
    attributes: Attributes,
) -> Result<Begun, UcsStatus> {
    let mut state = call.lock();
    let (peer, worker) = (path.target.nonce, path.worker);
    let sent = remote::send_message(&mut state, peer, route, header.as_slice(), data.as_slice());
    let Ok(waiting) = sent else {
        return Err(path.lost(&mut state));
    };
    let Some(number) = waiting else {
        return Ok(Begun::Done(Done { worker }, attributes));
    };
    // Without room for a request the message is on its way all the same, and nothing of the client's is needed for it.
    let Ok(opened) = request::open(&mut state, worker, attributes.wish(), call.site()) else {
        return Ok(Begun::Done(Done { worker }, attributes));
    };
    let operation = path.operation(opened.serial, Kind::Send);
    state.operations.enter(number, operation);
    Ok(Begun::Running(opened))
}

/// Sends an active message whose data the receiver fetches.
pub(crate) fn send_rendezvous(
    call: &Call,
    path: Path,
    route: Route,
    header: &Bytes,
    source: Region,
    attributes: Attributes,
) -> Result<Begun, UcsStatus> {
    let mut state = call.lock();
    let opened = request::open(&mut state, path.worker, attributes.wish(), call.site())?;
    let operation = path.operation(opened.serial, Kind::Rendezvous { source });
    if !remote::announce(&mut state, route, header.as_slice(), source, operation) {
        // Its request completes with that.
        path.lost(&mut state);
    }
    Ok(Begun::Running(opened))
}

/// The data of a rendezvous in another process.
#[derive(Clone, Copy)]
pub(crate) struct Announced {
    /// Serial of the data's object, and its worker.
    pub(crate) data: u64,
    pub(crate) worker: u64,
    pub(crate) source: Region,
    pub(crate) peer: u64,
    pub(crate) operation: u64,
}

/// Fetches rendezvous data into the client's buffers, which have room for it.
pub(crate) fn fetch(
    call: &Call,
    announced: Announced,
    targets: &[Region],
    callback: Callback,
    attributes: Attributes,
) -> Result<Begun, UcsStatus> {
    let pieces = fetch_pieces(announced, targets);
    let mut state = call.lock();
    let pid = remote::direct_pid(&state, announced.peer);
    drop(state);
    if let Some(pid) = pid {
        let copied = pieces.iter().try_for_each(|piece| {
            direct::copy(Direction::Get, pid, piece.local, piece.remote, piece.length)
        });
        let status = match copied {
            Ok(()) => Some(UcsStatus::OK),
            Err(Trouble::Gone) => Some(UcsStatus::CONNECTION_RESET),
            Err(Trouble::Fault) => Some(UcsStatus::IO_ERROR),
            Err(Trouble::Forbidden) => None,
        };
        state = call.lock();
        if let Some(status) = status {
            message::release(&mut state, announced.data, status, call.site());
            let done = Done {
                worker: announced.worker,
            };
            return if status == UcsStatus::OK {
                Ok(Begun::Done(done, attributes))
            } else {
                Err(status)
            };
        }
        remote::forbid_direct(&mut state, announced.peer);
    } else {
        state = call.lock();
    }
    let wish = request::Wish {
        callback,
        ..attributes.wish()
    };
    let opened = match request::open(&mut state, announced.worker, wish, call.site()) {
        Ok(opened) => opened,
        Err(status) => {
            message::release(&mut state, announced.data, status, call.site());
            return Err(status);
        }
    };
    state.end(announced.data, call.site());
    let kind = Kind::Fetch {
        transfer: Transfer::new(Direction::Get, pieces),
        announced: announced.operation,
    };
    let operation = Operation {
        worker: announced.worker,
        endpoint: 0,
        peer: announced.peer,
        request: opened.serial,
        kind,
    };
    remote::begin(&mut state, operation);
    Ok(Begun::Running(opened))
}

fn fetch_pieces(announced: Announced, targets: &[Region]) -> Vec<RemotePiece> {
    let (mut remote, mut left) = (announced.source.address, announced.source.length);
    let piece = |target: &Region| {
        let length = target.length.min(left);
        let piece = RemotePiece {
            local: target.address,
            remote,
            length,
            place: Place::Announced(announced.operation),
            rkey: 0,
        };
        remote = remote.wrapping_add(length as u64);
        left -= length;
        piece
    };
    targets.iter().map(piece).collect()
}
