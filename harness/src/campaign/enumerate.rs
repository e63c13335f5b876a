//! Fault enumeration: fail each call of each fallible function once, with each status that UCX permits; then fail a second call in the
//! clean-up that followed.

use mock_ucx::functions::{FUNCTION_COUNT, Function};
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::schedule::{Fault, FaultSpec};

/// Calls of one function that are failed one by one. Scenarios are short: more calls than this are repetitions.
const OCCURRENCES_MAX: u64 = 64;

/// Every single fault of a scenario that makes these numbers of calls when nothing fails.
///
/// Faults are ordered by occurrence first and status second, so that an early part of the list covers each function once.
pub fn first_faults(calls: &[u64; FUNCTION_COUNT]) -> Vec<FaultSpec> {
    let mut faults = Vec::new();
    let statuses_max = Function::all()
        .map(|function| function.info().failures.len())
        .max()
        .unwrap_or(0);
    for rank in 0..statuses_max {
        for occurrence in 1..=OCCURRENCES_MAX {
            for function in
                Function::all().filter(|function| calls[*function as usize] >= occurrence)
            {
                if let Some(status) = function.info().failures.get(rank) {
                    faults.push(single(Fault {
                        function,
                        occurrence: Some(occurrence),
                        status: *status,
                    }));
                }
            }
        }
    }
    faults
}

fn single(fault: Fault) -> FaultSpec {
    FaultSpec {
        faults: vec![fault],
    }
}

/// The faults that can follow `first` in what the client did after it fired: each later call fails with its likeliest status.
pub fn second_faults(first: &FaultSpec, snapshot: &Snapshot) -> Vec<FaultSpec> {
    let Some(fired_step) = snapshot.fired.iter().map(|fired| fired.at.step).max() else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    for function in Function::all() {
        let Some(status) = function.info().failures.first() else {
            continue;
        };
        let total = snapshot.calls[function as usize];
        let later = snapshot
            .events
            .iter()
            .filter(|event| event.function == function && event.step > fired_step)
            .count();
        let before = total.saturating_sub(later as u64);
        for occurrence in before + 1..=total.min(before + OCCURRENCES_MAX) {
            let mut pair = first.clone();
            pair.faults.push(Fault {
                function,
                occurrence: Some(occurrence),
                status: *status,
            });
            faults.push(pair);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(of: &[(Function, u64)]) -> [u64; FUNCTION_COUNT] {
        let mut calls = [0; FUNCTION_COUNT];
        for (function, count) in of {
            calls[*function as usize] = *count;
        }
        calls
    }

    #[test]
    fn each_call_fails_with_each_permitted_status() {
        let faults = first_faults(&calls(&[(Function::MemMap, 2), (Function::RkeyPack, 1)]));
        let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let expected =
            2 * Function::MemMap.info().failures.len() + Function::RkeyPack.info().failures.len();
        assert_eq!(texts.len(), expected);
        assert!(
            texts.contains(&"ucp_mem_map@2=NO_MEMORY".to_owned()),
            "{texts:?}"
        );
    }

    #[test]
    fn what_cannot_fail_is_left_alone() {
        assert!(
            first_faults(&calls(&[
                (Function::MemUnmap, 9),
                (Function::WorkerProgress, 9)
            ]))
            .is_empty()
        );
    }
}
