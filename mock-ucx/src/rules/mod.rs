//! What is allowed: the rule book, one entry per rule, as data.

mod book;
mod choose;
mod rule;
mod unobservable;

pub use book::{Area, BOOK, all};
pub use choose::{rule_for_handle, rule_for_orphan};
pub use rule::{Basis, Rule, RuleInfo, Severity, Versions};
pub use unobservable::{Unobservable, unobservable};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_of_one_form() {
        let infos: Vec<&RuleInfo> = all()
            .map(|(_, info)| info)
            .chain(unobservable().map(|rule| &rule.info))
            .collect();
        let ids: BTreeSet<&str> = infos.iter().map(|info| info.id).collect();
        assert_eq!(ids.len(), infos.len(), "an id is there twice");
        for id in ids {
            let parts: Vec<&str> = id.split('-').collect();
            let [prefix, area, number] = parts[..] else {
                panic!("{id} has not three parts");
            };
            let upper = area.bytes().all(|letter| letter.is_ascii_uppercase());
            let digits = number.len() == 3 && number.bytes().all(|digit| digit.is_ascii_digit());
            assert!(prefix == "UCP" && upper && digits, "{id}");
        }
    }

    #[test]
    fn every_rule_says_all_that_there_is_to_say() {
        let infos = all()
            .map(|(_, info)| info)
            .chain(unobservable().map(|rule| &rule.info));
        for info in infos {
            for sentence in [info.statement, info.hint] {
                assert!(sentence.ends_with('.'), "{}: {sentence}", info.id);
            }
            assert!(!info.source.is_empty(), "{}", info.id);
        }
        assert!(unobservable().all(|rule| !rule.reason.is_empty()));
    }
}
