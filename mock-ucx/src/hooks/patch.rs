//! Leads a function of the C library to another one: by a jump of five bytes over its first instructions.
//!
//! The jump reaches two gigabytes, and the hook is further away: so it goes to a page of ours near the function, which goes on from there.
//! The instructions that were overwritten are on the same page, moved there (iced-x86 knows how), with a jump back behind them.
//!
//! The jump is written by one store of eight bytes, so that a thread that comes along runs either the old instructions or the jump. Where
//! the first instruction is shorter than the jump (`mmap`, `mremap`), a thread that was stopped right behind it would go on in the middle
//! of the jump: that window is two instructions wide, and the same in UCX.

use std::ffi::CString;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Release;
use std::{io, ptr};

use iced_x86::{BlockEncoder, BlockEncoderOptions, Decoder, DecoderOptions, InstructionBlock};

use super::Unseen;

/// A function that stands in another's place.
pub(super) struct Hook {
    /// The function of the C library.
    pub(super) name: &'static str,
    /// What is to run instead.
    pub(super) function: *const (),
    /// Gets the address of what does as the original.
    pub(super) original: &'static AtomicUsize,
}

// SAFETY: the pointer is the address of a function.
unsafe impl Sync for Hook {}

/// `jmp rel32`.
const JUMP: u8 = 0xe9;
const JUMP_BYTES: usize = 5;
/// `jmp [rip+0]`, with the address behind it.
const FAR_JUMP: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
/// `endbr64`, with which functions of some builds begin. It stays where it is.
const ENTRY_MARK: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// Bytes of a function that are looked at: the longest instruction has 15.
const HEAD_BYTES: usize = 24;
const PAGE: usize = 4096;
/// Bytes of the page for each function: two far jumps and the moved instructions.
const ROOM: usize = 128;
/// How far a page may be away.
const REACH: u64 = 1 << 31;
/// The distance at which the next place is tried.
const STEP: u64 = 1 << 20;

/// A function that is about to be led elsewhere.
struct Patch {
    /// Where the eight bytes are.
    at: u64,
    /// What is written there.
    patched: u64,
}

/// Leads the functions to their hooks.
pub(super) fn apply(hooks: &'static [Hook]) -> Result<(), Unseen> {
    let failed = |hook: &Hook, why: String| Unseen::Patch {
        function: hook.name,
        why,
    };
    let library = Library::open().map_err(|why| failed(&hooks[0], why))?;
    let first = library
        .function(hooks[0].name)
        .map_err(|why| failed(&hooks[0], why))?;
    let page = page_near(first).map_err(|why| failed(&hooks[0], why))?;
    let mut patches = Vec::new();
    for (index, hook) in hooks.iter().enumerate() {
        let room = page + (index * ROOM) as u64;
        let prepared = library
            .function(hook.name)
            .and_then(|function| prepare(hook, function, room));
        patches.push(prepared.map_err(|why| failed(hook, why))?);
    }
    // SAFETY: the page is ours.
    if unsafe { libc::mprotect(page as *mut _, PAGE, libc::PROT_READ | libc::PROT_EXEC) } != 0 {
        return Err(failed(&hooks[0], io::Error::last_os_error().to_string()));
    }
    for (hook, patch) in hooks.iter().zip(patches) {
        patch.apply().map_err(|why| failed(hook, why))?;
    }
    Ok(())
}

/// The C library of this process: functions that another library puts before it are not meant.
struct Library(*mut libc::c_void);

impl Library {
    fn open() -> Result<Library, String> {
        // SAFETY: the name is terminated; the library is loaded already.
        let handle =
            unsafe { libc::dlopen(c"libc.so.6".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        if handle.is_null() {
            return Err("libc.so.6 is not loaded".to_owned());
        }
        Ok(Library(handle))
    }

    fn function(&self, name: &str) -> Result<u64, String> {
        let terminated = CString::new(name).map_err(|error| error.to_string())?;
        // SAFETY: the handle is open, the name terminated.
        let address = unsafe { libc::dlsym(self.0, terminated.as_ptr()) };
        if address.is_null() {
            return Err("the C library has no such function".to_owned());
        }
        Ok(address as u64)
    }
}

/// A page that can be written, within reach of `function`: the first place below it that is free.
fn page_near(function: u64) -> Result<u64, String> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let base = function & !(PAGE as u64 - 1);
    for distance in (STEP..REACH - STEP).step_by(STEP as usize) {
        let Some(wanted) = base.checked_sub(distance) else {
            break;
        };
        // SAFETY: MAP_FIXED_NOREPLACE never replaces a mapping.
        let got = unsafe { libc::mmap(wanted as *mut _, PAGE, access, flags, -1, 0) };
        if got as u64 == wanted {
            return Ok(wanted);
        }
        if got != libc::MAP_FAILED {
            // A kernel older than the flag takes the address for a wish.
            // SAFETY: this is the new mapping.
            unsafe { libc::munmap(got, PAGE) };
        }
    }
    Err("no free memory within two gigabytes of it".to_owned())
}

/// Writes what one hook needs to `room`, which is part of a page of ours.
fn prepare(hook: &Hook, function: u64, room: u64) -> Result<Patch, String> {
    // SAFETY: the code of a function is readable, and longer functions follow these short ones.
    let head: [u8; HEAD_BYTES] = unsafe { ptr::read_unaligned(function as *const _) };
    let skipped = if head.starts_with(&ENTRY_MARK) {
        ENTRY_MARK.len()
    } else {
        0
    };
    let at = function + skipped as u64;
    if at % 64 > 64 - size_of::<u64>() as u64 {
        return Err("its first instructions are not in one line of a processor's cache".to_owned());
    }
    let (moved, length) = moved_head(&head[skipped..], at, room + FAR_JUMP_BYTES as u64)?;
    let mut code = far_jump(hook.function as u64).to_vec();
    let original = room + code.len() as u64;
    code.extend(moved);
    code.extend(far_jump(at + length as u64));
    if code.len() > ROOM {
        return Err("its first instructions take too much room".to_owned());
    }
    // SAFETY: the page is ours, still writable, and has so much room.
    unsafe { ptr::copy_nonoverlapping(code.as_ptr(), room as *mut u8, code.len()) };
    hook.original.store(original as usize, Release);
    let mut bytes: [u8; 8] = head[skipped..skipped + 8].try_into().unwrap_or_default();
    let distance = room.wrapping_sub(at + JUMP_BYTES as u64) as i64;
    let distance = i32::try_from(distance).map_err(|error| error.to_string())?;
    bytes[0] = JUMP;
    bytes[1..JUMP_BYTES].copy_from_slice(&distance.to_le_bytes());
    Ok(Patch {
        at,
        patched: u64::from_le_bytes(bytes),
    })
}

const FAR_JUMP_BYTES: usize = FAR_JUMP.len() + size_of::<u64>();

fn far_jump(to: u64) -> [u8; FAR_JUMP_BYTES] {
    let mut code = [0; FAR_JUMP_BYTES];
    code[..FAR_JUMP.len()].copy_from_slice(&FAR_JUMP);
    code[FAR_JUMP.len()..].copy_from_slice(&to.to_le_bytes());
    code
}

/// The instructions that a jump at their beginning would overwrite, so that they do the same at `to`; and how long they are.
fn moved_head(head: &[u8], at: u64, to: u64) -> Result<(Vec<u8>, usize), String> {
    let mut decoder = Decoder::with_ip(64, head, at, DecoderOptions::NONE);
    let mut instructions = Vec::new();
    while decoder.position() < JUMP_BYTES {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return Err(format!("its first bytes {head:02x?} are no instructions"));
        }
        instructions.push(instruction);
    }
    let block = InstructionBlock::new(&instructions, to);
    let encoded = BlockEncoder::encode(64, block, BlockEncoderOptions::NONE);
    let encoded = encoded.map_err(|error| error.to_string())?;
    Ok((encoded.code_buffer, decoder.position()))
}

impl Patch {
    fn apply(&self) -> Result<(), String> {
        let place = self.at as *mut u64;
        let pages = self.at & !(PAGE as u64 - 1);
        let protect = |access| {
            // SAFETY: the page of a function of the C library, which two pages hold at most; it stays executable.
            unsafe { libc::mprotect(pages as *mut _, 2 * PAGE, access) == 0 }
        };
        let readable = libc::PROT_READ | libc::PROT_EXEC;
        if !protect(readable | libc::PROT_WRITE) {
            return Err(io::Error::last_os_error().to_string());
        }
        // SAFETY: the place was just made writable. It lies within one line of the processor's cache, so that a store of eight bytes is
        // seen as a whole even where it is not aligned; hence the plain instruction, for an `AtomicU64` would have to be aligned.
        unsafe {
            std::arch::asm!("mov [{place}], {new}", place = in(reg) place, new = in(reg) self.patched, options(nostack));
        }
        protect(readable);
        Ok(())
    }
}
