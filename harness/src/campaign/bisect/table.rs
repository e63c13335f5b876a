//! All files on all releases, played several releases at a time, and what the rows of that table say.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use super::{Verdict, Verdicts, depends_on_ucx, examine, keep};
use crate::campaign::recorded::Recorded;
use crate::execute::pool::Zygote;
use crate::nixl::Release;
use crate::report::Symbolizer;

/// What to play.
pub struct Bisect<'a> {
    /// The files, each with what is in it.
    pub files: &'a [(PathBuf, Recorded)],
    /// The releases, oldest first.
    pub releases: &'a [&'static Release],
    /// Plays of each file on each release.
    pub times: u32,
    /// Releases at once.
    pub jobs: usize,
}

/// The verdicts of one file, in the order of the releases.
pub struct Row<'a> {
    /// What is in the file.
    pub recorded: &'a Recorded,
    /// The file.
    pub path: &'a PathBuf,
    /// A verdict for each release.
    pub verdicts: Vec<Verdict>,
    /// Changes between neighbouring releases that are UCX's: from which version on it shows.
    pub ucx: Vec<String>,
}

/// All rows.
pub struct Table<'a> {
    /// The releases, oldest first.
    pub releases: &'a [&'static Release],
    /// A row for each file.
    pub rows: Vec<Row<'a>>,
}

/// Releases in a row that all show a finding, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first: usize,
    /// The last.
    pub last: usize,
}

impl<'a> Bisect<'a> {
    /// Plays what is not in the store yet; `done` is told of each release that is through.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn run(
        &self,
        store: &Mutex<Verdicts>,
        done: &(dyn Fn(&Release) + Sync),
    ) -> anyhow::Result<Table<'a>> {
        let queue = Mutex::new(self.releases.iter().copied().collect::<VecDeque<_>>());
        let next = || lock(&queue).pop_front();
        let work = || -> anyhow::Result<()> {
            while let Some(release) = next() {
                self.release(release, store)?;
                done(release);
            }
            Ok(())
        };
        let jobs = self.jobs.clamp(1, self.releases.len().max(1));
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| match worker.join() {
                    Ok(result) => result,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        })?;
        let mut store = lock(store);
        let rows = self.files.iter().map(|(path, recorded)| {
            let verdicts: Vec<Verdict> = self
                .releases
                .iter()
                .map(|release| match store.get(recorded, &release.spec()) {
                    Some(verdict) => verdict.clone(),
                    None => Verdict::Failed("it was not played".to_owned()),
                })
                .collect();
            let ucx = depends_on_ucx(recorded, self.releases, &verdicts, &mut store)?;
            Ok(Row {
                recorded,
                path,
                verdicts,
                ucx,
            })
        });
        Ok(Table {
            releases: self.releases,
            rows: rows.collect::<anyhow::Result<_>>()?,
        })
    }

    /// All files on one release.
    fn release(&self, release: &'static Release, store: &Mutex<Verdicts>) -> anyhow::Result<()> {
        let open = |recorded: &&Recorded| lock(store).get(recorded, &release.spec()).is_none();
        let files = self.files.iter().map(|(_, recorded)| recorded);
        let open: Vec<&Recorded> = files.filter(open).collect();
        if open.is_empty() {
            return Ok(());
        }
        let mut symbols = Symbolizer::new();
        let mut zygote = Zygote::start(&release.spec());
        for recorded in open {
            let verdict = match &mut zygote {
                Err(error) => Verdict::Failed(format!("{error:#}")),
                Ok(zygote) => examine(zygote, &mut symbols, &release.spec(), recorded, self.times)
                    .unwrap_or_else(|error| Verdict::Failed(format!("{error:#}"))),
            };
            keep(&mut lock(store), recorded, release.spec(), verdict)
                .context("cannot keep a verdict")?;
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Row<'_> {
    /// Runs of releases in which it shows, oldest first.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (place, verdict) in self.verdicts.iter().enumerate() {
            match (verdict, runs.last_mut()) {
                (Verdict::Shows { .. }, Some(run)) if run.last + 1 == place => run.last = place,
                (Verdict::Shows { .. }, _) => runs.push(Run {
                    first: place,
                    last: place,
                }),
                _ => {}
            }
        }
        runs
    }

    /// Families that it is told as, oldest first: one, if it is the same bug in all releases.
    pub fn families(&self) -> Vec<&str> {
        let mut families = Vec::new();
        for verdict in &self.verdicts {
            if let Verdict::Shows { family, .. } = verdict
                && !families.contains(&family.as_str())
            {
                families.push(family.as_str());
            }
        }
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(recorded: &'a Recorded, path: &'a PathBuf, verdicts: &str) -> Row<'a> {
        let verdict = |one: char| match one {
            'x' => Verdict::Shows {
                shown: 3,
                of: 3,
                family: "f".to_owned(),
            },
            '-' => Verdict::Lacking(["f".to_owned()].into()),
            _ => Verdict::Clean,
        };
        Row {
            recorded,
            path,
            verdicts: verdicts.chars().map(verdict).collect(),
            ucx: Vec::new(),
        }
    }

    #[test]
    fn releases_in_a_row_are_one_run_and_a_gap_makes_two() {
        let recorded = Recorded::parse("name x\nagent a0\n").unwrap();
        let path = PathBuf::from("x");
        let runs = |verdicts| {
            let row = row(&recorded, &path, verdicts);
            let runs: Vec<(usize, usize)> =
                row.runs().iter().map(|run| (run.first, run.last)).collect();
            runs
        };
        assert_eq!(runs("xx.."), [(0, 1)]);
        assert_eq!(runs("-x.xx"), [(1, 1), (3, 4)]);
        assert_eq!(runs("...-"), []);
    }
}
