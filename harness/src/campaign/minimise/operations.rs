//! Fewer operations: pieces of the scenario are left out, large ones first, from the end. Where growth is looked for in one repeat, pieces of
//! its body go, too.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Candidate, Search};
use crate::scenario::{Scenario, Step};

/// Which list of steps is made shorter.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// The scenario's.
    Whole,
    /// That of the repeat in which growth is looked for.
    Measured,
}

impl Place {
    pub(super) const ALL: [Place; 2] = [Place::Whole, Place::Measured];

    /// The steps there; none if there is no such place.
    pub(super) fn steps_mut(self, scenario: &mut Scenario) -> Option<&mut Vec<Step>> {
        match self {
            Place::Whole => Some(&mut scenario.steps),
            Place::Measured => {
                let measured = scenario.measured().filter(|_| scenario.growth)?;
                match &mut scenario.steps[measured] {
                    Step::Repeat { body, .. } => Some(body),
                    Step::Line(_) => None,
                }
            }
        }
    }

    /// How many steps there are there.
    pub(super) fn len(self, search: &Search<'_>) -> usize {
        let mut scenario = search.best.scenario.clone();
        self.steps_mut(&mut scenario).map_or(0, |steps| steps.len())
    }
}

/// Leaves out whatever the finding does not need, until no single step can go.
pub(super) fn fewer(search: &mut Search<'_>) -> anyhow::Result<()> {
    for place in Place::ALL {
        let mut size = place.len(search).div_ceil(2);
        while size > 0 && search.may_go_on() {
            let gone = sweep(search, place, size)?;
            size = match size {
                1 if gone => 1,
                _ => size / 2,
            };
        }
    }
    Ok(())
}

/// Tries to leave out each piece of `size` steps; says whether any could go.
fn sweep(search: &mut Search<'_>, place: Place, size: usize) -> anyhow::Result<bool> {
    let mut gone = false;
    let mut end = place.len(search);
    while end > 0 {
        let piece = end.saturating_sub(size)..end;
        if search.try_one(without(search, place, piece.clone()))? {
            gone = true;
        }
        // The repeat itself may be gone, and its steps with it.
        end = piece.start.min(place.len(search));
    }
    Ok(gone)
}

fn without(search: &Search<'_>, place: Place, piece: Range<usize>) -> Candidate {
    let mut scenario = search.best.scenario.clone();
    let numbers = match place {
        Place::Whole => operation_numbers(&scenario.steps, &piece),
        // What is looked for in a repeat grows without a fault.
        Place::Measured => BTreeSet::new(),
    };
    if let Some(steps) = place.steps_mut(&mut scenario) {
        steps.drain(piece);
    }
    Candidate {
        scenario,
        faults: search.shown.trail.renumber(&search.best.faults, &numbers),
    }
}

/// The numbers that the operations of some steps have in the ledger.
fn operation_numbers(steps: &[Step], piece: &Range<usize>) -> BTreeSet<u32> {
    let length = |steps: &[Step]| steps.iter().map(operations).sum::<usize>();
    let first = 1 + length(&steps[..piece.start]);
    let end = first + length(&steps[piece.clone()]);
    (first..end)
        .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
        .collect()
}

fn operations(step: &Step) -> usize {
    match step {
        Step::Line(_) => 1,
        Step::Repeat { count, body } => {
            let once: usize = body.iter().map(operations).sum();
            once.saturating_mul(*count as usize)
        }
    }
}
