//! What this process does for its peers: it takes their messages, and copies for those that may not touch its memory.

use crate::abi::types::UcsStatus;
use crate::fabric::endpoint::Target;
use crate::fabric::memory::Region;
use crate::fabric::remote::direct;
use crate::fabric::remote::frame::{CHUNK_BYTES, Frame, Place, Route};
use crate::fabric::remote::{self, Complaint, operation};
use crate::fabric::transfer::REMOTE_ACCESS;
use crate::fabric::worker;
use crate::hidden::Bytes;
use crate::objects::{Event, Message, Payload, Sender};
use crate::universe::State;

/// Does what a frame asks.
pub(super) fn serve(state: &mut State, peer: u64, frame: Frame) -> Option<Complaint> {
    match frame {
        Frame::Message {
            route,
            header,
            data,
            ..
        } => {
            let alignment = state
                .worker(route.to)
                .map_or(1, |worker| worker.am_alignment);
            let payload = Payload::Eager(Bytes::copy_of(&data, alignment));
            receive(state, peer, route, &header, payload);
        }
        Frame::Announce {
            route,
            address,
            length,
            operation,
            header,
        } => {
            let source = Region {
                address,
                length: length as usize,
            };
            let sender = Sender::Remote { peer, operation };
            let payload = Payload::Rendezvous { source, sender };
            if !receive(state, peer, route, &header, payload) {
                remote::tell(state, peer, operation, UcsStatus::CONNECTION_RESET);
            }
        }
        Frame::Gone { worker } => lose(state, peer, worker),
        Frame::Write {
            operation,
            memory,
            address,
            last,
            data,
        } => {
            let written =
                holds(state, memory, address, data.len()) && direct::write_own(address, &data);
            if !written {
                remote::tell(state, peer, operation, REMOTE_ACCESS);
            } else if last {
                remote::tell(state, peer, operation, UcsStatus::OK);
            }
        }
        Frame::Read {
            operation,
            place,
            address,
            length,
        } => {
            let region = Region {
                address,
                length: length as usize,
            };
            let status = read(state, peer, operation, place, region);
            remote::tell(state, peer, operation, status);
        }
        Frame::Data {
            operation,
            offset,
            data,
        } => operation::take(state, operation, peer, offset, &data),
        Frame::Done { operation, status } => {
            return operation::answered(state, operation, peer, status);
        }
        // The connection deals with these itself.
        Frame::Hello { .. } | Frame::Mute | Frame::More { .. } => {}
    }
    None
}

/// Puts a message into its worker's inbox. If there is no such worker the sender is told, and the answer is false.
fn receive(state: &mut State, peer: u64, route: Route, header: &[u8], payload: Payload) -> bool {
    if state.worker(route.to).is_none() {
        let gone = Frame::Gone { worker: route.to };
        remote::send(state, peer, vec![gone.encode()], None);
        return false;
    }
    let reply_to = (route.reply_to != 0).then_some(Target {
        nonce: peer,
        worker: route.reply_to,
    });
    let message = Message {
        id: route.id,
        header: Bytes::copy_of(header, 1),
        payload,
        reply_to,
    };
    worker::post(state, route.to, Event::Message(message));
    true
}

/// A peer's worker has ended.
fn lose(state: &mut State, peer: u64, worker: u64) {
    if let Some(hub) = &mut state.hub
        && let Some(link) = hub.links.get_mut(&peer)
    {
        link.gone.insert(worker);
    }
    let lost = Target {
        nonce: peer,
        worker,
    };
    remote::fail_endpoints(state, |target| target == lost);
}

fn holds(state: &State, memory: u64, address: u64, length: usize) -> bool {
    state
        .memory(memory)
        .is_some_and(|memory| memory.region.holds(address, length))
}

/// Sends the bytes that a peer asked for, as long as they are where it may read.
fn read(state: &mut State, peer: u64, operation: u64, place: Place, region: Region) -> UcsStatus {
    let allowed = match place {
        Place::Memory(memory) => holds(state, memory, region.address, region.length),
        Place::Announced(rendezvous) => state
            .operations
            .announced(rendezvous, peer)
            .is_some_and(|source| source.holds(region.address, region.length)),
    };
    if !allowed {
        return REMOTE_ACCESS;
    }
    for start in (0..region.length).step_by(CHUNK_BYTES) {
        let mut data = vec![0; CHUNK_BYTES.min(region.length - start)];
        if !direct::read_own(region.address + start as u64, &mut data) {
            return REMOTE_ACCESS;
        }
        let frame = Frame::Data {
            operation,
            offset: start as u64,
            data,
        };
        remote::send(state, peer, vec![frame.encode()], None);
    }
    UcsStatus::OK
}
