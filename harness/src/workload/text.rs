//! What the workloads have in common: lines of a scenario about a cache of blocks in layers.

use std::fmt::Write as _;

use super::Parameters;
use crate::scenario::Addresses;

/// The word for a pattern.
pub(super) fn word(addresses: Addresses) -> &'static str {
    let known = super::PATTERNS
        .iter()
        .find(|pattern| pattern.1 == addresses);
    known.map_or("", |pattern| pattern.0)
}

/// The beginning: name, purpose, and where the client's code is.
pub(super) fn header(
    workload: &str,
    addresses: Addresses,
    about: &str,
    follows: &[&str],
) -> String {
    let mut text = format!("name {workload}-{}\nabout {about}\n\n", word(addresses));
    for line in follows {
        let _ = writeln!(text, "# {line}");
    }
    text.push('\n');
    text
}

/// The agent in a slot with its backend. Serving engines leave the progress thread on; without it a play is the same each time.
pub(super) fn agent(text: &mut String, slot: u16, name: &str) {
    let _ = writeln!(text, "agent a{slot} name={name} progress_thread=off");
    let _ = writeln!(text, "backend b{slot} a{slot} UCX");
}

/// The regions of a cache: one for each layer, from this number on.
pub(super) fn regions(text: &mut String, of: &Parameters, first: u16, seed: u8) {
    for layer in first..first + of.layers {
        let bytes = of.layer_bytes();
        let _ = writeln!(text, "region r{layer} size={bytes} seed={seed}");
    }
}

/// ` r0 r1 r2`: all layers of a cache.
pub(super) fn layers(of: &Parameters, first: u16) -> String {
    (first..first + of.layers).fold(String::new(), |mut words, layer| {
        let _ = write!(words, " r{layer}");
        words
    })
}

/// ` r0[0..4096] r0[4096..8192] ...`: every block of every layer, one layer after the other.
pub(super) fn blocks(of: &Parameters, first: u16) -> String {
    let mut words = String::new();
    for layer in first..first + of.layers {
        for block in 0..u32::from(of.blocks) {
            let (start, end) = (block * of.block_bytes, (block + 1) * of.block_bytes);
            let _ = write!(words, " r{layer}[{start}..{end}]");
        }
    }
    words
}

/// `3,4,19,20`: the descriptors of a request's blocks in all layers; `turn` says which blocks.
pub(super) fn indices(of: &Parameters, turn: u16) -> String {
    let count = of.request_blocks();
    let start = turn * count % of.blocks;
    let mut words = Vec::new();
    for layer in 0..of.layers {
        for block in start..start + count {
            let block = block % of.blocks;
            words.push((layer * of.blocks + block).to_string());
        }
    }
    words.join(",")
}

/// What an allocator does meanwhile.
pub(super) fn churn(of: &Parameters, addresses: Addresses) -> String {
    format!(
        "churn size={} addresses={} times={}",
        of.unmap_bytes,
        word(addresses),
        of.unmaps
    )
}

/// Lines, so many times.
pub(super) fn repeat(text: &mut String, count: u32, body: &[String]) {
    let _ = writeln!(text, "repeat {count} {{");
    for line in body {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("}\n");
}

/// Lines.
pub(super) fn lines(text: &mut String, all: &[&str]) {
    for line in all {
        let _ = writeln!(text, "{line}");
    }
}
