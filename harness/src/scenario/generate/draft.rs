//! What a record comes to: operations that are not yet accepted.

use super::tracker::from_operand;
use crate::scenario::*;

/// The operations of a record; `None`: there is nothing that it could work on.
pub(super) type Draft = Option<Vec<Op>>;

/// The slot that an operand means, of those that are there.
pub(super) fn pick<S: Slot>(slots: impl IntoIterator<Item = S>, operand: u8) -> Option<S> {
    from_operand(slots, operand).into_iter().next()
}

/// The item that an operand means.
pub(super) fn item<T: Copy>(items: &[T], operand: u8) -> Option<T> {
    let index = usize::from(operand).checked_rem(items.len())?;
    items.get(index).copied()
}
