//! The benchmark of known bugs: a hunt on a release that has a bug, without being told scenario or fault, until it finds it; and the same on
//! the first release without it.
//!
//! One hunt is for all bugs of a release: it goes on until each was found, or its time is over.

mod search;
mod signature;
mod table;
mod witness;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::Store;
use super::recorded::Recorded;
use crate::nixl::{DEFAULT_SPEC, RELEASES, Release, Spec};

pub use table::{Benchmark, Row};

/// Name of the file in the output folder that keeps what came of searches.
const FILE_NAME: &str = "known-bugs.jsonl";

/// The key of a file for the last release that has its bug.
const LAST: &str = "last";

/// A bug that is known, and where it is looked for.
pub struct Bug {
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub recorded: Recorded,
    /// The last release that has it.
    pub affected: &'static Release,
    /// The first without it; `None`: there is none.
    pub fixed: Option<&'static Release>,
}

/// How a hunt is asked for that is to find a bug: as `mock-ucx hunt` without options, or with one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Without.
    Plain,
    /// `--misuse`: the client breaks NIXL's contract.
    Misuse,
    /// `--environment`: the system under NIXL fails.
    Environment,
}

impl Manner {
    const ALL: [Manner; 3] = [Manner::Plain, Manner::Misuse, Manner::Environment];

    /// The option of `mock-ucx hunt`; none.
    pub fn option(self) -> &'static str {
        match self {
            Manner::Plain => "",
            Manner::Misuse => " --misuse",
            Manner::Environment => " --environment",
        }
    }
}

/// What a search came to for one bug.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sought {
    /// It was found.
    Found(Sighting),
    /// It was not, in so many cases.
    NotFound {
        /// Cases.
        cases: usize,
    },
    /// There was no search, or nothing to look for.
    Failed(String),
}

/// How a bug was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// The cases that were played, the one that showed it included.
    pub cases: usize,
    /// Seconds since the search began, the start of its processes included.
    pub seconds: f64,
    /// The phase of the hunt.
    pub phase: String,
    /// The scenario that showed it.
    pub scenario: String,
    /// The faults that it needed.
    pub faults: String,
}

/// What is known of searches.
pub type Searches = Store<Sought>;

/// Opens what is known in a folder of searches by this build, of so many seconds and in so many processes; with `fresh`, without what is in
/// it.
///
/// # Errors
/// It can be neither read nor written.
pub fn open(folder: &Path, identity: String, fresh: bool) -> anyhow::Result<Searches> {
    Store::open(folder.join(FILE_NAME), identity, fresh)
}

impl Bug {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is not well-formed, or names a release that does not exist.
    pub fn read(path: PathBuf) -> anyhow::Result<Bug> {
        let recorded = Recorded::read(&path)?;
        let last = recorded.note(LAST);
        let named = Spec::parse(last.unwrap_or(DEFAULT_SPEC));
        let Spec::Release(affected) = named.with_context(|| path.display().to_string())? else {
            bail!("{}: {LAST}: this is no release", path.display());
        };
        let mut newer = RELEASES
            .iter()
            .filter(|release| release.package == affected.package)
            .skip_while(|release| *release != affected)
            .skip(1);
        let fixed = newer.next().filter(|_| last.is_some());
        Ok(Bug {
            path,
            recorded,
            affected,
            fixed,
        })
    }

    /// How a hunt is asked for that is to find it: what is beyond an ordinary hunt is known from the file.
    pub fn manner(&self) -> Manner {
        let mut faults = self.recorded.faults.faults.iter();
        if self.recorded.scenario.misuse {
            Manner::Misuse
        } else if faults.any(|fault| fault.point.is_environment()) {
            Manner::Environment
        } else {
            Manner::Plain
        }
    }
}
