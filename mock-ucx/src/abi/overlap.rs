//! Whether a transfer and one that is under way use the same local bytes, of which one of them writes.

use crate::abi::call::Call;
use crate::fabric::agenda::{Transfer, Work};
use crate::fabric::remote::direct::Direction;
use crate::fabric::transfer::Piece;
use crate::rules::Rule;
use crate::universe::State;

/// Judges the pieces of a transfer of an endpoint that is about to begin.
pub(crate) fn judge(
    call: &Call,
    state: &mut State,
    endpoint: u64,
    direction: Direction,
    pieces: &[Piece],
) {
    if state.agenda.is_empty() {
        return;
    }
    let clashes = |transfer: &Transfer| {
        let writes = direction == Direction::Get || transfer.direction == Direction::Get;
        let mut pairs = pieces
            .iter()
            .flat_map(|piece| transfer.pieces.iter().map(move |other| (piece, other)));
        writes && pairs.any(|(piece, other)| overlap(piece, other))
    };
    let clash = state.agenda.all().find_map(|(_, task)| match &task.work {
        Work::Transfer(transfer) if clashes(transfer) => Some(task.request),
        _ => None,
    });
    if let Some(request) = clash {
        state.broken_with(Rule::RmaOverlap, endpoint, request, call.site());
    }
}

fn overlap(one: &Piece, other: &Piece) -> bool {
    let end = |piece: &Piece| piece.local.saturating_add(piece.length as u64);
    one.local < end(other) && other.local < end(one)
}
