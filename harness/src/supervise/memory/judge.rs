//! Whether a process grows, and of what.
//!
//! The first third of the samples is warm-up. Of the rest there are four parts, and what grows does so in each of them, with a fair share:
//! what was loaded late, or is a cache that fills up, has no share in the last ones. Sites that one function makes are taken together.

use std::collections::BTreeMap;

use allocations::Kind;

use super::series::{ProcessMemory, SitePoint, SiteSeries};
use crate::report::Symbolizer;
use crate::report::frames::Frame;

/// Samples below which warm-up cannot be told from growth.
const SAMPLES_MIN: usize = 16;
/// Parts of the time after the warm-up.
const PARTS: usize = 4;
/// Each part has at least one of so many parts of the growth; equal shares would be a quarter each.
const SHARE_MIN: i64 = 12;
/// Growth below this is not told.
const BYTES_MIN: i64 = 64 << 10;
/// How many times as long an unmap takes at the end as behind the warm-up, to be told. A cost that is proportional to the unmaps so far grows
/// by half, for the warm-up is a third of the time.
const COST_FACTOR: f64 = 1.25;

/// Libraries that allocate for whoever calls them.
const RUNTIME: [&str; 6] = [
    "libc.so",
    "libstdc++.so",
    "libgcc_s.so",
    "ld-linux",
    "liballocation_hooks.so",
    "libm.so",
];

/// How functions begin through which UCX sees an unmap, and its handler of it (UCX src/ucm/event/event.c, src/ucs/memory/rcache.c).
const UNMAP_PATH: [&str; 5] = [
    "ucs_rcache_unmapped_callback",
    "ucm_munmap",
    "ucm_event_dispatch",
    "ucm_event_leave",
    "ucm_override_munmap",
];

/// What is said of a process.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It ended too early: after so many samples.
    TooShort(usize),
    /// These grow, the one that grows most first; none: nothing does.
    Grows(Vec<Grower>),
}

/// A function whose memory grows.
#[derive(Clone, Debug)]
pub struct Grower {
    /// What it makes.
    pub kind: Kind,
    /// The call stack from which it makes most, innermost first, from the function on.
    pub stack: Vec<Frame>,
    /// Bytes that it grew by behind the warm-up.
    pub bytes: i64,
    /// In so many seconds.
    pub seconds: f64,
    /// And so many unmaps of the client.
    pub unmaps: u64,
    /// How well a straight line over the unmaps, or over the time if there are none, fits: 1 is exactly.
    pub fit: f64,
    /// The client's unmaps are the cause: it grows in UCX's handler of them, called by this.
    pub by_unmaps_of: Option<Frame>,
    /// An unmap takes longer and longer.
    pub cost: Option<Cost>,
}

/// What an unmap costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Microseconds behind the warm-up.
    pub first_us: f64,
    /// Microseconds at the end.
    pub last_us: f64,
}

/// Judges a process.
pub(super) fn judge(memory: &ProcessMemory, symbols: &mut Symbolizer) -> Verdict {
    // A process that ends gives back what it has: its last sample may be of that.
    let count = memory.samples.len().saturating_sub(1);
    if count < SAMPLES_MIN {
        return Verdict::TooShort(count);
    }
    let bounds: Vec<usize> = (0..=PARTS)
        .map(|part| count / 3 + (count - 1 - count / 3) * part / PARTS)
        .collect();
    let unmaps = sum(
        memory
            .sites
            .values()
            .filter(|site| site.kind == Kind::Unmap),
        count,
    );
    let mut growers: Vec<Grower> = functions(memory, symbols)
        .into_values()
        .filter_map(|sites| {
            let points = sum(sites.iter().copied(), count);
            let bytes = growth(&bounds, |index| points[index].bytes)?;
            Some(grower(
                memory, symbols, &sites, bytes, &bounds, &points, &unmaps,
            ))
        })
        .collect();
    growers.sort_by_key(|grower| std::cmp::Reverse(grower.bytes));
    Verdict::Grows(growers)
}

/// The sites that allocate, by kind and by the function that does.
fn functions<'a>(
    memory: &'a ProcessMemory,
    symbols: &mut Symbolizer,
) -> BTreeMap<(Kind, String), Vec<&'a SiteSeries>> {
    let mut functions: BTreeMap<_, Vec<&SiteSeries>> = BTreeMap::new();
    let allocating = memory
        .sites
        .values()
        .filter(|site| site.kind != Kind::Unmap);
    for site in allocating {
        let function = client_frames(memory, symbols, site)
            .first()
            .map(ToString::to_string);
        functions
            .entry((site.kind, function.unwrap_or_default()))
            .or_default()
            .push(site);
    }
    functions
}

/// The frames of a site from the one on that allocates for itself.
fn client_frames(
    memory: &ProcessMemory,
    symbols: &mut Symbolizer,
    site: &SiteSeries,
) -> Vec<Frame> {
    let frames = symbols.frames(&memory.modules, &site.frames);
    let inner = frames.iter().take_while(|frame| is_runtime(frame)).count();
    frames[inner..].to_vec()
}

/// Whether a library allocates for whoever calls it.
pub(super) fn is_runtime(frame: &Frame) -> bool {
    RUNTIME.iter().any(|begin| frame.module.starts_with(begin))
}

/// All sites together, at each sample.
fn sum<'a>(sites: impl Iterator<Item = &'a SiteSeries>, count: usize) -> Vec<SitePoint> {
    let mut sums = vec![SitePoint::default(); count];
    for site in sites {
        for (sum, point) in sums.iter_mut().zip(&site.points) {
            sum.bytes += point.bytes;
            sum.count += point.count;
            sum.total += point.total;
            sum.total_ns += point.total_ns;
        }
    }
    sums
}

/// By how much something grew, if it did in each part.
fn growth(bounds: &[usize], value: impl Fn(usize) -> i64) -> Option<i64> {
    let all = value(bounds[PARTS]) - value(bounds[0]);
    let mut parts = bounds
        .windows(2)
        .map(|part| value(part[1]) - value(part[0]));
    let fair = parts.all(|part| part * SHARE_MIN >= all);
    (all >= BYTES_MIN && fair).then_some(all)
}

fn grower(
    memory: &ProcessMemory,
    symbols: &mut Symbolizer,
    sites: &[&SiteSeries],
    bytes: i64,
    bounds: &[usize],
    points: &[SitePoint],
    unmaps: &[SitePoint],
) -> Grower {
    let (first, last) = (bounds[0], bounds[PARTS]);
    let live = |site: &&&SiteSeries| site.points.last().map_or(0, |point| point.bytes);
    let largest = sites.iter().max_by_key(live);
    let stack = largest.map_or_else(Vec::new, |site| client_frames(memory, symbols, site));
    let by_unmaps_of = unmapping(&stack);
    let time = |index: usize| memory.samples[index].at.as_secs_f64();
    let unmapped = unmaps[last].total - unmaps[first].total;
    let x = |index: usize| match unmapped {
        0 => time(index),
        _ => unmaps[index].total as f64,
    };
    let line: Vec<(f64, f64)> = (first..=last)
        .map(|index| (x(index), points[index].bytes as f64))
        .collect();
    Grower {
        kind: sites[0].kind,
        bytes,
        seconds: time(last) - time(first),
        unmaps: unmapped,
        fit: fit(&line),
        cost: by_unmaps_of.as_ref().and_then(|_| cost(bounds, unmaps)),
        by_unmaps_of,
        stack,
    }
}

/// Who unmaps, if that is what leads to this stack: the first function outside of UCX and the C library.
fn unmapping(stack: &[Frame]) -> Option<Frame> {
    let is_on_path = |frame: &Frame| {
        let function = frame.function.as_deref().unwrap_or_default();
        UNMAP_PATH.iter().any(|begin| function.starts_with(begin))
    };
    let handler = stack.iter().position(is_on_path)?;
    let is_client = |frame: &&Frame| !is_runtime(frame) && !frame.module.starts_with("libuc");
    stack[handler..]
        .iter()
        .find(is_client)
        .or(stack.last())
        .cloned()
}

/// What an unmap cost in the first and the last part, if it grew to the middle, and on from there.
fn cost(bounds: &[usize], unmaps: &[SitePoint]) -> Option<Cost> {
    let costs: Vec<f64> = bounds
        .windows(2)
        .map(|part| {
            let (from, to) = (&unmaps[part[0]], &unmaps[part[1]]);
            let count = to.total - from.total;
            (to.total_ns - from.total_ns) as f64 / count.max(1) as f64 / 1000.0
        })
        .collect();
    let (first_us, last_us) = (*costs.first()?, *costs.last()?);
    let between = &costs[1..PARTS - 1];
    let middle = between.iter().sum::<f64>() / between.len() as f64;
    let grows = first_us < middle && middle < last_us;
    (grows && last_us >= first_us * COST_FACTOR).then_some(Cost { first_us, last_us })
}

/// The share of the variance that a straight line explains.
fn fit(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        xx += (x - mean_x) * (x - mean_x);
        xy += (x - mean_x) * (y - mean_y);
        yy += (y - mean_y) * (y - mean_y);
    }
    match xx * yy {
        0.0 => 0.0,
        product => xy * xy / product,
    }
}

#[cfg(test)]
mod tests;
