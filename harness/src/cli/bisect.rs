//! `mock-ucx bisect`: in which releases a finding shows, from the oldest to the newest.

pub(super) mod document;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::{Context, bail};
use clap::Args;

use crate::campaign::Recorded;
use crate::campaign::bisect::{self, Bisect};
use crate::cli::hunt::identity;
use crate::cli::{CANNOT, CLEAN, FOUND};
use crate::nixl::{Package, RELEASES, Release, Spec};

/// How files of findings end.
const EXTENSION: &str = "scenario";

/// Says in which releases a finding shows, which was the first, and which the first without it.
#[derive(Args)]
pub struct BisectArgs {
    /// Files such as those in tests/findings, or folders of such files.
    #[arg(value_name = "FILE|DIR", required = true)]
    what: Vec<PathBuf>,
    /// Only these releases, separated by commas; otherwise all of nixl-cu12.
    #[arg(long, value_name = "RELEASES", value_delimiter = ',')]
    nixl: Vec<String>,
    /// Plays of each file on each release.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// Releases at once; as many as there are processors if not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Folder for bisect.jsonl, which keeps the verdicts: a bisection that was stopped goes on there.
    #[arg(long, default_value = super::OUT)]
    out: PathBuf,
    /// Play all again, whatever is in that folder.
    #[arg(long)]
    fresh: bool,
    /// Also write the table as a document, such as docs/releases.md.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl BisectArgs {
    /// Bisects.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let releases = self.releases()?;
        let files = files_of(&self.what)?.into_iter().map(|path| {
            let recorded = Recorded::read(&path)?;
            Ok((path, recorded))
        });
        let files = files.collect::<anyhow::Result<Vec<_>>>()?;
        crate::report::prepare_folder(&self.out)?;
        let build = identity::of_this_build()?;
        let store = bisect::open(&self.out, &build, self.times, self.fresh)?;
        let bisect = Bisect {
            files: &files,
            releases: &releases,
            times: self.times,
            jobs: self.jobs.unwrap_or_else(super::processors),
        };
        let table = bisect.run(&Mutex::new(store), &|release| {
            anstream::eprintln!("{release}: done");
        })?;
        anstream::print!("{}", document::plain(&table));
        if let Some(path) = &self.write {
            std::fs::write(path, document::markdown(&table, self.times))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(ExitCode::from(match document::shown_anywhere(&table) {
            None => CANNOT,
            Some(true) => FOUND,
            Some(false) => CLEAN,
        }))
    }

    /// The releases that are asked for, oldest first.
    fn releases(&self) -> anyhow::Result<Vec<&'static Release>> {
        let mut wanted = Vec::new();
        for spec in &self.nixl {
            match Spec::parse(spec)? {
                Spec::Release(release) => wanted.push(release),
                Spec::Folder(_) => bail!("`{spec}` is a folder: a bisection goes through releases"),
            }
        }
        let asked = |release: &&Release| match wanted.as_slice() {
            [] => release.package == Package::Cu12,
            wanted => wanted.contains(release),
        };
        Ok(RELEASES.iter().filter(asked).collect())
    }
}

/// Files, and all files of findings below folders, in the order of their names.
pub(super) fn files_of(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(files_below(path)?);
    }
    Ok(files)
}

fn files_below(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let cannot = || format!("cannot read the folder {}", path.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path.extension().is_some_and(|end| end == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
