//! Operations that fail when most of their work is done: a list of registrations of which the last is refused. What was done before must be
//! taken back, and nothing else.

use std::collections::BTreeMap;

use mock_ucx::functions::Function;
use mock_ucx::schedule::{Choice, Fault, FaultSpec, Point};

use crate::execute::case::Played;

/// For each function that an operation calls several times, that it fails for the last time; in the order of the operations.
pub(super) fn faults(played: &Played) -> Vec<FaultSpec> {
    let Some(snapshot) = &played.snapshot else {
        return Vec::new();
    };
    let calls = snapshot.asked.iter().filter_map(|asked| {
        let Point::Call(function) = asked.point else {
            return None;
        };
        let status = function.info().failures.first()?;
        let note = played.operation_at(asked.step)?;
        let fault = asked.to_fault(Choice::Status(*status));
        (!note.teardown).then_some((note.operation, function, fault))
    });
    last_of_several(calls)
}

fn last_of_several(calls: impl Iterator<Item = (u32, Function, Fault)>) -> Vec<FaultSpec> {
    let mut last: BTreeMap<(u32, Function), (usize, Option<Fault>)> = BTreeMap::new();
    for (operation, function, fault) in calls {
        let (count, last) = last.entry((operation, function)).or_default();
        *count += 1;
        *last = Some(fault);
    }
    last.into_values()
        .filter(|(count, _)| *count > 1)
        .filter_map(|(_, fault)| fault.map(FaultSpec::single))
        .collect()
}

#[cfg(test)]
mod tests {
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
