//! Two transcripts of one program, side by side: where they differ, and which of that is allowed.

use std::collections::BTreeSet;
use std::fmt;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::allowed::Allowed;

/// A place where two transcripts differ: lines without their indentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) program: String,
    pub(crate) mock: Vec<String>,
    pub(crate) real: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.program)?;
        for line in &self.mock {
            write!(out, "\n    mock: {line}")?;
        }
        for line in &self.real {
            write!(out, "\n    real: {line}")?;
        }
        Ok(())
    }
}

/// All places where the transcripts of a program differ. Equally many lines in one place are held against each other one by one.
pub(crate) fn differences(program: &str, mock: &str, real: &str) -> Vec<Difference> {
    let (mock, real): (Vec<&str>, Vec<&str>) = (
        mock.lines().map(str::trim).collect(),
        real.lines().map(str::trim).collect(),
    );
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let mut found = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &mock, &real) {
        if let DiffOp::Equal { .. } = operation {
            continue;
        }
        let (mock, real) = (&mock[operation.old_range()], &real[operation.new_range()]);
        let width = if mock.len() == real.len() {
            1
        } else {
            mock.len().max(real.len())
        };
        for at in (0..mock.len().max(real.len())).step_by(width) {
            let part =
                |lines: &[&str]| owned(&lines[at.min(lines.len())..(at + width).min(lines.len())]);
            found.push(Difference {
                program: program.to_owned(),
                mock: part(mock),
                real: part(real),
            });
        }
    }
    found
}

/// What is wrong with these differences: those that nothing allows, and what is allowed but did not happen.
pub(crate) fn judge(differences: &[Difference], allowed: &[Allowed]) -> Vec<String> {
    let mut needed = BTreeSet::new();
    let mut complaints = Vec::new();
    for difference in differences {
        match allowed.iter().position(|one| one.allows(difference)) {
            Some(index) => {
                needed.insert(index);
            }
            None => complaints.push(format!("not allowed: {difference}")),
        }
    }
    let idle = (0..allowed.len()).filter(|index| !needed.contains(index));
    complaints.extend(idle.map(|index| format!("allowed, but not there: {:?}", allowed[index])));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[Allowed] = &[Allowed {
        program: "p",
        mock: &["put: NULL"],
        real: &["put: REQUEST"],
        reason: "",
        section: "",
    }];

    #[test]
    fn equal_transcripts_have_no_difference() {
        assert_eq!(differences("p", "one\n  two\n", "one\ntwo\n"), []);
    }

    #[test]
    fn an_allowed_difference_is_taken_and_another_is_not() {
        let found = differences("p", "a\nput: NULL\nb\n", "a\nput: REQUEST\nb\n");
        assert_eq!(judge(&found, ALLOWED), Vec::<String>::new());
        let complaints = judge(
            &differences("p", "put: NULL\nb\n", "put: REQUEST\nc\n"),
            ALLOWED,
        );
        assert_eq!(complaints, ["not allowed: p:\n    mock: b\n    real: c"]);
        let elsewhere = differences("q", "put: NULL\n", "put: REQUEST\n");
        assert_eq!(judge(&elsewhere, ALLOWED).len(), 2);
    }

    #[test]
    fn what_is_allowed_has_to_happen() {
        let complaints = judge(&[], ALLOWED);
        assert!(
            complaints[0].starts_with("allowed, but not there"),
            "{complaints:?}"
        );
    }

    #[test]
    fn a_line_that_one_side_lacks_is_a_difference() {
        let found = differences("p", "a\nb\n", "a\nx\ny\nb\n");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].mock.len(), found[0].real.len()), (0, 2));
    }
}
