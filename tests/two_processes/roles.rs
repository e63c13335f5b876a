//! What the two sides do. The first connects to the second, which serves it.

use mock_ucx::abi::types::*;

use crate::memory::{
    access_badly, close_while_busy, connect_to_memory, offer_memory, serve_memory,
    take_memory_away, transfer,
};
use crate::ucx::{Side, destroy_key, send_on};
use crate::wire::Wire;

/// Bytes of the region that is written and read: several windows and a rest.
pub(crate) const REGION: usize = (3 << 20) + 4097;
/// Messages of the long run.
const MANY: u64 = 10_000;

/// Plays one side of a scenario.
pub(crate) fn play(scenario: &str, side: &str) {
    let first = side == "first";
    let wire = Wire::of_process();
    let me = Side::new();
    if scenario.ends_with("_forbidden") {
        forbid_access();
    }
    match scenario.trim_end_matches("_forbidden") {
        "transfers" if first => transfer(me, &wire, scenario.ends_with("_forbidden")),
        "close_while_busy" if first => close_while_busy(me, &wire),
        "bad_access" if first => access_badly(me, &wire, scenario.ends_with("_forbidden")),
        "transfers" | "close_while_busy" => serve_memory(me, &wire),
        "bad_access" => take_memory_away(me, &wire, scenario.ends_with("_forbidden")),
        "messages" if first => send_messages(me, &wire),
        "messages" => receive_messages(me, &wire),
        "sleep" => take_turns_asleep(me, &wire, first),
        "many" if first => send_many(me, &wire),
        "many" => receive_many(me, &wire),
        "killed" | "killed_asleep" if first => survive(me, &wire, scenario == "killed_asleep"),
        "killed" | "killed_asleep" | "killed_while_asked" if !first => {
            be_killed(me, &wire, scenario)
        }
        "killed_while_asked" => ask_the_dead(me, &wire),
        "worker_ends" if first => outlive_worker(me, &wire),
        "worker_ends" => end_worker(me, &wire),
        "fork" if first => fork_and_talk(me),
        "fork" => me.end(),
        other => panic!("no scenario {other}"),
    }
}

/// From here on the kernel lets no other process look into this one: it is not dumpable, and its user is nobody.
fn forbid_access() {
    // SAFETY: plain system calls. All that needs the former user is open already.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setresgid(65534, 65534, 65534), 0);
            assert_eq!(libc::setresuid(65534, 65534, 65534), 0);
        }
        assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 0), 0);
    }
}

/// Waits for the other side's word, with progress.
pub(crate) fn wait_progressing(wire: &Wire, side: &Side) {
    side.until("the other side goes on", || wire.is_ready());
    wire.wait();
}

pub(crate) fn hear_number(wire: &Wire) -> u64 {
    u64::from_le_bytes(wire.hear().try_into().unwrap())
}

pub(crate) fn pattern(seed: u8) -> Vec<u8> {
    (0..REGION).map(|at| (at % 251) as u8 ^ seed).collect()
}

fn send_messages(me: Side, wire: &Wire) {
    let endpoint = me.connect(&wire.hear());
    let large = pattern(3);
    for (header, data, flags) in message_kinds(&large) {
        let sent = endpoint.send(header, data, flags);
        assert!(sent != 0 || flags != UCP_AM_SEND_FLAG_RNDV);
        assert_eq!(me.wait(sent), UcsStatus::OK);
    }
    // The other side drops the data of the last one, and says so by its status.
    let dropped = endpoint.send(b"drop", &large, UCP_AM_SEND_FLAG_RNDV);
    assert_eq!(me.wait(dropped), UcsStatus::OK);
    assert_eq!(
        me.wait(endpoint.send(b"reply", b"", UCP_AM_SEND_FLAG_REPLY)),
        UcsStatus::OK
    );
    let answer = me.one();
    assert_eq!(
        (answer.header.as_slice(), answer.data.as_slice()),
        (&b"answer"[..], &b"yes"[..])
    );
    assert_eq!(me.wait(endpoint.close(0)), UcsStatus::OK);
    wire.go();
    me.end();
}

fn message_kinds(large: &[u8]) -> [(&'static [u8], &[u8], u32); 5] {
    [
        (b"", b"", UCP_AM_SEND_FLAG_EAGER),
        (b"header", b"small", UCP_AM_SEND_FLAG_EAGER),
        (b"", large, UCP_AM_SEND_FLAG_EAGER),
        (b"rendezvous", large, UCP_AM_SEND_FLAG_RNDV),
        (&[9; 4096], large, 0),
    ]
}

fn receive_messages(me: Side, wire: &Wire) {
    wire.tell(&me.address());
    let large = pattern(3);
    for (header, data, flags) in message_kinds(&large) {
        let message = me.one();
        assert_eq!(message.header, header);
        assert_eq!(message.announced.is_some(), flags != UCP_AM_SEND_FLAG_EAGER);
        assert_eq!(message.reply, 0);
        let received = match message.announced {
            Some(announced) => me.fetch(announced).1,
            None => message.data,
        };
        assert!(received == data, "the data arrives as it was sent");
    }
    let dropped = me.one().announced.unwrap();
    mock_ucx::abi::message_data::ucp_am_data_release(me.worker, dropped.0);
    let question = me.one();
    assert_eq!(
        me.wait(send_on(question.reply, b"answer", b"yes", 0)),
        UcsStatus::OK
    );
    wait_progressing(wire, &me);
    me.end();
}

/// The sides take turns; each sleeps on its descriptor until the other's message wakes it.
fn take_turns_asleep(me: Side, wire: &Wire, begins: bool) {
    let descriptor = me.descriptor();
    wire.tell(&me.address());
    let endpoint = me.connect(&wire.hear());
    for turn in 0..200_u32 {
        if (turn % 2 == 0) == begins {
            assert_eq!(
                me.wait(endpoint.send(&turn.to_le_bytes(), b"", 0)),
                UcsStatus::OK
            );
            continue;
        }
        let mut arrived = me.take();
        while arrived.is_empty() {
            assert!(me.sleep(descriptor), "nothing woke it in turn {turn}");
            arrived = me.take();
        }
        assert_eq!(arrived.len(), 1);
        assert_eq!(arrived[0].header, turn.to_le_bytes());
    }
    wire.go();
    wait_progressing(wire, &me);
    assert_eq!(me.wait(endpoint.close(0)), UcsStatus::OK);
    wire.go();
    wire.wait();
    me.end();
}

/// Sends without looking whether the other side, which does not progress at first, keeps up.
fn send_many(me: Side, wire: &Wire) {
    let endpoint = me.connect(&wire.hear());
    let data = vec![5; 100];
    let sent: Vec<usize> = (0..MANY)
        .map(|number| endpoint.send(&number.to_le_bytes(), &data, 0))
        .collect();
    assert!(
        sent.iter().any(|sent| *sent != 0),
        "no socket holds so many"
    );
    let flush = endpoint.flush();
    assert_ne!(flush, 0);
    wire.go();
    assert_eq!(me.wait(flush), UcsStatus::OK);
    for request in sent {
        assert_eq!(me.wait(request), UcsStatus::OK);
    }
    assert_eq!(me.wait(endpoint.close(0)), UcsStatus::OK);
    wire.wait();
    wire.go();
    me.end();
}

fn receive_many(me: Side, wire: &Wire) {
    wire.tell(&me.address());
    wire.wait();
    let mut next = 0_u64;
    me.until("all have come", || {
        for message in me.take() {
            assert_eq!(message.header, next.to_le_bytes());
            assert_eq!(message.data, [5; 100]);
            next += 1;
        }
        next == MANY
    });
    wire.go();
    // The end of this side would fail an endpoint that the other has not closed yet.
    wire.wait();
    me.end();
}

/// The other side is killed while a rendezvous and an endpoint are open.
fn survive(me: Side, wire: &Wire, asleep: bool) {
    let descriptor = me.descriptor();
    let (endpoint, key, remote) = connect_to_memory(&me, wire);
    let pid = hear_number(wire) as i32;
    assert_eq!(endpoint.put(b"before", remote, key), 0);
    let data = pattern(1);
    let waiting = endpoint.send(b"", &data, UCP_AM_SEND_FLAG_RNDV);
    while me.progress() {}
    // SAFETY: a child of the same test, which does nothing but wait for this.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
    if asleep {
        while endpoint.errors.lock().unwrap().is_empty() {
            assert!(me.sleep(descriptor), "the end of the peer woke nobody");
        }
    }
    me.until("the error handler runs", || {
        !endpoint.errors.lock().unwrap().is_empty()
    });
    assert_eq!(me.wait(waiting), UcsStatus::CONNECTION_RESET);
    assert_eq!(
        *endpoint.errors.lock().unwrap(),
        [UcsStatus::CONNECTION_RESET]
    );
    let mut byte = [0];
    for pointer in [
        endpoint.put(b"after", remote, key),
        endpoint.get(&mut byte, remote, key),
        endpoint.send(b"", b"after", 0),
        endpoint.flush(),
    ] {
        assert_eq!(me.wait(pointer), UcsStatus::CONNECTION_RESET);
    }
    destroy_key(key);
    assert_eq!(
        me.wait(endpoint.close(UCP_EP_CLOSE_FLAG_FORCE)),
        UcsStatus::OK
    );
    me.end();
}

/// The other side is killed before it does what it is asked, when the endpoint is closed already.
fn ask_the_dead(me: Side, wire: &Wire) {
    let (endpoint, key, remote) = connect_to_memory(&me, wire);
    let pid = hear_number(wire) as i32;
    let put = endpoint.put(b"never", remote, key);
    destroy_key(key);
    let close = endpoint.close(0);
    assert!(put != 0 && close != 0, "both wait for the owner");
    // SAFETY: a child of the same test, which does nothing but wait for this.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
    assert_eq!(me.wait(put), UcsStatus::CONNECTION_RESET);
    assert_eq!(me.wait(close), UcsStatus::CONNECTION_RESET);
    me.end();
}

fn be_killed(me: Side, wire: &Wire, scenario: &str) {
    let mut region = vec![0; REGION];
    offer_memory(&me, wire, &mut region);
    outlived_by_a_child();
    wire.tell(&u64::from(std::process::id()).to_le_bytes());
    if scenario.starts_with("killed_while_asked") {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
    me.until("it is killed", || false);
}

/// Forks a child that lives on for a while and must not keep the connections of this process open.
fn outlived_by_a_child() {
    // SAFETY: the child makes system calls only. It lets go of what the test waits for.
    unsafe {
        if libc::fork() == 0 {
            for descriptor in 0..3 {
                libc::close(descriptor);
            }
            libc::sleep(40);
            libc::_exit(0);
        }
    }
}

/// The other side's worker ends, its process lives on.
fn outlive_worker(me: Side, wire: &Wire) {
    let address = wire.hear();
    let endpoint = me.connect(&address);
    assert_eq!(me.wait(endpoint.send(b"", b"hello", 0)), UcsStatus::OK);
    wire.go();
    wire.wait();
    me.until("the error handler runs", || {
        !endpoint.errors.lock().unwrap().is_empty()
    });
    assert_eq!(
        me.wait(endpoint.send(b"", b"hello", 0)),
        UcsStatus::CONNECTION_RESET
    );
    assert_eq!(
        me.wait(endpoint.close(UCP_EP_CLOSE_FLAG_FORCE)),
        UcsStatus::OK
    );
    // An endpoint to a worker that is known to have ended fails as soon as it is used.
    let late = me.connect(&address);
    assert_eq!(
        me.wait(late.send(b"", b"hello", 0)),
        UcsStatus::CONNECTION_RESET
    );
    assert_eq!(me.wait(late.close(UCP_EP_CLOSE_FLAG_FORCE)), UcsStatus::OK);
    wire.go();
    me.end();
}

fn end_worker(me: Side, wire: &Wire) {
    wire.tell(&me.address());
    let rest = Side::new();
    wait_progressing(wire, &me);
    me.until("the message arrives", || !me.take().is_empty());
    me.end();
    wire.go();
    wait_progressing(wire, &rest);
    rest.end();
}

/// A forked child talks to its parent by an address that both have had since before the fork.
fn fork_and_talk(me: Side) {
    let address = me.address();
    let mut region = vec![0_u8; 64];
    let (memory, key) = me.register(&mut region);
    // SAFETY: the child uses what a fork leaves intact: this thread, and allocation.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let own = Side::new();
        let endpoint = own.connect(&address);
        let key = own.unpack(&endpoint, &key);
        let put = endpoint.put(b"from the child", region.as_ptr() as u64, key);
        assert_eq!(own.wait(put), UcsStatus::OK);
        assert_eq!(own.wait(endpoint.send(b"child", b"", 0)), UcsStatus::OK);
        assert!(region.iter().all(|byte| *byte == 0), "it wrote into itself");
        destroy_key(key);
        assert_eq!(own.wait(endpoint.close(0)), UcsStatus::OK);
        own.end();
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    assert_eq!(me.one().header, b"child");
    assert!(region.starts_with(b"from the child"));
    let mut status = 0;
    // SAFETY: a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    me.unregister(memory);
    me.end();
}
