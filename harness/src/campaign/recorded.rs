//! A finding as a file that people keep: a scenario with lines `#! key: value` on top, which say what fails in it and what it shows.

use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};
use mock_ucx::schedule::FaultSpec;

use crate::report::Finding;
use crate::scenario::{Scenario, clipped, read_text};

/// What marks a line for us; for the scenario's parser it is a comment.
const MARK: &str = "#!";

/// Keys that such a file may have.
const KEYS: [&str; 14] = [
    "faults",
    "oracle",
    "fingerprint",
    "family",
    "rule",
    "object",
    "releases",
    "showed",
    "at",
    "fix",
    "fixed",
    "last",
    "shape",
    "avoid",
];

/// A scenario to be played with faults.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The scenario.
    pub scenario: Scenario,
    /// The faults.
    pub faults: FaultSpec,
    /// The other keys, in the order of the file.
    pub notes: Vec<(String, String)>,
}

impl Recorded {
    /// Reads a file's text.
    ///
    /// # Errors
    /// An unknown key, a malformed fault specification, or a syntax error in the scenario; each with its line.
    pub fn parse(text: &str) -> anyhow::Result<Recorded> {
        let mut notes: Vec<(String, String)> = Vec::new();
        let mut faults = FaultSpec::default();
        for (index, line) in text.lines().enumerate() {
            let Some(marked) = line.strip_prefix(MARK) else {
                continue;
            };
            let number = index + 1;
            let Some((key, value)) = marked.split_once(':') else {
                bail!("line {number}: expected `{MARK} key: value`");
            };
            let (key, value) = (key.trim(), value.trim());
            if !KEYS.contains(&key) {
                bail!(
                    "line {number}: `{}` is none of the keys {}",
                    clipped(key),
                    KEYS.join(", ")
                );
            }
            if key == "faults" {
                faults =
                    FaultSpec::from_text(value, true).with_context(|| format!("line {number}"))?;
            } else {
                notes.push((key.to_owned(), value.to_owned()));
            }
        }
        let scenario = Scenario::parse(text).map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(Recorded {
            scenario,
            faults,
            notes,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is longer than a scenario can be, or is not well-formed.
    pub fn read(path: &Path) -> anyhow::Result<Recorded> {
        Recorded::parse(&read_text(path)?).with_context(|| path.display().to_string())
    }

    /// Which of the findings that it shows is the one that it is kept for: the first that its notes fit.
    pub fn chosen<'a>(&self, shown: &'a [Finding]) -> Option<&'a Finding> {
        shown.iter().find(|finding| self.fits(finding))
    }

    /// Whether a finding is of the kind that its notes speak of: oracle, object and rule.
    pub fn fits(&self, finding: &Finding) -> bool {
        let note = |key| self.note(key);
        note("oracle").is_none_or(|oracle| finding.oracle.name() == oracle)
            && note("object").is_none_or(|object| finding.object == object)
            && note("rule").is_none_or(|rule| finding.rule.as_deref() == Some(rule))
    }

    /// What it is kept for, in a few words.
    pub fn kept_for(&self) -> String {
        let what = ["object", "oracle", "rule"].map(|key| self.note(key));
        let what: Vec<&str> = what.into_iter().flatten().collect();
        match self.faults.is_empty() {
            true => what.join(" "),
            false => format!("{} after `{}`", what.join(" "), self.faults),
        }
    }

    /// Sets a note, in the place of the one with this key or behind all others.
    pub fn set_note(&mut self, key: &str, value: &str) {
        match self.notes.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.notes.push((key.to_owned(), value.to_owned())),
        }
    }

    /// A note by its key, the first with it.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.all_notes(key).next()
    }

    /// All notes with a key.
    pub fn all_notes(&self, key: &str) -> impl Iterator<Item = &str> {
        let with_key = move |(known, _): &&(String, String)| known == key;
        let notes = self.notes.iter().filter(with_key);
        notes.map(|(_, value)| value.as_str())
    }
}

/// As a file that is read back as the same.
impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.faults.is_empty() {
            writeln!(f, "{MARK} faults: {}", self.faults)?;
        }
        for (key, value) in &self.notes {
            writeln!(f, "{MARK} {key}: {value}")?;
        }
        write!(f, "{}", self.scenario)
    }
}

#[cfg(test)]
mod tests {
    use mock_ucx::schedule::SOURCE_BYTES_MAX;

    use super::*;

    const TEXT: &str =
        "#! faults: ucp_rkey_pack@1=NO_MEMORY\n#! object: memory_handle\nname lost\nagent a0\n";

    #[test]
    fn faults_and_notes_stand_above_the_scenario() {
        let recorded = Recorded::parse(TEXT).unwrap();
        assert_eq!(recorded.faults.to_string(), "ucp_rkey_pack@1=NO_MEMORY");
        assert_eq!(recorded.note("object"), Some("memory_handle"));
        assert_eq!(recorded.scenario.name, "lost");
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let mut recorded = Recorded::parse(TEXT).unwrap();
        recorded.set_note("object", "rkey");
        recorded.set_note("showed", "10 of 10");
        let printed = recorded.to_string();
        assert_eq!(Recorded::parse(&printed).unwrap().to_string(), printed);
        assert_eq!(recorded.note("object"), Some("rkey"));
        assert!(printed.contains("#! showed: 10 of 10\n"), "{printed}");
    }

    #[test]
    fn an_unknown_key_and_a_bad_fault_are_named_with_their_line() {
        let wrong = |from: &str, to: &str| {
            format!(
                "{:#}",
                Recorded::parse(&TEXT.replace(from, to)).unwrap_err()
            )
        };
        assert!(wrong("object", "objct").starts_with("line 2: `objct`"));
        assert!(wrong("rkey_pack", "rkey_pak").contains("did you mean `ucp_rkey_pack`"));
    }

    /// A fault, filled up with a comment to so many bytes.
    fn faults_of(bytes: usize) -> String {
        let fault = "ucp_rkey_pack@1=NO_MEMORY #";
        let value = fault.to_owned() + &"x".repeat(bytes - fault.len());
        TEXT.replace("ucp_rkey_pack@1=NO_MEMORY", &value)
    }

    #[test]
    fn faults_as_long_as_a_specification_may_be_are_read() {
        let recorded = Recorded::parse(&faults_of(SOURCE_BYTES_MAX)).unwrap();
        assert_eq!(recorded.faults.to_string(), "ucp_rkey_pack@1=NO_MEMORY");
    }

    #[test]
    fn longer_faults_are_refused_with_their_line_and_without_their_text() {
        let error = Recorded::parse(&faults_of(SOURCE_BYTES_MAX + 1)).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "line 1: the fault specification is longer than 65536 bytes"
        );
    }

    #[test]
    fn a_word_as_long_as_a_file_is_shown_only_as_far_as_one_reads() {
        let word = "x".repeat(SOURCE_BYTES_MAX);
        for text in [
            format!("#! {word}: 1\n"),
            format!("#! faults: {word}"),
            format!("#! faults: ep#1.{}", &word[5..]),
            format!("#! faults: put.complete={}", &word[13..]),
        ] {
            let error = format!("{:#}", Recorded::parse(&text).unwrap_err());
            assert!(error.starts_with("line 1: "), "{error}");
            assert!(error.len() < 1000, "{error}");
        }
    }
}
