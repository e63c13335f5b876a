//! The rules that the mock can see broken, by area. Ids are those of UCX's contract as we wrote it down; they never change their
//! meaning.

mod am;
mod device;
mod endpoint;
mod library;
mod memory;
mod request;
mod rma;
mod thread;
mod worker;

use super::rule::{Rule, RuleInfo};

/// The rules about one part of UCX.
#[derive(Debug)]
pub struct Area {
    /// Its name.
    pub name: &'static str,
    /// Its rules.
    pub rules: &'static [(Rule, RuleInfo)],
}

/// The whole book.
pub static BOOK: &[Area] = &[
    Area {
        name: "library",
        rules: library::RULES,
    },
    Area {
        name: "worker",
        rules: worker::RULES,
    },
    Area {
        name: "endpoint",
        rules: endpoint::RULES,
    },
    Area {
        name: "memory",
        rules: memory::RULES,
    },
    Area {
        name: "rma",
        rules: rma::RULES,
    },
    Area {
        name: "request",
        rules: request::RULES,
    },
    Area {
        name: "am",
        rules: am::RULES,
    },
    Area {
        name: "thread",
        rules: thread::RULES,
    },
    Area {
        name: "device",
        rules: device::RULES,
    },
];

/// All rules.
pub fn all() -> impl Iterator<Item = &'static (Rule, RuleInfo)> {
    BOOK.iter().flat_map(|area| area.rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The last rule of the enumeration.
    const LAST: Rule = Rule::MemoryStale;

    #[test]
    fn every_rule_has_one_entry() {
        let numbers: Vec<u16> = all().map(|(rule, _)| *rule as u16).collect();
        let distinct: BTreeSet<u16> = numbers.iter().copied().collect();
        assert_eq!(numbers.len(), distinct.len(), "a rule has two entries");
        assert_eq!(distinct, (0..=LAST as u16).collect());
        assert_eq!(Rule::from_number(LAST as u16 + 1), None);
    }

    #[test]
    fn a_rule_is_found_by_number_and_by_id() {
        for (rule, info) in all() {
            assert_eq!(Rule::from_number(*rule as u16), Some(*rule));
            assert_eq!(Rule::from_id(info.id), Some(*rule));
            assert_eq!(rule.id(), info.id);
        }
        assert_eq!(Rule::from_id("UCP-NONE-001"), None);
    }
}
