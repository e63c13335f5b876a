//! Active messages: sent into the peer's inbox, handed to its receive handler, kept or dropped there.

use crate::abi::types::{
    UCP_AM_FLAG_PERSISTENT_DATA, UCP_AM_RECV_ATTR_FIELD_REPLY_EP, UCP_AM_RECV_ATTR_FLAG_DATA,
    UCP_AM_RECV_ATTR_FLAG_RNDV, UCP_ERR_HANDLING_MODE_NONE, UcsStatus,
};
use crate::fabric::endpoint::Target;
use crate::fabric::memory::Region;
use crate::fabric::{endpoint, remote, request};
use crate::hidden::Bytes;
use crate::ledger::Site;
use crate::objects::{AmData, AmHandler, Body, Message, Payload, Sender};
use crate::rules::Rule;
use crate::universe::State;

/// A message on its way into a handler.
pub(crate) struct Delivery {
    pub(crate) handler: AmHandler,
    pub(crate) header: Bytes,
    pub(crate) data: Offer,
    pub(crate) recv_attr: u64,
    /// Handle of the reply endpoint, if `recv_attr` says there is one.
    pub(crate) reply: u64,
}

/// The data as the handler sees it.
pub(crate) enum Offer {
    /// Good until the handler returns.
    Borrowed(Bytes),
    /// The handler may keep it: an object of its own.
    Object {
        serial: u64,
        pointer: u64,
        length: usize,
    },
}

impl Offer {
    /// The handler's `data` and `length` arguments.
    pub(crate) fn argument(&self) -> (u64, usize) {
        match self {
            Offer::Borrowed(bytes) if bytes.len() == 0 => (0, 0),
            Offer::Borrowed(bytes) => (bytes.pointer(), bytes.len()),
            Offer::Object {
                pointer, length, ..
            } => (*pointer, *length),
        }
    }
}

/// Prepares a message for the handler of its id. Without a handler it is dropped, as UCX does, and a rendezvous sender is told.
pub(crate) fn deliver(
    state: &mut State,
    worker: u64,
    message: Message,
    site: Site<'_>,
) -> Option<Delivery> {
    let handler = state
        .worker(worker)?
        .handlers
        .get(&message.id)
        .copied()
        .filter(|handler| handler.callback.is_some());
    let Some(handler) = handler else {
        if let Payload::Rendezvous { sender, .. } = message.payload {
            tell(state, sender, UcsStatus::INVALID_PARAM);
        }
        state.broken(Rule::AmUnheard, worker, [u64::from(message.id), 0], site);
        return None;
    };
    let mut recv_attr = 0;
    let reply = message
        .reply_to
        .and_then(|sender| reply_endpoint(state, worker, sender, site))
        .unwrap_or(0);
    if reply != 0 {
        recv_attr |= UCP_AM_RECV_ATTR_FIELD_REPLY_EP;
    }
    let keep = handler.flags & UCP_AM_FLAG_PERSISTENT_DATA != 0;
    let data = match message.payload {
        Payload::Eager(bytes) if !keep => Offer::Borrowed(bytes),
        Payload::Eager(bytes) => {
            recv_attr |= UCP_AM_RECV_ATTR_FLAG_DATA;
            let (pointer, length) = (bytes.pointer(), bytes.len());
            let body = Body::AmData(Box::new(AmData {
                worker,
                payload: Payload::Eager(bytes),
            }));
            let serial = state.create_at(
                pointer,
                worker,
                [u64::from(message.id), length as u64],
                body,
                site,
            )?;
            Offer::Object {
                serial,
                pointer,
                length,
            }
        }
        payload @ Payload::Rendezvous { .. } => {
            recv_attr |= UCP_AM_RECV_ATTR_FLAG_RNDV;
            let length = payload.len();
            let body = Body::AmData(Box::new(AmData { worker, payload }));
            let (serial, pointer) =
                state.create(worker, [u64::from(message.id), length as u64], body, site)?;
            Offer::Object {
                serial,
                pointer,
                length,
            }
        }
    };
    Some(Delivery {
        handler,
        header: message.header,
        data,
        recv_attr,
        reply,
    })
}

/// What becomes of the data once the handler returned `status`.
pub(crate) fn finish(
    state: &mut State,
    worker: u64,
    offer: &Offer,
    status: UcsStatus,
    site: Site<'_>,
) {
    let rendezvous = match offer {
        Offer::Borrowed(_) => {
            if status != UcsStatus::OK {
                state.broken(Rule::AmReturn, worker, [status.0 as u64, 0], site);
            }
            return;
        }
        Offer::Object { serial, .. } => match state.am_data(*serial) {
            // The handler released or received it before it returned.
            None => return,
            Some(data) => matches!(data.payload, Payload::Rendezvous { .. }),
        },
    };
    let Offer::Object { serial, .. } = offer else {
        return;
    };
    if status == UcsStatus::INPROGRESS {
        return;
    }
    if status != UcsStatus::OK && !rendezvous {
        state.broken(Rule::AmReturn, worker, [status.0 as u64, 0], site);
    }
    release(state, *serial, status, site);
}

/// Takes the payload of kept data for a receive that goes on; the object ends.
pub(crate) fn take(state: &mut State, data: u64, site: Site<'_>) -> Option<Payload> {
    let Some(Body::AmData(data)) = state.end(data, site) else {
        return None;
    };
    if let Payload::Eager(bytes) = &data.payload {
        state.forget_pointer(bytes.pointer());
    }
    Some(data.payload)
}

/// Gives kept data back; a rendezvous sender completes with `status`.
pub(crate) fn release(state: &mut State, data: u64, status: UcsStatus, site: Site<'_>) {
    let Some(Body::AmData(data)) = state.end(data, site) else {
        return;
    };
    match data.payload {
        Payload::Eager(bytes) => state.forget_pointer(bytes.pointer()),
        Payload::Rendezvous { sender, .. } => tell(state, sender, status),
    }
}

/// Tells the sender of a message that is not delivered or not received, if it waits for that.
pub(crate) fn tell_of(state: &mut State, payload: &Payload, status: UcsStatus) {
    if let Payload::Rendezvous { sender, .. } = payload {
        tell(state, *sender, status);
    }
}

/// Tells the sender of a rendezvous how it went.
fn tell(state: &mut State, sender: Sender, status: UcsStatus) {
    match sender {
        Sender::Request { request, .. } => request::complete_later(state, request, status),
        Sender::Remote { peer, operation } => remote::tell(state, peer, operation, status),
    }
}

/// Where the bytes of kept data are, for a receive into a buffer; `None` if they went with their sender.
pub(crate) fn source(state: &State, data: u64) -> Option<Region> {
    source_of(state, &state.am_data(data)?.payload)
}

/// The same of a payload.
pub(crate) fn source_of(state: &State, payload: &Payload) -> Option<Region> {
    Some(match payload {
        Payload::Eager(bytes) => Region {
            address: bytes.pointer(),
            length: bytes.len(),
        },
        Payload::Rendezvous { source, sender } => {
            let there = match sender {
                Sender::Request { request, worker } => {
                    !state.worker(*worker)?.given_up.contains(request)
                }
                Sender::Remote { peer, .. } => remote::is_connected(state, *peer),
            };
            there.then_some(*source)?
        }
    })
}

/// Who waits for kept data to be fetched, if it is still with its sender.
pub(crate) fn sender(state: &State, data: u64) -> Option<Sender> {
    match state.am_data(data)?.payload {
        Payload::Eager(_) => None,
        Payload::Rendezvous { sender, .. } => Some(sender),
    }
}

/// The endpoint of `worker` that answers `sender`. The library owns it; the client borrows it.
fn reply_endpoint(state: &mut State, worker: u64, sender: Target, site: Site<'_>) -> Option<u64> {
    if let Some(serial) = state.worker(worker)?.reply_endpoints.get(&sender) {
        return Some(state.handle_of(*serial));
    }
    let wish = endpoint::Wish {
        error_mode: UCP_ERR_HANDLING_MODE_NONE,
        error_callback: None,
        error_argument: 0,
        handler_argument: None,
    };
    let (serial, handle) = endpoint::create(state, worker, sender, &wish, site).ok()?;
    state
        .worker_mut(worker)?
        .reply_endpoints
        .insert(sender, serial);
    Some(handle)
}
