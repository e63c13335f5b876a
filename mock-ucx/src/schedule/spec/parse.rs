//! Reads the text of a fault specification, by hand: each wrong word is to be answered at its own place.

use std::ops::Range;

use super::{CHOICES_MAX, FAULTS_MAX, SpecError, explain};
use crate::ledger::Kind;
use crate::schedule::{Choice, Fault, FaultSpec, ObjectName, Occurrences, Point};
use crate::status::UcsStatus;

/// What is wrong at a byte of the text.
struct Wrong {
    at: usize,
    message: String,
}

fn wrong<T>(at: usize, message: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        at,
        message: message.into(),
    })
}

pub(super) fn specification(text: &str, paranoid: bool) -> Result<FaultSpec, SpecError> {
    let mut cursor = Cursor {
        text,
        at: 0,
        paranoid,
    };
    cursor
        .specification()
        .map_err(|Wrong { at, message }| placed(text, at, message))
}

/// Lines and characters of lines are counted as people do.
fn placed(text: &str, at: usize, message: String) -> SpecError {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    SpecError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message,
    }
}

struct Cursor<'t> {
    text: &'t str,
    /// Byte that is read next.
    at: usize,
    paranoid: bool,
}

/// What stands between a point's name and its outcomes.
#[derive(Default)]
struct Clauses {
    occurrences: Option<Occurrences>,
    /// The occurrences are those of `@progress=`.
    by_progress: bool,
    per_mille: Option<u16>,
    limit: Option<u32>,
    operation: Option<u32>,
    thread: Option<u16>,
}

impl Cursor<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Goes on if the next character is this one.
    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += expected.len_utf8();
        }
        found
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> Range<usize> {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        start..self.at
    }

    /// Passes blanks, and a comment up to the end of its line. One begins with a `#` behind a blank or at the start of a line.
    fn pass_blanks(&mut self) {
        self.take_while(|c| c.is_whitespace() && c != '\n');
        let begins = self.text[..self.at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        if begins && self.peek() == Some('#') {
            self.take_while(|c| c != '\n');
        }
    }

    fn at_end_of_fault(&self) -> bool {
        matches!(self.peek(), None | Some(';' | '\n'))
    }

    fn specification(&mut self) -> Result<FaultSpec, Wrong> {
        let mut faults: Vec<Fault> = Vec::new();
        loop {
            self.pass_blanks();
            if self.peek().is_none() {
                return Ok(FaultSpec { faults });
            }
            if self.take(';') || self.take('\n') {
                continue;
            }
            let start = self.at;
            let fault = self.fault()?;
            if let Some(earlier) = faults.iter().find(|earlier| earlier.covers(&fault)) {
                return wrong(
                    start,
                    format!(
                        "this fault never happens, since `{earlier}` applies wherever it does; write it before that one"
                    ),
                );
            }
            if faults.len() == FAULTS_MAX {
                return wrong(
                    start,
                    format!("more than {FAULTS_MAX} faults are not possible in one run"),
                );
            }
            faults.push(fault);
        }
    }

    fn fault(&mut self) -> Result<Fault, Wrong> {
        let name = self.take_while(|c| !c.is_whitespace() && !"@%*=:;".contains(c));
        let (object, point) = self.head(name)?;
        let clauses = self.clauses(point, object)?;
        let choices = self.outcomes(point, &clauses)?;
        Ok(Fault {
            point,
            object,
            operation: clauses.operation,
            thread: clauses.thread,
            occurrences: clauses.occurrences.unwrap_or(Occurrences::ALL),
            per_mille: clauses.per_mille,
            limit: clauses.limit,
            choices,
        })
    }

    /// `[object.]point`.
    fn head(&self, range: Range<usize>) -> Result<(Option<ObjectName>, Point), Wrong> {
        let (start, text) = (range.start, &self.text[range]);
        if text.is_empty() {
            return wrong(
                start,
                "expected the name of a function or of a decision point, as in `ucp_rkey_pack@2=NO_MEMORY`",
            );
        }
        let Some((kind_name, rest)) = text.split_once('#') else {
            return match Point::from_name(text) {
                Some(point) if point.outcomes().is_empty() => {
                    wrong(start, explain::cannot_fail(point))
                }
                Some(point) => Ok((None, point)),
                None => wrong(start, explain::unknown_point(text)),
            };
        };
        let Some(kind) = Kind::from_name(kind_name) else {
            return wrong(start, explain::unknown_kind(kind_name));
        };
        let ordinal_at = start + kind_name.len() + 1;
        let Some((ordinal, name)) = rest.split_once('.') else {
            return wrong(
                start + text.len(),
                format!("expected `.` and a decision point, as in `{kind_name}#1.NAME`"),
            );
        };
        let ordinal = number(
            ordinal,
            ordinal_at,
            u32::MAX.into(),
            "the number of an object",
        )?;
        let name_at = start + text.len() - name.len();
        let full = format!("{}.{name}", kind.short_name());
        let Some(point) = Point::from_name(&full).or_else(|| Point::from_name(name)) else {
            return wrong(name_at, explain::unknown_point_of(kind, name));
        };
        if point.outcomes().is_empty() {
            return wrong(name_at, explain::cannot_fail(point));
        }
        if !point.is_asked_of(kind) {
            return wrong(start, explain::other_kind(point, kind));
        }
        let object = ObjectName {
            kind,
            ordinal: ordinal as u32,
        };
        Ok((Some(object), point))
    }

    /// `@when`, `%P`, `*N`, `operation M` and `thread T`, each at most once, in any order.
    fn clauses(&mut self, point: Point, object: Option<ObjectName>) -> Result<Clauses, Wrong> {
        let mut clauses = Clauses::default();
        loop {
            self.pass_blanks();
            let start = self.at;
            let is_new = if self.take('@') {
                let by_progress = self.rest().starts_with("progress");
                let occurrences = if by_progress {
                    self.by_progress(point, object)?
                } else {
                    self.occurrences()?
                };
                clauses.by_progress |= by_progress;
                clauses.occurrences.replace(occurrences).is_none()
            } else if self.take('%') {
                clauses.per_mille.replace(self.probability()?).is_none()
            } else if self.take('*') {
                let limit = self.number(u32::MAX.into(), "how often at most it happens")?;
                clauses.limit.replace(limit as u32).is_none()
            } else if self.rest().starts_with("operation") {
                if !point.is_environment() {
                    return wrong(start, explain::not_by_operation(point));
                }
                self.at += "operation".len();
                self.pass_blanks();
                let operation = self.number(u32::MAX.into(), "the number of an operation")?;
                clauses.operation.replace(operation as u32).is_none()
            } else if self.rest().starts_with("thread") {
                self.at += "thread".len();
                self.pass_blanks();
                let thread = self.number(u16::MAX.into(), "the number of a thread")?;
                clauses.thread.replace(thread as u16).is_none()
            } else {
                return Ok(clauses);
            };
            if !is_new {
                return wrong(start, "this was said before");
            }
        }
    }

    /// Behind `@`: `N`, `N-M` or `N+`.
    fn occurrences(&mut self) -> Result<Occurrences, Wrong> {
        let start = self.at;
        let first = self.number(u64::MAX, "the number of an occurrence")?;
        if self.take('+') {
            return Ok(Occurrences { first, last: None });
        }
        if !self.take('-') {
            return Ok(Occurrences::one(first));
        }
        let last = self.number(u64::MAX, "the number of an occurrence")?;
        if last < first {
            return wrong(
                start,
                format!("there is nothing from {first} to {last}; the smaller number comes first"),
            );
        }
        Ok(Occurrences {
            first,
            last: Some(last),
        })
    }

    /// Behind `@`: `progress=N`, the Nth progress call of the worker since the object was made.
    fn by_progress(
        &mut self,
        point: Point,
        object: Option<ObjectName>,
    ) -> Result<Occurrences, Wrong> {
        let start = self.at;
        self.at += "progress".len();
        if !point.is_asked_by_progress() {
            return wrong(start, explain::not_by_progress(point));
        }
        if object.is_none() {
            let kind = point.object().map_or("", Kind::short_name);
            return wrong(
                start,
                format!("progress calls are counted for one object; name it, as in `{kind}#1.`"),
            );
        }
        if !self.take('=') {
            return wrong(self.at, "expected `=` and the number of a progress call");
        }
        let number = self.number(u64::MAX, "the number of a progress call")?;
        Ok(Occurrences::one(number))
    }

    /// Behind `%`: per cent, with at most one digit behind the point.
    fn probability(&mut self) -> Result<u16, Wrong> {
        let range = self.take_while(|c| c.is_ascii_digit() || c == '.');
        let (start, text) = (range.start, &self.text[range]);
        let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
        let is_one_digit = tenth.len() == 1;
        let per_mille = whole
            .parse::<u16>()
            .ok()
            .zip(tenth.parse::<u16>().ok())
            .filter(|(whole, _)| is_one_digit && *whole <= 100)
            .map(|(whole, tenth)| whole * 10 + tenth);
        match per_mille {
            Some(per_mille @ 1..=1000) => Ok(per_mille),
            _ => wrong(
                start,
                "expected a probability from 0.1 to 100 per cent, with at most one digit behind the point",
            ),
        }
    }

    fn number(&mut self, max: u64, what: &str) -> Result<u64, Wrong> {
        let range = self.take_while(|c| c.is_ascii_alphanumeric());
        number(&self.text[range.clone()], range.start, max, what)
    }

    /// `=OUTCOME then OUTCOME ...` to the end of the fault.
    fn outcomes(&mut self, point: Point, clauses: &Clauses) -> Result<Vec<Choice>, Wrong> {
        let sign = if clauses.by_progress { ':' } else { '=' };
        if !self.take(sign) {
            return wrong(
                self.at,
                format!(
                    "expected `{sign}` and an outcome, as in `ucp_rkey_pack@2=NO_MEMORY` or `ep#1.fail@progress=7:CONNECTION_RESET`"
                ),
            );
        }
        let mut choices = Vec::new();
        loop {
            self.pass_blanks();
            let start = self.at;
            choices.push(self.outcome(point)?);
            if choices.len() > 1 {
                happens(start, choices.len(), clauses)?;
            }
            self.pass_blanks();
            if self.at_end_of_fault() {
                return Ok(choices);
            }
            let then = self.take_while(|c| !c.is_whitespace() && c != ';');
            if &self.text[then.clone()] != "then" {
                return wrong(
                    then.start,
                    "expected `then` and another outcome, or `;`, or the end",
                );
            }
        }
    }

    fn outcome(&mut self, point: Point) -> Result<Choice, Wrong> {
        let range = self.take_while(|c| !c.is_whitespace() && c != ';');
        let (start, word) = (range.start, &self.text[range]);
        let Some(choice) = choice(word, start, point)? else {
            return wrong(start, explain::unknown_outcome(word, point));
        };
        let Some(number) = point.outcome_number(choice) else {
            return wrong(start, explain::not_permitted(word, point));
        };
        let info = number
            .checked_sub(1)
            .and_then(|index| point.outcomes().get(index).copied());
        if info.is_some_and(|info| info.paranoid) && !self.paranoid {
            return wrong(start, explain::paranoid(word, point));
        }
        Ok(choice)
    }
}

/// Whether the outcome that is number `count` behind `then` can come at all.
fn happens(at: usize, count: usize, clauses: &Clauses) -> Result<(), Wrong> {
    if clauses.limit.is_some() {
        return wrong(
            at,
            "`then` says already how often it happens; leave `*N` out",
        );
    }
    let times = clauses
        .occurrences
        .and_then(|range| range.last.map(|last| last - range.first + 1));
    if times.is_some_and(|times| times < count as u64) {
        return wrong(
            at,
            "this outcome never comes, since the occurrences behind `@` are fewer",
        );
    }
    if count > CHOICES_MAX {
        return wrong(at, format!("more than {CHOICES_MAX} outcomes of one fault"));
    }
    Ok(())
}

fn choice(word: &str, at: usize, point: Point) -> Result<Option<Choice>, Wrong> {
    if let Some(calls) = word.strip_prefix('+') {
        let calls = number(calls, at + 1, u32::MAX.into(), "a number of progress calls")?;
        return Ok(Some(Choice::After(calls as u32)));
    }
    let variant = point
        .variants()
        .iter()
        .position(|variant| variant.name == word);
    Ok(match (variant, word) {
        (Some(index), _) => u8::try_from(index).ok().map(Choice::Variant),
        (None, "benign") => Some(Choice::Benign),
        (None, "withheld") => Some(Choice::Withheld),
        (None, word) => UcsStatus::from_name(word).map(Choice::Status),
    })
}

/// A number from 1 to `max`.
fn number(text: &str, at: usize, max: u64, what: &str) -> Result<u64, Wrong> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || text.bytes().all(|byte| byte == b'0') {
        return wrong(
            at,
            format!("`{}` is not {what} (1, 2, ...)", explain::shown(text)),
        );
    }
    match text.parse() {
        Ok(number) if number <= max => Ok(number),
        _ => wrong(
            at,
            format!(
                "{} is too large for {what}; at most {max} is",
                explain::shown(text)
            ),
        ),
    }
}
