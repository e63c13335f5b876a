//! A client that breaks a rule, and one that does not.

use super::*;
use crate::oracle::lost;
use crate::oracle::testing::{Client, empty, ledger_of, notes, operation};
use crate::oracle::{Oracle, Outcome};
use mock_ucx::rules::Rule;

fn unmap_twice() -> Snapshot {
    ledger_of("", || {
        operation(1);
        let mut client = Client::new();
        let handle = client.register();
        client.unmap(handle);
        operation(2);
        client.unmap(handle);
        client.cleanup();
    })
}

#[test]
fn a_stale_handle_is_a_finding_that_names_the_object() {
    let (snapshot, notes) = (
        unmap_twice(),
        notes(&[
            ("register a0 r0", Outcome::Done),
            ("deregister a0 r0", Outcome::Done),
        ]),
    );
    let verdicts = judge(
        &Observation {
            operations: &notes,
            ..Observation::of(&snapshot)
        },
        &[],
    );
    let [verdict] = verdicts.as_slice() else {
        panic!("{verdicts:?}")
    };
    assert_eq!(
        (verdict.oracle, verdict.rule.as_deref()),
        (Oracle::Rule, Some("UCP-MEM-006"))
    );
    assert_eq!(verdict.subject.name(), "memory_handle");
    assert_eq!(verdict.operation, Some(2));
    assert!(verdict.what.contains("stale"), "{}", verdict.what);
    let about = &verdict.evidence[1].text;
    assert!(
        about.contains("memory_handle #1 of context #1, created by ucp_mem_map")
            && about.contains("`register a0 r0`"),
        "{about}"
    );
}

#[test]
fn a_client_that_keeps_the_rules_gets_no_verdict() {
    assert!(judge(&Observation::of(&empty()), &[]).is_empty());
}

#[test]
fn a_rule_that_is_only_inferred_counts_when_asked_for() {
    let mut snapshot = unmap_twice();
    snapshot.findings[0].rule = Rule::CallbackUnwinds;
    let observation = Observation::of(&snapshot);
    assert!(judge(&observation, &[]).is_empty());
    assert_eq!(
        judge(
            &Observation {
                strict: true,
                ..observation
            },
            &[]
        )
        .len(),
        1
    );
}

#[test]
fn what_changed_metadata_says_to_ucx_is_not_held_against_nixl() {
    let mut snapshot = unmap_twice();
    snapshot.findings[0].rule = Rule::RkeyBlob;
    let told = |operations: &[(&str, Outcome)]| {
        let notes = notes(operations);
        let observation = Observation {
            operations: &notes,
            ..Observation::of(&snapshot)
        };
        judge(&observation, &[]).len()
    };
    let load = ("load_md a0 m0", Outcome::Done);
    assert_eq!(
        told(&[("change_md m0 at=9 mask=1", Outcome::Done), load.clone()]),
        0
    );
    assert_eq!(told(std::slice::from_ref(&load)), 1);
    assert_eq!(told(&[("cut_md m0 len=9", Outcome::Done), load.clone()]), 1);
    assert_eq!(
        told(&[("write_md m0 at=9 \"x\"", Outcome::Skipped), load]),
        1
    );
}

#[test]
fn changed_metadata_is_no_excuse_for_what_else_nixl_does() {
    let snapshot = unmap_twice();
    let notes = notes(&[("change_md m0 at=9 mask=1", Outcome::Done)]);
    let observation = Observation {
        operations: &notes,
        ..Observation::of(&snapshot)
    };
    assert_eq!(judge(&observation, &[]).len(), 1);
}

#[test]
fn a_leak_that_is_lost_already_is_not_told_twice() {
    let snapshot = ledger_of("", || {
        let mut client = Client::new();
        client.register();
        client.worker();
        client.cleanup();
    });
    let lost = lost::judge(&Observation::of(&snapshot));
    assert!(judge(&Observation::of(&snapshot), &lost).is_empty());
    let verdicts = judge(&Observation::of(&snapshot), &[]);
    let mut rules: Vec<_> = verdicts
        .iter()
        .filter_map(|verdict| verdict.rule.as_deref())
        .collect();
    rules.sort_unstable();
    assert_eq!(rules, ["UCP-CTX-003", "UCP-CTX-004"]);
}
