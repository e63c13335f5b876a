//! What the callbacks of a random client see: its operations, its endpoints, and the call that is under way.

use std::cell::{Cell, RefCell};

use mock_ucx::abi::types::*;

use crate::schedules::monitor::Monitor;

/// The call of UCX that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    Nothing,
    /// Completions of this worker may run.
    Completing(u64),
    /// Posting this operation: only its own completion may run.
    Posting(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Put,
    Get,
    Flush,
    Message,
    Receive,
    Close,
}

#[derive(Clone, Debug)]
pub struct Op {
    pub what: What,
    pub ep: usize,
    pub request: usize,
    pub called: u32,
    /// Answered null or an error.
    pub answered: bool,
    pub freed: bool,
    pub fin: Option<UcsStatus>,
    /// Progress calls of the near worker since its endpoint was reported failed.
    pub after_failure: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct Ep {
    pub handle: u64,
    pub rkey: u64,
    pub handled: bool,
    pub failed: bool,
    pub told: u32,
    pub closed: bool,
    pub last_message: usize,
}

/// What the callbacks see.
pub struct World {
    pub monitor: Monitor,
    pub ops: Vec<Op>,
    pub eps: Vec<Ep>,
    /// Rendezvous and persistent data that was kept: descriptor and length.
    pub kept: Vec<(u64, usize)>,
    pub keep_next: bool,
    pub sent_eager: Vec<bool>,
    pub near: u64,
    pub far: u64,
}

thread_local! {
    pub static INSIDE: Cell<Inside> = const { Cell::new(Inside::Nothing) };
    pub static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

pub fn world<T>(body: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| body(world.borrow_mut().as_mut().expect("a world")))
}

pub fn inside<T>(what: Inside, call: impl FnOnce() -> T) -> T {
    let before = INSIDE.replace(what);
    let answer = call();
    INSIDE.set(before);
    answer
}
