//! What findings of like and of different cases have in common.

use super::*;
use crate::oracle::testing::{Client, ledger_of, notes, operation};
use crate::oracle::{OperationNote, Outcome, judge};
use crate::report::testing::sample;
use mock_ucx::abi::worker;

/// A registration whose key cannot be packed, in operation 2 of a case; `before` more are made and given back first.
fn case(faults: &str, before: usize) -> Snapshot {
    ledger_of(faults, move || {
        operation(1);
        let mut client = Client::new();
        operation(2);
        for _ in 0..before {
            let handle = client.register();
            let _ = client.pack(handle);
            client.unmap(handle);
        }
        let handle = client.register();
        let _ = client.pack(handle);
        operation(3);
        client.cleanup();
    })
}

fn operations() -> Vec<OperationNote> {
    notes(&[
        ("agent a0", Outcome::Done),
        (
            "register a0 r0",
            Outcome::Failed("register answered BACKEND".to_owned()),
        ),
        ("destroy_agent a0", Outcome::Done),
    ])
}

fn found(snapshot: &Snapshot, operations: &[OperationNote], faults: &str) -> Vec<Finding> {
    let observation = Observation {
        operations,
        benign: false,
        ..Observation::of(snapshot)
    };
    let case = Case {
        scenario: "name lost\nagent a0\n",
        faults,
        nixl: "1.5.1",
    };
    let mut symbols = Symbolizer::new();
    let lost = |finding: &Finding| finding.object == "memory_handle";
    let verdicts = judge(&observation);
    verdicts
        .iter()
        .map(|verdict| Finding::new(verdict, &observation, &case, &mut symbols))
        .filter(lost)
        .collect()
}

#[test]
fn a_finding_says_what_was_lost_by_whom_and_why() {
    let faults = "ucp_rkey_pack@1=NO_MEMORY";
    let (snapshot, operations) = (case(faults, 0), operations());
    let findings = found(&snapshot, &operations, faults);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(
        (finding.oracle, finding.rule.as_deref()),
        (Oracle::Lost, Some("UCP-CTX-004"))
    );
    assert_eq!(finding.operation.as_deref(), Some("register a0 r0"));
    assert_eq!(finding.decisions, [faults]);
    assert_eq!(
        finding.ucx_version,
        mock_ucx::version::UcxVersion::NEWEST.to_string()
    );
    assert_eq!(finding.id, finding.fingerprint[..12]);
    let expected = [
        "memory_handle #1 is lost: created by ",
        " with ucp_mem_map, in `register a0 r0`, after ucp_rkey_pack answered NO_MEMORY. ",
        "Context #1, which it belongs to, ended by ucp_cleanup while it was alive in operation 3 `destroy_agent a0`",
    ];
    for part in expected {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
    // The mock is linked into this program, whose frames it leaves out: what is left is libc.
    assert!(
        finding.created[0].module.starts_with("libc."),
        "{:?}",
        finding.created
    );
}

#[test]
fn the_same_loss_has_the_same_fingerprint_and_another_fault_another_one() {
    let operations = operations();
    let of = |faults: &str, before| found(&case(faults, before), &operations, faults).remove(0);
    let first = of("ucp_rkey_pack@1=NO_MEMORY", 0);
    assert_eq!(
        of("ucp_rkey_pack@1=NO_MEMORY", 0).fingerprint,
        first.fingerprint
    );
    // The fault of another function, in another operation: another bug, but of the same kind.
    let other = of("ucp_config_read@1=NO_MEMORY", 0);
    assert_ne!(other.fingerprint, first.fingerprint);
    assert_ne!(other.family, first.family);
}

#[test]
fn a_case_with_two_faults_knows_the_fingerprints_of_each_alone_and_of_none() {
    let operations = operations();
    let of = |faults: &str| found(&case(faults, 1), &operations, faults).remove(0);
    let (none, one) = (of(""), of("ucp_rkey_pack@2=NO_MEMORY"));
    assert_eq!(none.otherwise, Vec::<String>::new());
    assert_eq!(one.otherwise, std::slice::from_ref(&none.fingerprint));
    let two = of("ucp_rkey_pack@1=NO_MEMORY; ucp_rkey_pack@2=NO_MEMORY");
    assert_eq!(two.fingerprint, one.fingerprint);
    assert_eq!(two.decisions.len(), 2);
}

#[test]
fn a_broken_rule_has_the_call_and_both_ends_of_the_object() {
    let snapshot = ledger_of("", || {
        let mut client = Client::new();
        let handle = client.register();
        client.unmap(handle);
        client.unmap(handle);
        client.cleanup();
    });
    let findings = found(&snapshot, &[], "");
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(finding.oracle, Oracle::Rule);
    for stack in [&finding.called, &finding.created, &finding.ended] {
        assert!(!stack.is_empty(), "{finding:?}");
    }
}

#[test]
fn threads_that_meet_in_other_calls_are_the_same_finding() {
    let met = |in_progress: bool| {
        let snapshot = ledger_of("", move || {
            let client = Client::new();
            let near = client.worker();
            let elsewhere = std::thread::spawn(move || {
                if in_progress {
                    worker::ucp_worker_progress(near);
                } else {
                    client.endpoint(near);
                }
            });
            let _ = elsewhere.join();
        });
        let observation = Observation::of(&snapshot);
        let case = Case {
            scenario: "",
            faults: "",
            nixl: "none",
        };
        let verdicts = judge(&observation);
        let verdict = verdicts
            .iter()
            .find(|verdict| verdict.rule.as_deref() == Some("UCP-THR-001"));
        let verdict = verdict.expect("the other thread was seen");
        Finding::new(verdict, &observation, &case, &mut Symbolizer::new()).fingerprint
    };
    assert_eq!(met(true), met(false));
}

#[test]
fn a_finding_is_one_line_of_json_with_the_fields_that_the_design_names() {
    let faults = "ucp_rkey_pack@1=NO_MEMORY";
    let finding = found(&case(faults, 0), &operations(), faults).remove(0);
    let line = serde_json::to_string(&finding).unwrap();
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    let mut expected = [
        "id",
        "fingerprint",
        "family",
        "oracle",
        "rule",
        "object",
        "count",
        "evidence",
        "created",
        "ended",
        "called",
        "operation",
        "scenario",
        "decisions",
        "faults",
        "nixl",
        "ucx_version",
        "stability",
        "message",
        "minimal",
        "cause_is_certain",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(value["oracle"], "lost");
    let back: Finding = serde_json::from_str(&line).unwrap();
    assert_eq!(
        Finding {
            otherwise: finding.otherwise.clone(),
            ..back
        },
        finding
    );
}

#[test]
fn what_depends_on_the_machine_must_show_again_and_other_things_need_not() {
    let confirmed = |oracle, shown, of| {
        let mut finding = sample("one", "");
        (finding.oracle, finding.stability) = (oracle, Stability { shown, of });
        finding.is_confirmed()
    };
    assert!(confirmed(Oracle::Hang, 3, 3) && confirmed(Oracle::Hang, 1, 1));
    assert!(!confirmed(Oracle::Hang, 2, 3) && !confirmed(Oracle::Hang, 0, 1));
    assert!(confirmed(Oracle::Crash, 0, 10));
}
