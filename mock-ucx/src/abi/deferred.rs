//! Operations that the adversary lets run on when their call ends.

use crate::abi::call::Call;
use crate::abi::operation::{Attributes, Begun, Done};
use crate::abi::remote::Path;
use crate::abi::types::{UCP_AM_SEND_FLAG_EAGER, UCP_AM_SEND_FLAG_RNDV, UcsStatus};
use crate::fabric::agenda::{Landed, Task, Transfer, Work};
use crate::fabric::remote::direct::{self, Direction};
use crate::fabric::request::Wish;
use crate::fabric::transfer::Piece;
use crate::fabric::{flight, request};
use crate::hidden::Bytes;
use crate::schedule::{Choice, Move};
use crate::universe::State;

/// What the adversary makes of a put or get.
pub(crate) enum Fate {
    /// Its call does the work; the completion is held back so long.
    Now(Choice),
    /// This is how it stands when its call ends.
    Decided(Result<Begun, UcsStatus>),
}

/// Decides on a put or get: whether it is complete in its call, and when its bytes land.
pub(crate) fn transfer(
    call: &Call,
    state: &mut State,
    route: Path,
    direction: Direction,
    pieces: &[Piece],
    attributes: &Attributes,
) -> Fate {
    if attributes.forced() {
        return Fate::Now(Choice::Benign);
    }
    let (complete, status) = match direction {
        Direction::Put => (Move::PutComplete, Move::PutStatus),
        Direction::Get => (Move::GetComplete, Move::GetStatus),
    };
    let on = route.endpoint;
    let when = call.ask(state, complete, on);
    let fails = match call.ask(state, status, on) {
        Choice::Status(status) => Some(status),
        _ => None,
    };
    let silent = state.endpoint(on).is_some_and(|endpoint| endpoint.silent);
    let local = route.target.nonce == state.nonce;
    if fails.is_none() && !silent {
        if !local {
            return Fate::Now(when);
        }
        if when == Choice::Benign {
            let landing = (direction == Direction::Put)
                .then(|| land_later(call, state, route, pieces, attributes));
            return landing.flatten().unwrap_or(Fate::Now(Choice::Benign));
        }
    }
    let work = if silent {
        Work::Silence
    } else {
        let landed = landed(call.ask(state, Move::TransferPartial, on));
        Work::Transfer(Transfer {
            owners: owners(state, pieces),
            pieces: pieces.to_vec(),
            direction,
            status: fails.unwrap_or(UcsStatus::OK),
            landed,
            copy: None,
        })
    };
    let when = if silent { Choice::Withheld } else { when };
    Fate::Decided(run_on(call, state, route, attributes.wish(), when, work))
}

/// What the adversary makes of an active message.
pub(crate) struct MessageFate {
    /// How long the completion of the send is held back.
    pub(crate) when: Choice,
    /// When it is delivered.
    pub(crate) deliver: Choice,
    /// It goes by the protocol that it would not have gone by.
    pub(crate) other_protocol: bool,
    /// It is not delivered; this is how its request ends.
    pub(crate) undelivered: Option<Work>,
}

impl Default for MessageFate {
    fn default() -> MessageFate {
        MessageFate {
            when: Choice::Benign,
            deliver: Choice::Benign,
            other_protocol: false,
            undelivered: None,
        }
    }
}

/// Decides on an active message.
pub(crate) fn message(
    call: &Call,
    state: &mut State,
    route: Path,
    attributes: &Attributes,
) -> MessageFate {
    let on = route.endpoint;
    if attributes.forced() {
        return MessageFate::default();
    }
    let mut fate = MessageFate {
        when: call.ask(state, Move::AmComplete, on),
        ..MessageFate::default()
    };
    if state.endpoint(on).is_some_and(|endpoint| endpoint.silent) {
        fate.when = Choice::Withheld;
        fate.undelivered = Some(Work::Silence);
        return fate;
    }
    if let Choice::Status(status) = call.ask(state, Move::AmStatus, on) {
        fate.undelivered = Some(Work::Complete(status));
        return fate;
    }
    let forced = attributes.flags & (UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_RNDV) != 0;
    fate.other_protocol = !forced && call.ask(state, Move::AmProtocol, on) != Choice::Benign;
    if route.target.nonce == state.nonce {
        fate.deliver = call.ask(state, Move::AmDeliver, on);
    }
    fate
}

/// Opens a request for something that is under way on an endpoint, and enters that.
pub(crate) fn run_on(
    call: &Call,
    state: &mut State,
    route: Path,
    wish: Wish,
    when: Choice,
    work: Work,
) -> Result<Begun, UcsStatus> {
    let opened = request::open(state, route.worker, wish, call.site())?;
    let task = Task {
        endpoint: route.endpoint,
        request: opened.serial,
        work,
    };
    flight::schedule(state, route.worker, when, task);
    Ok(Begun::Running(opened))
}

/// Holds the completion of an operation back that is done already, or that another process finishes.
pub(crate) fn hold_back(
    call: &Call,
    begun: Begun,
    when: Choice,
    route: Path,
) -> Result<Begun, UcsStatus> {
    match begun {
        begun if when == Choice::Benign => Ok(begun),
        Begun::Done(_, attributes) => {
            let mut state = call.lock();
            let work = Work::Complete(UcsStatus::OK);
            run_on(call, &mut state, route, attributes.wish(), when, work)
        }
        Begun::Running(opened) => {
            if let Some(request) = call.lock().request_mut(opened.serial) {
                request.delay = when;
            }
            Ok(Begun::Running(opened))
        }
    }
}

/// A put that is complete at its source: the bytes are kept and land later, at the latest when a flush asks for them.
fn land_later(
    call: &Call,
    state: &mut State,
    route: Path,
    pieces: &[Piece],
    attributes: &Attributes,
) -> Option<Fate> {
    let when = call.ask(state, Move::PutLand, route.endpoint);
    if when == Choice::Benign {
        return None;
    }
    let copy = copy_of(pieces)?;
    let transfer = Transfer {
        owners: owners(state, pieces),
        pieces: pieces.to_vec(),
        direction: Direction::Put,
        status: UcsStatus::OK,
        landed: Landed::All,
        copy: Some(copy),
    };
    let task = Task {
        endpoint: route.endpoint,
        request: 0,
        work: Work::Land(transfer),
    };
    flight::schedule(state, route.worker, when, task);
    let done = Done {
        worker: route.worker,
    };
    Some(Fate::Decided(Ok(Begun::Done(done, *attributes))))
}

/// The bytes of the local sides, one after the other; `None` if there is no memory for them, or they cannot be read.
fn copy_of(pieces: &[Piece]) -> Option<Bytes> {
    let mut lengths = pieces.iter().map(|piece| piece.length);
    let copy = Bytes::try_zeroed(lengths.try_fold(0, usize::checked_add)?, 1)?;
    let mut at = copy.pointer();
    for piece in pieces {
        direct::copy_within(Direction::Get, at, piece.local, piece.length).then_some(())?;
        at += piece.length as u64;
    }
    Some(copy)
}

fn owners(state: &State, pieces: &[Piece]) -> Vec<u64> {
    let owner = |piece: &Piece| state.rkey(piece.rkey).map_or(0, |rkey| rkey.memory);
    pieces.iter().map(owner).collect()
}

fn landed(choice: Choice) -> Landed {
    match choice {
        Choice::Variant(0) => Landed::Half,
        Choice::Variant(_) => Landed::All,
        _ => Landed::Nothing,
    }
}
