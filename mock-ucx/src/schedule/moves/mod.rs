//! The moves that the adversary has besides failing a call, as data: each with what UCX permits and where.

mod endpoints;
mod operations;
mod workers;

use crate::rules::Basis;
use crate::schedule::choice::{Choice, Variant};
use crate::schedule::point::{OutcomeInfo, PointInfo};
use crate::status::UcsStatus;

/// A move; the number is its place among the entries.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is described by its entry")]
pub enum Move {
    PutComplete,
    PutStatus,
    PutLand,
    GetComplete,
    GetStatus,
    TransferPartial,
    AmComplete,
    AmStatus,
    AmDeliver,
    AmProtocol,
    ReceiveComplete,
    FlushComplete,
    CloseComplete,
    CloseForce,
    EndpointFail,
    EndpointEarly,
    EndpointHandler,
    PeerNotice,
    ProgressOrder,
    ProgressCount,
    ArmStatus,
    WakeupSpurious,
    WorkerThreadMode,
    LibraryThreadLevel,
    HandleReuse,
    AddressSize,
    RkeySize,
    PerfTime,
    DestroyRequests,
    CancelEffect,
}

/// A move and what is known of it.
pub(crate) type Entry = (Move, PointInfo);

/// Number of moves.
pub const MOVE_COUNT: usize = Move::CancelEffect as usize + 1;

/// All entries, in the order of [`Move`]; a test holds both together.
fn entries() -> impl Iterator<Item = &'static Entry> {
    let groups = [operations::ENTRIES, endpoints::ENTRIES, workers::ENTRIES];
    groups.into_iter().flatten()
}

impl Move {
    /// All moves, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Move> {
        entries().map(|(which, _)| *which)
    }

    /// The move with this number.
    pub fn from_number(number: usize) -> Option<Move> {
        Move::all().nth(number)
    }

    /// What is known of it.
    pub fn info(self) -> &'static PointInfo {
        let mut index = self as usize;
        for group in [operations::ENTRIES, endpoints::ENTRIES] {
            if let Some((_, info)) = group.get(index) {
                return info;
            }
            index -= group.len();
        }
        &workers::ENTRIES[index].1
    }
}

const fn outcome(choice: Choice, basis: Basis, source: &'static str) -> OutcomeInfo {
    OutcomeInfo {
        choice,
        basis,
        source,
        paranoid: false,
    }
}

const fn doubtful(choice: Choice, source: &'static str) -> OutcomeInfo {
    OutcomeInfo {
        choice,
        basis: Basis::Inferred,
        source,
        paranoid: true,
    }
}

const fn variant(name: &'static str, meaning: &'static str) -> Variant {
    Variant { name, meaning }
}

const fn status(status: UcsStatus, basis: Basis, source: &'static str) -> OutcomeInfo {
    outcome(Choice::Status(status), basis, source)
}

/// An operation that is not complete when its call returns: at the next progress call, later, much later, or not before the healing.
const fn late(source: &'static str) -> [OutcomeInfo; 4] {
    [
        outcome(Choice::After(1), Basis::Doc, source),
        outcome(Choice::After(5), Basis::Doc, source),
        outcome(Choice::After(200), Basis::Doc, source),
        outcome(Choice::Withheld, Basis::Doc, source),
    ]
}

/// An operation that fails alone: the endpoint stays healthy, and a later flush says OK (rma/flush.c looks at lanes, not at requests).
const fn fails_alone(source: &'static str) -> [OutcomeInfo; 2] {
    [
        status(UcsStatus::NO_MEMORY, Basis::Code, source),
        status(UcsStatus::IO_ERROR, Basis::Code, source),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_move_stands_at_its_own_number() {
        assert_eq!(Move::all().count(), MOVE_COUNT);
        for (index, (which, info)) in entries().enumerate() {
            assert_eq!(*which as usize, index, "{which:?}");
            assert_eq!(which.info().name, info.name);
        }
    }
}
