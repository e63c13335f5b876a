//! Reads the memory of a process: which parts of it a client can have written to, and what is there.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use memmap2::MmapMut;

/// Bytes of a page. Larger pages are whole numbers of these, so that nothing is missed where pages are larger.
const PAGE: u64 = 4096;
/// Bytes read at once: small enough for the second-level cache, large enough that calls cost nothing.
const BUFFER_BYTES: usize = 256 << 10;
/// Entries of the page map read at once.
const PAGES_AT_ONCE: usize = 8192;

/// Mappings of this size are sanitizers' shadow memory, of terabytes and nearly empty: a look at their page tables alone takes minutes.
const SHADOW_BYTES: u64 = 1 << 40;

/// Bytes below its stack pointer that a function may use (System V ABI, x86-64).
const RED_ZONE: u64 = 128;

/// How long threads that run are waited for, all together: one that polls runs on for ever.
const PAUSE: Duration = Duration::from_millis(1);
const PAUSES_MAX: u32 = 100;

/// Flags of an entry of `/proc/PID/pagemap`.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// The page is a file's, as that is on disk, or shared.
const OF_FILE: u64 = 1 << 61;

/// A process.
pub(super) struct Process {
    pid: u32,
    pages: Option<File>,
}

/// What is read lands here: a mapping of its own, so that it can be told from the process's memory when that is our own.
pub(super) struct Buffer {
    map: MmapMut,
}

impl Buffer {
    pub(super) fn new() -> io::Result<Buffer> {
        Ok(Buffer {
            map: MmapMut::map_anon(BUFFER_BYTES)?,
        })
    }

    /// The parts of `range` in which this buffer, at its address here, does not lie.
    pub(super) fn without_itself(
        &self,
        range: Range<u64>,
    ) -> impl Iterator<Item = Range<u64>> + use<> {
        let start = self.map.as_ptr() as u64;
        let end = start + self.map.len() as u64;
        let before = range.start..range.end.min(start);
        let after = range.start.max(end)..range.end;
        [before, after]
            .into_iter()
            .filter(|part| part.start < part.end)
    }

    fn words(&self, length: usize) -> &[u64] {
        // SAFETY: the mapping is page-aligned and at least `length` bytes long, which `read_some` took from it; all bits are valid.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), length / size_of::<u64>()) }
    }
}

impl Process {
    pub(super) fn new(pid: u32) -> Process {
        // Without a page map every page is read: slower, and the same result.
        Process {
            pid,
            pages: File::open(format!("/proc/{pid}/pagemap")).ok(),
        }
    }

    /// The parts of its memory in which a client may keep something. `own_stack`: where the caller's own stack begins, if it is this one.
    pub(super) fn ranges(&self, own_stack: Option<u64>) -> io::Result<Vec<Range<u64>>> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid))?;
        let stacks: Vec<u64> = self
            .stack_pointers()?
            .into_iter()
            .chain(own_stack)
            .collect();
        let mut ranges = Vec::new();
        let mut guard_end = 0;
        for mapping in maps.lines().filter_map(parse_mapping) {
            let is_shadow = mapping.range.end - mapping.range.start >= SHADOW_BYTES;
            if !mapping.permissions.starts_with('-') && !is_shadow {
                let guarded = mapping.range.start == guard_end || mapping.path == "[stack]";
                ranges.extend(client_part(&mapping, guarded, &stacks));
            } else {
                guard_end = mapping.range.end;
            }
        }
        Ok(ranges)
    }

    /// Where the stacks of its threads begin, as far as they wait in the kernel. A thread that hands its process over is just about to:
    /// it is waited for, unless the process is the caller's own.
    fn stack_pointers(&self) -> io::Result<Vec<u64>> {
        let mut pauses_left = if self.pid == std::process::id() {
            0
        } else {
            PAUSES_MAX
        };
        let mut pointers = Vec::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let path = task?.path().join("syscall");
            let mut pointer = stack_pointer(&path);
            while pointer.is_none() && pauses_left > 0 {
                std::thread::sleep(PAUSE);
                pauses_left -= 1;
                pointer = stack_pointer(&path);
            }
            pointers.extend(pointer.map(|pointer| pointer - RED_ZONE));
        }
        Ok(pointers)
    }

    /// Shows the words of a range that were written to, piece by piece, each with its address.
    pub(super) fn read(
        &self,
        range: Range<u64>,
        buffer: &mut Buffer,
        mut show: impl FnMut(u64, &[u64]),
    ) -> io::Result<()> {
        for run in self.written(range)? {
            let mut at = run.start;
            while at < run.end {
                let wish = (run.end - at).min(BUFFER_BYTES as u64) as usize;
                let length = self.read_some(at, wish, buffer)?;
                show(at, buffer.words(length));
                // A page that cannot be read was unmapped meanwhile: go on behind it.
                at = if length == 0 {
                    (at | (PAGE - 1)) + 1
                } else {
                    at + length as u64
                };
            }
        }
        Ok(())
    }

    /// Reads up to `wish` bytes; 0 where nothing can be read.
    fn read_some(&self, address: u64, wish: usize, buffer: &mut Buffer) -> io::Result<usize> {
        let local = libc::iovec {
            iov_base: buffer.map.as_mut_ptr().cast(),
            iov_len: wish,
        };
        let remote = libc::iovec {
            iov_base: address as *mut libc::c_void,
            iov_len: wish,
        };
        // SAFETY: the local range lies in the buffer, which is ours alone; the remote one is checked by the kernel.
        let length = unsafe {
            libc::process_vm_readv(
                self.pid.cast_signed(),
                &raw const local,
                1,
                &raw const remote,
                1,
                0,
            )
        };
        match usize::try_from(length) {
            Ok(length) => Ok(length & !(size_of::<u64>() - 1)),
            Err(_) => match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::EFAULT) => Ok(0),
                error => Err(error),
            },
        }
    }

    /// The runs of pages in a range that the process has written to.
    fn written(&self, range: Range<u64>) -> io::Result<Vec<Range<u64>>> {
        let Some(pages) = &self.pages else {
            return Ok(vec![range]);
        };
        let mut runs: Vec<Range<u64>> = Vec::new();
        let mut entries = vec![0_u8; PAGES_AT_ONCE * size_of::<u64>()];
        let mut page = range.start / PAGE;
        let end = range.end.div_ceil(PAGE);
        while page < end {
            let count = ((end - page) as usize).min(PAGES_AT_ONCE);
            let wish = &mut entries[..count * size_of::<u64>()];
            pages.read_exact_at(wish, page * size_of::<u64>() as u64)?;
            for (number, entry) in (page..).zip(wish.as_chunks::<8>().0) {
                let entry = u64::from_ne_bytes(*entry);
                if entry & (PRESENT | SWAPPED) == 0 || entry & OF_FILE != 0 {
                    continue;
                }
                let (start, end) = (
                    range.start.max(number * PAGE),
                    range.end.min((number + 1) * PAGE),
                );
                match runs.last_mut() {
                    Some(last) if last.end == start => last.end = end,
                    _ => runs.push(start..end),
                }
            }
            page += count as u64;
        }
        Ok(runs)
    }
}

/// The stack pointer of a thread, or nothing while it runs.
///
/// "7 0x1 ... 0x7ffe6cc89818 0x7f68bb92d2ad": the last two are stack and instruction pointer; "running" has none.
fn stack_pointer(syscall: &Path) -> Option<u64> {
    let text = fs::read_to_string(syscall).ok()?;
    text.split_whitespace().rev().nth(1).and_then(hex)
}

struct MappingLine<'a> {
    range: Range<u64>,
    permissions: &'a str,
    path: &'a str,
}

/// `7f68bb7b1000-7f68bb7d3000 rw-p 00000000 00:00 0   [heap]`
fn parse_mapping(line: &str) -> Option<MappingLine<'_>> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
    Some(MappingLine {
        range,
        permissions,
        path: fields.nth(3).unwrap_or_default(),
    })
}

/// The part of a mapping in which a client may keep something.
///
/// Of a stack that is what lies above its stack pointer. A mapping is taken for one only if it is the main thread's or begins behind a
/// guard page: a stack that a client put into other memory must not hide what lies below it there.
fn client_part(mapping: &MappingLine<'_>, guarded: bool, stacks: &[u64]) -> Option<Range<u64>> {
    let device = mapping.path.starts_with("/dev/") && !mapping.path.starts_with("/dev/zero");
    if !mapping.permissions.starts_with("rw") || !mapping.permissions.ends_with('p') || device {
        return None;
    }
    let range = mapping.range.clone();
    let in_use = stacks
        .iter()
        .filter(|pointer| range.contains(pointer))
        .map(|pointer| pointer & !7)
        .min();
    match in_use {
        Some(in_use) if guarded => Some(in_use.max(range.start)..range.end),
        _ => Some(range),
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}
