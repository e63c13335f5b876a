//! The fault specification: one line that says which calls fail, and how.
//!
//! `function[@occurrence]=STATUS`, several separated by `;`. Without an occurrence every call of the function fails.
//! Example: `ucp_rkey_pack@2=NO_MEMORY; ucp_ep_create@1=UNREACHABLE`.

use std::fmt;
use std::str::FromStr;

use crate::functions::{FUNCTIONS, Function};
use crate::status::UcsStatus;

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Function that fails.
    pub function: Function,
    /// Which call of it, from 1; `None`: every one.
    pub occurrence: Option<u64>,
    /// Status it answers.
    pub status: UcsStatus,
}

/// Several faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultSpec {
    /// In the order of the text.
    pub faults: Vec<Fault>,
}

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
        f.write_str(self.function.name())?;
        if let Some(occurrence) = self.occurrence {
            write!(f, "@{occurrence}")?;
        }
        write!(f, "={}", self.status)
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
    let Some((left, status_text)) = text.split_once('=') else {
        return Err(error(
            offset + text.len(),
            "expected `=STATUS`, as in `ucp_rkey_pack@2=NO_MEMORY`".into(),
        ));
    };
    let (name, occurrence) = match left.split_once('@') {
        None => (left.trim_end(), None),
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
            (name.trim_end(), Some(occurrence))
        }
    };
    let Some(function) = Function::from_name(name) else {
        return Err(error(offset, unknown_function(name)));
    };
    let status_offset = offset + left.len() + 1;
    let status_name = status_text.trim();
    let Some(status) = UcsStatus::from_name(status_name) else {
        return Err(error(status_offset, unknown_status(status_name, function)));
    };
    if !function.info().failures.contains(&status) {
        return Err(error(status_offset, not_permitted(status, function)));
    }
    Ok(Fault {
        function,
        occurrence,
        status,
    })
}

fn unknown_function(name: &str) -> String {
    match nearest(name, FUNCTIONS.iter().map(|(_, info)| info.name)) {
        Some(near) => format!("`{name}` is not a function of the mock; did you mean `{near}`?"),
        None => format!("`{name}` is not a function of the mock"),
    }
}

fn unknown_status(name: &str, function: Function) -> String {
    match nearest(
        name,
        function
            .info()
            .failures
            .iter()
            .filter_map(|status| status.name()),
    ) {
        Some(near) => format!("`{name}` is not a status of UCX; did you mean `{near}`?"),
        None => format!("`{name}` is not a status of UCX; {}", permitted(function)),
    }
}

fn not_permitted(status: UcsStatus, function: Function) -> String {
    format!(
        "UCX does not let {} fail with {}; {}",
        function.name(),
        status,
        permitted(function)
    )
}

fn permitted(function: Function) -> String {
    let names: Vec<_> = function
        .info()
        .failures
        .iter()
        .filter_map(|status| status.name())
        .collect();
    match names.as_slice() {
        [] => format!("{} cannot fail", function.name()),
        names => format!("{} may fail with {}", function.name(), names.join(", ")),
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
        assert!(
            refused.message.contains("may fail with NO_MEMORY"),
            "{refused}"
        );
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
