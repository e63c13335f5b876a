//! What a client does while threads of a pool work on a transfer of its: it takes notifications, or registers memory and deregisters it. It
//! may, for it calls NIXL from one thread; whether the pool's threads bear it is NIXL's to see to. Each in a case of its own, since two
//! bugs of one worker look the same.

use std::collections::BTreeMap;

use crate::scenario::{AgentSlot, Desc, Line, Op, RegionSlot, Scenario, Step};

/// So often, for the threads may be slow to begin.
const ROUNDS: u32 = 2000;
/// Bytes of the memory.
const BYTES: u32 = 4096;

/// Whether threads run that poll without a rest, and no others: those of pools.
pub(super) fn has_pools_alone(scenario: &Scenario) -> bool {
    let mut threads = scenario.lines().filter(|line| line.op.starts_threads());
    has_pool(scenario) && threads.all(is_pool)
}

/// Whether a pool works in it.
pub(super) fn has_pool(scenario: &Scenario) -> bool {
    scenario.lines().any(is_pool)
}

fn is_pool(line: &Line) -> bool {
    matches!(line.op, Op::Backend { .. }) && line.op.starts_threads()
}

/// The scenario with each of that behind its first post; none if it has no post.
pub(super) fn the_first_post(scenario: &Scenario) -> Vec<Scenario> {
    let Some((place, agent)) = first_post(&scenario.steps) else {
        return Vec::new();
    };
    let mut ways = vec![vec![rounds(vec![Op::Notifs { agent, times: 1 }])]];
    if let Some(region) = free_region(scenario) {
        let memory = Op::Region {
            region,
            size: BYTES,
            seed: 1,
            place: None,
        };
        let descs = vec![Desc { region, span: None }];
        let register = Op::Register {
            agent,
            descs: descs.clone(),
            backend: None,
        };
        let deregister = Op::Deregister {
            agent,
            descs,
            backend: None,
        };
        ways.push(vec![memory.into(), rounds(vec![register, deregister])]);
    }
    let busy = |steps| {
        let mut busy = scenario.clone();
        busy.steps.splice(place + 1..place + 1, steps);
        busy
    };
    ways.into_iter().map(busy).collect()
}

fn rounds(body: Vec<Op>) -> Step {
    Step::Repeat {
        count: ROUNDS,
        body: body.into_iter().map(Step::from).collect(),
    }
}

/// The first post outside of repeats, and whose transfer it posts.
fn first_post(steps: &[Step]) -> Option<(usize, AgentSlot)> {
    let mut owners = BTreeMap::new();
    for (place, step) in steps.iter().enumerate() {
        let Step::Line(Line { op, .. }) = step else {
            continue;
        };
        match op {
            Op::Create {
                transfer, agent, ..
            }
            | Op::Make {
                transfer, agent, ..
            } => {
                owners.insert(*transfer, *agent);
            }
            Op::Post { transfer, .. } => return Some((place, *owners.get(transfer)?)),
            _ => {}
        }
    }
    None
}

/// A region that the scenario does not have.
fn free_region(scenario: &Scenario) -> Option<RegionSlot> {
    let regions = scenario.lines().filter_map(|line| match line.op {
        Op::Region { region, .. } => Some(region.0),
        _ => None,
    });
    let next = regions.max().map_or(Some(0), |last| last.checked_add(1));
    next.map(RegionSlot)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "name s
agent a0 progress_thread=off
backend b0 a0 UCX num_threads=2
region r3 size=64
register a0 r3
create x0 a0 write local=r3 to=a0 remote=r3
post x0
wait x0
";

    #[test]
    fn the_client_is_busy_behind_the_first_post() {
        let busy = the_first_post(&Scenario::parse(POOL).unwrap());
        let ends = [
            "\
post x0
repeat 2000 {
  notifs a0
}
wait x0
",
            "\
post x0
region r4 size=4096 seed=1
repeat 2000 {
  register a0 r4
  deregister a0 r4
}
wait x0
",
        ];
        assert_eq!(busy.len(), ends.len());
        for (busy, end) in busy.iter().zip(ends) {
            let busy = busy.to_string();
            assert!(busy.ends_with(end), "{busy}");
        }
        let without = Scenario::parse("name s\nagent a0\n").unwrap();
        assert_eq!(the_first_post(&without), []);
    }

    #[test]
    fn only_pools_poll_without_a_rest() {
        let has_pools = |text: &str| has_pools_alone(&Scenario::parse(text).unwrap());
        assert!(has_pools(POOL));
        assert!(!has_pools(&POOL.replace("=off", "=on")));
        assert!(!has_pools(&POOL.replace("=2", "=0")));
    }
}
