//! Verdicts that are known, in a file: a bisection that was stopped goes on there, and one that is done costs nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Verdict;
use crate::campaign::recorded::Recorded;
use crate::nixl::Release;

/// Its name in the output folder.
const FILE_NAME: &str = "bisect.jsonl";

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    /// What was played, by whom, how often.
    key: String,
    /// The release.
    release: String,
    verdict: Verdict,
}

/// The verdicts that are known.
pub struct Store {
    /// This build, and the number of plays: verdicts of others do not count.
    identity: String,
    known: BTreeMap<(String, String), Verdict>,
    path: PathBuf,
    file: File,
}

impl Store {
    /// Opens that of a folder for this build and so many plays; with `fresh`, without what is in it.
    ///
    /// # Errors
    /// It can be neither read nor written.
    pub fn open(folder: &Path, build: &str, times: u32, fresh: bool) -> anyhow::Result<Store> {
        let path = folder.join(FILE_NAME);
        let cannot = || format!("cannot keep verdicts in {}", path.display());
        let text = match std::fs::read_to_string(&path) {
            Ok(text) if !fresh => text,
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(cannot);
            }
            _ => String::new(),
        };
        // A last line that was cut off, or anything else that is none of ours, is played again.
        let lines: Vec<Line> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let mut file = File::create(&path).with_context(cannot)?;
        let mut known = BTreeMap::new();
        for line in lines {
            write(&mut file, &line).with_context(cannot)?;
            known.insert((line.key, line.release), line.verdict);
        }
        Ok(Store {
            identity: format!("{build} {times}"),
            known,
            path,
            file,
        })
    }

    /// What is known of a file on a release.
    pub fn verdict(&self, recorded: &Recorded, release: &Release) -> Option<&Verdict> {
        self.get(recorded, &release.spec())
    }

    /// Takes in what a file comes to on a release. What failed for a reason of this machine is not kept.
    pub(super) fn add(
        &mut self,
        recorded: &Recorded,
        release: &Release,
        verdict: Verdict,
    ) -> anyhow::Result<()> {
        self.put(recorded, release.spec(), verdict)
    }

    /// The same for a release whose mock is another UCX.
    pub(super) fn get(&self, recorded: &Recorded, release: &str) -> Option<&Verdict> {
        self.known.get(&(self.key(recorded), release.to_owned()))
    }

    pub(super) fn put(
        &mut self,
        recorded: &Recorded,
        release: String,
        verdict: Verdict,
    ) -> anyhow::Result<()> {
        let line = Line {
            key: self.key(recorded),
            release,
            verdict,
        };
        if !matches!(line.verdict, Verdict::Failed(_)) {
            write(&mut self.file, &line)
                .with_context(|| format!("cannot keep verdicts in {}", self.path.display()))?;
        }
        self.known.insert((line.key, line.release), line.verdict);
        Ok(())
    }

    fn key(&self, recorded: &Recorded) -> String {
        let kept_for = ["oracle", "object", "rule"].map(|key| recorded.note(key));
        let text = format!(
            "{} {kept_for:?} {}\n{}",
            self.identity, recorded.faults, recorded.scenario
        );
        format!("{:x}", Sha256::digest(text))[..32].to_owned()
    }
}

fn write(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nixl::RELEASES;

    fn recorded() -> Recorded {
        Recorded::parse("#! object: rkey\nname x\nagent a0\n").unwrap()
    }

    #[test]
    fn what_was_kept_is_there_after_a_stop_even_if_the_last_line_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(folder.path(), "build", 3, false).unwrap();
        let release = &RELEASES[0];
        open().add(&recorded(), release, Verdict::Clean).unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"{\"key\":\"12").unwrap();
        assert_eq!(open().verdict(&recorded(), release), Some(&Verdict::Clean));
        assert_eq!(open().verdict(&recorded(), &RELEASES[2]), None);
    }

    #[test]
    fn verdicts_of_another_build_of_other_notes_and_failures_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let release = &RELEASES[0];
        let mut store = Store::open(folder.path(), "build", 3, false).unwrap();
        store.add(&recorded(), release, Verdict::Clean).unwrap();
        let other = Recorded::parse("#! object: worker\nname x\nagent a0\n").unwrap();
        assert_eq!(store.verdict(&other, release), None);
        let failed = Verdict::Failed("no network".to_owned());
        store.add(&other, release, failed).unwrap();
        let store = Store::open(folder.path(), "build", 3, false).unwrap();
        assert_eq!(store.verdict(&other, release), None);
        let newer = Store::open(folder.path(), "newer", 3, false).unwrap();
        assert_eq!(newer.verdict(&recorded(), release), None);
    }
}
