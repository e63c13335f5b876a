//! What is known already, in a file: work that was stopped goes on there, and what is done costs nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::journal::BYTES_MAX;
use super::recorded::Recorded;
use crate::files::read_at_most;

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line<V> {
    /// What was played, by whom, how often.
    key: String,
    /// Where.
    #[serde(rename = "release")]
    place: String,
    verdict: V,
}

/// What came of files of findings in places: on releases, or in searches of them.
pub struct Store<V> {
    /// This build, and how it plays: what others found does not count.
    identity: String,
    known: BTreeMap<(String, String), V>,
    path: PathBuf,
    file: File,
}

impl<V: Clone + Serialize + DeserializeOwned> Store<V> {
    /// Opens that of a folder for this build and way of playing; with `fresh`, without what is in it.
    ///
    /// # Errors
    /// It can be neither read nor written.
    pub fn open(path: PathBuf, identity: String, fresh: bool) -> anyhow::Result<Store<V>> {
        let cannot = || format!("cannot keep verdicts in {}", path.display());
        let text = match read_at_most(&path, BYTES_MAX) {
            Ok(text) if !fresh => text,
            Err(error) if !fresh && error.kind() != io::ErrorKind::NotFound => {
                let hint = || format!("{}; --fresh starts over", cannot());
                return Err(error).with_context(hint);
            }
            _ => Vec::new(),
        };
        // A last line that was cut off, or anything else that is none of ours, is played again.
        let lines: Vec<Line<V>> = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let mut file = File::create(&path).with_context(cannot)?;
        let mut known = BTreeMap::new();
        for line in lines {
            write(&mut file, &line).with_context(cannot)?;
            known.insert((line.key, line.place), line.verdict);
        }
        Ok(Store {
            identity,
            known,
            path,
            file,
        })
    }

    /// What is known of a file in a place.
    pub fn get(&self, recorded: &Recorded, place: &str) -> Option<&V> {
        self.known.get(&(self.key(recorded), place.to_owned()))
    }

    /// Takes in what a file comes to in a place; what is not `lasting`, because it failed for a reason of this machine, is not written down.
    pub(super) fn put(
        &mut self,
        recorded: &Recorded,
        place: String,
        verdict: V,
        lasting: bool,
    ) -> anyhow::Result<()> {
        let line = Line {
            key: self.key(recorded),
            place,
            verdict,
        };
        if lasting {
            write(&mut self.file, &line)
                .with_context(|| format!("cannot keep verdicts in {}", self.path.display()))?;
        }
        self.known.insert((line.key, line.place), line.verdict);
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

fn write<V: Serialize>(file: &mut File, line: &Line<V>) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn recorded() -> Recorded {
        Recorded::parse("#! object: rkey\nname x\nagent a0\n").unwrap()
    }

    fn open(folder: &Path, identity: &str) -> Store<String> {
        Store::open(folder.join("kept.jsonl"), identity.to_owned(), false).unwrap()
    }

    fn put(store: &mut Store<String>, recorded: &Recorded, verdict: &str, lasting: bool) {
        let place = "1.5.1".to_owned();
        store
            .put(recorded, place, verdict.to_owned(), lasting)
            .unwrap();
    }

    #[test]
    fn what_was_kept_is_there_after_a_stop_even_if_the_last_line_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        put(
            &mut open(folder.path(), "build"),
            &recorded(),
            "clean",
            true,
        );
        let path = folder.path().join("kept.jsonl");
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"{\"key\":\"12").unwrap();
        let again = open(folder.path(), "build");
        let clean = "clean".to_owned();
        assert_eq!(again.get(&recorded(), "1.5.1"), Some(&clean));
        assert_eq!(again.get(&recorded(), "1.5.0"), None);
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_gone_on_from_only_if_it_may_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.jsonl");
        std::fs::write(&path, b"\xff\n").unwrap();
        assert!(open(folder.path(), "build").known.is_empty());
        File::create(&path).unwrap().set_len(BYTES_MAX + 1).unwrap();
        let opened = |fresh| Store::<String>::open(path.clone(), String::new(), fresh);
        let error = opened(false).err().unwrap().to_string();
        assert!(
            error.ends_with("kept.jsonl; --fresh starts over"),
            "{error}"
        );
        assert!(opened(true).unwrap().known.is_empty());
    }

    #[test]
    fn verdicts_of_another_build_of_other_notes_and_failures_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), "build");
        put(&mut store, &recorded(), "clean", true);
        let other = Recorded::parse("#! object: worker\nname x\nagent a0\n").unwrap();
        assert_eq!(store.get(&other, "1.5.1"), None);
        put(&mut store, &other, "failed", false);
        let store = open(folder.path(), "build");
        assert_eq!(store.get(&other, "1.5.1"), None);
        assert_eq!(open(folder.path(), "newer").get(&recorded(), "1.5.1"), None);
    }
}
