//! How long an attached segment of shared memory is: `shmdt` is only told where it begins.

use super::raw::system_call;

/// Bytes that are mapped at `address`, from the kernel's list of mappings; 0 if none begins there. Nothing is allocated.
pub(super) fn segment_length(address: u64) -> u64 {
    let path = c"/proc/self/maps".as_ptr() as i64;
    let flags = i64::from(libc::O_RDONLY | libc::O_CLOEXEC);
    let folder = i64::from(libc::AT_FDCWD);
    let file = system_call(libc::SYS_openat, [folder, path, flags, 0, 0, 0]);
    if file < 0 {
        return 0;
    }
    let mut lines = Lines::default();
    let mut buffer = [0_u8; 1024];
    let length = loop {
        let bytes = [file, buffer.as_mut_ptr() as i64, buffer.len() as i64];
        let [file, start, length] = bytes;
        let read = system_call(libc::SYS_read, [file, start, length, 0, 0, 0]);
        let Some(read @ 1..) = usize::try_from(read).ok() else {
            break 0;
        };
        let mut bytes = buffer[..read].iter();
        if let Some(length) = bytes.find_map(|byte| lines.length_at(address, *byte)) {
            break length;
        }
    };
    system_call(libc::SYS_close, [file, 0, 0, 0, 0, 0]);
    length
}

/// Reads the ranges at the beginnings of lines, byte by byte.
#[derive(Default)]
struct Lines {
    start: u64,
    number: u64,
    /// What follows the range is passed over.
    behind: bool,
}

impl Lines {
    /// The next byte; the length of the range that it ends, if that begins at `address`.
    fn length_at(&mut self, address: u64, byte: u8) -> Option<u64> {
        match byte {
            b'\n' => *self = Lines::default(),
            _ if self.behind => {}
            b'-' => self.start = std::mem::take(&mut self.number),
            b' ' => {
                self.behind = true;
                return (self.start == address).then(|| self.number.saturating_sub(self.start));
            }
            digit => {
                let value = char::from(digit).to_digit(16).unwrap_or(0);
                self.number = self.number << 4 | u64::from(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_that_begins_at_an_address_is_found_and_no_other() {
        let text = b"1000-3000 r--p 4000-5000\nff000-fff00 rw-p\n";
        let at = |address| {
            let mut lines = Lines::default();
            text.iter().find_map(|byte| lines.length_at(address, *byte))
        };
        assert_eq!(at(0x1000), Some(0x2000));
        assert_eq!(at(0xff000), Some(0xf00));
        assert_eq!([at(0x4000), at(0x2000)], [None, None]);
    }
}
