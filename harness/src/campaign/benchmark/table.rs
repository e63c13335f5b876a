//! All searches, release after release, and what they say about each bug.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::search::{Search, Wanted};
use super::signature::Signature;
use super::{Bug, Manner, Searches, Sighting, Sought};
use crate::execute::pool::Zygote;
use crate::nixl::{RELEASES, Release};

/// The seed of the search on the first release without a bug.
const FIRST_SEED: u64 = 1;

/// What is searched for, and how.
pub struct Benchmark<'a> {
    /// The bugs.
    pub bugs: &'a [Bug],
    /// Searches of each release that has one: with the seeds from 1 to this.
    pub seeds: u64,
    /// How long each may take.
    pub time_max: Duration,
    /// Processes at once.
    pub jobs: usize,
    /// Set from outside to end it early, after which it goes on where it was.
    pub interrupted: &'a AtomicBool,
    /// Set from outside to end a search early; this sets it, too.
    pub stop: &'a Arc<AtomicBool>,
}

/// One search.
#[derive(Clone, Copy)]
struct Way {
    release: &'static Release,
    seed: u64,
    manner: Manner,
}

impl Way {
    /// The place in which what came of it is kept.
    fn place(self) -> String {
        let (release, option) = (self.release.spec(), self.manner.option());
        format!("{release} seed {}{option}", self.seed)
    }
}

/// What is known about a bug.
pub struct Row<'a> {
    /// It.
    pub bug: &'a Bug,
    /// What came of the searches on the release that has it, by seed.
    pub searches: Vec<Sought>,
    /// What came of the search on the first release without it.
    pub clean: Option<Sought>,
}

impl<'a> Benchmark<'a> {
    /// Searches what is not known yet; `told` is told of each search. `None`: it was interrupted.
    ///
    /// # Errors
    /// What is known cannot be written.
    pub fn run(
        &self,
        store: &mut Searches,
        told: &mut dyn FnMut(&Bug, &str, &Sought),
    ) -> anyhow::Result<Option<Vec<Row<'a>>>> {
        let mut signatures = BTreeMap::new();
        for release in &RELEASES {
            for manner in Manner::ALL {
                for seed in FIRST_SEED..=self.seeds {
                    let way = Way {
                        release,
                        seed,
                        manner,
                    };
                    let open = self.open(way, store);
                    if open.is_empty() {
                        continue;
                    }
                    let sought = self.search(way, &open, &mut signatures);
                    if self.interrupted.load(Relaxed) {
                        return Ok(None);
                    }
                    for (number, sought) in open.into_iter().zip(sought) {
                        let bug = &self.bugs[number];
                        told(bug, &way.place(), &sought);
                        let lasting = !matches!(sought, Sought::Failed(_));
                        store.put(&bug.recorded, way.place(), sought, lasting)?;
                    }
                }
            }
        }
        Ok(Some(self.rows(store)))
    }

    /// The bugs, by number, that this search is for and that it is not known about.
    fn open(&self, way: Way, store: &Searches) -> Vec<usize> {
        let concerns = |bug: &Bug| {
            let mended = bug.fixed == Some(way.release) && way.seed == FIRST_SEED;
            (bug.affected == way.release || mended) && bug.manner() == way.manner
        };
        let known = |bug: &Bug| store.get(&bug.recorded, &way.place()).is_some();
        let bugs = self.bugs.iter().enumerate();
        bugs.filter(|(_, bug)| concerns(bug) && !known(bug))
            .map(|(number, _)| number)
            .collect()
    }

    fn search(
        &self,
        way: Way,
        open: &[usize],
        signatures: &mut BTreeMap<usize, Result<Signature, String>>,
    ) -> Vec<Sought> {
        for number in open {
            let learn = || learn(&self.bugs[*number]);
            signatures.entry(*number).or_insert_with(learn);
        }
        let (mut wanted, mut failed) = (Vec::new(), BTreeMap::new());
        for number in open {
            let bug = &self.bugs[*number];
            match &signatures[number] {
                Ok(signature) => wanted.push(Wanted {
                    signature,
                    witness: bug.fixed.filter(|fixed| *fixed != way.release),
                }),
                Err(why) => drop(failed.insert(*number, why.clone())),
            }
        }
        let mut found = self.hunt(way, &wanted).into_iter();
        let sought = |number: &usize| match failed.remove(number) {
            Some(why) => Sought::Failed(why),
            None => found.next().unwrap_or(Sought::NotFound { cases: 0 }),
        };
        open.iter().map(sought).collect()
    }

    fn hunt(&self, way: Way, wanted: &[Wanted<'_>]) -> Vec<Sought> {
        if wanted.is_empty() || self.interrupted.load(Relaxed) {
            return Vec::new();
        }
        let search = Search {
            release: way.release,
            seed: way.seed,
            manner: way.manner,
            time_max: self.time_max,
            jobs: self.jobs,
            stop: self.stop,
        };
        let sought = search.run(wanted);
        // It was set because all was found, unless somebody wants an end of it all.
        self.stop.store(self.interrupted.load(Relaxed), Relaxed);
        sought.unwrap_or_else(|error| {
            let failed = Sought::Failed(format!("{error:#}"));
            vec![failed; wanted.len()]
        })
    }

    fn rows(&self, store: &Searches) -> Vec<Row<'a>> {
        let known = |bug: &Bug, release, seed| {
            let way = Way {
                release,
                seed,
                manner: bug.manner(),
            };
            let sought = store.get(&bug.recorded, &way.place());
            sought.cloned().unwrap_or(Sought::NotFound { cases: 0 })
        };
        let row = |bug: &'a Bug| Row {
            bug,
            searches: (FIRST_SEED..=self.seeds)
                .map(|seed| known(bug, bug.affected, seed))
                .collect(),
            clean: bug.fixed.map(|fixed| known(bug, fixed, FIRST_SEED)),
        };
        self.bugs.iter().map(row).collect()
    }
}

/// What a bug shows on the release that has it; or why that is not known.
fn learn(bug: &Bug) -> Result<Signature, String> {
    let spec = bug.affected.spec();
    let learned = Zygote::start(&spec)
        .and_then(|mut zygote| Signature::learn(&bug.recorded, &mut zygote, &spec));
    match learned {
        Ok(Some(signature)) => Ok(signature),
        Ok(None) => Err(format!("its own file does not show it in {spec}")),
        Err(error) => Err(format!("{error:#}")),
    }
}

impl Row<'_> {
    /// How it was found, by the seeds that found it.
    pub fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.searches.iter().filter_map(|sought| match sought {
            Sought::Found(sighting) => Some(sighting),
            _ => None,
        })
    }

    /// The middle one of what was measured in all searches; `None`: in most it was not found.
    pub fn median(&self, of: impl Fn(&Sighting) -> f64) -> Option<f64> {
        let mut values: Vec<f64> = self.sightings().map(of).collect();
        values.sort_by(f64::total_cmp);
        // Searches that did not find it took longer than all that did.
        values.get(self.searches.len().checked_sub(1)? / 2).copied()
    }

    /// Why something could not be searched.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        let all = self.searches.iter().chain(&self.clean);
        all.filter_map(|sought| match sought {
            Sought::Failed(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// Most searches found it, and the one on the first release without it did not.
    pub fn is_good(&self) -> bool {
        let clean = |sought: &Sought| matches!(sought, Sought::NotFound { .. });
        self.median(|sighting| sighting.seconds).is_some() && self.clean.as_ref().is_none_or(clean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Recorded;

    fn sighting(seconds: f64) -> Sought {
        Sought::Found(Sighting {
            cases: 1,
            seconds,
            phase: "benign".to_owned(),
            scenario: String::new(),
            faults: String::new(),
        })
    }

    fn bug(text: &str) -> Bug {
        Bug {
            path: "bug.scenario".into(),
            recorded: Recorded::parse(text).unwrap(),
            affected: &RELEASES[0],
            fixed: None,
        }
    }

    #[test]
    fn a_search_that_found_nothing_is_longer_than_any_that_did() {
        let bug = bug("name x\nagent a0\n");
        let not = || Sought::NotFound { cases: 9 };
        let row = |searches| Row {
            bug: &bug,
            searches,
            clean: None,
        };
        let seconds = |row: &Row<'_>| row.median(|sighting| sighting.seconds);
        let three = row(vec![
            sighting(3.0),
            not(),
            sighting(1.0),
            not(),
            sighting(2.0),
        ]);
        assert_eq!(seconds(&three), Some(3.0));
        let two = row(vec![sighting(3.0), not(), sighting(1.0), not(), not()]);
        assert_eq!(seconds(&two), None);
        assert!(three.is_good() && !two.is_good());
    }

    #[test]
    fn a_release_without_the_bug_that_shows_it_is_not_good() {
        let bug = bug("name x\nagent a0\n");
        let row = |clean| Row {
            bug: &bug,
            searches: vec![sighting(1.0)],
            clean: Some(clean),
        };
        assert!(row(Sought::NotFound { cases: 9 }).is_good());
        assert!(!row(sighting(1.0)).is_good());
        assert!(!row(Sought::Failed("no network".to_owned())).is_good());
    }
}
