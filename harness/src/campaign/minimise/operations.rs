//! Fewer operations: pieces of the scenario are left out, large ones first, from the end.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Candidate, Search};
use crate::oracle::Oracle;
use crate::scenario::{Op, Step};

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
        if may_go(search, &piece) && search.try_one(without(search, piece.clone()))? {
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

/// Wrong bytes are what a scenario expects by what it did before: there only what has no effect may be left out, or all wrong bytes
/// would shrink to an expectation of which nothing is left that it followed from.
fn may_go(search: &Search<'_>, piece: &Range<usize>) -> bool {
    let finding = &search.shown.finding;
    if finding.oracle != Oracle::Bytes {
        return true;
    }
    let steps = &search.best.scenario.steps;
    let is_wrong = |step: &Step| match step {
        Step::Line(line) => Some(line.op.to_string()) == finding.operation,
        Step::Repeat { .. } => true,
    };
    let behind = steps
        .iter()
        .rposition(is_wrong)
        .is_some_and(|wrong| piece.start > wrong);
    behind || steps[piece.clone()].iter().all(has_no_effect)
}

fn has_no_effect(step: &Step) -> bool {
    let Step::Line(line) = step else { return false };
    matches!(
        line.op,
        Op::QueryMem { .. }
            | Op::QueryFile { .. }
            | Op::CheckMd { .. }
            | Op::Cost { .. }
            | Op::TransferBackend { .. }
            | Op::Telemetry { .. }
            | Op::ExpectBytes { .. }
            | Op::Plugins { .. }
            | Op::PluginParams { .. }
            | Op::BackendParams { .. }
            | Op::TourLists { .. }
            | Op::TourOptions { .. }
            | Op::TourNotifMap
    )
}
