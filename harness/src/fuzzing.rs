//! What a fuzz target needs: a NIXL in its process, cases from its inputs, and whether what they show is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicU8;

use anyhow::{Context, bail, ensure};
use mock_ucx::control::edges;

use crate::campaign::{Recorded, Residents, Task, judge_case};
use crate::execute::case::Draw;
use crate::report::{Finding, Symbolizer};
use crate::scenario::Scenario;

/// Bytes of a page, which counters must fill.
const PAGE: usize = 4096;

/// Plays the cases of a fuzz target.
pub struct Fuzzer {
    residents: Residents,
    nixl: String,
    symbols: Symbolizer,
    /// Families of findings that are known, with the file that tells of each.
    known: BTreeMap<String, String>,
    /// How often each file's finding was seen.
    seen: BTreeMap<String, u64>,
    /// Cases that looked wrong once, and right in a process of their own.
    unsure: u64,
}

impl Fuzzer {
    /// Loads a NIXL, a release or a folder, into this process. What the files in `findings` show is known.
    ///
    /// # Errors
    /// The NIXL cannot be had or loaded, or a file cannot be read or shows nothing any more.
    ///
    /// # Safety
    /// No other thread runs but the fuzzer's own, which neither allocate nor use NIXL.
    pub unsafe fn load(nixl: &str, findings: &Path) -> anyhow::Result<Fuzzer> {
        // SAFETY: handed on to the caller.
        let residents = unsafe { Residents::load(nixl) }?;
        let mut fuzzer = Fuzzer {
            residents,
            nixl: nixl.to_owned(),
            symbols: Symbolizer::new(),
            known: BTreeMap::new(),
            seen: BTreeMap::new(),
            unsure: 0,
        };
        let folder = std::fs::read_dir(findings)
            .with_context(|| format!("cannot read {}", findings.display()))?;
        let files: BTreeSet<_> = folder.flatten().map(|entry| entry.path()).collect();
        for file in files {
            let recorded = Recorded::read(&file)?;
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let shown = fuzzer.look(&recorded.scenario, &recorded.faults)?;
            ensure!(
                !shown.is_empty(),
                "{name} is not found any more: judge it again"
            );
            for finding in shown {
                fuzzer
                    .known
                    .insert(finding.family, name.clone().into_owned());
            }
        }
        Ok(fuzzer)
    }

    /// Plays a scenario under a fuzzer's decisions; what it shows that is not known.
    ///
    /// # Errors
    /// No process can be had for it.
    pub fn play(
        &mut self,
        scenario: &Scenario,
        decisions: &[u8],
    ) -> anyhow::Result<Option<Finding>> {
        let glance = self.residents.play(&Task {
            scenario: scenario.to_string(),
            faults: String::new(),
            draw: Draw::Bytes(decisions.to_vec()),
        })?;
        if !glance.suspicious {
            return Ok(None);
        }
        let findings = self.look(scenario, &glance.fired)?;
        self.unsure += u64::from(findings.is_empty());
        for finding in findings {
            match self.known.get(&finding.family) {
                Some(name) => *self.seen.entry(name.clone()).or_default() += 1,
                None => return Ok(Some(finding)),
            }
        }
        Ok(None)
    }

    /// Plays a case in a process of its own, and judges it.
    fn look(
        &mut self,
        scenario: &Scenario,
        faults: &mock_ucx::schedule::FaultSpec,
    ) -> anyhow::Result<Vec<Finding>> {
        let played = self.residents.replay(&scenario.to_string(), faults)?;
        let symbols = &mut self.symbols;
        Ok(judge_case(symbols, scenario, faults, &self.nixl, false, &played).findings)
    }
}

/// What was done so far.
impl fmt::Display for Fuzzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lives = self.residents.lives();
        write!(
            f,
            "{} cases in {} processes, of which {} did not come to rest and {} died; {} cases looked wrong only once",
            lives.cases, lives.begun, lives.restless, lives.dead, self.unsure
        )?;
        for (name, times) in &self.seen {
            write!(f, "\nknown: {name}, {times} times")?;
        }
        Ok(())
    }
}

/// Lends counters to the mock of this process and of all that are forked from it: the fuzzer's process sees what they count.
///
/// # Errors
/// They do not fill pages of their own, or these cannot be shared.
pub fn share_counters(counters: &'static [AtomicU8]) -> anyhow::Result<()> {
    let (start, length) = (counters.as_ptr().cast_mut(), counters.len());
    if !start.addr().is_multiple_of(PAGE) || length == 0 || !length.is_multiple_of(PAGE) {
        bail!("the counters of a fuzz target must fill pages of their own");
    }
    // SAFETY: the pages hold these counters and nothing else; bytes that are zero are replaced by bytes that are zero.
    let shared = unsafe {
        libc::mmap(
            start.cast(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_FIXED | libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if shared == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error()).context("cannot share the counters");
    }
    edges::lend(counters);
    Ok(())
}
