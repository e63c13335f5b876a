//! What exists: every handle the client was given, its parent, its state, and where it was created and ended.

pub mod layout;
pub mod read;

mod kind;
mod layout_caches;
mod mapping;
mod origin;
mod unmaps;
mod writer;

pub use kind::{KIND_COUNT, Kind, ObjectState, Trouble};
pub use layout_caches::{CachePoint, HookState};
pub(crate) use mapping::Mapping;
pub(crate) use origin::{Stack, allow_captures, hold_captures};
pub(crate) use writer::{Asker, Event, Ledger, NO_SLOT, NewFinding, NewObject, Site, record_event};
