//! Two hubs in one process, as two processes would have them.

use super::*;
use crate::fabric::remote::frame::{CHUNK_BYTES, Route, message_frames};

/// Nonces that no other test has.
fn nonces() -> [u64; 2] {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let unique = u64::from(std::process::id()) << 32 | NEXT.fetch_add(1, Ordering::Relaxed) << 1;
    [unique, unique | 1]
}

/// A hub that is connected to another.
fn pair() -> (Hub, Hub) {
    let [here, there] = nonces();
    let (mut here, there) = (Hub::open(here).unwrap(), Hub::open(there).unwrap());
    here.connect(there.nonce, there.bell_number()).unwrap();
    (here, there)
}

fn look(hub: &mut Hub) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    hub.look(&mut arrivals);
    arrivals
}

fn gone(worker: u64) -> Vec<Vec<u8>> {
    vec![Frame::Gone { worker }.encode()]
}

#[test]
fn a_hub_that_nobody_rings_looks_only_now_and_then() {
    let mut hub = Hub::open(nonces()[0]).unwrap();
    let mut waits = || (0..).take_while(|_| !hub.due()).count() as u32 + 1;
    assert_eq!(waits(), IDLE_CALLS_MAX);
    look(&mut hub);
    assert!(!hub.due());
}

#[test]
fn who_sends_rings_and_the_frame_is_there() {
    let (mut here, mut there) = pair();
    assert!(there.due(), "the connection itself rings");
    assert_eq!(look(&mut there), []);
    assert!(!there.due());
    let sent = here.send(there.nonce, gone(7), None, &mut Vec::new());
    assert_eq!(sent, Progress::Sent);
    assert!(there.due());
    let (peer, frame) = (here.nonce, Frame::Gone { worker: 7 });
    assert_eq!(look(&mut there), [Arrival::Frame { peer, frame }]);
    assert!(!there.due());
}

#[test]
fn the_way_back_needs_no_connection_of_its_own() {
    let (mut here, mut there) = pair();
    look(&mut there);
    assert_eq!(there.connect(here.nonce, -1), Ok(()));
    there.send(here.nonce, gone(1), None, &mut Vec::new());
    assert!(here.due());
    assert_eq!(look(&mut here).len(), 1);
}

#[test]
fn what_finds_no_room_waits_and_arrives_in_order() {
    let (mut here, mut there) = pair();
    let peer = there.nonce;
    let route = Route {
        to: 1,
        reply_to: 0,
        id: 0,
    };
    let data = vec![3; 2 * CHUNK_BYTES + 5];
    let mut arrivals = Vec::new();
    let count = 200_u64;
    let mut queued = 0;
    for number in 0..count {
        let frames = message_frames(route, &number.to_le_bytes(), &data);
        let progress = here.send(peer, frames, Some(number), &mut arrivals);
        queued += u64::from(progress == Progress::Queued);
    }
    assert!(queued > 0 && queued < count, "{queued} of {count} waited");
    let mut received = Vec::new();
    while received.len() < count as usize {
        assert!(here.due() || there.due(), "what is left is looked for");
        received.extend(look(&mut there));
        arrivals.extend(look(&mut here));
    }
    for (number, arrival) in (0..count).zip(received) {
        let Arrival::Frame { frame, .. } = arrival else {
            panic!("{arrival:?}");
        };
        let whole = Frame::Message {
            route,
            length: data.len() as u64,
            header: number.to_le_bytes().to_vec(),
            data: data.clone(),
        };
        assert!(frame == whole, "message {number}");
    }
    let sent: Vec<Arrival> = (0..count)
        .map(|operation| Arrival::Sent { operation })
        .collect();
    assert!(arrivals == sent, "each operation is told of, in order");
}

#[test]
fn the_end_of_a_peer_is_seen_after_what_it_had_sent() {
    let (mut here, mut there) = pair();
    look(&mut there);
    let peer = here.nonce;
    here.send(there.nonce, gone(1), None, &mut Vec::new());
    there.send(peer, gone(2), None, &mut Vec::new());
    assert!(!there.hung_up(peer));
    drop(here);
    let lost = there.send(peer, gone(3), None, &mut Vec::new());
    assert_eq!(lost, Progress::Lost);
    assert!(there.due());
    let frame = Frame::Gone { worker: 1 };
    let mut seen = look(&mut there);
    seen.extend(look(&mut there));
    assert_eq!(
        seen,
        [Arrival::Frame { peer, frame }, Arrival::Died { peer }]
    );
    assert!(there.hung_up(peer));
}

#[test]
fn a_peer_that_ended_before_or_cannot_be_reached_is_no_peer() {
    let [nonce, other] = nonces();
    let mut hub = Hub::open(nonce).unwrap();
    assert_eq!(hub.connect(other, 3), Err(ConnectError::Gone));
    let stranger = packet_socket().unwrap();
    connect(&stranger, &socket_name(nonce).unwrap()).unwrap();
    send(&stranger, b"who is there?", SendFlags::empty()).unwrap();
    assert_eq!(look(&mut hub), []);
    assert_eq!(hub.connections.len(), 0, "it is shown the door");
}

#[test]
fn a_peer_that_cannot_ring_says_so_and_is_looked_after_all_the_time() {
    let [here, there] = nonces();
    let (mut here, mut there) = (Hub::open(here).unwrap(), Hub::open(there).unwrap());
    here.connect(there.nonce, 12345).unwrap();
    // Nothing rang, so it takes a while until the newcomer is noticed.
    while !there.due() {}
    look(&mut there);
    assert!(there.due() && there.due());
    drop(here);
    look(&mut there);
    look(&mut there);
    assert!(!there.due());
}
