//! Takes samples of all processes of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use allocation_hooks::FILE_EXTENSION;
use allocations::Reader;

use super::maps::Maps;
use super::series::{ProcessMemory, SAMPLES_MAX, Sample};
use crate::supervise::folder::words;

/// Time between two samples, at first.
const INTERVAL: Duration = Duration::from_millis(50);
/// Time between two looks at what a process has mapped.
const MAPS_INTERVAL: Duration = Duration::from_millis(500);
/// Bytes of a page, in which the kernel counts.
const PAGE: u64 = 4096;

/// Takes samples.
pub(in crate::supervise) struct Sampler {
    folder: PathBuf,
    begun: Instant,
    interval: Duration,
    next: Instant,
    /// By the process's number.
    processes: BTreeMap<u32, Tracked>,
    maps: Maps,
}

struct Tracked {
    /// Which of the programs that the process ran it is, one after the other by `exec`.
    program: u32,
    reader: Reader,
    memory: ProcessMemory,
    maps_at: Option<Instant>,
    gone: bool,
}

impl Sampler {
    /// One for the processes whose files come to be in a folder.
    pub(in crate::supervise) fn new(folder: &Path) -> Sampler {
        let now = Instant::now();
        Sampler {
            folder: folder.to_owned(),
            begun: now,
            interval: INTERVAL,
            next: now,
            processes: BTreeMap::new(),
            maps: Maps::default(),
        }
    }

    /// How long until it is time for the next sample, in milliseconds.
    pub(in crate::supervise) fn wait_ms(&self) -> i32 {
        let left = self.next.saturating_duration_since(Instant::now());
        i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1)
    }

    /// Takes a sample, if it is time for one.
    pub(in crate::supervise) fn tick(&mut self) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + self.interval;
        self.find();
        let at = self.begun.elapsed();
        let mut full = false;
        for tracked in self.processes.values_mut().filter(|tracked| !tracked.gone) {
            tracked.sample(at, &mut self.maps);
            full |= tracked.memory.samples.len() >= SAMPLES_MAX;
        }
        if full {
            self.interval *= 2;
            for tracked in self.processes.values_mut() {
                tracked.memory.thin();
            }
        }
    }

    /// All that was seen, with a last sample of each.
    pub(in crate::supervise) fn finish(mut self) -> Vec<ProcessMemory> {
        self.next = Instant::now();
        self.tick();
        let processes = self.processes.into_values();
        processes.map(|tracked| tracked.memory).collect()
    }

    fn find(&mut self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some((pid, program)) = numbers(&path) else {
                continue;
            };
            // What a program had that the process ran before is gone.
            let known = self.processes.get(&pid);
            if known.is_some_and(|known| known.program >= program) {
                continue;
            }
            // A file that is just being made is whole at the next look.
            if let Ok(reader) = Reader::open(&path) {
                let memory = ProcessMemory {
                    pid,
                    command: words(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()),
                    ..ProcessMemory::default()
                };
                let tracked = Tracked {
                    program,
                    reader,
                    memory,
                    maps_at: None,
                    gone: false,
                };
                self.processes.insert(pid, tracked);
            }
        }
    }
}

impl Tracked {
    fn sample(&mut self, at: Duration, maps: &mut Maps) {
        let pid = self.memory.pid;
        let resident = resident(pid);
        self.gone = resident == 0;
        // What it gave back at its end says nothing.
        if self.gone {
            return;
        }
        let is_old = self
            .maps_at
            .is_none_or(|maps_at| maps_at.elapsed() > MAPS_INTERVAL);
        // The kernel lists nothing at a moment in which the process becomes another program.
        if is_old || self.memory.modules.is_empty() {
            self.maps_at = Some(Instant::now());
            let modules = maps.read(pid);
            if !modules.is_empty() {
                self.memory.modules = modules;
                self.memory.command =
                    words(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default());
            }
        }
        self.memory.add(Sample { at, resident }, self.reader.read());
    }
}

/// The numbers of process and program in the name of a file; `None`: it is none of ours.
fn numbers(path: &Path) -> Option<(u32, u32)> {
    let is_ours = path.extension()? == FILE_EXTENSION;
    let (pid, program) = path.file_stem()?.to_str()?.split_once('-')?;
    is_ours.then_some((pid.parse().ok()?, program.parse().ok()?))
}

/// Resident bytes of a process (proc_pid_statm(5)); 0 if it is gone.
fn resident(pid: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_process_and_program() {
        assert_eq!(numbers(Path::new("/x/12-3.allocations")), Some((12, 3)));
        assert_eq!(numbers(Path::new("/x/12-3.ledger")), None);
        assert_eq!(numbers(Path::new("/x/12.allocations")), None);
    }
}
