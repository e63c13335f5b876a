//! Operations that fail when most of their work is done: a list of registrations of which the last is refused. What was done before must be
//! taken back, and nothing else.

use std::collections::BTreeMap;

use mock_ucx::functions::Function;
use mock_ucx::schedule::{Fault, FaultSpec};

use crate::execute::case::Played;

/// For each function that an operation calls several times, that it fails for the last time; in the order of the operations.
pub(super) fn faults(played: &Played) -> Vec<FaultSpec> {
    last_of_several(played.failing_calls())
}

fn last_of_several(calls: impl Iterator<Item = (u32, Function, Fault)>) -> Vec<FaultSpec> {
    let mut by_function: BTreeMap<(u32, Function), Vec<Fault>> = BTreeMap::new();
    for (operation, function, fault) in calls {
        let faults = by_function.entry((operation, function)).or_default();
        faults.push(fault);
    }
    let several = by_function.into_values().filter(|faults| faults.len() > 1);
    several
        .filter_map(|mut faults| faults.pop())
        .map(FaultSpec::single)
        .collect()
}

#[cfg(test)]
mod tests {
    use mock_ucx::schedule::{Choice, Point};

    use super::*;

    #[test]
    fn the_last_of_several_calls_fails_and_none_that_is_alone() {
        let call = |operation, function: &str, occurrence| {
            let function = Function::from_name(function).unwrap();
            let status = function.info().failures[0];
            let fault = Fault::at(Point::Call(function), occurrence, Choice::Status(status));
            (operation, function, fault)
        };
        let calls = [
            call(3, "ucp_mem_map", 1),
            call(3, "ucp_rkey_pack", 1),
            call(5, "ucp_mem_map", 2),
            call(5, "ucp_rkey_pack", 2),
            call(5, "ucp_mem_map", 3),
            call(5, "ucp_rkey_pack", 3),
            call(6, "ucp_mem_map", 4),
        ];
        let faults = last_of_several(calls.into_iter()).into_iter();
        let faults: Vec<String> = faults.map(|fault| fault.to_string()).collect();
        assert_eq!(
            faults,
            ["ucp_mem_map@3=NO_MEMORY", "ucp_rkey_pack@3=NO_MEMORY"]
        );
    }
}
