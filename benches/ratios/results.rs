//! The results as a page of tables.

use std::fmt;
use std::fs;

use super::client::Measure;
use super::drawn::{self, Pair};
use super::registrations::Found;

/// Most bytes that a live handle should take.
const HANDLE_BYTES_AIM: f64 = 300.0;
/// Drawn scenarios a second on one processor.
const RATE_AIM: f64 = 2000.0;
/// Their speed against the stub.
const BARE_AIM: f64 = 1.0 / 3.0;
/// How many times as long a pair of calls may take with the most live registrations as with the fewest, to be called flat: the tables are
/// larger than the processor's caches then.
const FLAT_AIM: f64 = 1.5;

/// All that was measured.
pub(crate) struct Page {
    pub(crate) release: String,
    pub(crate) machine: Machine,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) drawn: drawn::Found,
    pub(crate) live: Vec<Found>,
}

/// What the figures depend on.
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
}

impl Machine {
    pub(crate) fn here() -> Machine {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            processor: model
                .map_or("an unknown processor", |model| model.1)
                .to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// Seconds of one repeat, by arm (mock, bare stub, real UCX) and round.
pub(crate) struct Comparison {
    measure: Measure,
    pub(crate) samples: [Vec<f64>; 3],
}

/// Least, middle and largest of some figures.
#[derive(Clone, Copy)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Spread {
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
        }
    }

    fn cells(self, unit: f64) -> String {
        let [min, median, max] =
            [self.min, self.median, self.max].map(|value| figure(value * unit));
        format!("{min} | {median} | {max}")
    }
}

/// How many times as fast the first is as the other, round by round.
fn times_as_fast(one: &[f64], other: &[f64]) -> Spread {
    Spread::of(other.iter().zip(one).map(|(other, one)| other / one))
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn verdict(reached: bool) -> &'static str {
    if reached { "yes" } else { "**no**" }
}

impl Comparison {
    pub(crate) fn new(measure: Measure) -> Comparison {
        Comparison {
            measure,
            samples: [const { Vec::new() }; 3],
        }
    }

    fn title(&self) -> &'static str {
        match self.measure {
            Measure::Lifecycle => "lifecycle",
            Measure::Write => "4 KiB WRITE with notification, new request",
            Measure::Repost => "4 KiB WRITE posted again",
            Measure::Large => "1 MiB WRITE posted again",
        }
    }

    /// How many times as fast the mock is as arm `other`, round by round.
    fn ratio(&self, other: usize) -> Spread {
        let [mock, ..] = &self.samples;
        times_as_fast(mock, &self.samples[other])
    }

    /// The arms that the mock is held against, with the least ratio aimed at.
    fn aims(&self) -> &'static [(usize, &'static str, f64)] {
        match self.measure {
            Measure::Lifecycle => &[(2, "real UCX", 1000.0), (1, "bare stub", 0.6)],
            _ => &[(2, "real UCX", 1.0)],
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(out)?;
        self.compared(out)?;
        self.drawn(out)?;
        self.registrations(out)
    }
}

impl Page {
    fn head(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            processor,
            processors,
            kernel,
        } = &self.machine;
        writeln!(
            out,
            "# Benchmarks\n\n\
             Written by `cargo bench -p harness --bench ratios -- --write`; edit `benches/ratios`, not this page.\n\n\
             NIXL {} on {processor}, {processors} processors, Linux {kernel}. Absolute times are this machine's; the ratios are what \
             to compare.\n",
            self.release
        )
    }

    fn compared(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self
            .comparisons
            .first()
            .map_or(0, |one| one.samples[0].len());
        writeln!(
            out,
            "## NIXL on three UCX\n\n\
             The same unmodified wheel in three processes: on the mock with its ledger in a file, on a C stub of the 38 functions that \
             checks and records nothing (`benches/ratios/bare_ucp.c`), and on the wheel's own UCX (`UCX_MODULES=^ib`). No progress \
             thread. All are bound to one processor and take turns, {rounds} rounds after one that is not counted. A lifecycle is: two \
             agents, backends, register, exchange metadata, 4 KiB WRITE with notification, release, deregister, destroy.\n\n\
             | one | on | µs of processor time: min | median | max |\n|---|---|---:|---:|---:|"
        )?;
        for one in &self.comparisons {
            for (samples, name) in one.samples.iter().zip(["mock", "bare stub", "real UCX"]) {
                let cells = Spread::of(samples.iter().copied()).cells(1e6);
                writeln!(out, "| {} | {name} | {cells} |", one.title())?;
            }
        }
        writeln!(
            out,
            "\nThe mock is so many times as fast, round by round:\n\n\
             | | as | min | median | max | aim | reached |\n|---|---|---:|---:|---:|---:|---|"
        )?;
        for one in &self.comparisons {
            for (arm, name, aim) in one.aims() {
                let ratio = one.ratio(*arm);
                let (cells, reached) = (ratio.cells(1.0), verdict(ratio.median >= *aim));
                let title = one.title();
                writeln!(out, "| {title} | {name} | {cells} | {aim} | {reached} |")?;
            }
        }
        writeln!(out)
    }

    fn drawn(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "## Drawn scenarios\n\n\
             Scenarios of 20 operations as a hunt draws them, nothing made to fail: in the process that plays one after the other, on the \
             mock, judged by all oracles; and the same ones on the stub and on real UCX, judged by none. By the clock, on one processor: \
             one scenario in seven has threads that sleep.\n\n\
             | the same scenarios | ms each: min | median | max |\n|---|---:|---:|---:|"
        )?;
        let drawn::Found { bare, real } = &self.drawn;
        for (name, samples) in [
            ("mock", &bare.mock),
            ("bare stub", &bare.other),
            ("mock, the first of them", &real.mock),
            ("real UCX, the first of them", &real.other),
        ] {
            let cells = Spread::of(samples.iter().copied()).cells(1e3);
            writeln!(out, "| {name} | {cells} |")?;
        }
        let rate = 1.0 / median(&bare.mock);
        let ratio = |pair: &Pair| times_as_fast(&pair.mock, &pair.other);
        let (to_bare, to_real) = (ratio(bare), ratio(real));
        writeln!(
            out,
            "\n| | | aim | reached |\n|---|---:|---:|---|\n\
             | scenarios a second on one processor | {} | {RATE_AIM} | {} |\n\
             | speed against the bare stub, median | {} | {BARE_AIM:.2} | {} |\n\
             | speed against real UCX, median | {} | | |\n",
            figure(rate),
            verdict(rate >= RATE_AIM),
            figure(to_bare.median),
            verdict(to_bare.median >= BARE_AIM),
            figure(to_real.median),
        )
    }

    fn registrations(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "## Many live registrations\n\n\
             A pair is `ucp_mem_map` and `ucp_mem_unmap` with their call stacks: of one more (*newest*), or one that is chosen at random \
             is unmapped and another mapped in its place (*random*), which finds nothing in the processor's caches.\n\n\
             | live | newest: ns min | median | max | random: ns min | median | max |\n|---:|---:|---:|---:|---:|---:|---:|"
        )?;
        for found in &self.live {
            let newest = Spread::of(found.newest_ns.iter().copied()).cells(1.0);
            let random = Spread::of(found.random_ns.iter().copied()).cells(1.0);
            writeln!(out, "| {} | {newest} | {random} |", found.live)?;
        }
        let [few, .., many] = self.live.as_slice() else {
            return Ok(());
        };
        let times = median(&many.newest_ns) / median(&few.newest_ns);
        let together = many.resident + many.ledger;
        writeln!(
            out,
            "\n| with {} live | | aim | reached |\n|---|---:|---:|---|\n\
             | a pair, newest, against {} live | {} times | {FLAT_AIM} | {} |\n\
             | a pair, random, against {} live | {} times | | |\n\
             | a live handle: resident memory of the process, without files | {:.0} bytes | | |\n\
             | a live handle: blocks of the ledger's file | {:.0} bytes | | |\n\
             | together | {together:.0} bytes | {HANDLE_BYTES_AIM} | {} |",
            many.live,
            few.live,
            figure(times),
            verdict(times <= FLAT_AIM),
            few.live,
            figure(median(&many.random_ns) / median(&few.random_ns)),
            many.resident,
            many.ledger,
            verdict(together <= HANDLE_BYTES_AIM),
        )
    }
}

fn median(values: &[f64]) -> f64 {
    Spread::of(values.iter().copied()).median
}
