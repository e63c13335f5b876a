//! Findings that are known: files such as those in tests/findings. They are recognised, counted apart, and do not stand in the way.

mod avoid;

use std::path::Path;

use anyhow::Context;
use mock_ucx::schedule::FaultSpec;
use sha2::{Digest, Sha256};

use super::minimise::Player;
use super::recorded::Recorded;
use crate::execute::pool::Stage;
use crate::oracle::Oracle;
use crate::report::{Finding, Symbolizer};
use crate::scenario::Scenario;

pub use avoid::Avoid;

const FINGERPRINT: &str = "fingerprint";

/// How files of known findings end.
const EXTENSION: &str = "scenario";

/// One case in so many is played though a known crash or hang is to be expected in it: it may crash in another way, too.
const PLAYED_ANYWAY: u8 = 20;

/// All known findings.
#[derive(Debug, Default)]
pub struct Known {
    bugs: Vec<Bug>,
}

#[derive(Debug)]
struct Bug {
    name: String,
    recorded: Recorded,
    /// Patterns of cases in which it is to be expected, and which are gone round.
    avoid: Vec<Avoid>,
    /// The same where that is no reason to go round them.
    shape: Vec<Avoid>,
    /// All that it showed on the NIXL that is hunted in: one bug may break several rules.
    shown: Vec<Finding>,
}

impl Known {
    /// Reads all files of a folder.
    ///
    /// # Errors
    /// The folder or a file cannot be read, or a file is not well-formed.
    pub fn read(folder: &Path) -> anyhow::Result<Known> {
        let cannot = || format!("cannot read the known findings in {}", folder.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            if path.extension().is_some_and(|end| end == EXTENSION) {
                files.push(path);
            }
        }
        files.sort();
        let bugs = files.iter().map(|file| Bug::read(file));
        Ok(Known {
            bugs: bugs.collect::<anyhow::Result<_>>()?,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bugs.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.bugs.is_empty()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.bugs.iter().map(|bug| bug.name.as_str())
    }

    /// Those that do not show on this NIXL.
    pub fn gone(&self) -> impl Iterator<Item = &str> {
        let gone = self
            .bugs
            .iter()
            .filter(|bug| bug.shown.is_empty() && !bug.is_known_unseen());
        gone.map(|bug| bug.name.as_str())
    }

    /// Plays each, to learn how it is told on this NIXL: fingerprints hold names of its functions, which differ between releases.
    ///
    /// # Errors
    /// No case can be played.
    pub fn recognise(
        &mut self,
        stage: &mut dyn Stage,
        nixl: &str,
        strict: bool,
    ) -> anyhow::Result<()> {
        let mut symbols = Symbolizer::new();
        for bug in self.bugs.iter_mut().filter(|bug| !bug.is_known_unseen()) {
            let mut player = Player {
                stage: &mut *stage,
                symbols: &mut symbols,
                nixl,
                strict,
                fingerprint: "",
            };
            bug.shown = player.play_kept(&bug.recorded)?;
        }
        Ok(())
    }

    /// The name of the known finding that this one is, or of which it is another way: what led to it is certain then, or nobody will ever
    /// know, because it shows too seldom to leave out what did not.
    pub fn name_of(&self, finding: &Finding) -> Option<&str> {
        let same = self.bugs.iter().find(|bug| bug.is(finding));
        if let Some(bug) = same {
            return Some(&bug.name);
        }
        let is_certain = finding.cause_is_certain || finding.minimal;
        let family = self.name_of_family(finding).filter(|_| is_certain);
        family.or_else(|| {
            let mut bugs = self.bugs.iter();
            let bug = bugs.find(|bug| bug.is_expected_race(finding))?;
            Some(&bug.name)
        })
    }

    /// The name of a known finding of the same family, of which this one may be another way.
    pub fn name_of_family(&self, finding: &Finding) -> Option<&str> {
        let alike = |shown: &Finding| {
            // Of what the process died of nothing is known but how, and in which operation.
            let apart = matches!(finding.oracle, Oracle::Crash | Oracle::Hang)
                && (finding.rule != shown.rule || finding.verb() != shown.verb());
            shown.family == finding.family && !apart
        };
        let bug = self.bugs.iter().find(|bug| bug.shown.iter().any(alike))?;
        Some(&bug.name)
    }

    /// What is played instead of a case in which a known crash or hang is to be expected: the same without the operations that lead to it.
    /// `None`: the case as it is, because none is, or because it is that one in twenty.
    pub fn sidestep(&self, scenario: &Scenario, faults: &FaultSpec) -> Option<Scenario> {
        self.around(scenario, Some(faults))
    }

    /// The same for a case of which nobody knows what will deviate.
    pub fn sidestep_any(&self, scenario: &Scenario) -> Option<Scenario> {
        self.around(scenario, None)
    }

    fn around(&self, scenario: &Scenario, faults: Option<&FaultSpec>) -> Option<Scenario> {
        let mut around: Option<Scenario> = None;
        for avoid in self.bugs.iter().flat_map(|bug| &bug.avoid) {
            let case = around.as_ref().unwrap_or(scenario);
            around = avoid.sidestep(case, faults).or(around);
        }
        around.filter(|_| !is_played_anyway(scenario, faults))
    }
}

/// Chosen by the case alone, so that each hunt chooses the same.
fn is_played_anyway(scenario: &Scenario, faults: Option<&FaultSpec>) -> bool {
    let faults = faults.map(FaultSpec::to_string).unwrap_or_default();
    let digest = Sha256::digest(format!("{scenario}\n{faults}"));
    digest[0].is_multiple_of(PLAYED_ANYWAY)
}

impl Bug {
    fn read(path: &Path) -> anyhow::Result<Bug> {
        let recorded = Recorded::read(path)?;
        let patterns = |note: &str| -> anyhow::Result<Vec<Avoid>> {
            let patterns = recorded.all_notes(note).map(Avoid::parse);
            let patterns: anyhow::Result<_> = patterns.collect();
            patterns.with_context(|| format!("{}: {note}", path.display()))
        };
        Ok(Bug {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            avoid: patterns("avoid")?,
            shape: patterns("shape")?,
            recorded,
            shown: Vec::new(),
        })
    }

    /// A hang takes its ten seconds each time it is played, and its fingerprint, which holds no names of NIXL's functions, is the same on
    /// each release: where the file has it, that will do.
    fn is_known_unseen(&self) -> bool {
        let hangs = matches!(self.recorded.note("rule"), Some("spinning" | "blocked"));
        hangs && self.recorded.note(FINGERPRINT).is_some()
    }

    fn is(&self, finding: &Finding) -> bool {
        let fingerprint = self.recorded.note(FINGERPRINT);
        let named = fingerprint.is_some_and(|fingerprint| finding.goes_by(fingerprint));
        let like = |shown| finding.is_same(shown) || self.is_expected_crash(finding, shown);
        named || self.shown.iter().any(like)
    }

    /// A crash of the same kind, in the kind of operation in which it shows or that completes a pattern, where this one is to be expected.
    fn is_expected_crash(&self, finding: &Finding, shown: &Finding) -> bool {
        let alike = finding.oracle == Oracle::Crash
            && shown.oracle == Oracle::Crash
            && finding.rule == shown.rule;
        let verb = finding.verb();
        let in_it = |avoid: &&Avoid| verb == shown.verb() || verb == avoid.verb();
        let mut expected = self.avoid.iter().filter(in_it);
        alike && expected.any(|avoid| avoid.fits_finding(finding))
    }

    /// What shows seldom, where something of the kind is to be expected.
    fn is_expected_race(&self, finding: &Finding) -> bool {
        let kind = |shown: &Finding| shown.oracle == finding.oracle;
        let expected = |shape: &Avoid| shape.fits_finding(finding);
        finding.shows_seldom() && self.shown.iter().any(kind) && self.shape.iter().any(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Stability;
    use crate::report::testing::sample;

    const CRASH: &str = "name c\npost x0\npost x0\n";

    fn crash(fingerprint: &str) -> Finding {
        let mut finding = sample(fingerprint, "");
        finding.oracle = Oracle::Crash;
        finding.rule = Some("SIGSEGV".to_owned());
        finding.operation = Some("post x0".to_owned());
        finding.scenario = CRASH.to_owned();
        finding
    }

    fn known(avoid: Option<&str>, shown: Option<Finding>) -> Known {
        Known {
            bugs: vec![Bug {
                name: "bug".to_owned(),
                recorded: Recorded::parse(CRASH).unwrap(),
                avoid: avoid
                    .map(|text| Avoid::parse(text).unwrap())
                    .into_iter()
                    .collect(),
                shape: Vec::new(),
                shown: shown.into_iter().collect(),
            }],
        }
    }

    #[test]
    fn a_finding_is_known_by_what_the_known_one_shows_here() {
        let known = known(None, Some(crash("one")));
        assert_eq!(known.name_of(&crash("one")), Some("bug"));
        assert_eq!(known.name_of(&crash("two")), None);
    }

    #[test]
    fn another_way_to_a_known_finding_is_of_its_family() {
        let known = known(None, Some(crash("one")));
        assert_eq!(known.name_of_family(&crash("two")), Some("bug"));
        let mut other = crash("two");
        other.family = "another".to_owned();
        assert_eq!(known.name_of_family(&other), None);
        // The family of all crashes to which no fault led is the same.
        let mut elsewhere = crash("three");
        elsewhere.operation = Some("load_md a0 m0".to_owned());
        assert_eq!(known.name_of_family(&elsewhere), None);
    }

    #[test]
    fn another_way_to_a_known_finding_is_known_if_what_led_to_it_is_certain() {
        let known = known(None, Some(crash("one")));
        let mut other = crash("two");
        other.cause_is_certain = true;
        assert_eq!(known.name_of(&other), Some("bug"));
        other.cause_is_certain = false;
        assert_eq!(known.name_of(&other), None);
        other.minimal = true;
        assert_eq!(known.name_of(&other), Some("bug"));
        other.family = "another".to_owned();
        assert_eq!(known.name_of(&other), None);
    }

    #[test]
    fn what_shows_seldom_is_known_where_its_kind_is_to_be_expected() {
        let mut known = known(None, Some(crash("one")));
        known.bugs[0].shape = vec![Avoid::parse("post $x; post $x").unwrap()];
        let mut other = crash("two");
        other.family = "another".to_owned();
        other.stability = Stability { shown: 5, of: 10 };
        assert_eq!(known.name_of(&other), None);
        other.stability.shown = 4;
        assert_eq!(known.name_of(&other), Some("bug"));
        other.oracle = Oracle::Lost;
        assert_eq!(known.name_of(&other), None);
        other.oracle = Oracle::Crash;
        other.scenario = "name c\npost x0\npost x1\n".to_owned();
        assert_eq!(known.name_of(&other), None);
    }

    #[test]
    fn a_crash_is_known_where_it_is_to_be_expected() {
        let known = known(Some("post $x; post $x"), Some(crash("one")));
        assert_eq!(known.name_of(&crash("two")), Some("bug"));
        let mut elsewhere = crash("two");
        elsewhere.operation = Some("release x0".to_owned());
        assert_eq!(known.name_of(&elsewhere), None);
        let mut otherwise = crash("two");
        otherwise.rule = Some("SIGABRT".to_owned());
        assert_eq!(known.name_of(&otherwise), None);
    }

    #[test]
    fn a_crash_is_known_in_each_operation_that_completes_one_of_its_patterns() {
        let mut known = known(Some("post $x; post $x"), Some(crash("one")));
        let mut made = crash("two");
        made.operation = Some("make x0".to_owned());
        made.scenario = "name c\npost x0\nmake x0 a0 write local=d0 remote=d1\n".to_owned();
        assert_eq!(known.name_of(&made), None);
        let other = Avoid::parse("post $x; make $x ...").unwrap();
        known.bugs[0].avoid.push(other);
        assert_eq!(known.name_of(&made), Some("bug"));
        made.operation = Some("release x0".to_owned());
        assert_eq!(known.name_of(&made), None);
    }

    /// Plays nothing.
    struct Nowhere;

    impl Stage for Nowhere {
        fn play(&mut self, _: &str, _: &str) -> anyhow::Result<crate::execute::case::Played> {
            anyhow::bail!("nothing is to be played")
        }
    }

    #[test]
    fn a_hang_is_known_by_its_fingerprint_without_being_played() {
        let bug = |notes: &str| Bug {
            name: "hang".to_owned(),
            recorded: Recorded::parse(&format!("{notes}{CRASH}")).unwrap(),
            avoid: Vec::new(),
            shape: Vec::new(),
            shown: Vec::new(),
        };
        let mut known = Known {
            bugs: vec![bug("#! rule: spinning\n#! fingerprint: one\n")],
        };
        known.recognise(&mut Nowhere, "1.5.1", false).unwrap();
        assert_eq!(known.gone().count(), 0);
        assert_eq!(known.name_of(&crash("one")), Some("hang"));
        assert_eq!(known.name_of(&crash("two")), None);
        known.bugs = vec![bug("#! rule: SIGSEGV\n#! fingerprint: one\n")];
        assert!(known.recognise(&mut Nowhere, "1.5.1", false).is_err());
    }

    #[test]
    fn nineteen_of_twenty_cases_go_round_a_known_crash() {
        let known = known(Some("post $x; post $x"), None);
        let around = |number: u32| {
            let text = CRASH.replace("name c", &format!("name c{number}"));
            known.sidestep(&Scenario::parse(&text).unwrap(), &FaultSpec::default())
        };
        let sidestepped: Vec<Scenario> = (0..1000).filter_map(around).collect();
        assert!(
            (920..980).contains(&sidestepped.len()),
            "{}",
            sidestepped.len()
        );
        assert!(
            sidestepped
                .iter()
                .all(|scenario| scenario.lines().count() == 1)
        );
    }
}
