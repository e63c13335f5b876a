//! What a phase of a hunt plays, and in which order.

use std::collections::VecDeque;

use mock_ucx::schedule::FaultSpec;

/// A case in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Which scenario, by its place in the hunt's list.
    pub(super) scenario: usize,
    /// What deviates in it.
    pub(super) faults: FaultSpec,
}

/// Each scenario without faults.
pub(super) fn benign(scenarios: usize) -> VecDeque<Planned> {
    let planned = |scenario| Planned {
        scenario,
        faults: FaultSpec::default(),
    };
    (0..scenarios).map(planned).collect()
}

/// The deviations of all scenarios: one of each scenario in turn, so that a hunt that is cut short has seen all scenarios.
pub(super) fn in_turn(lists: &[Vec<FaultSpec>]) -> VecDeque<Planned> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let mut plan = VecDeque::new();
    for rank in 0..longest {
        for (scenario, list) in lists.iter().enumerate() {
            plan.extend(list.get(rank).map(|faults| Planned {
                scenario,
                faults: faults.clone(),
            }));
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_take_turns_and_none_is_forgotten() {
        let spec = |text: &str| text.parse::<FaultSpec>().unwrap();
        let lists = [
            vec![
                spec("ucp_mem_map@1=NO_MEMORY"),
                spec("ucp_mem_map@2=NO_MEMORY"),
            ],
            Vec::new(),
            vec![spec("ucp_rkey_pack@1=NO_MEMORY")],
        ];
        let order: Vec<usize> = in_turn(&lists).iter().map(|case| case.scenario).collect();
        assert_eq!(order, [0, 2, 0]);
    }
}
