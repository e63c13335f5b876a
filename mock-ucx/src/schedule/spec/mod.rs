//! The text form of a fault specification: which decisions deviate, and how. `docs/faults.md` has the grammar for users.
//!
//! `[object.]point[@when][%P][*N][ operation M][ thread T]=OUTCOME[ then OUTCOME]...`, several separated by `;` or by the end of a line. What
//! is printed is read back as the same value.

mod explain;
mod parse;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use explain::clipped;
pub use source::{SOURCE_BYTES_MAX, SourceError};

use crate::ledger::Kind;
use crate::schedule::{Fault, FaultSpec, Occurrences, Point};

/// More faults than this in one run are a mistake: a record names a fault by one byte.
pub const FAULTS_MAX: usize = 200;

/// Outcomes of one fault. Printed, the largest specification still fits into one variable of the environment (128 KiB).
pub const CHOICES_MAX: usize = 16;

/// Why a text is not a fault specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault specification, {}column {column}: {message}", line_words(*line))]
pub struct SpecError {
    /// Line at which it went wrong, from 1.
    pub line: usize,
    /// Character of that line, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

fn line_words(line: usize) -> String {
    match line {
        1 => String::new(),
        line => format!("line {line}, "),
    }
}

impl FaultSpec {
    /// Reads a specification; without `paranoid`, one that names an outcome whose permission is doubtful is refused.
    ///
    /// # Errors
    /// The text is none; where and why.
    pub fn parse(text: &str, paranoid: bool) -> Result<FaultSpec, SpecError> {
        parse::specification(text, paranoid)
    }
}

/// Reads whatever a specification can say, doubtful outcomes too.
impl FromStr for FaultSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<FaultSpec, SpecError> {
        FaultSpec::parse(text, true)
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.object {
            Some(object) => write!(f, "{object}.{}", name_after(object.kind, self.point))?,
            None => f.write_str(self.point.name())?,
        }
        self.occurrences.fmt(f)?;
        if let Some(per_mille) = self.per_mille {
            write!(f, "%{}", per_mille / 10)?;
            if per_mille % 10 > 0 {
                write!(f, ".{}", per_mille % 10)?;
            }
        }
        if let Some(limit) = self.limit {
            write!(f, "*{limit}")?;
        }
        if let Some(operation) = self.operation {
            write!(f, " operation {operation}")?;
        }
        if let Some(thread) = self.thread {
            write!(f, " thread {thread}")?;
        }
        for (index, choice) in self.choices.iter().enumerate() {
            let before = if index == 0 { "=" } else { " then " };
            write!(f, "{before}{}", self.point.words(*choice))?;
        }
        Ok(())
    }
}

/// As it stands behind a point's name; nothing for all.
impl fmt::Display for Occurrences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (1, None) => Ok(()),
            (first, None) => write!(f, "@{first}+"),
            (first, Some(last)) if first == last => write!(f, "@{first}"),
            (first, Some(last)) => write!(f, "@{first}-{last}"),
        }
    }
}

/// The name of a point behind an object of this kind: `fail` for `ep.fail` of an endpoint.
fn name_after(kind: Kind, point: Point) -> &'static str {
    let name = point.name();
    name.strip_prefix(kind.short_name())
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(name)
}
