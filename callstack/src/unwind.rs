//! Walks one thread's stack by its unwind tables, reusing what the previous walk found.
//!
//! A client that creates many handles does so from few places, and its outer frames hardly ever
//! change. So each walk is kept as a list of steps: the registers a frame was entered with, and
//! every stack slot that was read to leave it. When a later walk arrives at the same registers,
//! it reads those slots again; while they hold what they held, the frames are the same ones, for
//! unwinding depends on nothing else.

use std::ops::Range;
use std::sync::Arc;

use framehop::{CacheNative, FrameAddress, MayAllocateDuringUnwind, Unwinder};

use super::MAX_FRAMES;
use super::arch::Registers;
use super::modules::{self, Modules};

/// Frames of the mock itself that may lie between the capture and the client: deeper than any
/// path from an exported function to the ledger, and they are dropped, not counted.
const OWN_FRAMES_MAX: usize = 32;

/// Frames that one walk visits at most.
const STEPS_MAX: usize = MAX_FRAMES + OWN_FRAMES_MAX;

/// One of framehop's caches has 509 slots chosen by the address alone, and a collision costs
/// 1 µs. Sixteen of them hold the ~200 call sites of a client with two collisions; of four, ten.
const CACHE_COUNT: usize = 16;

/// Modules between the client's program and the mock: NIXL has five, Python adds two.
const NEAR_COUNT: usize = 8;
const NOWHERE: [Range<u64>; NEAR_COUNT] = [const { 0..0 }; NEAR_COUNT];

/// Stack slots that leaving a frame reads: the return address and the frame pointer.
const SLOTS_PER_STEP: usize = 2;

const SLOT_BYTES: u64 = size_of::<u64>() as u64;

/// What slots that a step does not need point to, so that all steps are checked alike.
static ZERO: u64 = 0;

/// One stack slot and what it held.
#[derive(Clone, Copy)]
struct Slot {
    address: *const u64,
    value: u64,
}

impl Slot {
    const ALWAYS_HOLDS: Self = Self {
        address: &raw const ZERO,
        value: 0,
    };
    const NEVER_HOLDS: Self = Self {
        address: &raw const ZERO,
        value: 1,
    };

    #[inline(always)]
    fn holds(self) -> bool {
        // SAFETY: `Step::read` found the address in bounds, and whoever asks has arrived at the
        // same frame again, so the stack reaches at least as far down.
        let now = unsafe { self.address.read_unaligned() };
        now == self.value
    }
}

/// One frame, and what was read to leave it.
#[derive(Clone, Copy)]
struct Step {
    at: Registers,
    slots: [Slot; SLOTS_PER_STEP],
}

impl Step {
    fn new(at: Registers) -> Self {
        Self {
            at,
            slots: [Slot::ALWAYS_HOLDS; SLOTS_PER_STEP],
        }
    }

    /// Reads a slot of the stack as the step's `nth`; `None` outside of the frame's part of it.
    #[inline]
    fn read(&mut self, nth: usize, address: u64, stack_end: u64) -> Option<u64> {
        if address < self.at.sp || address > stack_end - SLOT_BYTES {
            return None;
        }
        let address = address as *const u64;
        // SAFETY: between the frame's stack pointer and the end of the thread's stack all is
        // mapped; the bytes may be anything.
        let value = unsafe { address.read_unaligned() };
        match self.slots.get_mut(nth) {
            Some(slot) => *slot = Slot { address, value },
            None => self.slots[0] = Slot::NEVER_HOLDS,
        }
        Some(value)
    }
}

/// How many of the innermost (last) steps lead to where they led before.
#[inline]
fn count_holding(steps: &[Step]) -> usize {
    let mut count = 0;
    for step in steps.iter().rev() {
        let [first, second] = step.slots;
        if !(first.holds() & second.holds()) {
            break;
        }
        count += 1;
    }
    count
}

/// A thread's unwinder with its caches and the steps of its previous walk.
pub(super) struct Walker {
    modules: Arc<Modules>,
    caches: [CacheNative<MayAllocateDuringUnwind>; CACHE_COUNT],
    stack: Range<u64>,
    /// The last walk's steps, outermost first.
    steps: Vec<Step>,
    /// The steps that the current walk adds to them, innermost first.
    fresh: Vec<Step>,
    /// Where the last walk would have gone on, had it not been long enough.
    open_end: Option<Registers>,
    /// Where the modules lie of the frames that were unwound last: a stack goes to and fro between few.
    near: [Range<u64>; NEAR_COUNT],
    /// Which of these is replaced next.
    near_next: usize,
}

impl Walker {
    pub(super) fn new() -> Self {
        Self::on_stack(own_stack())
    }

    /// One for a thread whose stack is this.
    pub(super) fn on_stack(stack: Range<u64>) -> Self {
        Self {
            modules: modules::current(),
            caches: new_caches(),
            stack,
            steps: Vec::with_capacity(2 * STEPS_MAX),
            fresh: Vec::with_capacity(2 * STEPS_MAX),
            open_end: None,
            near: NOWHERE,
            near_next: 0,
        }
    }

    /// The module that the mock is linked into.
    pub(super) fn own(&self) -> Range<u64> {
        self.modules.own()
    }

    /// Walks from `start` outwards and copies the frames that lie outside of all those for which
    /// `is_own` holds without a break from the start; returns how many.
    pub(super) fn walk(
        &mut self,
        start: Registers,
        is_own: impl Fn(&Registers) -> bool,
        frames: &mut [u64; MAX_FRAMES],
    ) -> usize {
        self.refresh_modules();
        if !self.stack.contains(&start.sp) {
            // The limit of the main thread's stack was raised, or this is no stack of a thread.
            self.stack = own_stack();
        }
        if self.stack.contains(&start.sp) {
            self.update_steps(start);
        } else {
            self.forget_steps();
        }
        let client = self.steps.iter().rposition(|step| !is_own(&step.at));
        let callers = &self.steps[..client.map_or(0, |outermost| outermost + 1)];
        let count = callers.len().min(MAX_FRAMES);
        for (frame, step) in frames[..count].iter_mut().zip(callers.iter().rev()) {
            *frame = step.at.pc;
        }
        count
    }

    /// Drops everything that was true of other modules than those mapped now.
    fn refresh_modules(&mut self) {
        if self.modules.counters() == modules::counters() {
            return;
        }
        self.modules = modules::current();
        self.caches = new_caches();
        self.near = NOWHERE;
        self.forget_steps();
    }

    fn forget_steps(&mut self) {
        self.steps.clear();
        self.open_end = None;
    }

    /// Turns the last walk's steps into those of a walk that begins at `start`.
    fn update_steps(&mut self, start: Registers) {
        self.fresh.clear();
        let mut next = Some(start);
        while let Some(at) = next
            && self.fresh.len() < STEPS_MAX
        {
            while self.steps.last().is_some_and(|step| step.at.sp < at.sp) {
                self.steps.pop();
            }
            if self.steps.last().is_none_or(|step| step.at != at) {
                next = self.leave_frame(at);
                continue;
            }
            let holding = count_holding(&self.steps);
            let long_enough = self.fresh.len() + holding >= STEPS_MAX;
            if holding == self.steps.len() && (self.open_end.is_none() || long_enough) {
                return self.join_fresh();
            }
            let kept = self.steps.len() - holding;
            self.fresh.extend(self.steps.drain(kept..).rev());
            // The frame that leads elsewhere now is unwound anew.
            next = self.steps.pop().map_or(self.open_end, |step| Some(step.at));
            if let Some(at) = next
                && self.fresh.len() < STEPS_MAX
            {
                next = self.leave_frame(at);
            }
        }
        self.steps.clear();
        self.open_end = next;
        self.join_fresh();
    }

    /// Puts the current walk's own steps on top of those it shares with the last one.
    fn join_fresh(&mut self) {
        self.steps.extend(self.fresh.drain(..).rev());
        if let Some(excess @ 1..) = self.steps.len().checked_sub(STEPS_MAX) {
            self.open_end = Some(self.steps[excess - 1].at);
            self.steps.drain(..excess);
        }
    }

    /// Adds the step that leaves the frame `at`; returns the frame outside of it, if there is one.
    fn leave_frame(&mut self, at: Registers) -> Option<Registers> {
        let is_first = self.fresh.is_empty();
        self.fresh.push(Step::new(at));
        let step = self.fresh.last_mut()?;
        let address = if is_first {
            FrameAddress::from_instruction_pointer(at.pc)
        } else {
            FrameAddress::from_return_address(at.pc)?
        };
        let lookup = address.address_for_lookup();
        if !self.near.iter().any(|range| range.contains(&lookup)) {
            // What lies outside of every module has no unwind table: generated code, or no code.
            self.near[self.near_next] = self.modules.find(lookup)?.range.clone();
            self.near_next = (self.near_next + 1) % NEAR_COUNT;
        }
        let mut registers = at.to_native();
        let stack_end = self.stack.end;
        let mut reads = 0;
        let caller = self.modules.unwinder().unwind_frame(
            address,
            &mut registers,
            &mut self.caches[cache_of(lookup)],
            &mut |address| {
                reads += 1;
                step.read(reads - 1, address, stack_end).ok_or(())
            },
        );
        let next = Registers::from_native(caller.ok()??, &registers);
        let outwards = next.sp > at.sp || (is_first && next.sp == at.sp);
        (outwards && next.sp <= stack_end).then_some(next)
    }
}

fn new_caches() -> [CacheNative<MayAllocateDuringUnwind>; CACHE_COUNT] {
    std::array::from_fn(|_| CacheNative::new())
}

/// The cache that holds an address's rule.
fn cache_of(address: u64) -> usize {
    // Fibonacci hashing: the top bits depend on all bits of the address.
    let hash = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - CACHE_COUNT.ilog2())) as usize
}

/// The calling thread's stack; empty if the system does not tell.
pub(super) fn own_stack() -> Range<u64> {
    // SAFETY: the attributes are initialised by `pthread_getattr_np` when it answers 0, and are
    // destroyed once.
    unsafe {
        let mut attributes = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return 0..0;
        }
        let mut start = std::ptr::null_mut();
        let mut size = 0;
        let known = libc::pthread_attr_getstack(&attributes, &mut start, &mut size) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        if known {
            start as u64..start as u64 + size as u64
        } else {
            0..0
        }
    }
}
