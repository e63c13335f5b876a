//! Workers of other processes on this host: how they are reached, and what passes between.
//!
//! A process that packs a worker's address opens a [`Hub`](hub::Hub): one listening socket whose name comes from the process's nonce, and a
//! [doorbell](crate::fabric::doorbell). Whoever makes an endpoint from that address connects. Active messages are frames over the
//! connection; put and get touch the peer's memory directly ([`direct`]), or, where the kernel forbids it, go through the owner's progress.
//! There is no thread: progress, arm and flush of any worker take in what has come for all workers of the process.
//!
//! What cannot be seen from here: whether a registration that is accessed directly was unmapped while its pages are still there. The owner
//! would know, but asking it would cost what direct access saves.

mod connection;
pub(crate) mod direct;
pub(crate) mod frame;
pub(crate) mod hub;
pub(crate) mod operation;
mod serve;

use crate::abi::types::UcsStatus;
use crate::fabric::blob::Content;
use crate::fabric::endpoint::{self, Target};
use crate::fabric::memory::Region;
use crate::fabric::remote::frame::{Frame, Route, message_frames};
use crate::fabric::remote::hub::{Arrival, ConnectError, Hub, Link, Progress};
use crate::fabric::remote::operation::{Kind, Operation};
use crate::objects::Body;
use crate::rules::Rule;
use crate::universe::State;

/// A rule that a peer says was broken here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Complaint {
    pub(crate) rule: Rule,
    pub(crate) object: u64,
    pub(crate) detail: [u64; 2],
}

/// Opens this process to others, if it can be and is not yet; returns what an address says of its doorbell: 0 = cannot be reached, else
/// the descriptor's number plus one.
pub(crate) fn open(state: &mut State) -> u64 {
    if state.hub.is_none()
        && let Ok(hub) = Hub::open(state.nonce)
    {
        direct::permit();
        state.hub = Some(Box::new(hub));
    }
    let hub = state.hub.as_ref();
    hub.map_or(0, |hub| u64::from(hub.bell_number().cast_unsigned()) + 1)
}

/// Connects to the process that packed an address; false if it ended meanwhile.
pub(crate) fn reach(state: &mut State, address: Content) -> Result<bool, ConnectError> {
    open(state);
    let bell = address.second.checked_sub(1);
    let bell = bell.and_then(|bell| i32::try_from(bell).ok());
    let (Some(bell), Some(hub)) = (bell, &mut state.hub) else {
        return Err(ConnectError::Unreachable);
    };
    match hub.connect(address.nonce, bell) {
        Ok(()) => Ok(true),
        Err(ConnectError::Gone) => Ok(false),
        Err(ConnectError::Unreachable) => Err(ConnectError::Unreachable),
    }
}

/// Whether a worker of another process is there, as far as is known without asking.
pub(crate) fn is_there(state: &State, target: Target) -> bool {
    link(state, target.nonce).is_some_and(|link| !link.gone.contains(&target.worker))
}

/// Whether a process is there, as far as is known without asking.
pub(crate) fn is_connected(state: &State, peer: u64) -> bool {
    link(state, peer).is_some()
}

fn link(state: &State, peer: u64) -> Option<&Link> {
    let link = state.hub.as_ref()?.links.get(&peer)?;
    (!link.broken).then_some(link)
}

/// Takes in what has come, if a progress call should. Costs no system call when there is nothing.
pub(crate) fn poll_if_due(state: &mut State) -> Vec<Complaint> {
    if state.hub.as_mut().is_some_and(|hub| hub.due()) {
        poll(state)
    } else {
        Vec::new()
    }
}

/// The same before somebody sleeps. Where there are peers the sockets are asked, so that what is there keeps the sleeper awake; else a
/// stranger who connects wakes it.
pub(crate) fn poll_before_sleep(state: &mut State) -> Vec<Complaint> {
    match &state.hub {
        Some(hub) if !hub.links.is_empty() => poll(state),
        _ => poll_if_due(state),
    }
}

/// Takes in what has come for any worker of this process, and sends on what waited for room.
pub(crate) fn poll(state: &mut State) -> Vec<Complaint> {
    let mut arrivals = Vec::new();
    if let Some(hub) = &mut state.hub {
        hub.look(&mut arrivals);
    }
    let served = arrivals
        .into_iter()
        .filter_map(|arrival| arrive(state, arrival));
    served.collect()
}

fn arrive(state: &mut State, arrival: Arrival) -> Option<Complaint> {
    match arrival {
        Arrival::Frame { peer, frame } => return serve::serve(state, peer, frame),
        Arrival::Sent { operation } => operation::finish(state, operation, UcsStatus::OK),
        Arrival::Died { peer } => {
            operation::abort_peer(state, peer, UcsStatus::CONNECTION_RESET);
            fail_endpoints(state, |target| target.nonce == peer);
        }
    }
    None
}

/// Fails the endpoints whose target is concerned, in the order of their creation.
fn fail_endpoints(state: &mut State, concerned: impl Fn(Target) -> bool) {
    let mut endpoints: Vec<u64> = state
        .objects
        .iter()
        .filter(|(_, entry)| match &entry.body {
            Body::Endpoint(endpoint) => concerned(endpoint.target),
            _ => false,
        })
        .map(|(serial, _)| *serial)
        .collect();
    endpoints.sort_unstable();
    for endpoint in endpoints {
        endpoint::fail(state, endpoint, UcsStatus::CONNECTION_RESET);
    }
}

/// Sends frames; false if the peer is gone.
fn send(state: &mut State, peer: u64, frames: Vec<Vec<u8>>, operation: Option<u64>) -> bool {
    post(state, peer, frames, operation) != Progress::Lost
}

fn post(state: &mut State, peer: u64, frames: Vec<Vec<u8>>, operation: Option<u64>) -> Progress {
    let Some(hub) = &mut state.hub else {
        return Progress::Lost;
    };
    let mut arrivals = Vec::new();
    let progress = hub.send(peer, frames, operation, &mut arrivals);
    for arrival in arrivals {
        arrive(state, arrival);
    }
    progress
}

/// Tells a peer how its operation went. One that is gone need not know.
pub(crate) fn tell(state: &mut State, peer: u64, operation: u64, status: UcsStatus) {
    send(
        state,
        peer,
        vec![Frame::Done { operation, status }.encode()],
        None,
    );
}

/// Tells all peers that a worker is destroyed, and forgets what it had begun.
pub(crate) fn say_goodbye(state: &mut State, worker: u64) {
    operation::forget_worker(state, worker);
    let Some(hub) = &state.hub else {
        return;
    };
    let peers: Vec<u64> = hub.links.keys().copied().collect();
    for peer in peers {
        send(state, peer, vec![Frame::Gone { worker }.encode()], None);
    }
}

/// Sends an active message with its data. `None` if it left at once, else the number under which what is to wait for it must be entered.
pub(crate) fn send_message(
    state: &mut State,
    peer: u64,
    route: Route,
    header: &[u8],
    data: &[u8],
) -> Result<Option<u64>, UcsStatus> {
    let number = state.operations.number();
    let frames = message_frames(route, header, data);
    match post(state, peer, frames, Some(number)) {
        Progress::Sent => Ok(None),
        Progress::Queued => Ok(Some(number)),
        Progress::Lost => Err(UcsStatus::CONNECTION_RESET),
    }
}

/// Announces an active message whose data the peer is to fetch, which ends `operation`; false if the peer is gone.
pub(crate) fn announce(
    state: &mut State,
    route: Route,
    header: &[u8],
    source: Region,
    operation: Operation,
) -> bool {
    let (number, peer) = (state.operations.number(), operation.peer);
    let frame = Frame::Announce {
        route,
        address: source.address,
        length: source.length as u64,
        operation: number,
        header: header.to_vec(),
    };
    state.operations.enter(number, operation);
    send(state, peer, vec![frame.encode()], None)
}

/// Has a request of `worker` wait until all that runs on an endpoint is complete.
pub(crate) fn wait_for(state: &mut State, endpoint: u64, worker: u64, peer: u64, request: u64) {
    let number = state.operations.number();
    let operation = Operation {
        worker,
        endpoint,
        peer,
        request,
        kind: Kind::Flush,
    };
    state.operations.enter(number, operation);
}

/// The process id of a peer whose memory may be touched directly.
pub(crate) fn direct_pid(state: &State, peer: u64) -> Option<u32> {
    let link = link(state, peer)?;
    link.pid.filter(|_| link.direct)
}

/// The kernel does not permit to touch a peer's memory: its owner is asked from now on.
pub(crate) fn forbid_direct(state: &mut State, peer: u64) {
    if let Some(hub) = &mut state.hub
        && let Some(link) = hub.links.get_mut(&peer)
    {
        link.direct = false;
    }
}

/// Begins a put, get or fetch through the owner's progress.
pub(crate) fn begin(state: &mut State, operation: Operation) {
    let number = state.operations.number();
    state.operations.enter(number, operation);
    operation::go_on(state, number);
}
