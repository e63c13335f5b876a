//! Which rule a bad handle breaks - that depends on the kind it should have, what is wrong with it, and what was to be done - and which one
//! an object breaks that outlives its parent.

use crate::functions::Function;
use crate::ledger::{Kind, Trouble};
use crate::rules::Rule;

/// The rule that a handle argument of `function` breaks.
pub fn rule_for_handle(function: Function, kind: Kind, trouble: Trouble) -> Rule {
    if trouble == Trouble::Inherited {
        return Rule::Inherited;
    }
    let stale = trouble == Trouble::Stale;
    match kind {
        Kind::Config => Rule::ConfigHandle,
        Kind::Context if stale => Rule::ContextStale,
        Kind::Context => Rule::ContextHandle,
        Kind::Worker if stale && function == Function::WorkerDestroy => Rule::WorkerTwice,
        Kind::Worker => Rule::WorkerHandle,
        Kind::Address => Rule::AddressRelease,
        Kind::Endpoint
            if stale && matches!(function, Function::EpCloseNbx | Function::EpCloseNb) =>
        {
            Rule::EndpointTwice
        }
        Kind::Endpoint if stale => Rule::EndpointClosed,
        Kind::Endpoint => Rule::EndpointHandle,
        Kind::MemoryHandle if stale && function == Function::MemUnmap => Rule::MemoryTwice,
        Kind::MemoryHandle => Rule::MemoryHandle,
        Kind::RkeyBuffer => Rule::RkeyBuffer,
        Kind::Rkey => Rule::RkeyHandle,
        Kind::Request if stale && function == Function::RequestFree => Rule::RequestTwice,
        Kind::Request if stale => Rule::RequestFreed,
        Kind::Request => Rule::RequestHandle,
        Kind::AmData => Rule::AmData,
        Kind::MemList => Rule::ListHandle,
    }
}

/// The rule that an object breaks whose parent is ended by `function` while it is alive.
pub fn rule_for_orphan(function: Function, kind: Kind) -> Option<Rule> {
    Some(match kind {
        Kind::Worker => Rule::ContextWorkers,
        Kind::MemoryHandle => Rule::ContextMemory,
        Kind::Endpoint => Rule::WorkerEndpoints,
        Kind::Request => Rule::WorkerRequests,
        Kind::Address => Rule::AddressRelease,
        Kind::Rkey => Rule::RkeyWorker,
        Kind::AmData => Rule::AmData,
        Kind::MemList if function == Function::Cleanup => Rule::ContextLists,
        Kind::MemList => Rule::ListOutlives,
        Kind::Config | Kind::Context | Kind::RkeyBuffer => return None,
    })
}
