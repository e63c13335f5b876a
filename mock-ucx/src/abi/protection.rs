//! Whether a transfer does only what the registrations at both ends were made for.
//!
//! UCX takes these bits and goes on without looking at them (core/ucp_mm.c:ucp_mem_map_params2uct_flags, up to 1.22), so the transfer goes on.

use crate::abi::call::Call;
use crate::abi::types::{
    UCP_MEM_MAP_PROT_LOCAL_READ, UCP_MEM_MAP_PROT_LOCAL_WRITE, UCP_MEM_MAP_PROT_REMOTE_READ,
    UCP_MEM_MAP_PROT_REMOTE_WRITE,
};
use crate::fabric::remote::direct::Direction;
use crate::fabric::transfer::Piece;
use crate::rules::Rule;
use crate::universe::State;
use crate::unmaps::judge_use;

/// Judges the pieces of a transfer.
pub(crate) fn judge(call: &Call, state: &mut State, direction: Direction, pieces: &[Piece]) {
    let (local, remote) = match direction {
        Direction::Put => (UCP_MEM_MAP_PROT_LOCAL_READ, UCP_MEM_MAP_PROT_REMOTE_WRITE),
        Direction::Get => (UCP_MEM_MAP_PROT_LOCAL_WRITE, UCP_MEM_MAP_PROT_REMOTE_READ),
    };
    for piece in pieces {
        let target = state
            .rkey(piece.rkey)
            .filter(|rkey| rkey.nonce == state.nonce);
        let target = target.map_or(0, |rkey| rkey.memory);
        judge_use(call, state, [piece.memory, target]);
        for (memory, needed) in [(piece.memory, local), (target, remote)] {
            let given = state.memory(memory).map(|memory| memory.protection);
            if let Some(given) = given.filter(|given| given & needed == 0) {
                let detail = [given.into(), needed.into()];
                call.broken(state, Rule::MemoryProtection, memory, detail);
            }
        }
    }
}
