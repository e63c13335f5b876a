//! Blocks go to a store and come back: what is registered on the store's side is registered for each request.

use std::fmt::Write as _;

use super::Parameters;
use super::text::{agent, blocks, churn, header, indices, lines, regions, repeat};
use crate::scenario::Addresses;

const FOLLOWS: [&str; 6] = [
    "Follows LMCache/LMCache, lmcache/v1/storage_backend/nixl_storage_backend.py at 016953bb: init_mem_handlers registers the memory",
    "in pages, each a descriptor, and prepares them as a list; a put registers what it writes to, prepares it, makes a WRITE from",
    "both lists, posts it, polls it, and releases and deregisters all of that again; a get does the same with a READ. There the",
    "store is a file or an object of another plugin; here it is memory of the same agent, so that UCX serves it.",
    "Each put registers memory, and a registration has UCX go through what it remembers of unmaps.",
    "a0 is the only agent. After a restart there is another.",
];

pub(super) fn text(of: &Parameters, addresses: Addresses) -> String {
    let about = "Blocks are written to a store and read back, registered for each request";
    let mut text = header("offload", addresses, about, &FOLLOWS);
    agent(&mut text, 0, "storage-0");
    regions(&mut text, of, 0, 1);
    let store = of.layers;
    let bytes = u32::from(of.request_blocks()) * u32::from(of.layers) * of.block_bytes;
    let _ = writeln!(text, "region r{store} size={bytes} seed=2");
    begin(&mut text, of);
    let served = requests(of, addresses);
    if of.restart {
        repeat(&mut text, of.requests / 4, &served);
        end(&mut text, of);
        lines(&mut text, &["destroy_backend b0", "destroy_agent a0"]);
        agent(&mut text, 0, "storage-1");
        begin(&mut text, of);
        repeat(&mut text, of.requests / 4, &served);
    } else {
        repeat(&mut text, of.requests / 2, &served);
    }
    end(&mut text, of);
    text
}

/// The agent's own pages.
fn begin(text: &mut String, of: &Parameters) {
    let pages = blocks(of, 0);
    let _ = writeln!(text, "register a0{pages}");
    let _ = writeln!(text, "prep d0 a0{pages}");
}

fn end(text: &mut String, of: &Parameters) {
    let _ = writeln!(text, "release_list d0");
    let _ = writeln!(text, "deregister a0{}", blocks(of, 0));
}

/// A put and a get.
fn requests(of: &Parameters, addresses: Addresses) -> Vec<String> {
    let store = of.layers;
    let pages = u32::from(of.request_blocks()) * u32::from(of.layers);
    let mut spans = String::new();
    for page in 0..pages {
        let (start, end) = (page * of.block_bytes, (page + 1) * of.block_bytes);
        let _ = write!(spans, " r{store}[{start}..{end}]");
    }
    let mut body = Vec::new();
    for (direction, turn) in [("write", 0), ("read", 1)] {
        body.push(churn(of, addresses));
        body.push(format!("register a0 r{store}"));
        body.push(format!("prep d1 a0 remote=a0{spans}"));
        let own = indices(of, turn);
        body.push(format!(
            "make x0 a0 {direction} local=d0 local_indices={own} remote=d1"
        ));
        for line in ["post x0", "wait x0", "release x0", "release_list d1"] {
            body.push(line.to_owned());
        }
        body.push(format!("deregister a0 r{store}"));
    }
    body
}
