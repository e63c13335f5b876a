//! The differential arm: the same programs on the benign mock and on the UCX that NIXL's wheel brings. What they are answered agrees,
//! in kind, status, order and bytes, but for the differences that `docs/faithfulness.md` explains; and the mock finds in them what they
//! break on purpose and nothing else. It is the guard against false positives.
//!
//! Fetches the default release and UCX's headers into the cache, and needs a C compiler.

#[path = "differential/allowed.rs"]
mod allowed;
#[path = "differential/clients.rs"]
mod clients;
#[path = "differential/compare.rs"]
mod compare;
#[path = "abi_probe/headers.rs"]
mod headers;
mod run;
#[path = "differential/scenarios.rs"]
mod scenarios;

use std::fmt;

use allowed::ALLOWED;
use compare::{Difference, differences, judge};

/// Programs that the arm has at least, clients and scenarios.
const PROGRAMS_MIN: usize = 20;

/// One line that says what is wrong or missing.
pub(crate) struct Failure(String);

impl fmt::Debug for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[test]
fn every_program_is_answered_the_same_but_for_what_is_explained() {
    let clients = clients::all();
    let scenarios = scenarios::all();
    assert!(clients.len() >= PROGRAMS_MIN, "{} clients", clients.len());
    let of_clients = clients
        .iter()
        .flat_map(|client| differences(&client.name, &client.mock, &client.real));
    let of_scenarios = scenarios
        .iter()
        .flat_map(|one| differences(&one.name, &one.mock, &one.real));
    let found: Vec<Difference> = of_clients.chain(of_scenarios).collect();
    let complaints = judge(&found, ALLOWED);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_client_comes_to_its_end_on_both() {
    let trouble: Vec<&String> = clients::all()
        .iter()
        .flat_map(|client| &client.trouble)
        .collect();
    assert!(trouble.is_empty(), "{trouble:#?}");
    for client in clients::all() {
        assert!(!client.real.is_empty(), "{} says nothing", client.name);
    }
}

#[test]
fn the_mock_finds_what_a_client_breaks_on_purpose_and_nothing_else() {
    let unlike: Vec<String> = clients::all()
        .iter()
        .filter(|client| client.found != client.breaks)
        .map(|client| {
            let (found, breaks) = (&client.found, &client.breaks);
            format!("{}: found {found:?}, breaks {breaks:?}", client.name)
        })
        .collect();
    assert!(unlike.is_empty(), "{unlike:#?}");
}

#[test]
fn every_allowed_difference_is_explained() {
    let explained = include_str!("../docs/faithfulness.md");
    for one in ALLOWED {
        let heading = format!("\n## {}\n", one.section);
        assert!(explained.contains(&heading), "no heading for {one:?}");
        assert!(!one.reason.is_empty(), "{one:?}");
    }
}
