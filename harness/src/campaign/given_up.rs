//! Clients that give up: the operation in which a call of UCX fails is their last one, and they give back what they have, as a client
//! does whose error ends it. What was begun before is then still under way.

use std::collections::BTreeSet;
use std::sync::Arc;

use mock_ucx::schedule::Fault;

use super::plan::Planned;
use crate::execute::case::Played;
use crate::scenario::{Expect, Line, Op, Scenario, Step};

/// One for each call that can fail from the first transfer on, in the order of the calls; the same deviates besides as in the case that was
/// played.
pub(super) fn cases(case: &Planned, played: &Played) -> Vec<Planned> {
    if case.scenario.leave {
        return Vec::new();
    }
    let mut lines = case.scenario.lines();
    let first_post = lines.position(|line| matches!(line.op, Op::Post { .. }));
    let Some(first_post) = first_post else {
        return Vec::new();
    };
    let failing = played.failing_calls().filter_map(|(operation, _, fault)| {
        let last = (operation as usize).checked_sub(1)?;
        (last >= first_post).then_some((fault, last))
    });
    let given_up = |(fault, last): (Fault, usize)| Planned {
        origin: case.origin,
        scenario: Arc::new(given_up_after(&case.scenario, last)),
        faults: case.faults.and(fault),
    };
    failing.map(given_up).collect()
}

/// The scenario up to this operation, its transfers released and its memory deregistered at once.
fn given_up_after(scenario: &Scenario, last: usize) -> Scenario {
    let mut steps = Vec::new();
    let mut transfers = BTreeSet::new();
    let mut registered = Vec::new();
    for line in scenario.lines().take(last + 1) {
        match &line.op {
            Op::Create { transfer, .. } | Op::Make { transfer, .. } => {
                transfers.insert(*transfer);
            }
            Op::Release { transfer } => {
                transfers.remove(transfer);
            }
            Op::Register {
                agent,
                descs,
                backend,
            } => registered.push((*agent, descs.clone(), *backend)),
            Op::Deregister {
                agent,
                descs,
                backend,
            } => registered.retain(|one| *one != (*agent, descs.clone(), *backend)),
            _ => {}
        }
        steps.push(Step::Line(line.clone()));
    }
    let releases = transfers
        .into_iter()
        .map(|transfer| Op::Release { transfer });
    let deregister = |(agent, descs, backend)| Op::Deregister {
        agent,
        descs,
        backend,
    };
    let given_back = releases.chain(registered.into_iter().map(deregister));
    steps.extend(given_back.map(|op| {
        Step::Line(Line {
            op,
            expect: Some(Expect::Any),
        })
    }));
    Scenario {
        steps,
        ..scenario.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_up_gives_back_what_he_has_at_once() {
        let text = "name s
agent a0
region r0 size=64
region r1 size=64
register a0 r0
register a0 r1
deregister a0 r0
repeat 2 {
  create x0 a0 write local=r1 to=a0 remote=r1
  post x0
}
create x1 a0 write local=r1 to=a0 remote=r1
post x1
";
        let scenario = Scenario::parse(text).unwrap();
        let given_up = given_up_after(&scenario, 9).to_string();
        let end = "\
create x0 a0 write local=r1 to=a0 remote=r1
post x0
create x0 a0 write local=r1 to=a0 remote=r1
post x0
release x0 => any
deregister a0 r1 => any
";
        assert!(given_up.ends_with(end), "{given_up}");
    }
}
