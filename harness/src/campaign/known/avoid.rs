//! When a known crash or hang is to be expected: a pattern over the operations and the faults of a case.
//!
//! ```text
//! post $x ...; post $x ...; fault ucp_am_send_nbx ep.fail
//! ```
//! Each part but `fault` is an operation; they come in this order, with others between them. `$x` stands for one word, the same
//! wherever it is written; `...` for any words; a `*` at a word's end for the rest of it. `fault` asks for a fault at one of these points.

use anyhow::bail;
use mock_ucx::schedule::{FaultSpec, Point};

use crate::report::Finding;
use crate::scenario::{Line, Op, Scenario, Step};

/// Comparisons of one operation with one part, over all of a search: patterns are short, and what takes longer than this is one that
/// fits nearly everything.
const COMPARISONS_MAX: usize = 200_000;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avoid {
    operations: Vec<Vec<Word>>,
    /// Points at one of which the case must have a fault; none: any case.
    points: Vec<Point>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// Exactly this.
    Exact(String),
    /// Whatever begins so.
    Begins(String),
    /// One word, the same for the same name.
    Variable(String),
    /// Any words, or none.
    Rest,
}

impl Avoid {
    /// Reads a pattern.
    ///
    /// # Errors
    /// There is no operation in it, or a fault's point does not exist.
    pub fn parse(text: &str) -> anyhow::Result<Avoid> {
        let mut avoid = Avoid {
            operations: Vec::new(),
            points: Vec::new(),
        };
        for part in text.split(';') {
            let words: Vec<&str> = part.split_whitespace().collect();
            match words.split_first() {
                Some((&"fault", points)) => {
                    for name in points {
                        let Some(point) = Point::from_name(name) else {
                            bail!(
                                "`{name}` is no decision point: `mock-ucx points --list` has them all"
                            );
                        };
                        avoid.points.push(point);
                    }
                }
                Some(_) => avoid.operations.push(words.into_iter().map(word).collect()),
                None => {}
            }
        }
        if avoid.operations.is_empty() {
            bail!("a pattern needs an operation, such as `post $x ...; post $x ...`");
        }
        Ok(avoid)
    }

    /// The kind of operation that completes the pattern, if it is said.
    pub fn verb(&self) -> Option<&str> {
        match self.operations.last()?.first()? {
            Word::Exact(verb) => Some(verb),
            _ => None,
        }
    }

    /// Whether it is to be expected in this case.
    pub fn fits(&self, scenario: &Scenario, faults: &FaultSpec) -> bool {
        self.last_line(&words_of(scenario), Some(faults)).is_some()
    }

    /// Whether it is to be expected in the case of a finding.
    pub fn fits_finding(&self, finding: &Finding) -> bool {
        match (Scenario::parse(&finding.scenario), finding.faults.parse()) {
            (Ok(scenario), Ok(faults)) => self.fits(&scenario, &faults),
            _ => false,
        }
    }

    /// The case without the operations that complete the pattern, so that what comes behind them is reached; `None`: it does not fit.
    /// Without `faults`, anything of UCX may deviate in it; the system under NIXL fails only where that is asked for.
    pub fn sidestep(&self, scenario: &Scenario, faults: Option<&FaultSpec>) -> Option<Scenario> {
        let mut lines: Vec<Line> = scenario.lines().cloned().collect();
        let mut words = words_of(scenario);
        let mut first_gone = None;
        while let Some(last) = self.last_line(&words, faults) {
            lines.remove(last);
            words.remove(last);
            first_gone = Some(first_gone.map_or(last, |first: usize| first.min(last)));
        }
        let first_gone = first_gone?;
        // What was expected of the operations that are gone would be wrong.
        let is_expectation =
            |line: &Line| matches!(line.op, Op::ExpectBytes { .. } | Op::ExpectNotif { .. });
        let mut index = 0;
        lines.retain(|line| {
            index += 1;
            index <= first_gone || !is_expectation(line)
        });
        Some(Scenario {
            steps: lines.into_iter().map(Step::Line).collect(),
            ..scenario.clone()
        })
    }

    /// The operation that completes the pattern.
    fn last_line(&self, lines: &[Vec<String>], faults: Option<&FaultSpec>) -> Option<usize> {
        if !self.points.is_empty() {
            let may_happen = |point: &Point| match faults {
                Some(faults) => faults.faults.iter().any(|fault| fault.point == *point),
                None => !point.is_environment(),
            };
            self.points.iter().find(|point| may_happen(point))?;
        }
        let mut search = Search {
            lines,
            bound: Vec::new(),
            comparisons: 0,
        };
        search.from(0, &self.operations)
    }
}

/// The words of each operation, as it is printed.
fn words_of(scenario: &Scenario) -> Vec<Vec<String>> {
    let words = |line: &Line| {
        let text = line.op.to_string();
        text.split_whitespace().map(str::to_owned).collect()
    };
    scenario.lines().map(words).collect()
}

fn word(text: &str) -> Word {
    match (text, text.strip_prefix('$'), text.strip_suffix('*')) {
        ("...", _, _) => Word::Rest,
        (_, Some(name), _) => Word::Variable(name.to_owned()),
        (_, _, Some(begin)) => Word::Begins(begin.to_owned()),
        _ => Word::Exact(text.to_owned()),
    }
}

struct Search<'a> {
    lines: &'a [Vec<String>],
    /// What the variables stand for, in the order in which they were met.
    bound: Vec<(&'a str, &'a str)>,
    comparisons: usize,
}

impl<'a> Search<'a> {
    /// The line that the last part fits, if the parts fit lines from `first` on in their order.
    fn from(&mut self, first: usize, parts: &'a [Vec<Word>]) -> Option<usize> {
        let (part, rest) = parts.split_first()?;
        for index in first..self.lines.len() {
            self.comparisons += 1;
            if self.comparisons > COMPARISONS_MAX {
                return None;
            }
            let last = self.within(part, &self.lines[index], index, rest);
            if last.is_some() {
                return last;
            }
        }
        None
    }

    /// The same where the first part, of which this is left, fits these words of a line, in whichever way the others allow.
    fn within(
        &mut self,
        part: &'a [Word],
        words: &'a [String],
        line: usize,
        rest: &'a [Vec<Word>],
    ) -> Option<usize> {
        let Some((first, part)) = part.split_first() else {
            return match (words, rest) {
                ([], []) => Some(line),
                ([], _) => self.from(line + 1, rest),
                _ => None,
            };
        };
        if *first == Word::Rest {
            let mut skips = 0..=words.len();
            return skips.find_map(|skipped| self.within(part, &words[skipped..], line, rest));
        }
        let (word, words) = words.split_first()?;
        let bound = self.bound.len();
        let last = match self.is(first, word) {
            true => self.within(part, words, line, rest),
            false => None,
        };
        self.bound.truncate(bound);
        last
    }

    /// Whether a word fits; a variable that is new stands for it from now on.
    fn is(&mut self, pattern: &'a Word, word: &'a str) -> bool {
        match pattern {
            Word::Exact(exact) => word == exact,
            Word::Begins(begin) => word.starts_with(begin.as_str()),
            Word::Variable(name) => match self.bound.iter().find(|(known, _)| known == name) {
                Some((_, value)) => *value == word,
                None => {
                    self.bound.push((name, word));
                    true
                }
            },
            Word::Rest => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOST: &str = "name repost
agent a0
create x0 a0 write local=r0 to=a0 remote=r1
create x1 a0 write local=r0 to=a0 remote=r1
post x0
post x1
expect_bytes r1 seed=1
post x0 notif=\"again\"
expect_bytes r1 seed=2
release x0
";
    const PATTERN: &str = "post $x ...; post $x ...; fault ucp_am_send_nbx ep.fail";

    fn fits(pattern: &str, scenario: &str, faults: &str) -> bool {
        let scenario = Scenario::parse(scenario).unwrap();
        let avoid = Avoid::parse(pattern).unwrap();
        avoid.fits(&scenario, &faults.parse().unwrap())
    }

    #[test]
    fn a_variable_is_the_same_word_everywhere() {
        let fault = "ep#1.fail=CONNECTION_RESET";
        assert!(fits(PATTERN, REPOST, fault));
        assert!(!fits(
            PATTERN,
            &REPOST.replace("post x0 notif", "post x2 notif"),
            fault
        ));
    }

    #[test]
    fn without_one_of_its_faults_a_pattern_does_not_fit() {
        assert!(!fits(PATTERN, REPOST, ""));
        assert!(!fits(PATTERN, REPOST, "ucp_mem_map@1=NO_MEMORY"));
        assert!(fits("post $x ...; post $x ...", REPOST, ""));
    }

    #[test]
    fn words_fit_whole_by_their_beginning_or_in_any_number() {
        assert!(fits("create $x ... to=* ...", REPOST, ""));
        assert!(!fits("create $x ... to= ...", REPOST, ""));
        assert!(!fits("create $x", REPOST, ""));
        assert!(fits("release x0", REPOST, ""));
        // Not in this order.
        assert!(!fits("release $x; post $x ...", REPOST, ""));
    }

    #[test]
    fn a_case_is_sidestepped_without_what_would_be_expected_of_it() {
        let scenario = Scenario::parse(REPOST).unwrap();
        let faults = "ep#1.fail=CONNECTION_RESET".parse().unwrap();
        let avoid = Avoid::parse(PATTERN).unwrap();
        let around = avoid
            .sidestep(&scenario, Some(&faults))
            .unwrap()
            .to_string();
        assert_eq!(around.matches("post x0").count(), 1, "{around}");
        assert!(around.contains("expect_bytes r1 seed=1"), "{around}");
        assert!(!around.contains("expect_bytes r1 seed=2"), "{around}");
        assert!(around.contains("release x0"), "{around}");
        let benign = FaultSpec::default();
        assert!(avoid.sidestep(&scenario, Some(&benign)).is_none());
        assert!(avoid.sidestep(&scenario, None).is_some());
    }

    #[test]
    fn where_nobody_knows_what_deviates_the_system_does_not_fail() {
        let around = |pattern: &str| {
            let scenario = Scenario::parse(REPOST).unwrap();
            Avoid::parse(pattern).unwrap().sidestep(&scenario, None)
        };
        assert!(around(PATTERN).is_some());
        assert!(around("post $x ...; post $x ...; fault system.thread").is_none());
    }

    #[test]
    fn a_pattern_that_cannot_be_meant_is_refused() {
        let wrong = |text: &str| Avoid::parse(text).unwrap_err().to_string();
        assert!(wrong("fault ep.fial").starts_with("`ep.fial` is no decision point"));
        assert!(wrong("fault ep.fail").starts_with("a pattern needs an operation"));
        assert!(wrong(" ; ").starts_with("a pattern needs an operation"));
    }
}
