//! The sides of the scenarios about memory: who writes and reads, and who offers it.

use mock_ucx::abi::request::ucp_request_check_status;
use mock_ucx::abi::types::*;

use crate::roles::{REGION, hear_number, pattern, wait_progressing};
use crate::ucx::{Endpoint, Side, destroy_key};
use crate::wire::Wire;

/// Connects to the other side, whose address and key come by wire; the region's address too.
pub(crate) fn connect_to_memory(me: &Side, wire: &Wire) -> (Endpoint, u64, u64) {
    let endpoint = me.connect(&wire.hear());
    let key = me.unpack(&endpoint, &wire.hear());
    (endpoint, key, hear_number(wire))
}

pub(crate) fn offer_memory(me: &Side, wire: &Wire, region: &mut [u8]) -> u64 {
    wire.tell(&me.address());
    let (memory, key) = me.register(region);
    wire.tell(&key);
    wire.tell(&(region.as_ptr() as u64).to_le_bytes());
    memory
}

pub(crate) fn serve_memory(me: Side, wire: &Wire) {
    let mut region = pattern(1);
    let memory = offer_memory(&me, wire, &mut region);
    wait_progressing(wire, &me);
    assert!(region == pattern(2), "what was put has not arrived");
    wire.go();
    wait_progressing(wire, &me);
    me.unregister(memory);
    me.end();
}

pub(crate) fn transfer(me: Side, wire: &Wire, forbidden: bool) {
    let (endpoint, key, remote) = connect_to_memory(&me, wire);
    let mut got = vec![0; REGION];
    let reading = endpoint.get(&mut got, remote, key);
    assert_eq!(reading != 0, forbidden, "who copies");
    assert_eq!(me.wait(reading), UcsStatus::OK);
    assert!(got == pattern(1), "what was got is not what was there");
    let mine = pattern(2);
    let (head, tail) = mine.split_at(5000);
    let puts = [
        endpoint.put(head, remote, key),
        endpoint.put(tail, remote + 5000, key),
    ];
    let flush = endpoint.flush();
    assert_eq!((flush != 0, puts[1] != 0), (forbidden, forbidden));
    assert_eq!(me.wait(flush), UcsStatus::OK);
    for put in puts {
        let done = put == 0 || ucp_request_check_status(put as u64) == UcsStatus::OK;
        assert!(done, "the flush completed before a put");
        assert_eq!(me.wait(put), UcsStatus::OK);
    }
    assert_eq!(endpoint.flush(), 0, "nothing runs any more");
    wire.go();
    wire.wait();
    destroy_key(key);
    assert_eq!(me.wait(endpoint.close(0)), UcsStatus::OK);
    wire.go();
    me.end();
}

pub(crate) fn close_while_busy(me: Side, wire: &Wire) {
    let (address, key) = (wire.hear(), wire.hear());
    let remote = hear_number(wire);
    let mine = pattern(2);
    let begin = || {
        let endpoint = me.connect(&address);
        let key = me.unpack(&endpoint, &key);
        let put = endpoint.put(&mine, remote, key);
        assert!(put != 0, "it waits for the owner");
        destroy_key(key);
        (endpoint, put)
    };
    let (endpoint, put) = begin();
    assert_eq!(
        me.wait(endpoint.close(UCP_EP_CLOSE_FLAG_FORCE)),
        UcsStatus::OK
    );
    assert_eq!(me.wait(put), UcsStatus::CANCELED);
    let (endpoint, put) = begin();
    let close = endpoint.close(0);
    assert!(close != 0, "it waits for the put");
    assert_eq!(me.wait(close), UcsStatus::OK);
    assert_eq!(me.wait(put), UcsStatus::OK);
    wire.go();
    wire.wait();
    wire.go();
    me.end();
}

/// Accesses that the owner did not offer: each fails, and its endpoint with it.
pub(crate) fn access_badly(me: Side, wire: &Wire, forbidden: bool) {
    let (address, key) = (wire.hear(), wire.hear());
    let remote = hear_number(wire);
    let fails = |at: u64| {
        let endpoint = me.connect(&address);
        let key = me.unpack(&endpoint, &key);
        let put = endpoint.put(&[1; 100], at, key);
        assert_eq!(me.wait(put), UcsStatus::CONNECTION_RESET);
        me.until("the error handler runs", || {
            !endpoint.errors.lock().unwrap().is_empty()
        });
        destroy_key(key);
        assert_eq!(
            me.wait(endpoint.close(UCP_EP_CLOSE_FLAG_FORCE)),
            UcsStatus::OK
        );
    };
    fails(remote + REGION as u64 - 99);
    wire.go();
    if forbidden {
        wait_progressing(wire, &me);
    } else {
        wire.wait();
    }
    fails(remote);
    wire.go();
    me.end();
}

/// Unmaps its registration. Who is asked to copy knows that it did; who accesses pages directly sees only that they are gone too.
pub(crate) fn take_memory_away(me: Side, wire: &Wire, asked: bool) {
    let length = REGION.next_multiple_of(4096);
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, used as long as it is there.
    let (pages, region) = unsafe {
        let pages = libc::mmap(std::ptr::null_mut(), length, access, flags, -1, 0);
        assert_ne!(pages, libc::MAP_FAILED);
        (
            pages,
            std::slice::from_raw_parts_mut(pages.cast::<u8>(), REGION),
        )
    };
    let memory = offer_memory(&me, wire, region);
    wait_progressing(wire, &me);
    me.unregister(memory);
    if !asked {
        // SAFETY: nothing uses them any more.
        assert_eq!(unsafe { libc::munmap(pages, length) }, 0);
    }
    wire.go();
    wait_progressing(wire, &me);
    me.end();
}
