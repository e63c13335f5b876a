//! Put and get: whether the bytes may be touched.

use crate::abi::types::UcsStatus;
use crate::ledger::{NewFinding, Trouble};
use crate::rules::Rule;
use crate::universe::State;

/// One contiguous piece of a transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) local: u64,
    pub(crate) length: usize,
    pub(crate) remote: u64,
    /// Serial of the remote key.
    pub(crate) rkey: u64,
    /// Serial of the local registration that the client named; 0 = none.
    pub(crate) memory: u64,
}

/// Why a piece is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) finding: NewFinding,
    pub(crate) status: UcsStatus,
}

/// A remote access outside the registration, or to memory that was unmapped, is a remote access error on a real network: the operation
/// fails with this, and so does the endpoint (uct/ib/mlx5/ib_mlx5_log.c:uct_ib_mlx5_completion_with_err).
pub(crate) const REMOTE_ACCESS: UcsStatus = UcsStatus::CONNECTION_RESET;

/// Judges one piece on an endpoint.
pub(crate) fn check(state: &State, endpoint: u64, piece: Piece) -> Result<(), Refusal> {
    if piece.length == 0 {
        return Ok(());
    }
    let refuse = |rule, object, other, first, status| {
        let trouble = if other == 0 {
            Trouble::None
        } else {
            Trouble::OtherParent
        };
        let detail = [first, piece.length as u64];
        Err(Refusal {
            finding: NewFinding {
                rule,
                trouble,
                argument: None,
                value: 0,
                object,
                other,
                detail,
            },
            status,
        })
    };
    if piece.local == 0 {
        return refuse(Rule::RmaBuffer, endpoint, 0, 0, UcsStatus::INVALID_PARAM);
    }
    if let Some(memory) = state.memory(piece.memory)
        && !memory.region.holds(piece.local, piece.length)
    {
        return refuse(
            Rule::MemoryRange,
            piece.memory,
            0,
            piece.local,
            UcsStatus::INVALID_PARAM,
        );
    }
    let Some(rkey) = state.rkey(piece.rkey) else {
        return refuse(Rule::RkeyHandle, piece.rkey, 0, 0, UcsStatus::INVALID_PARAM);
    };
    if rkey.endpoint != endpoint {
        return refuse(
            Rule::RkeyEndpoint,
            piece.rkey,
            endpoint,
            rkey.endpoint,
            UcsStatus::INVALID_PARAM,
        );
    }
    // A key of another process than the endpoint leads to names memory that its peer does not have.
    let of_peer = state
        .endpoint(endpoint)
        .is_some_and(|endpoint| endpoint.target.nonce == rkey.nonce);
    if !of_peer || !rkey.region.holds(piece.remote, piece.length) {
        return refuse(Rule::RmaRange, piece.rkey, 0, piece.remote, REMOTE_ACCESS);
    }
    if rkey.nonce == state.nonce && state.memory(rkey.memory).is_none() {
        return refuse(
            Rule::RkeyUnmapped,
            piece.rkey,
            0,
            piece.remote,
            REMOTE_ACCESS,
        );
    }
    Ok(())
}
