//! Handle values: addresses in a range that is reserved and never readable, so that they are unique, compare like pointers, and a
//! client that dereferences one crashes at once instead of reading something of ours.

use std::ops::Range;
use std::ptr;

/// Distance of two handles, a cache line: a value in between is recognisably misaligned.
const STRIDE: u64 = 64;

/// Bytes reserved at first: two thousand million handles. Halved while the system refuses (`ulimit -v`).
const SPAN_MAX: u64 = 1 << 37;
/// Less than this (16,384 handles) is no use.
const SPAN_MIN: u64 = 1 << 20;

/// Processes put their ranges into one of 512 slots by process id, so that another process's handle is seldom a valid one here.
const REGION: u64 = 0x1000_0000_0000;
const REGION_SLOTS: u64 = 512;

/// Addresses in which the handles of all processes lie, unless they are taken. Who wants memory at places of his own choice finds it elsewhere.
pub const HANDLE_ADDRESSES: Range<u64> = REGION..REGION + REGION_SLOTS * SPAN_MAX;

/// The values that this process gives out.
#[derive(Debug)]
pub(crate) struct HandleSpace {
    base: u64,
    span: u64,
    next: u64,
    /// Ranges of the processes this one was forked from.
    inherited: Vec<(u64, u64)>,
}

/// What a value is, as far as its bits tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The handle with this serial, which may have ended.
    Serial(u64),
    /// Inside the range, between two handles.
    Misaligned(u64),
    /// In the range of a process this one was forked from; the serial it had there.
    Inherited(u64),
    /// Where another process's range would lie.
    Foreign,
    /// None of our values.
    Other,
}

impl HandleSpace {
    /// Reserves a range for this process.
    pub(crate) fn reserve() -> Option<HandleSpace> {
        let mut span = SPAN_MAX;
        while span >= SPAN_MIN {
            if let Some(base) = map(span) {
                return Some(HandleSpace {
                    base,
                    span,
                    next: 1,
                    inherited: Vec::new(),
                });
            }
            span /= 2;
        }
        None
    }

    /// The space of a forked child: its own range, and the parent's remembered.
    pub(crate) fn fork(&self) -> Option<HandleSpace> {
        let mut child = HandleSpace::reserve()?;
        child.inherited = self.inherited.clone();
        child.inherited.push((self.base, self.span));
        Some(child)
    }

    /// A new serial and its handle value; `None` when the range is used up.
    pub(crate) fn next(&mut self) -> Option<(u64, u64)> {
        let serial = self.next;
        let offset = serial
            .checked_mul(STRIDE)
            .filter(|offset| *offset < self.span)?;
        self.next += 1;
        Some((serial, self.base + offset))
    }

    /// The handle value of a serial.
    pub(crate) fn value(&self, serial: u64) -> u64 {
        self.base + serial * STRIDE
    }

    /// Whether `value` is a handle that was given out.
    pub(crate) fn is_value(&self, value: u64) -> bool {
        matches!(self.shape(value), Shape::Serial(_))
    }

    /// First byte of the range.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Bytes in the range.
    pub(crate) fn span(&self) -> u64 {
        self.span
    }

    /// What `value` is.
    pub(crate) fn shape(&self, value: u64) -> Shape {
        let offset = value.wrapping_sub(self.base);
        if offset < self.span {
            let serial = offset / STRIDE;
            if !offset.is_multiple_of(STRIDE) {
                return Shape::Misaligned(serial);
            }
            return if serial == 0 || serial >= self.next {
                Shape::Other
            } else {
                Shape::Serial(serial)
            };
        }
        for (base, span) in &self.inherited {
            let offset = value.wrapping_sub(*base);
            if offset < *span {
                return Shape::Inherited(offset / STRIDE);
            }
        }
        if HANDLE_ADDRESSES.contains(&value) && value.is_multiple_of(STRIDE) {
            return Shape::Foreign;
        }
        Shape::Other
    }
}

impl Drop for HandleSpace {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map` and nothing was ever stored in it.
        unsafe { libc::munmap(self.base as *mut libc::c_void, self.span as usize) };
    }
}

/// Reserves `span` bytes without access, near this process's slot if that is free.
fn map(span: u64) -> Option<u64> {
    let slot = u64::from(std::process::id()).wrapping_mul(0x9e37_79b1) % REGION_SLOTS;
    let wanted = REGION + slot * SPAN_MAX;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    for (hint, extra) in [(wanted, libc::MAP_FIXED_NOREPLACE), (0, 0)] {
        // SAFETY: MAP_FIXED_NOREPLACE never replaces a mapping, and without it the kernel picks a free place.
        let address = unsafe {
            libc::mmap(
                hint as *mut libc::c_void,
                span as usize,
                libc::PROT_NONE,
                flags | extra,
                -1,
                0,
            )
        };
        if address != libc::MAP_FAILED && !ptr::eq(address, ptr::null()) {
            return Some(address as u64);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_recognised_and_its_neighbours_are_not() {
        let mut space = HandleSpace::reserve().unwrap();
        let (serial, value) = space.next().unwrap();
        assert_eq!(space.shape(value), Shape::Serial(serial));
        assert_eq!(space.shape(value + 8), Shape::Misaligned(serial));
        assert_eq!(space.shape(value + STRIDE), Shape::Other);
        assert_eq!(space.shape(0), Shape::Other);
        assert_eq!(space.shape(1), Shape::Other);
        assert_eq!(space.shape(u64::MAX), Shape::Other);
    }

    #[test]
    fn a_forked_space_knows_its_parents_handles() {
        let mut parent = HandleSpace::reserve().unwrap();
        let (serial, value) = parent.next().unwrap();
        let child = parent.fork().unwrap();
        assert_eq!(child.shape(value), Shape::Inherited(serial));
    }
}
