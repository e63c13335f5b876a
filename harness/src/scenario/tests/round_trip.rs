//! What is printed is read back as the same scenario, and no text makes the reader panic.

use proptest::prelude::*;

use super::strategy;
use crate::scenario::*;

proptest! {
    #[test]
    fn what_is_printed_is_read_back_equal(scenario in strategy::scenario()) {
        let text = scenario.to_string();
        match Scenario::parse(&text) {
            Ok(read) => prop_assert_eq!(read, scenario),
            Err(error) => prop_assert!(false, "{}\n{}", error, text),
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}(\n\\PC{0,80}){0,4}") {
        if let Err(error) = Scenario::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_damage_to_a_good_text_makes_the_reader_panic(
        scenario in strategy::scenario(),
        cut in any::<prop::sample::Index>(),
        put in "[a-z0-9\"#=>{}\\\\\\[\\]., \n]{0,4}",
    ) {
        let mut chars: Vec<char> = scenario.to_string().chars().collect();
        let at = cut.index(chars.len());
        chars.splice(at..(at + 1).min(chars.len()), put.chars());
        let damaged: String = chars.into_iter().collect();
        if let Err(error) = Scenario::parse(&damaged) {
            let lines = damaged.lines().count().max(1);
            prop_assert!(error.line >= 1 && error.line <= lines, "{:?}", error);
            prop_assert!(error.column <= error.detail.source_line.chars().count() + 1, "{:?}", error);
        }
    }
}

#[test]
fn repeats_are_unrolled_in_order() {
    let text = "name x\nfill r0 seed=1\nrepeat 2 {\nfill r1 seed=1\nrepeat 2 {\nfill r2 seed=1\n}\n}\nrepeat 0 {\nfill r3 seed=1\n}\nrepeat 9 {\n}\nfill r4 seed=1\n";
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let order: Vec<u16> = scenario
        .lines()
        .map(|line| match &line.op {
            Op::Fill { region, .. } => region.0,
            other => panic!("unexpected {other}"),
        })
        .collect();
    assert_eq!(order, [0, 1, 2, 2, 1, 2, 2, 4]);
}

#[test]
fn comments_tabs_and_blank_lines_do_not_matter() {
    let plain = "name x\nregister a0 r0 r1[0..8] backend=b0\nnotify a0 a1 \"# no comment\"\n";
    let loose = "# first\n\n\tname   x  \n\tregister\ta0   backend=b0 r0 r1[0..8]# end\n\nnotify a0 a1 \"# no comment\" # this is\n";
    assert_eq!(Scenario::parse(plain), Scenario::parse(loose));
    assert!(Scenario::parse(plain).is_ok());
}
