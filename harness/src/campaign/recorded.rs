//! A finding as a file that people keep: a scenario with lines `#! key: value` on top, which say what fails in it and what it shows.

use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};
use mock_ucx::schedule::FaultSpec;

use crate::report::Finding;
use crate::scenario::Scenario;

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
                    "line {number}: `{key}` is none of the keys {}",
                    KEYS.join(", ")
                );
            }
            if key == "faults" {
                faults = value.parse().with_context(|| format!("line {number}"))?;
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
    /// It cannot be read, or is not well-formed.
    pub fn read(path: &Path) -> anyhow::Result<Recorded> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Recorded::parse(&text).with_context(|| path.display().to_string())
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
}
