//! The values that are looked for, arranged so that almost every word is dismissed by two comparisons.
//!
//! Nothing here holds a handle in the clear: a process that looks through its own memory would find it.

use std::collections::BTreeSet;

use mock_ucx::ledger::Kind;
use mock_ucx::ledger::layout::HANDLE_MASK;
use mock_ucx::ledger::read::Object;
use rustc_hash::{FxHashMap, FxHashSet};

/// Words dismissed at once.
const BLOCK: usize = 32;
/// Granularity of the filter for pointers.
const PAGE_BITS: u32 = 12;

/// What is looked for.
pub(super) struct Wanted {
    /// First handle value, and how many values there are.
    handles: (u64, u64),
    /// Masked handle to serial.
    serials: FxHashMap<u64, u64>,
    /// Objects whose handle points to memory, by address.
    pointers: Vec<Pointer>,
    /// Pages into which one of them points.
    pages: FxHashSet<u64>,
    /// First of these pages, and how many there are to the last.
    page_range: (u64, u64),
}

/// An object whose handle points to memory.
struct Pointer {
    masked: u64,
    /// Bytes there: a pointer into them holds the object too, as a member of a client's list in a request's memory does.
    length: u64,
    serial: u64,
}

impl Pointer {
    fn start(&self) -> u64 {
        self.masked ^ HANDLE_MASK
    }
}

impl Wanted {
    pub(super) fn new<'a>(handles: (u64, u64), live: impl Iterator<Item = &'a Object>) -> Wanted {
        let mut wanted = Wanted {
            handles,
            serials: FxHashMap::default(),
            pointers: Vec::new(),
            pages: FxHashSet::default(),
            page_range: (0, 0),
        };
        for object in live {
            if object.handle().wrapping_sub(handles.0) < handles.1 {
                wanted.serials.insert(object.masked_handle, object.serial);
            } else {
                wanted.pointers.push(Pointer {
                    masked: object.masked_handle,
                    length: if object.kind == Kind::Request {
                        object.detail[1].max(1)
                    } else {
                        1
                    },
                    serial: object.serial,
                });
            }
        }
        wanted.pointers.sort_by_key(Pointer::start);
        for pointer in &wanted.pointers {
            let (first, last) = (pointer.start(), pointer.start() + (pointer.length - 1));
            wanted.pages.extend(first >> PAGE_BITS..=last >> PAGE_BITS);
        }
        if let (Some(first), Some(last)) = (wanted.pages.iter().min(), wanted.pages.iter().max()) {
            wanted.page_range = (*first, last - first + 1);
        }
        wanted
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.serials.len() + self.pointers.len()
    }

    /// Adds the objects whose handle is one of `words`, which were read from `address` on.
    pub(super) fn find(&self, address: u64, words: &[u64], held: &mut BTreeSet<u64>) {
        for (index, block) in words.chunks(BLOCK).enumerate() {
            if block
                .iter()
                .fold(false, |any, word| any | self.may_be(*word))
            {
                let first = address + (index * BLOCK * size_of::<u64>()) as u64;
                for (place, word) in (first..).step_by(size_of::<u64>()).zip(block) {
                    held.extend(self.serial(place, *word));
                }
            }
        }
    }

    #[inline]
    fn may_be(&self, word: u64) -> bool {
        (word.wrapping_sub(self.handles.0) < self.handles.1)
            | ((word >> PAGE_BITS).wrapping_sub(self.page_range.0) < self.page_range.1)
    }

    /// The object that `word`, found at `place`, is a handle of.
    fn serial(&self, place: u64, word: u64) -> Option<u64> {
        if let Some(serial) = self.serials.get(&(word ^ HANDLE_MASK)) {
            return Some(*serial);
        }
        if !self.pages.contains(&(word >> PAGE_BITS)) {
            return None;
        }
        let after = self
            .pointers
            .partition_point(|pointer| pointer.start() <= word);
        let pointer = self.pointers.get(after.checked_sub(1)?)?;
        let inside = |address: u64| address.wrapping_sub(pointer.start()) < pointer.length;
        // What lies in the object's own memory does not hold it.
        (inside(word) && !inside(place)).then_some(pointer.serial)
    }
}
