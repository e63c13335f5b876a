//! Prefill pushes: it writes the blocks of each request into the decode side's cache.

use std::fmt::Write as _;

use super::Parameters;
use super::text::{agent, blocks, churn, header, indices, layers, lines, regions, repeat};
use crate::scenario::Addresses;

const FOLLOWS: [&str; 7] = [
    "Follows LMCache/LMCache, lmcache/v1/transfer_channel/nixl_channel.py at 0449f44d: NixlAgentWrapper registers one buffer and",
    "prepares its pages as a list; lazy_init_peer_connection exchanges metadata both ways and prepares the peer's pages;",
    "batched_write makes a WRITE from both lists, posts it and polls until it is done. LMCache leaves the handle to Python's",
    "collector, which releases it. sgl-project/sglang, python/sglang/srt/disaggregation/nixl/conn.py, pushes in the same way, with a",
    "notification for each chunk of a request and one for its auxiliary data, from lists that are made for the transfer.",
    "a0 is the sender, a1 the receiver.",
    "The churn is that of the allocators beside the buffers, which are registered once.",
];

pub(super) fn text(of: &Parameters, addresses: Addresses) -> String {
    let about = "Prefill writes each request's blocks to decode, while allocators unmap memory";
    let mut text = header("push", addresses, about, &FOLLOWS);
    let (sender, receiver) = (0, of.layers);
    agent(&mut text, 0, "sender");
    agent(&mut text, 1, "receiver-0");
    regions(&mut text, of, sender, 1);
    regions(&mut text, of, receiver, 2);
    let auxiliary = 2 * of.layers;
    let _ = writeln!(text, "region r{auxiliary} size=256 seed=3");
    let _ = writeln!(text, "region r{} size=256 seed=4", auxiliary + 1);
    let _ = writeln!(text, "register a0{} r{auxiliary}", layers(of, sender));
    let _ = writeln!(
        text,
        "register a1{} r{}",
        layers(of, receiver),
        auxiliary + 1
    );
    let _ = writeln!(text, "prep d0 a0{}", blocks(of, sender));
    handshake(&mut text, of);
    let served = requests(of, addresses);
    if of.restart {
        repeat(&mut text, of.requests / 4, &served);
        restart(&mut text, of);
        repeat(&mut text, of.requests / 4, &served);
    } else {
        repeat(&mut text, of.requests / 2, &served);
    }
    lines(
        &mut text,
        &[
            "release_list d1",
            "invalidate a0 a1",
            "invalidate a1 a0",
            "release_list d0",
        ],
    );
    text
}

/// Both sides get to know each other.
fn handshake(text: &mut String, of: &Parameters) {
    lines(
        text,
        &[
            "get_md m0 a0",
            "load_md a1 m0",
            "get_md m1 a1",
            "load_md a0 m1",
        ],
    );
    let _ = writeln!(text, "prep d1 a0 remote=a1{}", blocks(of, of.layers));
}

/// Two requests: one from the prepared lists alone, and one with a notification and auxiliary data.
fn requests(of: &Parameters, addresses: Addresses) -> Vec<String> {
    let (first, second) = (indices(of, 0), indices(of, 1));
    let auxiliary = 2 * of.layers;
    let lists = "local=d0 remote=d1";
    let mut body = vec![
        churn(of, addresses),
        format!("make x0 a0 write {lists} local_indices={first} remote_indices={second}"),
        "post x0".to_owned(),
        "wait x0".to_owned(),
        "release x0".to_owned(),
        churn(of, addresses),
        format!(
            "make x1 a0 write {lists} local_indices={second} remote_indices={first} notif=\"room_kv_0_1\""
        ),
        "post x1".to_owned(),
        format!(
            "create x2 a0 write local=r{auxiliary} to=a1 remote=r{} notif=\"room_aux\"",
            auxiliary + 1
        ),
        "post x2".to_owned(),
    ];
    for transfer in [1, 2] {
        body.push(format!("wait x{transfer}"));
        body.push(format!("release x{transfer}"));
    }
    for message in ["room_kv_0_1", "room_aux"] {
        body.push(format!("expect_notif a1 \"{message}\" from=a0"));
    }
    body
}

/// The receiver ends and comes again.
fn restart(text: &mut String, of: &Parameters) {
    lines(text, &["release_list d1", "invalidate a0 a1"]);
    let own = format!("a1{} r{}", layers(of, of.layers), 2 * of.layers + 1);
    let _ = writeln!(text, "deregister {own}");
    lines(text, &["destroy_backend b1", "destroy_agent a1"]);
    agent(text, 1, "receiver-1");
    let _ = writeln!(text, "register {own}");
    handshake(text, of);
}
