//! Samples of one process.

use std::collections::BTreeMap;
use std::time::Duration;

use allocations::{Kind, Reading};
use mock_ucx::ledger::read::Module;

/// Samples that are kept; then every second one goes, and samples are taken half as often.
pub(super) const SAMPLES_MAX: usize = 512;

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Time since the first sample.
    pub at: Duration,
    /// Resident memory, bytes; 0 once the process is gone.
    pub resident: u64,
}

/// A site at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SitePoint {
    /// Live bytes.
    pub bytes: i64,
    /// Live blocks or mappings.
    pub count: i64,
    /// All that it ever made, or unmapped.
    pub total: u64,
    /// Nanoseconds that its unmaps took.
    pub total_ns: u64,
}

/// A site over time.
#[derive(Clone, Debug)]
pub struct SiteSeries {
    /// What it does.
    pub kind: Kind,
    /// Return addresses, innermost first.
    pub frames: Vec<u64>,
    /// One for each sample.
    pub points: Vec<SitePoint>,
}

/// A process over time.
#[derive(Clone, Debug, Default)]
pub struct ProcessMemory {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// Samples, in the order of time.
    pub samples: Vec<Sample>,
    /// Sites by their numbers.
    pub sites: BTreeMap<u32, SiteSeries>,
    /// What was mapped when this was last looked at.
    pub modules: Vec<Module>,
    /// Blocks that could not be counted.
    pub dropped: u64,
}

impl ProcessMemory {
    /// Adds a sample.
    pub(super) fn add(&mut self, sample: Sample, reading: Reading) {
        let before = self.samples.len();
        self.samples.push(sample);
        self.dropped = reading.dropped;
        for site in reading.sites {
            let series = self.sites.entry(site.number).or_insert_with(|| SiteSeries {
                kind: site.kind,
                frames: site.frames,
                points: vec![SitePoint::default(); before],
            });
            series.points.push(SitePoint {
                bytes: site.live_bytes,
                count: site.live_count,
                total: site.total_count,
                total_ns: site.total_ns,
            });
        }
    }

    /// Forgets every second sample.
    pub(super) fn thin(&mut self) {
        let mut keep = (0..self.samples.len()).map(|index| index % 2 == 0);
        self.samples.retain(|_| keep.next().unwrap_or(false));
        for site in self.sites.values_mut() {
            let mut keep = (0..site.points.len()).map(|index| index % 2 == 0);
            site.points.retain(|_| keep.next().unwrap_or(false));
        }
    }
}
