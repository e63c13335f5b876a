//! What is wrong with the text of a scenario, and where.

use std::fmt;

/// An error with its place in the text. `Display` shows the line with a caret below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are wrong.
    pub length: usize,
    /// The rest, in a box to keep results small.
    pub detail: Box<Detail>,
}

/// What is wrong at that place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The whole line.
    pub source_line: String,
    /// What is wrong.
    pub problem: Problem,
    /// What should be there.
    pub expected: String,
    /// The known word that is nearest to what was written.
    pub nearest: Option<String>,
}

impl ParseError {
    /// The same error with a word that may have been meant.
    pub(super) fn with_nearest(mut self, nearest: Option<String>) -> Self {
        self.detail.nearest = nearest;
        self
    }
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A first word that is no operation.
    #[error("unknown operation `{0}`")]
    UnknownOperation(String),
    /// A `key=value` whose key the operation does not have.
    #[error("`{operation}` has no option `{key}`")]
    UnknownOption {
        /// The operation.
        operation: String,
        /// The key.
        key: String,
    },
    /// A key that stands twice.
    #[error("option `{0}` is given twice")]
    DuplicateOption(String),
    /// A header that stands twice.
    #[error("`{0}` is given twice")]
    DuplicateHeader(String),
    /// A word that does not fit its place.
    #[error("`{0}` does not fit here")]
    Unfit(String),
    /// A word where there should be none.
    #[error("`{0}` is one word too many")]
    TooMany(String),
    /// Something that is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// A string without end.
    #[error("this string has no closing quote")]
    OpenString,
    /// An escape that is not known.
    #[error("unknown escape `\\{0}` in a string")]
    BadEscape(String),
    /// A `}` without `repeat`.
    #[error("this `}}` closes nothing")]
    CloseWithoutRepeat,
    /// A `repeat` without `}`.
    #[error("this `repeat` is never closed")]
    OpenRepeat,
    /// More than is accepted.
    #[error("{0}")]
    TooLarge(String),
}

/// Characters of a line, or of what is said about it, that are shown: a file that is no scenario may be one line.
const SHOWN_MAX: usize = 160;
/// Stands for what is not shown.
const LEFT_OUT: char = '…';

/// The beginning of a text.
pub(crate) fn clipped(text: &str) -> String {
    mock_ucx::schedule::clipped(text, SHOWN_MAX)
}

impl ParseError {
    /// The line as far as it is shown, and the caret below it.
    fn excerpt(&self) -> (String, String) {
        let before = self.column.saturating_sub(1);
        let skipped = match before > SHOWN_MAX / 2 {
            true => before - SHOWN_MAX / 2,
            false => 0,
        };
        let rest: String = self.detail.source_line.chars().skip(skipped).collect();
        let sign = if skipped > 0 {
            LEFT_OUT.to_string()
        } else {
            String::new()
        };
        // Tabs are kept, so that the caret stands below its word whatever their width.
        let blank = |c| if c == '\t' { '\t' } else { ' ' };
        let above = rest.chars().take(before - skipped);
        let indent: String = sign.chars().chain(above).map(blank).collect();
        let room = SHOWN_MAX - (before - skipped).min(SHOWN_MAX - 1);
        let caret = "^".repeat(self.length.clamp(1, room));
        (sign + &clipped(&rest), indent + &caret)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = &self.detail;
        let problem = clipped(&detail.problem.to_string());
        write!(f, "line {}, column {}: {problem}", self.line, self.column)?;
        if !detail.expected.is_empty() {
            write!(f, "; expected {}", detail.expected)?;
        }
        if let Some(nearest) = &detail.nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let (line, caret) = self.excerpt();
        write!(f, "\n {number} | {line}\n {gutter} | {caret}")
    }
}

impl std::error::Error for ParseError {}

/// The known word nearest to `word`, if it is near enough to be a slip of the pen.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let length = word.chars().count();
    known
        .into_iter()
        .filter_map(|candidate| {
            let letters = candidate.chars().count();
            let slips = letters.div_ceil(3).max(1);
            // As many slips at least as one is longer; comparing takes long, and a file may be one word.
            let near = letters.abs_diff(length) <= slips;
            let distance = near.then(|| strsim::damerau_levenshtein(word, candidate))?;
            (distance <= slips).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
