//! What a phase of a hunt plays, and in which order.

use std::collections::VecDeque;
use std::sync::Arc;

use mock_ucx::schedule::FaultSpec;

use super::known::Known;
use crate::scenario::Scenario;

/// Endpoints that fail where it is seen what grows: two agents have one each to themselves, and one to each other.
const ENDPOINTS_GONE: u32 = 4;

/// A case in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Which scenario it comes from, by its place in the hunt's list.
    pub(super) origin: usize,
    /// What is played.
    pub(super) scenario: Arc<Scenario>,
    /// What deviates in it.
    pub(super) faults: FaultSpec,
}

/// Each scenario without faults.
pub(super) fn benign(scenarios: &[Arc<Scenario>]) -> VecDeque<Planned> {
    let planned = |(origin, scenario): (usize, &Arc<Scenario>)| Planned {
        origin,
        scenario: Arc::clone(scenario),
        faults: FaultSpec::default(),
    };
    scenarios.iter().enumerate().map(planned).collect()
}

/// What is played to see what grows: each scenario that gives everything back, round after round, and some that were made or drawn for it.
pub(super) fn growth(scenarios: &[Arc<Scenario>], more: Vec<Scenario>) -> VecDeque<Planned> {
    let balanced = |scenario: &&Arc<Scenario>| !scenario.leave && !scenario.growth;
    let own = scenarios.iter().filter(balanced).map(|scenario| Scenario {
        growth: true,
        ..Scenario::clone(scenario)
    });
    let planned = |scenario| Planned {
        origin: 0,
        scenario: Arc::new(scenario),
        faults: FaultSpec::default(),
    };
    more.into_iter().chain(own).map(planned).collect()
}

/// Scenarios in which one endpoint after the other fails at once: what is done beside a peer that is gone must not grow, either.
pub(super) fn growth_beside_the_gone(scenarios: Vec<Scenario>) -> VecDeque<Planned> {
    let scenarios = scenarios.into_iter().map(Arc::new);
    let fails = |number| {
        let text = format!("ep#{number}.fail@1=CONNECTION_RESET");
        // It is right: a test reads it.
        text.parse().unwrap_or_default()
    };
    let planned = |scenario: Arc<Scenario>| {
        (1..=ENDPOINTS_GONE).map(move |number| Planned {
            origin: 0,
            scenario: Arc::clone(&scenario),
            faults: fails(number),
        })
    };
    scenarios.flat_map(planned).collect()
}

/// The deviations of all scenarios: one of each scenario in turn, so that a hunt that is cut short has seen all scenarios.
pub(super) fn in_turn(scenarios: &[Arc<Scenario>], lists: &[Vec<FaultSpec>]) -> VecDeque<Planned> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let mut plan = VecDeque::new();
    for rank in 0..longest {
        for (origin, list) in lists.iter().enumerate() {
            plan.extend(list.get(rank).map(|faults| Planned {
                origin,
                scenario: Arc::clone(&scenarios[origin]),
                faults: faults.clone(),
            }));
        }
    }
    plan
}

/// The plan with another way round each known crash that is to be expected; and how many cases go round one.
pub(super) fn around(known: &Known, plan: &mut VecDeque<Planned>) -> usize {
    let mut count = 0;
    for case in plan {
        if let Some(around) = known.sidestep(&case.scenario, &case.faults) {
            case.scenario = Arc::new(around);
            count += 1;
        }
    }
    count
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
        let scenario = Arc::new(Scenario::parse("name s\n").unwrap());
        let plan = in_turn(&[scenario.clone(), scenario.clone(), scenario], &lists);
        let order: Vec<usize> = plan.iter().map(|case| case.origin).collect();
        assert_eq!(order, [0, 2, 0]);
    }
}
