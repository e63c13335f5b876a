//! Whether a finding was shown on the real UCX too, with at most its one call interfered with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What came of playing a finding on the wheel's own UCX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// The same happened there.
    Shown {
        /// What was seen.
        what: String,
    },
    /// It did not happen there.
    NotShown {
        /// What was seen instead.
        what: String,
    },
    /// It cannot be tried there.
    Impossible {
        /// Why.
        why: String,
    },
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Certificate::Shown { what } => write!(f, "shown on the real UCX too: {what}"),
            Certificate::NotShown { what } => write!(f, "not shown on the real UCX: {what}"),
            Certificate::Impossible { why } => {
                write!(f, "cannot be tried on the real UCX, because {why}")
            }
        }
    }
}
