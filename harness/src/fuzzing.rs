//! What a fuzz target needs: a NIXL in its process, cases from its inputs, and whether what they show is known.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicU8;

use anyhow::{Context, bail};
use mock_ucx::control::edges;

use crate::campaign::minimise::{Candidate, Player, Same, minimise};
use crate::campaign::{HANG_REPLAYS_MAX, Known};
use crate::execute::case::{Draw, Task};
use crate::execute::resident::Residents;
use crate::oracle::Oracle;
use crate::report::{Finding, Symbolizer};
use crate::scenario::Scenario;

/// Bytes of a page, which counters must fill.
const PAGE: usize = 4096;

/// Replays that making a finding small may cost, before it is compared with what is known.
const REPLAYS_MAX: usize = 120;

/// Plays the cases of a fuzz target.
pub struct Fuzzer {
    residents: Residents,
    nixl: String,
    symbols: Symbolizer,
    known: Known,
    /// Fingerprints of findings that were known once they were small, with their names.
    aliases: BTreeMap<String, String>,
    /// How often each known finding was seen.
    seen: BTreeMap<String, u64>,
    /// Cases that looked wrong once, and right in a process of their own.
    unsure: u64,
}

impl Fuzzer {
    /// Loads a NIXL, a release or a folder, into this process. What the files in `findings` show is known.
    ///
    /// # Errors
    /// The NIXL cannot be had or loaded, or a file cannot be read.
    ///
    /// # Safety
    /// No other thread runs but the fuzzer's own, which neither allocate nor use NIXL.
    pub unsafe fn load(nixl: &str, findings: &Path) -> anyhow::Result<Fuzzer> {
        // SAFETY: handed on to the caller.
        let mut residents = unsafe { Residents::load(nixl) }?;
        let mut known = Known::read(findings)?;
        known.recognise(&mut residents, nixl, false)?;
        Ok(Fuzzer {
            residents,
            nixl: nixl.to_owned(),
            symbols: Symbolizer::new(),
            known,
            aliases: BTreeMap::new(),
            seen: BTreeMap::new(),
            unsure: 0,
        })
    }

    /// Plays a scenario under a fuzzer's decisions; what it shows that is not known. Where a known crash is to be expected the way round
    /// it is taken, as in a hunt.
    ///
    /// # Errors
    /// No process can be had for it.
    pub fn play(
        &mut self,
        scenario: &Scenario,
        decisions: &[u8],
    ) -> anyhow::Result<Option<Finding>> {
        let around = self.known.sidestep_any(scenario);
        let scenario = around.as_ref().unwrap_or(scenario);
        let glance = self.residents.play(&Task {
            scenario: scenario.to_string(),
            faults: String::new(),
            draw: Draw::Bytes(decisions.to_vec()),
            follow: false,
        })?;
        if !glance.suspicious {
            return Ok(None);
        }
        // What is too much to be named cannot be played again: it counts as unsure.
        let Some(faults) = glance.fired else {
            self.unsure += 1;
            return Ok(None);
        };
        let case = Candidate {
            scenario: scenario.clone(),
            faults: faults.parse()?,
        };
        let findings = self.player().play(&case)?.0;
        self.unsure += u64::from(findings.is_empty());
        for finding in findings {
            if self.count_known(&finding).is_some() {
                continue;
            }
            // What led to it is known for sure when nothing is left that did not.
            let replays_max = match finding.oracle {
                Oracle::Hang => HANG_REPLAYS_MAX,
                _ => REPLAYS_MAX,
            };
            let small = {
                let mut same = Same {
                    player: &mut self.player(),
                    finding: &finding,
                };
                minimise(case.clone(), &mut same, replays_max, &|| true)?
            };
            let small = small.map_or_else(|| finding.clone(), |small| small.finding);
            let family = self.known.name_of_family(&small).map(str::to_owned);
            match self.count_known(&small).or(family) {
                Some(name) => self.aliases.insert(finding.fingerprint, name),
                None => return Ok(Some(small)),
            };
        }
        Ok(None)
    }

    /// The name under which it is known, if it is; it is counted then.
    fn count_known(&mut self, finding: &Finding) -> Option<String> {
        let alias = self.aliases.get(&finding.fingerprint);
        let name = alias
            .map(String::as_str)
            .or_else(|| self.known.name_of(finding))?
            .to_owned();
        *self.seen.entry(name.clone()).or_default() += 1;
        Some(name)
    }

    fn player(&mut self) -> Player<'_> {
        Player {
            stage: &mut self.residents,
            symbols: &mut self.symbols,
            nixl: &self.nixl,
            strict: false,
            fingerprint: "",
        }
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
