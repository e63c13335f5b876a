//! Fewer operations: pieces of the scenario are left out, large ones first, from the end.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Candidate, Search};
use crate::scenario::Step;

/// Leaves out whatever the finding does not need, until no single step can go.
pub(super) fn fewer(search: &mut Search<'_>) -> anyhow::Result<()> {
    let mut size = search.best.scenario.steps.len().div_ceil(2);
    while size > 0 && search.may_go_on() {
        let gone = sweep(search, size)?;
        size = match size {
            1 if gone => 1,
            _ => size / 2,
        };
    }
    Ok(())
}

/// Tries to leave out each piece of `size` steps; says whether any could go.
fn sweep(search: &mut Search<'_>, size: usize) -> anyhow::Result<bool> {
    let mut gone = false;
    let mut end = search.best.scenario.steps.len();
    while end > 0 {
        let piece = end.saturating_sub(size)..end;
        if search.try_one(without(search, piece.clone()))? {
            gone = true;
        }
        end = piece.start;
    }
    Ok(gone)
}

fn without(search: &Search<'_>, piece: Range<usize>) -> Candidate {
    let mut scenario = search.best.scenario.clone();
    let numbers = operation_numbers(&scenario.steps, &piece);
    scenario.steps.drain(piece);
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
