//! What was found, as text for people and data for programs.

pub mod bug;
pub mod census;
mod certificate;
pub mod finding;
pub mod findings;
pub mod frames;
pub mod points;
pub mod rules;
pub mod symbols;
pub mod terminal;

#[cfg(test)]
pub(crate) mod testing;

pub use certificate::Certificate;
pub use finding::{Case, Finding, Stability, StackFrame};
pub use findings::{Findings, ReportError, prepare_folder};
pub use symbols::Symbolizer;
