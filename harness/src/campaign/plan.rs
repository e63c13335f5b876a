//! What a phase of a hunt plays, and in which order.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use mock_ucx::schedule::FaultSpec;

use super::beside;
use super::known::Known;
use crate::execute::{FAILING_TRANSFERS, Place, SLOW_NETWORK, SLOWER_NETWORK};
use crate::scenario::Scenario;
use crate::scenario::generate::takes_long;

/// Endpoints that fail where it is seen what grows: two agents have one each to themselves, and one to each other.
const ENDPOINTS_GONE: u32 = 4;

/// How often a pool is played where all its transfers fail: a race between its threads shows in every second play, or so.
const FAILING_PLAYS: usize = 6;

/// What takes fifty times as long as others has a turn less often.
const SLOW_PACE: usize = 4;

/// Origin of cases that come from none of the hunt's scenarios: what can deviate in them is not gone through.
pub(super) const MADE: usize = usize::MAX - 1;

/// The same of those whose metadata are changed.
pub(super) const DAMAGED: usize = usize::MAX;

/// A case in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Which scenario it comes from, by its place in the hunt's list; or one of the constants above.
    pub(super) origin: usize,
    /// What is played.
    pub(super) scenario: Arc<Scenario>,
    /// What deviates in it.
    pub(super) faults: FaultSpec,
}

impl Planned {
    /// Whether one thing deviates, after which another may.
    pub(super) fn is_single(&self) -> bool {
        self.faults.faults.len() == 1
    }
}

/// Each scenario, where always the same deviates, or nothing.
pub(super) fn each(scenarios: &[Arc<Scenario>], faults: &FaultSpec) -> VecDeque<Planned> {
    let planned = |(origin, scenario): (usize, &Arc<Scenario>)| Planned {
        origin,
        scenario: Arc::clone(scenario),
        faults: faults.clone(),
    };
    scenarios.iter().enumerate().map(planned).collect()
}

/// Each scenario without threads on a slow network; where pools work, the client is busy beside them. Beside other threads much is under way
/// anyway, and they rest between their polls, so each play would take long.
pub(super) fn slow(scenarios: &[Arc<Scenario>]) -> VecDeque<Planned> {
    let mut slow = each(scenarios, &SLOW_NETWORK);
    slow.retain(|case| !takes_long(&case.scenario));
    let mut pools = each(scenarios, &SLOWER_NETWORK);
    pools.retain(|case| beside::has_pools_alone(&case.scenario));
    let busy = |case: Planned| {
        let scenarios = beside::the_first_post(&case.scenario).into_iter();
        scenarios.map(move |scenario| Planned {
            scenario: Arc::new(scenario),
            ..case.clone()
        })
    };
    slow.extend(pools.into_iter().flat_map(busy));
    slow
}

/// Each scenario with a pool, where all its transfers fail: its threads learn of it each at its own time, and what one does with what
/// another has under way shows at once.
pub(super) fn failing_pools(scenarios: &[Arc<Scenario>]) -> VecDeque<Planned> {
    let networks = FAILING_TRANSFERS.iter();
    let mut plan: VecDeque<_> = networks.flat_map(|fail| each(scenarios, fail)).collect();
    plan.retain(|case| beside::has_pool(&case.scenario));
    let plays = std::iter::repeat_n(plan, FAILING_PLAYS);
    plays.flatten().collect()
}

/// Scenarios that were made to see what grows, as they are.
pub(super) fn made(scenarios: impl Iterator<Item = Scenario>) -> VecDeque<Planned> {
    let planned = |scenario| Planned {
        origin: MADE,
        scenario: Arc::new(scenario),
        faults: FaultSpec::default(),
    };
    scenarios.map(planned).collect()
}

/// Each given scenario that gives everything back, and some that were drawn, round after round.
pub(super) fn rounds(scenarios: &[Arc<Scenario>], drawn: Vec<Scenario>) -> VecDeque<Planned> {
    let balanced = |scenario: &&Arc<Scenario>| !scenario.leave && !scenario.growth;
    let own = scenarios.iter().filter(balanced);
    let own = own.map(|scenario| Scenario::clone(scenario));
    made(own.chain(drawn).map(|scenario| Scenario {
        growth: true,
        ..scenario
    }))
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
            origin: MADE,
            scenario: Arc::clone(&scenario),
            faults: fails(number),
        })
    };
    scenarios.flat_map(planned).collect()
}

/// What the system is asked for at places in NIXL, by scenario: at those that no scenario before has come to, and at the others.
pub(super) fn by_place(
    lists: Vec<Vec<(Place, FaultSpec)>>,
) -> (Vec<Vec<FaultSpec>>, Vec<Vec<FaultSpec>>) {
    let mut seen = BTreeSet::new();
    let split = lists.into_iter().map(|list| {
        let (new, again): (Vec<_>, Vec<_>) =
            list.into_iter().partition(|(place, _)| seen.insert(*place));
        let faults = |list: Vec<(Place, FaultSpec)>| list.into_iter().map(|(_, faults)| faults);
        (faults(new).collect(), faults(again).collect())
    });
    split.unzip()
}

/// The deviations of all scenarios, each in some lists, and other lists. Each list takes its turn, so that a hunt that is cut short has seen all.
pub(super) fn in_turn(
    scenarios: &[Arc<Scenario>],
    lists: &[Vec<Vec<FaultSpec>>],
    others: Vec<Vec<Planned>>,
) -> VecDeque<Planned> {
    let of_scenario = |(origin, list): (usize, &Vec<FaultSpec>)| {
        let scenario = &scenarios[origin];
        let planned = list.iter().map(|faults| Planned {
            origin,
            scenario: Arc::clone(scenario),
            faults: faults.clone(),
        });
        Turns {
            pace: if takes_long(scenario) { SLOW_PACE } else { 1 },
            cases: planned.collect(),
        }
    };
    let mut turns: Vec<Turns> = lists
        .iter()
        .flat_map(|lists| lists.iter().enumerate())
        .map(of_scenario)
        .collect();
    turns.extend(others.into_iter().map(|cases| Turns { pace: 1, cases }));
    let longest = turns.iter().map(|list| list.cases.len() * list.pace);
    let mut plan = VecDeque::new();
    for rank in 0..longest.max().unwrap_or(0) {
        for list in turns.iter().filter(|list| rank % list.pace == 0) {
            plan.extend(list.cases.get(rank / list.pace).cloned());
        }
    }
    // Misuse is few, and was asked for: it comes first.
    let (mut misuse, others): (VecDeque<_>, VecDeque<_>) =
        plan.into_iter().partition(|case| case.scenario.misuse);
    misuse.extend(others);
    misuse
}

/// Cases that wait for their turn.
struct Turns {
    /// They have every so manyth.
    pace: usize,
    cases: Vec<Planned>,
}

/// The plan with another way round each known crash or hang that is to be expected; and how many cases go round one.
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
        let lists = vec![
            vec![
                spec("ucp_mem_map@1=NO_MEMORY"),
                spec("ucp_mem_map@2=NO_MEMORY"),
            ],
            vec![
                spec("ucp_mem_map@1=NO_MEMORY"),
                spec("ucp_mem_map@2=NO_MEMORY"),
            ],
            vec![spec("ucp_rkey_pack@1=NO_MEMORY")],
        ];
        let quick = Arc::new(Scenario::parse("name s\n").unwrap());
        let slow = "name s\nagent a0 progress_thread=on\n";
        let slow = Arc::new(Scenario::parse(slow).unwrap());
        let plan = in_turn(&[quick.clone(), slow, quick], &[lists], Vec::new());
        let order: Vec<usize> = plan.iter().map(|case| case.origin).collect();
        assert_eq!(order, [0, 1, 2, 0, 1]);
        let text = "name s\nmisuse\nagent a0 progress_thread=on\n";
        let misuse = [Arc::new(Scenario::parse(text).unwrap())];
        let twice = vec![vec![spec("ucp_mem_map@1=NO_MEMORY"); 2]];
        let others = vec![vec![plan[0].clone(); 2]];
        let plan = in_turn(&misuse, &[twice], others);
        let order: Vec<bool> = plan.iter().map(|case| case.scenario.misuse).collect();
        assert_eq!(order, [true, true, false, false]);
    }

    #[test]
    fn what_was_made_to_see_what_grows_is_taken_for_none_of_the_hunts_scenarios() {
        let scenario = || Scenario::parse("name s\n").unwrap();
        let hunted = [Arc::new(scenario())];
        let plans = [
            made(std::iter::once(scenario())),
            rounds(&hunted, vec![scenario()]),
            growth_beside_the_gone(vec![scenario()]),
        ];
        let mut cases = plans.iter().flatten();
        assert!(cases.all(|case| hunted.get(case.origin).is_none()));
    }

    #[test]
    fn a_place_that_several_scenarios_come_to_is_new_in_the_first() {
        let at = |place: u32, number: u32| {
            let faults: FaultSpec = format!("system.memory@{number}=bad_alloc").parse().unwrap();
            ((faults.faults[0].point, place, 0), faults)
        };
        let texts = |lists: &[Vec<FaultSpec>]| -> Vec<Vec<String>> {
            let texts = |list: &Vec<FaultSpec>| list.iter().map(FaultSpec::to_string).collect();
            lists.iter().map(texts).collect()
        };
        let (new, again) = by_place(vec![vec![at(7, 1), at(9, 2)], vec![at(9, 3), at(8, 4)]]);
        let memory = |number: u32| format!("system.memory@{number}=bad_alloc");
        assert_eq!(texts(&new), [vec![memory(1), memory(2)], vec![memory(4)]]);
        assert_eq!(texts(&again), [vec![], vec![memory(3)]]);
    }

    #[test]
    fn all_transfers_of_a_pool_fail_whatever_other_threads_there_are() {
        let backend = |agent: &str, threads: &str| {
            let text = format!("name s\nagent a0 {agent}\nbackend b0 a0 UCX {threads}\n");
            Arc::new(Scenario::parse(&text).unwrap())
        };
        let scenarios = [
            backend("progress_thread=off", "num_threads=2"),
            backend("progress_thread=on", ""),
            backend("progress_thread=on", "num_threads=2"),
        ];
        let plan = failing_pools(&scenarios);
        let faults: Vec<_> = plan.iter().map(|case| case.faults.to_string()).collect();
        let origins: Vec<_> = plan.iter().map(|case| case.origin).collect();
        assert_eq!(origins, [0, 2, 0, 2].repeat(FAILING_PLAYS));
        assert_eq!(
            (faults[0].as_str(), faults[2].as_str()),
            ("put.status=NO_MEMORY", "get.status=NO_MEMORY")
        );
    }
}
