//! One search: a hunt that is watched for known bugs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::signature::Signature;
use super::witness::Witness;
use super::{Manner, Sighting, Sought};
use crate::campaign::journal::Journal;
use crate::campaign::{Hunt, Known, Progress};
use crate::nixl::Release;
use crate::report::{Finding, Findings};
use crate::scenario::builtin_of;
use crate::scenario::generate::Class;

/// What is searched.
pub(super) struct Search<'a> {
    pub(super) release: &'a Release,
    pub(super) seed: u64,
    pub(super) manner: Manner,
    pub(super) time_max: Duration,
    pub(super) jobs: usize,
    /// Set from outside, or when all was found.
    pub(super) stop: &'a Arc<AtomicBool>,
}

/// A bug that is looked for.
pub(super) struct Wanted<'a> {
    pub(super) signature: &'a Signature,
    /// The release that tells it from others, if this is not that release.
    pub(super) witness: Option<&'a Release>,
}

impl Search<'_> {
    /// Hunts as `mock-ucx hunt` does of which nothing is known, without making small what is found; what came of each bug.
    ///
    /// # Errors
    /// There is no hunt: the release cannot be loaded.
    pub(super) fn run(&self, wanted: &[Wanted<'_>]) -> anyhow::Result<Vec<Sought>> {
        let folder = tempfile::tempdir()?;
        let (journal, _) = Journal::open(folder.path(), "", true)?;
        let spec = self.release.spec();
        let class = match self.manner {
            Manner::Misuse => Class::Misuse,
            Manner::Plain | Manner::Environment => Class::Contract,
        };
        let hunt = Hunt {
            nixl: spec.clone(),
            spec,
            scenarios: builtin_of(class).into_iter().map(Arc::new).collect(),
            known: Known::default(),
            jobs: self.jobs,
            time_max: self.time_max,
            cases_max: usize::MAX,
            strict: false,
            out: folder.path().to_owned(),
            seed: Some(self.seed),
            class,
            environment: self.manner == Manner::Environment,
            confirms: false,
            stop: Arc::clone(self.stop),
        };
        let mut watcher = Watcher {
            begun: Instant::now(),
            cases: 0,
            phase: String::new(),
            wanted,
            witnesses: BTreeMap::new(),
            found: wanted.iter().map(|_| None).collect(),
            failure: None,
            stop: self.stop,
        };
        hunt.run(journal, Findings::default(), &mut watcher)?;
        if let Some(error) = watcher.failure {
            return Err(error);
        }
        let cases = watcher.cases;
        let sought =
            |found: Option<Sighting>| found.map_or(Sought::NotFound { cases }, Sought::Found);
        Ok(watcher.found.into_iter().map(sought).collect())
    }
}

/// Looks at each finding of a hunt, and ends it when all was found.
struct Watcher<'a> {
    begun: Instant,
    cases: usize,
    phase: String,
    wanted: &'a [Wanted<'a>],
    /// By the place of the bug.
    witnesses: BTreeMap<usize, Witness>,
    found: Vec<Option<Sighting>>,
    failure: Option<anyhow::Error>,
    stop: &'a AtomicBool,
}

impl Watcher<'_> {
    /// Whether the finding is this bug, and no other.
    fn is(&mut self, place: usize, finding: &Finding) -> anyhow::Result<bool> {
        let wanted = &self.wanted[place];
        if !wanted.signature.fits(finding) {
            return Ok(false);
        }
        let Some(release) = wanted.witness else {
            return Ok(true);
        };
        let witness = match self.witnesses.remove(&place) {
            Some(witness) => witness,
            None => Witness::new(release)?,
        };
        let witness = self.witnesses.entry(place).or_insert(witness);
        witness.confirms(wanted.signature, finding)
    }

    fn look(&mut self, finding: &Finding) -> anyhow::Result<()> {
        for place in 0..self.wanted.len() {
            if self.found[place].is_none() && self.is(place, finding)? {
                self.found[place] = Some(Sighting {
                    // The case is counted when all that it shows has been told.
                    cases: self.cases + 1,
                    seconds: self.begun.elapsed().as_secs_f64(),
                    phase: self.phase.clone(),
                    scenario: finding.scenario.clone(),
                    faults: finding.faults.clone(),
                });
            }
        }
        Ok(())
    }
}

impl Progress for Watcher<'_> {
    fn phase(&mut self, name: &str, _cases: usize) {
        name.clone_into(&mut self.phase);
    }

    fn case(&mut self, _findings: usize) {
        self.cases += 1;
    }

    fn found(&mut self, _finding: &Finding) {}

    fn met(&mut self, finding: &Finding) {
        if let Err(error) = self.look(finding) {
            self.failure.get_or_insert(error);
        }
        if self.failure.is_some() || self.found.iter().all(Option::is_some) {
            self.stop.store(true, Relaxed);
        }
    }
}
