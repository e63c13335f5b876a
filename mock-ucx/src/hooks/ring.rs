//! What the hooks tell: a ring of fixed size, in memory set aside beforehand. Any number of threads write to it without waiting; whoever
//! has the universe's lock reads it.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64};
use std::{io, ptr};

use super::sample::{self, Sample};
use crate::rcache::Range;

/// Events between two calls of UCX: a client that unmaps more often than this in between is told that some were missed.
const CAPACITY: u64 = 1 << 16;

/// The one ring of the process.
pub(super) static RING: Ring = Ring {
    slots: AtomicPtr::new(ptr::null_mut()),
    head: AtomicU64::new(0),
    tail: AtomicU64::new(0),
    missed: AtomicU64::new(0),
    mappings: AtomicU64::new(0),
    watched: [AtomicU64::new(u64::MAX), AtomicU64::new(0)],
};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// `munmap`.
    Unmap,
    /// `mmap` over what was there.
    MapOver,
    /// `mmap` where nothing was.
    Map,
    /// `mremap`.
    Remap,
    /// `madvise` that gives pages back.
    Discard,
    /// `brk` to a lower address, perhaps by `sbrk`.
    Break,
    /// `shmdt`.
    Detach,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::Unmap,
        Kind::MapOver,
        Kind::Map,
        Kind::Remap,
        Kind::Discard,
        Kind::Break,
        Kind::Detach,
    ];

    /// The kind with this number.
    pub(crate) fn from_number(number: u32) -> Kind {
        Kind::ALL[number as usize % Kind::ALL.len()]
    }

    /// The function, as people know it.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Kind::Unmap => "munmap",
            Kind::MapOver | Kind::Map => "mmap",
            Kind::Remap => "mremap",
            Kind::Discard => "madvise",
            Kind::Break => "brk",
            Kind::Detach => "shmdt",
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its number, in the order in which the calls began.
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    /// Mappings that the process had made before.
    pub(crate) mappings: u64,
    /// What UCX hears of; empty if it does not.
    pub(crate) heard: Range,
    /// The addresses whose memory is gone, or is another one; empty if none is.
    pub(crate) changed: Range,
}

pub(super) const NOTHING: Range = Range { start: 0, end: 0 };

/// An event in the ring. The tag is the event's number plus one once the call is over.
#[repr(C)]
struct Slot {
    tag: AtomicU64,
    kind: AtomicU64,
    mappings: AtomicU64,
    heard: [AtomicU64; 2],
    changed: [AtomicU64; 2],
    /// Index of the sample of the stack, plus one.
    sample: AtomicU64,
}

pub(super) struct Ring {
    slots: AtomicPtr<Slot>,
    head: AtomicU64,
    tail: AtomicU64,
    missed: AtomicU64,
    /// Mappings that were made.
    mappings: AtomicU64,
    /// The lowest and the highest address that is registered.
    watched: [AtomicU64; 2],
}

impl Ring {
    /// Sets the memory aside; only what is used of it is ever touched.
    pub(super) fn reserve(&self) -> Result<(), String> {
        if self.slots.load(Relaxed).is_null() {
            let slots = anonymous(CAPACITY as usize * size_of::<Slot>())?;
            self.slots.store(slots.cast(), Release);
        }
        Ok(())
    }

    /// Begins an event; its number, if there is room.
    pub(super) fn begin(&self, kind: Kind, heard: Range, sample: Option<usize>) -> Option<u64> {
        let mut number = self.head.load(Relaxed);
        loop {
            // Of a number that is out of date the store below says so.
            if number.saturating_sub(self.tail.load(Acquire)) >= CAPACITY {
                self.missed.fetch_add(1, Relaxed);
                sample.inspect(|index| sample::free(*index));
                return None;
            }
            match self
                .head
                .compare_exchange_weak(number, number + 1, Relaxed, Relaxed)
            {
                Ok(_) => break,
                Err(other) => number = other,
            }
        }
        let slot = self.slot(number)?;
        slot.kind.store(kind as u64, Relaxed);
        slot.mappings.store(self.mappings.load(Relaxed), Relaxed);
        slot.heard[0].store(heard.start, Relaxed);
        slot.heard[1].store(heard.end, Relaxed);
        let sample = sample.map_or(0, |index| index as u64 + 1);
        slot.sample.store(sample, Relaxed);
        Some(number)
    }

    /// The call of an event is over, and these addresses changed.
    pub(super) fn end(&self, number: u64, changed: Range) {
        if let Some(slot) = self.slot(number) {
            slot.changed[0].store(changed.start, Relaxed);
            slot.changed[1].store(changed.end, Relaxed);
            slot.tag.store(number + 1, Release);
        }
    }

    /// Something was mapped.
    pub(super) fn mapped(&self) {
        self.mappings.fetch_add(1, Relaxed);
    }

    pub(super) fn pending(&self) -> bool {
        self.head.load(Relaxed) != self.tail.load(Relaxed)
    }

    pub(super) fn next_number(&self) -> u64 {
        self.head.load(Acquire)
    }

    pub(super) fn take(&self, mut with: impl FnMut(Event, Option<&Sample>)) {
        // What the reader itself brings about meanwhile waits until the next time.
        let end = self.head.load(Acquire);
        let mut number = self.tail.load(Relaxed);
        while number < end {
            let Some(slot) = self
                .slot(number)
                .filter(|slot| slot.tag.load(Acquire) == number + 1)
            else {
                return;
            };
            let range = |ends: &[AtomicU64; 2]| Range {
                start: ends[0].load(Relaxed),
                end: ends[1].load(Relaxed),
            };
            let kind = Kind::from_number(slot.kind.load(Relaxed) as u32);
            let event = Event {
                number,
                kind,
                mappings: slot.mappings.load(Relaxed),
                heard: range(&slot.heard),
                changed: range(&slot.changed),
            };
            let sample = slot.sample.load(Relaxed).checked_sub(1);
            number += 1;
            self.tail.store(number, Release);
            sample::with(sample.map(|index| index as usize), |sample| {
                with(event, sample);
            });
        }
    }

    /// Drops what was noted.
    pub(super) fn forget(&self, free: impl Fn(usize)) {
        let end = self.head.load(Acquire);
        for number in self.tail.load(Relaxed)..end {
            let sample = self.slot(number).map(|slot| slot.sample.load(Relaxed));
            if let Some(index @ 1..) = sample {
                free(index as usize - 1);
            }
        }
        self.tail.store(end, Release);
    }

    pub(super) fn take_missed(&self) -> u64 {
        match self.missed.load(Relaxed) {
            0 => 0,
            _ => self.missed.swap(0, Relaxed),
        }
    }

    pub(super) fn watch(&self, start: u64, end: u64) {
        self.watched[0].store(start, Relaxed);
        self.watched[1].store(end, Relaxed);
    }

    /// Whether a registration may lie in this range.
    pub(super) fn is_watched(&self, range: Range) -> bool {
        range.start < self.watched[1].load(Relaxed) && range.end > self.watched[0].load(Relaxed)
    }

    fn slot(&self, number: u64) -> Option<&Slot> {
        let slots = self.slots.load(Acquire);
        if slots.is_null() {
            return None;
        }
        // SAFETY: the memory holds so many slots, stays for good, and consists of atomics, for which every bit pattern is valid.
        Some(unsafe { &*slots.add((number % CAPACITY) as usize) })
    }
}

/// Memory of the process's own that is never given back.
pub(super) fn anonymous(bytes: usize) -> Result<*mut u8, String> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, wherever there is room.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, access, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error().to_string());
    }
    Ok(address.cast())
}
