//! Workers: their inbox, their event descriptor, their address.

use std::collections::{BTreeSet, VecDeque};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use parking_lot::ReentrantMutex;
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::event::{EventfdFlags, epoll, eventfd};

use crate::abi::types::{
    UCP_FEATURE_WAKEUP, UCP_WORKER_FLAG_IGNORE_REQUEST_LEAK, UCS_THREAD_MODE_MULTI, UcsStatus,
};
use crate::fabric::agenda::WITHHELD;
use crate::fabric::blob::{BlobKind, Content, encode};
use crate::fabric::{endpoint, remote};
use crate::ledger::{Kind, Site};
use crate::objects::{Body, Event, FileId, Wakeup, Worker};
use crate::rules::Rule;
use crate::universe::State;

/// What a client asked of a new worker.
pub(crate) struct Wish {
    pub(crate) thread_mode: u32,
    pub(crate) flags: u64,
    pub(crate) name: String,
    pub(crate) am_alignment: usize,
}

/// Creates a worker; returns its handle.
pub(crate) fn create(
    state: &mut State,
    context: u64,
    wish: Wish,
    site: Site<'_>,
) -> Result<u64, UcsStatus> {
    let features = state
        .context(context)
        .ok_or(UcsStatus::INVALID_PARAM)?
        .features;
    let lock =
        (wish.thread_mode == UCS_THREAD_MODE_MULTI).then(|| Arc::new(ReentrantMutex::new(())));
    let worker = Worker {
        context,
        features,
        thread_mode: wish.thread_mode,
        flags: wish.flags,
        name: wish.name,
        am_alignment: wish.am_alignment,
        wakeup: None,
        armed: false,
        arms_refused: 0,
        polls: 0,
        progressed: 0,
        idle: 0,
        busy_in_a_row: 0,
        endpoints: BTreeSet::new(),
        inbox: VecDeque::new(),
        handlers: FxHashMap::default(),
        lock,
        owner: site.thread,
        occupancy: Arc::default(),
        progressing: Vec::new(),
        peers: FxHashSet::default(),
        pool: VecDeque::new(),
        reply_endpoints: FxHashMap::default(),
        given_up: FxHashSet::default(),
    };
    let detail = [u64::from(wish.thread_mode), 0];
    state
        .create(context, detail, Body::Worker(Box::new(worker)), site)
        .map(|(_, handle)| handle)
        .ok_or(UcsStatus::NO_MEMORY)
}

/// Destroys a worker. The endpoints of others that lead here fail, and those that the library made itself are closed, so that only the
/// client's are left over.
pub(crate) fn destroy(state: &mut State, worker: u64, site: Site<'_>) {
    let own: Vec<u64> = state
        .worker(worker)
        .map(|worker| worker.reply_endpoints.values().copied().collect())
        .unwrap_or_default();
    for reply in own {
        endpoint::close(state, reply, site);
    }
    let mut peers: Vec<u64> = state
        .worker(worker)
        .map(|worker| worker.peers.iter().copied().collect())
        .unwrap_or_default();
    peers.retain(|peer| {
        state
            .endpoint(*peer)
            .is_some_and(|peer| peer.worker != worker)
    });
    peers.sort_unstable();
    for peer in peers {
        endpoint::lose_peer(state, peer);
    }
    if state
        .worker(worker)
        .is_some_and(|worker| worker.flags & UCP_WORKER_FLAG_IGNORE_REQUEST_LEAK != 0)
    {
        let mut requests: Vec<u64> = state
            .objects
            .iter()
            .filter(|(_, entry)| entry.parent == worker && entry.body.kind() == Kind::Request)
            .map(|(serial, _)| *serial)
            .collect();
        requests.sort_unstable();
        for request in requests {
            state.end(request, site);
        }
    }
    let wakeup = state
        .worker_mut(worker)
        .and_then(|worker| worker.wakeup.take());
    if let Some(wakeup) = wakeup.filter(Wakeup::is_gone) {
        let detail = [wakeup.descriptor().cast_unsigned().into(), 0];
        state.broken(Rule::DescriptorGone, worker, detail, site);
        // Its number may be another file's by now, which is not ours to close.
        let _ = wakeup.both.unwrap_or(wakeup.event).into_raw_fd();
    }
    state.end(worker, site);
    remote::say_goodbye(state, worker);
}

/// Packs the worker's address, with `padding` bytes more than needed; returns the pointer and length.
pub(crate) fn address(
    state: &mut State,
    worker: u64,
    padding: usize,
    site: Site<'_>,
) -> Result<(u64, usize), UcsStatus> {
    let content = Content {
        nonce: state.nonce,
        serial: worker,
        first: u64::from(std::process::id()),
        second: remote::open(state),
    };
    let bytes = encode(BlobKind::Address, content, padding);
    let (pointer, length) = (bytes.pointer(), bytes.len());
    state
        .create_at(
            pointer,
            worker,
            [length as u64, 0],
            Body::Address(bytes),
            site,
        )
        .map(|_| (pointer, length))
        .ok_or(UcsStatus::NO_MEMORY)
}

/// Puts an event into a worker's inbox and wakes who sleeps on it.
pub(crate) fn post(state: &mut State, worker: u64, event: Event) {
    let Some(worker) = state.worker_mut(worker) else {
        return;
    };
    worker.inbox.push_back(event);
    wake_up(worker);
}

/// Takes the completions out of a worker's inbox: requests and their statuses, in order.
pub(crate) fn take_completions(state: &mut State, worker: u64) -> Vec<(u64, UcsStatus)> {
    let Some(worker) = state.worker_mut(worker) else {
        return Vec::new();
    };
    let completion = |event: &Event| match event {
        Event::Complete { request, status } => Some((*request, *status)),
        Event::Message(_) | Event::Failed { .. } => None,
    };
    let taken = worker.inbox.iter().filter_map(completion).collect();
    worker.inbox.retain(|event| completion(event).is_none());
    taken
}

/// Wakes who sleeps on a worker.
pub(crate) fn wake(state: &mut State, worker: u64) {
    if let Some(worker) = state.worker_mut(worker) {
        wake_up(worker);
    }
}

fn wake_up(worker: &mut Worker) {
    if std::mem::take(&mut worker.armed)
        && let Some(wakeup) = &worker.wakeup
    {
        signal(&wakeup.event);
    }
}

/// The worker's event descriptor, which is made when it is first asked for.
pub(crate) fn descriptor(state: &mut State, worker: u64) -> Result<i32, UcsStatus> {
    let known = state.worker(worker).ok_or(UcsStatus::INVALID_PARAM)?;
    if let Some(wakeup) = &known.wakeup {
        return Ok(wakeup.descriptor());
    }
    remote::open(state);
    let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
    let event = eventfd(0, flags).map_err(|_| UcsStatus::IO_ERROR)?;
    let both = state
        .hub
        .as_ref()
        .and_then(|hub| merge(&[event.as_fd(), hub.readiness()]).ok());
    let given = both.as_ref().unwrap_or(&event).as_raw_fd();
    let file = FileId::of(given);
    let wakeup = Wakeup {
        event,
        both,
        file,
        joined: false,
    };
    let descriptor = wakeup.descriptor();
    if let Some(worker) = state.worker_mut(worker) {
        // Whoever armed the worker before asking for the descriptor is to be woken too.
        if !worker.inbox.is_empty() {
            signal(&wakeup.event);
        }
        worker.wakeup = Some(wakeup);
    }
    Ok(descriptor)
}

/// Adds the worker's descriptor to an epoll set of the client, which sleeps there instead.
pub(crate) fn join(
    state: &mut State,
    worker: u64,
    set: BorrowedFd<'_>,
    data: u64,
) -> Result<(), UcsStatus> {
    descriptor(state, worker)?;
    let worker = state.worker_mut(worker).ok_or(UcsStatus::INVALID_PARAM)?;
    let wakeup = worker.wakeup.as_mut().ok_or(UcsStatus::INVALID_PARAM)?;
    wakeup.joined = true;
    let data = epoll::EventData::new_u64(data);
    epoll::add(set, wakeup.source(), data, epoll::EventFlags::IN).map_err(|_| UcsStatus::IO_ERROR)
}

/// Whether the client sleeps on a descriptor of its own, so that the worker's is not to be had.
pub(crate) fn has_joined(state: &State, worker: u64) -> bool {
    let wakeup = state
        .worker(worker)
        .and_then(|worker| worker.wakeup.as_ref());
    wakeup.is_some_and(|wakeup| wakeup.joined)
}

/// A descriptor that is readable when one of several is.
fn merge(sources: &[BorrowedFd<'_>]) -> rustix::io::Result<OwnedFd> {
    let merged = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for source in sources {
        let data = epoll::EventData::new_u64(0);
        epoll::add(&merged, source, data, epoll::EventFlags::IN)?;
    }
    Ok(merged)
}

impl FileId {
    /// The file behind a descriptor; `None` if it is not open.
    fn of(descriptor: i32) -> Option<FileId> {
        // SAFETY: all-zero is a value of this plain structure, which is valid for the call; any number may be asked for.
        let stat = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            (libc::fstat(descriptor, &raw mut stat) == 0).then_some(stat)
        }?;
        Some(FileId {
            device: stat.st_dev,
            number: stat.st_ino,
        })
    }
}

impl Wakeup {
    /// The client closed what it was given. Seen unless the number is that of another event descriptor by now.
    fn is_gone(&self) -> bool {
        self.file.is_some() && FileId::of(self.descriptor()) != self.file
    }

    fn source(&self) -> &OwnedFd {
        self.both.as_ref().unwrap_or(&self.event)
    }

    fn descriptor(&self) -> i32 {
        self.source().as_raw_fd()
    }
}

/// Arms the worker: the next event signals the descriptor. `BUSY` if there are events already. What is under way and becomes due by
/// progress alone signals it at once, or a client that sleeps would never get it.
pub(crate) fn arm(state: &mut State, worker: u64) -> UcsStatus {
    let due = state.agenda.has_due(worker, WITHHELD - 1);
    let Some(worker) = state.worker_mut(worker) else {
        return UcsStatus::INVALID_PARAM;
    };
    if let Some(wakeup) = &worker.wakeup {
        drain(&wakeup.event);
    }
    if !worker.inbox.is_empty() {
        worker.arms_refused += 1;
        return UcsStatus::BUSY;
    }
    worker.armed = true;
    if due {
        wake_up(worker);
    }
    UcsStatus::OK
}

/// Takes back that a worker is armed.
pub(crate) fn disarm(state: &mut State, worker: u64) {
    if let Some(worker) = state.worker_mut(worker) {
        worker.armed = false;
    }
}

/// Whether the worker's context asked for wake-up.
pub(crate) fn can_wake(state: &State, worker: u64) -> bool {
    state
        .worker(worker)
        .is_some_and(|worker| worker.features & UCP_FEATURE_WAKEUP != 0)
}

/// A full counter is signalled already, so the answer does not matter.
fn signal(descriptor: &OwnedFd) {
    let _ = rustix::io::write(descriptor, &1_u64.to_ne_bytes());
}

/// An empty counter answers that it would block, which is as good.
fn drain(descriptor: &OwnedFd) {
    let _ = rustix::io::read(descriptor, &mut [0_u8; 8]);
}
