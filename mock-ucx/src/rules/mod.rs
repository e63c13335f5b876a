//! What is allowed: the rule book, one entry per rule, as data.

mod book;
mod choose;

pub use book::{BOOK, Basis, Rule, RuleInfo, Severity};
pub use choose::rule_for_handle;
