//! What the memory of a process did, for people and as data.

use std::collections::BTreeMap;
use std::fmt;

use allocations::Kind;
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::judge::{Grower, Verdict, judge};
use super::series::ProcessMemory;
use crate::report::Symbolizer;
use crate::report::frames::Frame;

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const LABEL: Style = Style::new().bold();

/// Frames of a stack that are printed.
const FRAMES_MAX: usize = 14;
/// Origins that are listed.
const ORIGINS_MAX: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

/// The report of one process.
#[derive(Clone, Debug)]
pub struct MemoryReport {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// Whether it grows, and of what.
    pub verdict: Verdict,
    /// Resident bytes at the first and the last sample, and the most of all.
    pub resident: [u64; 3],
    /// Seconds that it was watched for.
    pub seconds: f64,
    /// Live bytes at the end by what they are and by the library that made them, most first.
    pub origins: Vec<(Kind, String, i64)>,
    /// Blocks that could not be counted.
    pub dropped: u64,
}

impl MemoryReport {
    /// Judges a process.
    pub fn new(memory: &ProcessMemory, symbols: &mut Symbolizer) -> MemoryReport {
        let resident = || memory.samples.iter().map(|sample| sample.resident);
        MemoryReport {
            pid: memory.pid,
            command: memory.command.clone(),
            verdict: judge(memory, symbols),
            resident: [
                resident().next().unwrap_or(0),
                resident().next_back().unwrap_or(0),
                resident().max().unwrap_or(0),
            ],
            seconds: memory
                .samples
                .first()
                .zip(memory.samples.last())
                .map_or(0.0, |(first, last)| (last.at - first.at).as_secs_f64()),
            origins: origins(memory, symbols),
            dropped: memory.dropped,
        }
    }

    /// Functions that grow.
    pub fn growers(&self) -> &[Grower] {
        match &self.verdict {
            Verdict::Grows(growers) => growers,
            Verdict::TooShort(_) => &[],
        }
    }

    /// It was watched for long enough to say whether it grows.
    pub fn is_judged(&self) -> bool {
        matches!(self.verdict, Verdict::Grows(_))
    }

    /// As data.
    pub fn json(&self) -> Value {
        let origins = self.origins.iter().map(|(kind, module, bytes)| {
            json!({ "kind": kind_word(*kind), "module": module, "live_bytes": bytes })
        });
        json!({
            "pid": self.pid,
            "command": self.command,
            "judged": self.is_judged(),
            "seconds": self.seconds,
            "resident_bytes": { "first": self.resident[0], "last": self.resident[1], "most": self.resident[2] },
            "origins": origins.collect::<Vec<_>>(),
            "grows": self.growers().iter().map(grower_json).collect::<Vec<_>>(),
            "not_counted": self.dropped,
        })
    }
}

fn grower_json(grower: &Grower) -> Value {
    json!({
        "kind": kind_word(grower.kind),
        "by": grower.stack.first().map(ToString::to_string),
        "bytes": grower.bytes,
        "seconds": grower.seconds,
        "unmaps": grower.unmaps,
        "fit": grower.fit,
        "cause": grower.by_unmaps_of.as_ref().map(|_| "unmaps"),
        "unmaps_by": grower.by_unmaps_of.as_ref().map(ToString::to_string),
        "unmap_us": grower.cost.map(|cost| [cost.first_us, cost.last_us]),
        "stack": grower.stack.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// Live bytes at the end by kind and library.
fn origins(memory: &ProcessMemory, symbols: &mut Symbolizer) -> Vec<(Kind, String, i64)> {
    let mut sums: BTreeMap<(Kind, String), i64> = BTreeMap::new();
    for site in memory
        .sites
        .values()
        .filter(|site| site.kind != Kind::Unmap)
    {
        let frames = symbols.frames(&memory.modules, &site.frames);
        let of_client = frames.iter().find(|frame| !super::judge::is_runtime(frame));
        let module = of_client.map_or_else(|| "?".to_owned(), |frame| frame.module.clone());
        *sums.entry((site.kind, module)).or_default() +=
            site.points.last().map_or(0, |point| point.bytes);
    }
    let mut origins: Vec<_> = sums
        .into_iter()
        .map(|((kind, module), bytes)| (kind, module, bytes))
        .filter(|(_, _, bytes)| *bytes > 0)
        .collect();
    origins.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
    origins
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Heap => "heap",
        Kind::Mapping => "mapped",
        Kind::Unmap => "unmaps",
    }
}

impl fmt::Display for MemoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LABEL}process {}{LABEL:#}", self.pid)?;
        if !self.command.is_empty() {
            write!(f, " ({})", self.command)?;
        }
        let [first, last, most] = self.resident.map(|bytes| bytes as f64 / MIB);
        writeln!(
            f,
            ": watched for {:.1} s, resident {first:.1} MiB at first, {last:.1} MiB at last, {most:.1} MiB at most",
            self.seconds
        )?;
        let origins: Vec<String> = self
            .origins
            .iter()
            .take(ORIGINS_MAX)
            .map(|(kind, module, bytes)| {
                format!(
                    "{} {module} {:.1} MiB",
                    kind_word(*kind),
                    *bytes as f64 / MIB
                )
            })
            .collect();
        writeln!(
            f,
            "  live of what was allocated since its start: {}",
            origins.join(", ")
        )?;
        if self.dropped > 0 {
            writeln!(
                f,
                "  {} blocks found no room in the tables and are not counted",
                self.dropped
            )?;
        }
        match &self.verdict {
            Verdict::TooShort(samples) => writeln!(
                f,
                "  it ended after {samples} samples: too early to tell growth from warm-up"
            ),
            Verdict::Grows(growers) if growers.is_empty() => {
                writeln!(f, "  {GOOD}nothing grew{GOOD:#} after the warm-up")
            }
            Verdict::Grows(growers) => growers.iter().try_for_each(|grower| write!(f, "{grower}")),
        }
    }
}

impl fmt::Display for Grower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self
            .stack
            .first()
            .map_or_else(|| "?".to_owned(), Frame::to_string);
        let bytes = self.bytes as f64;
        write!(
            f,
            "  {BAD}grows{BAD:#}: {} memory of {by}: {:.2} MiB in {:.1} s, {:.2} MiB a second",
            kind_word(self.kind),
            bytes / MIB,
            self.seconds,
            bytes / MIB / self.seconds.max(f64::MIN_POSITIVE)
        )?;
        if self.unmaps > 0 && self.by_unmaps_of.is_some() {
            let each = bytes / self.unmaps as f64;
            write!(f, ", {each:.0} bytes an unmap ({} unmaps)", self.unmaps)?;
        }
        writeln!(
            f,
            "; a straight line explains {:.1} % of it",
            self.fit * 100.0
        )?;
        if let Some(client) = &self.by_unmaps_of {
            writeln!(
                f,
                "    {LABEL}cause{LABEL:#}: unmaps by {client}: it grows in UCX's handler of them"
            )?;
        }
        if let Some(cost) = self.cost {
            writeln!(
                f,
                "    {LABEL}cost{LABEL:#}: an unmap took {:.1} µs behind the warm-up and {:.1} µs at the end",
                cost.first_us, cost.last_us
            )?;
        }
        for (number, frame) in self.stack.iter().take(FRAMES_MAX).enumerate() {
            writeln!(f, "    #{number:<2} {frame}")?;
        }
        Ok(())
    }
}
