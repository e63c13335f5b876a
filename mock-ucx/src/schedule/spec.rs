//! The text form of a fault specification: one line that says which decisions deviate, and how.
//!
//! `[object.]point[@occurrence]=OUTCOME`, several separated by `;`. Without an occurrence each one deviates.
//! Example: `ucp_rkey_pack@2=NO_MEMORY; put.complete=+5; ep#1.get.complete@3=withheld`.

use std::fmt;
use std::str::FromStr;

use crate::ledger::Kind;
use crate::schedule::{Choice, Fault, FaultSpec, ObjectName, Occurrences, Point};
use crate::status::UcsStatus;

/// Why a text is not a fault specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault specification, column {column}: {message}")]
pub struct SpecError {
    /// Byte at which it went wrong, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

/// More faults than this in one run are a mistake: a record names a fault by one byte.
const FAULTS_MAX: usize = 200;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = self.object {
            write!(f, "{object}.")?;
        }
        f.write_str(self.point.name())?;
        if self.occurrences != Occurrences::ALL {
            write!(f, "@{}", self.occurrences.first)?;
        }
        for (index, choice) in self.choices.iter().enumerate() {
            let before = if index == 0 { "=" } else { " then " };
            write!(f, "{before}{}", self.point.words(*choice))?;
        }
        Ok(())
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

impl FromStr for FaultSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<FaultSpec, SpecError> {
        let mut faults = Vec::new();
        let mut start = 0;
        for part in text.split(';') {
            let indent = part.len() - part.trim_start().len();
            let trimmed = part.trim();
            if !trimmed.is_empty() {
                faults.push(parse_fault(trimmed, start + indent)?);
            }
            start += part.len() + 1;
        }
        if faults.len() > FAULTS_MAX {
            return Err(error(
                0,
                format!(
                    "{} faults; at most {FAULTS_MAX} are possible in one run",
                    faults.len()
                ),
            ));
        }
        Ok(FaultSpec { faults })
    }
}

fn error(offset: usize, message: String) -> SpecError {
    SpecError {
        column: offset + 1,
        message,
    }
}

fn parse_fault(text: &str, offset: usize) -> Result<Fault, SpecError> {
    let Some((left, outcome)) = text.split_once('=') else {
        return Err(error(
            offset + text.len(),
            "expected `=OUTCOME`, as in `ucp_rkey_pack@2=NO_MEMORY`".into(),
        ));
    };
    let (name, occurrences) = match left.split_once('@') {
        None => (left.trim_end(), Occurrences::ALL),
        Some((name, number)) => {
            let column = offset + name.len() + 1;
            let number = number.trim();
            let occurrence = number
                .parse::<u64>()
                .ok()
                .filter(|occurrence| *occurrence > 0);
            let Some(occurrence) = occurrence else {
                return Err(error(
                    column,
                    format!("`{number}` is not the number of a call (1, 2, ...)"),
                ));
            };
            (name.trim_end(), Occurrences::one(occurrence))
        }
    };
    let (object, point_name) = match name.split_once('.') {
        Some((object, rest)) if object.contains('#') => (parse_object(object), rest),
        _ => (None, name),
    };
    let Some(point) = Point::from_name(point_name) else {
        return Err(error(offset, unknown_point(point_name)));
    };
    let at = offset + left.len() + 1;
    let choice = parse_choice(outcome.trim(), point).map_err(|message| error(at, message))?;
    Ok(Fault {
        point,
        object,
        thread: None,
        occurrences,
        per_mille: None,
        choices: vec![choice],
    })
}

fn parse_object(text: &str) -> Option<ObjectName> {
    let (kind, ordinal) = text.split_once('#')?;
    Some(ObjectName {
        kind: Kind::from_name(kind)?,
        ordinal: ordinal.parse().ok()?,
    })
}

fn parse_choice(text: &str, point: Point) -> Result<Choice, String> {
    let named = point
        .variants()
        .iter()
        .position(|variant| variant.name == text)
        .and_then(|index| u8::try_from(index).ok())
        .map(Choice::Variant);
    let choice = named
        .or_else(|| Some(Choice::After(text.strip_prefix('+')?.parse().ok()?)))
        .or_else(|| (text == "withheld").then_some(Choice::Withheld))
        .or_else(|| UcsStatus::from_name(text).map(Choice::Status));
    let Some(choice) = choice else {
        return Err(unknown_outcome(text, point));
    };
    match point.outcome_number(choice) {
        Some(_) => Ok(choice),
        None => Err(not_permitted(text, point)),
    }
}

fn unknown_point(name: &str) -> String {
    match nearest(name, Point::all().map(Point::name)) {
        Some(near) => format!(
            "`{name}` is neither a function nor a decision point of the mock; did you mean `{near}`?"
        ),
        None => format!("`{name}` is neither a function nor a decision point of the mock"),
    }
}

fn unknown_outcome(text: &str, point: Point) -> String {
    let names = outcomes(point);
    match nearest(text, names.iter().map(String::as_str)) {
        Some(near) => format!("`{text}` is no outcome; did you mean `{near}`?"),
        None => format!("`{text}` is no outcome; {}", permitted(point)),
    }
}

fn not_permitted(text: &str, point: Point) -> String {
    format!("UCX does not let {point} be {text}; {}", permitted(point))
}

fn outcomes(point: Point) -> Vec<String> {
    let words = |outcome: crate::schedule::OutcomeInfo| point.words(outcome.choice).to_string();
    point.outcomes().into_iter().map(words).collect()
}

fn permitted(point: Point) -> String {
    match outcomes(point).as_slice() {
        [] => format!("{point} cannot fail"),
        names => format!("{point} may be {}", names.join(", ")),
    }
}

/// The candidate most like `name`, if any is like it at all.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_specification_prints_as_it_is_read() {
        let text = "ucp_rkey_pack@2=NO_MEMORY; ucp_ep_create=UNREACHABLE";
        let spec: FaultSpec = text.parse().unwrap();
        assert_eq!(spec.faults.len(), 2);
        assert_eq!(spec.to_string(), text);
    }

    #[test]
    fn an_empty_text_asks_for_nothing() {
        assert_eq!(" ; ".parse::<FaultSpec>().unwrap(), FaultSpec::default());
    }

    #[test]
    fn a_wrong_word_is_named_with_its_column_and_the_nearest_right_one() {
        let wrong = |text: &str| text.parse::<FaultSpec>().unwrap_err();
        assert_eq!(wrong("ucp_rkey_pak@2=NO_MEMORY").column, 1);
        assert!(
            wrong("ucp_rkey_pak@2=NO_MEMORY")
                .message
                .contains("`ucp_rkey_pack`")
        );
        assert_eq!(wrong("ucp_rkey_pack@0=NO_MEMORY").column, 15);
        assert_eq!(wrong("ucp_rkey_pack@1=NO_MEMRY").column, 17);
        assert!(
            wrong("ucp_rkey_pack@1=NO_MEMRY")
                .message
                .contains("`NO_MEMORY`")
        );
        assert_eq!(wrong("ucp_rkey_pack@1").column, 16);
        assert_eq!(wrong("ucp_mem_map=NO_MEMORY;  ucp_x=NO_MEMORY").column, 25);
    }

    #[test]
    fn a_status_that_ucx_does_not_permit_is_refused() {
        let refused = "ucp_mem_unmap@1=NO_MEMORY"
            .parse::<FaultSpec>()
            .unwrap_err();
        assert!(refused.message.contains("cannot fail"), "{refused}");
        let refused = "ucp_rkey_pack@1=CANCELED".parse::<FaultSpec>().unwrap_err();
        assert!(refused.message.contains("may be NO_MEMORY"), "{refused}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_within_its_length(text in "\\PC{0,60}") {
            if let Err(refused) = text.parse::<FaultSpec>() {
                prop_assert!(refused.column >= 1 && refused.column <= text.len() + 1);
            }
        }
    }
}
