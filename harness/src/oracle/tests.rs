//! Which of several faults led to a verdict.

use super::testing::{Client, ledger_of, notes, operation};
use super::*;
use mock_ucx::abi::types::UcsStatus;
use mock_ucx::abi::worker;

/// A write that is late, after which another one is refused in operation 2; something else fails in operation 3; the memory goes in
/// operation 4, and everything else with its context.
fn write_under_way() -> Snapshot {
    let faults = "put.complete@1=withheld; ucp_put_nbx@2=NO_MEMORY; ucp_rkey_pack@2=NO_MEMORY";
    ledger_of(faults, || {
        operation(1);
        let mut client = Client::new();
        let memory = client.register();
        let ep = client.endpoint(client.worker());
        let rkey = Client::unpack(ep, client.pack(memory).expect("a packed key"));
        operation(2);
        client.put(ep, rkey);
        client.put(ep, rkey);
        operation(3);
        assert!(client.pack(memory).is_err());
        operation(4);
        client.unmap(memory);
        client.cleanup();
    })
}

/// The point of the fault that led to the verdict about `rule`, if operation 2 came to `outcome`.
fn blamed(snapshot: &Snapshot, rule: &str, outcome: Outcome) -> String {
    blamed_surely(snapshot, rule, outcome).0
}

/// The same, and whether that is certain.
fn blamed_surely(snapshot: &Snapshot, rule: &str, outcome: Outcome) -> (String, bool) {
    let operations = notes(&[
        ("register a0 r0", Outcome::Done),
        ("post x0", outcome),
        (
            "register a0 r1",
            Outcome::Failed("it answered BACKEND".to_owned()),
        ),
        ("deregister a0 r0", Outcome::Done),
    ]);
    let verdicts = judge(&Observation {
        operations: &operations,
        benign: false,
        ..Observation::of(snapshot)
    });
    let mut verdicts = verdicts.iter();
    let verdict = verdicts.find(|verdict| verdict.rule.as_deref() == Some(rule));
    let verdict = verdict.expect("the rule was broken");
    let fault = verdict.fault.expect("a fault led to it");
    let point = snapshot.fired[fault].asked.point;
    (point.name().to_owned(), verdict.fault_is_certain)
}

#[test]
fn memory_that_goes_under_an_operation_is_blamed_on_what_made_it_late_not_on_what_failed_last() {
    let snapshot = write_under_way();
    assert_eq!(
        blamed(&snapshot, "UCP-MEM-005", Outcome::Done),
        "put.complete"
    );
}

#[test]
fn an_operation_that_the_client_gave_up_is_blamed_on_what_failed_beside_it() {
    let snapshot = write_under_way();
    let refused = Outcome::Failed("nixl_capi_post_xfer_req answered BACKEND".to_owned());
    assert_eq!(blamed(&snapshot, "UCP-MEM-005", refused), "ucp_put_nbx");
}

/// The fired fault of the point `like` once more, as another one.
fn again(snapshot: &Snapshot, like: &str, point: Point, choice: Choice) -> Fired {
    let fired = snapshot.fired.iter();
    let mut again = *fired
        .clone()
        .find(|fault| fault.asked.point.name() == like)
        .expect("it fired");
    again.asked.point = point;
    again.choice = choice;
    again
}

#[test]
fn in_which_order_things_come_is_not_why_an_operation_was_given_up() {
    let mut snapshot = write_under_way();
    let refused = || Outcome::Failed("nixl_capi_post_xfer_req answered BACKEND".to_owned());
    let put = ("ucp_put_nbx".to_owned(), true);
    assert_eq!(blamed_surely(&snapshot, "UCP-MEM-005", refused()), put);
    let order = Point::Move(Move::ProgressOrder);
    let order = again(&snapshot, "ucp_put_nbx", order, Choice::Variant(1));
    snapshot.fired.push(order);
    assert_eq!(blamed_surely(&snapshot, "UCP-MEM-005", refused()), put);
}

#[test]
fn of_several_things_that_fail_in_an_operation_none_is_certain_to_be_why_it_was_given_up() {
    let mut snapshot = write_under_way();
    let refused = || Outcome::Failed("nixl_capi_post_xfer_req answered BACKEND".to_owned());
    let failed = Choice::Status(UcsStatus::NO_MEMORY);
    let failure = Point::Move(Move::EndpointFail);
    let failure = again(&snapshot, "ucp_put_nbx", failure, failed);
    snapshot.fired.push(failure);
    let last = ("ep.fail".to_owned(), false);
    assert_eq!(blamed_surely(&snapshot, "UCP-MEM-005", refused()), last);
}

#[test]
fn what_no_operation_of_ucx_stands_behind_is_blamed_on_the_last_fault() {
    let snapshot = write_under_way();
    let verdicts = judge(&Observation::of(&snapshot));
    let mut lost = verdicts
        .iter()
        .filter(|verdict| verdict.oracle == Oracle::Lost);
    let fault = lost.next().expect("the endpoint is lost").fault;
    let fault = fault.expect("a fault led to it");
    assert_eq!(snapshot.fired[fault].asked.point.name(), "ucp_rkey_pack");
}

/// A write whose request is lost, in operation 2 if `numbered`, where a key cannot be packed, either.
fn write_forgotten(faults: &str, numbered: bool) -> Snapshot {
    let begin = |number| {
        if numbered {
            operation(number);
        }
    };
    ledger_of(faults, || {
        begin(1);
        let mut client = Client::new();
        let memory = client.register();
        let worker = client.worker();
        let ep = client.endpoint(worker);
        let rkey = Client::unpack(ep, client.pack(memory).expect("a packed key"));
        assert!(client.pack(memory).is_err());
        begin(2);
        client.put_and_forget(ep, rkey);
        assert!(client.pack(memory).is_err());
        begin(3);
        worker::ucp_worker_destroy(worker);
        client.cleanup();
    })
}

/// The fault that led to the loss of the request, and whether that is certain.
fn blamed_for_request(snapshot: &Snapshot, operations: &[OperationNote]) -> (String, bool) {
    let verdicts = judge(&Observation {
        operations,
        benign: false,
        ..Observation::of(snapshot)
    });
    let request = |verdict: &&Verdict| {
        verdict.oracle == Oracle::Lost && verdict.subject == Subject::Object(Kind::Request)
    };
    let verdict = verdicts.iter().find(request).expect("the request is lost");
    let fault = verdict.fault.expect("a fault led to it");
    let point = snapshot.fired[fault].asked.point;
    (point.name().to_owned(), verdict.fault_is_certain)
}

const TWO_REFUSALS: &str = "ucp_rkey_pack@2=NO_MEMORY; ucp_rkey_pack@3=NO_MEMORY";

#[test]
fn a_fault_that_is_only_the_last_of_the_same_operation_is_not_certain() {
    let snapshot = write_forgotten(TWO_REFUSALS, true);
    let operations = notes(&[
        ("register a0 r0", Outcome::Done),
        ("post x0", Outcome::Done),
        ("destroy_agent a0", Outcome::Done),
    ]);
    assert_eq!(
        blamed_for_request(&snapshot, &operations),
        ("ucp_rkey_pack".to_owned(), false)
    );
}

#[test]
fn which_value_a_handle_has_is_blamed_only_if_nothing_else_happened() {
    let mut snapshot = write_forgotten(TWO_REFUSALS, true);
    let operations = notes(&[
        ("register a0 r0", Outcome::Done),
        ("post x0", Outcome::Done),
        ("destroy_agent a0", Outcome::Done),
    ]);
    let mut reused = *snapshot.fired.last().unwrap();
    reused.asked.point = Point::Move(Move::HandleReuse);
    snapshot.fired.push(reused);
    let (blamed, _) = blamed_for_request(&snapshot, &operations);
    assert_eq!(blamed, "ucp_rkey_pack");
    snapshot.fired = vec![reused];
    let (blamed, _) = blamed_for_request(&snapshot, &operations);
    assert_eq!(blamed, "handle.reuse");
}

#[test]
fn a_fault_that_is_only_the_last_of_a_client_whose_operations_nobody_knows_is_not_certain() {
    let snapshot = write_forgotten(TWO_REFUSALS, false);
    assert_eq!(
        blamed_for_request(&snapshot, &[]),
        ("ucp_rkey_pack".to_owned(), false)
    );
}

#[test]
fn what_was_decided_for_the_operation_itself_is_certain_whatever_else_failed() {
    let faults = format!("{TWO_REFUSALS}; put.status@1=IO_ERROR");
    let snapshot = write_forgotten(&faults, false);
    assert_eq!(
        blamed_for_request(&snapshot, &[]),
        ("put.status".to_owned(), true)
    );
}

#[test]
fn which_bytes_of_what_fails_have_landed_is_not_why_it_fails() {
    let faults = format!("{TWO_REFUSALS}; put.status@1=IO_ERROR; transfer.partial@1=half");
    let snapshot = write_forgotten(&faults, false);
    assert_eq!(snapshot.fired.len(), 4);
    assert_eq!(
        blamed_for_request(&snapshot, &[]),
        ("put.status".to_owned(), true)
    );
}

#[test]
fn the_only_fault_of_a_case_is_certain() {
    let client = || {
        let mut client = Client::new();
        let memory = client.register();
        assert!(client.pack(memory).is_err());
        client.cleanup();
    };
    let snapshot = ledger_of("ucp_rkey_pack@1=NO_MEMORY", client);
    let verdicts = judge(&Observation::of(&snapshot));
    assert!(!verdicts.is_empty());
    assert!(verdicts.iter().all(|verdict| verdict.fault_is_certain));
}
