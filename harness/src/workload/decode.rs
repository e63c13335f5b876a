//! A pair of prefill and decode as vLLM's NixlConnector has it: the decode side reads the blocks of each request.

use std::fmt::Write as _;

use super::Parameters;
use super::text::{agent, blocks, churn, header, indices, layers, lines, regions, repeat};
use crate::scenario::Addresses;

const FOLLOWS: [&str; 8] = [
    "Follows vllm-project/vllm, vllm/distributed/kv_transfer/kv_connector/v1/nixl_connector.py at 002a1057 (connector version 2):",
    "register_kv_caches registers each layer's cache once and prepares the list of all own blocks; add_remote_agent loads the",
    "peer's metadata and prepares its blocks; _read_blocks makes a READ from both lists with `request:ranks` as notification, posts",
    "it, and _pop_done_transfers polls and releases it; the prefill side takes notifications in _get_new_notifs. A request whose",
    "blocks are all there is told by send_notif alone; later releases send heartbeats the same way. After a restart the peer has",
    "another name, and all is prepared anew.",
    "The churn is that of the allocators while graphs are captured and requests are served: pools that are mapped and unmapped",
    "beside the cache, which is registered once. a0 is the prefill side, a1 the decode side.",
];

pub(super) fn text(of: &Parameters, addresses: Addresses) -> String {
    let about = "Decode reads each request's blocks from prefill, while allocators unmap memory";
    let mut text = header("decode", addresses, about, &FOLLOWS);
    let (prefill, decode) = (0, of.layers);
    agent(&mut text, 0, "prefill-0");
    agent(&mut text, 1, "decode-0");
    regions(&mut text, of, prefill, 1);
    regions(&mut text, of, decode, 2);
    let _ = writeln!(text, "register a0{}", layers(of, prefill));
    let _ = writeln!(text, "register a1{}", layers(of, decode));
    let _ = writeln!(text, "prep d0 a1{}", blocks(of, decode));
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
        &["release_list d1", "invalidate a1 a0", "release_list d0"],
    );
    text
}

/// The decode side gets to know the prefill side.
fn handshake(text: &mut String, of: &Parameters) {
    lines(text, &["get_md m0 a0", "load_md a1 m0"]);
    let _ = writeln!(text, "prep d1 a1 remote=a0{}", blocks(of, 0));
}

/// Two requests in turn, which use other blocks, and what goes on beside them.
fn requests(of: &Parameters, addresses: Addresses) -> Vec<String> {
    let mut body = Vec::new();
    for turn in 0..2 {
        body.push(churn(of, addresses));
        let (local, remote) = (indices(of, turn), indices(of, turn + 1));
        body.push(format!(
            "make x{turn} a1 read local=d0 local_indices={local} remote=d1 remote_indices={remote} notif=\"request-{turn}:1\""
        ));
        body.push(format!("post x{turn}"));
        body.push(format!("wait x{turn}"));
        body.push(format!("release x{turn}"));
        body.push(format!("expect_notif a0 \"request-{turn}:1\" from=a1"));
    }
    body.push("notify a1 a0 \"heartbeat\"".to_owned());
    body.push("expect_notif a0 \"heartbeat\" from=a1".to_owned());
    body
}

/// The prefill side ends and comes again.
fn restart(text: &mut String, of: &Parameters) {
    lines(text, &["release_list d1", "invalidate a1 a0"]);
    let _ = writeln!(text, "deregister a0{}", layers(of, 0));
    lines(text, &["destroy_backend b0", "destroy_agent a0"]);
    agent(text, 0, "prefill-1");
    let _ = writeln!(text, "register a0{}", layers(of, 0));
    handshake(text, of);
}
