//! Who still holds what? Looks through the memory of a process for copies of live objects' handles (LeakSanitizer's idea).
//!
//! A handle's value is unique and the mock keeps its own copies masked, so a word of the client's memory that equals it is a copy of the
//! client's. An object of which no copy is left can never be given back.
//!
//! What is looked through: all private, writable mappings, in aligned words of 8 bytes, and only pages that were written to; of the
//! stacks of threads that wait in the kernel only what is in use. Not seen, and therefore taken for lost: handles in shared memory, in
//! packed or compressed form, in registers alone. A stale copy that happens to be left over makes a lost object look held, never the
//! other way round. The usual source of these is memory that was freed, which glibc leaves as it is. Processes that are to be looked
//! through are therefore started with [`ENVIRONMENT`], which makes glibc overwrite what is freed.

use std::collections::BTreeSet;
use std::io;

use mock_ucx::ledger::ObjectState;
use mock_ucx::ledger::read::Snapshot;

mod memory;
mod wanted;

use memory::{Buffer, Process};
use wanted::Wanted;

/// Environment of a process whose memory is to be looked through: glibc overwrites what is freed, and keeps no cache of freed memory a
/// thread, because what goes into that is not overwritten (glibc 2.26 to 2.41). To be set before the process starts.
pub const ENVIRONMENT: [(&str, &str); 2] = [
    ("MALLOC_PERTURB_", "165"),
    ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"),
];

/// Serials of the live objects of which the process `pid`, perhaps this one, holds a copy of the handle.
///
/// The process should be at rest: what another thread moves meanwhile may be missed.
///
/// # Errors
/// Its memory may not be read, or it is gone.
pub fn scan(pid: u32, snapshot: &Snapshot) -> io::Result<BTreeSet<u64>> {
    // What lies below this frame on our own stack was left by calls that are over, or is ours.
    let frame = 0_u64;
    let own_stack = std::hint::black_box(&raw const frame) as u64;
    let own = pid == std::process::id();
    look(pid, snapshot, own.then_some(own_stack))
}

#[inline(never)]
fn look(pid: u32, snapshot: &Snapshot, own_stack: Option<u64>) -> io::Result<BTreeSet<u64>> {
    let live = snapshot
        .objects
        .iter()
        .filter(|object| object.state == ObjectState::Alive);
    let wanted = Wanted::new(snapshot.handles, live);
    let mut held = BTreeSet::new();
    if wanted.is_empty() {
        return Ok(held);
    }
    let process = Process::new(pid);
    let mut buffer = Buffer::new()?;
    for range in process.ranges(own_stack)? {
        // The buffer holds copies of what was read: it would find itself.
        for range in buffer.without_itself(range) {
            process.read(range, &mut buffer, |address, words| {
                wanted.find(address, words, &mut held);
            })?;
        }
        if held.len() == wanted.len() {
            break;
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests;
