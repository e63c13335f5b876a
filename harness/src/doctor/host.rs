//! What the system must permit.

use std::ffi::CStr;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mock_ucx::ledger::layout::OFFSETS;

use super::Health;
use crate::nixl::Machine;

/// Kernels before 4.17 take `MAP_FIXED_NOREPLACE` for a hint, and mock handles may then lie where another process's lie.
const KERNEL_MIN: (u32, u32) = (4, 17);
/// The C library of the oldest systems that NIXL's wheels are for (their tag `manylinux_2_28`).
const C_LIBRARY_MIN: (u32, u32) = (2, 28);
/// A ledger with a million live objects takes a third of this.
const LEDGER_ROOM_MIN: u64 = 256 << 20;

pub(super) fn machine() -> Health {
    match Machine::here() {
        Ok(machine) => Health::well(machine.name()),
        Err(error) => Health::ill(error.to_string(), ""),
    }
}

pub(super) fn kernel() -> Health {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    match version(release) {
        Some(found) if found >= KERNEL_MIN => Health::well(format!("Linux {release}")),
        _ => Health::weak(
            format!("Linux `{release}`, and 4.17 is the oldest that was thought of"),
            "use a newer kernel if handles of other processes are taken for one's own",
        ),
    }
}

pub(super) fn c_library() -> Health {
    // SAFETY: glibc answers with a string constant.
    let text = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_string_lossy();
    match version(&text) {
        Some(found) if found >= C_LIBRARY_MIN => Health::well(format!("glibc {text}")),
        _ => Health::ill(
            format!("glibc {text}, and NIXL's wheels need 2.28"),
            "use a newer system, or a container with one",
        ),
    }
}

/// The first two numbers of a version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether the supervisor may look through the memory of the processes that it started.
pub(super) fn process_memory() -> Health {
    match read_from_child() {
        Ok(()) => Health::well("that of a child can be read"),
        Err(error) => Health::ill(
            format!("process_vm_readv of a child is refused ({error})"),
            "lost objects are told by it: set kernel.yama.ptrace_scope to 0 or 1 (`sysctl kernel.yama.ptrace_scope`), or start the \
             container with `--cap-add SYS_PTRACE`",
        ),
    }
}

/// A process that waits until it is dropped.
struct Waiting(Child);

impl Waiting {
    /// Returns when the program has answered: until then it may be a script yet that becomes another program, and what is mapped
    /// changes between two looks.
    fn start() -> io::Result<Waiting> {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut waiting = command.env_remove("LD_PRELOAD").spawn().map(Waiting)?;
        let Waiting(child) = &mut waiting;
        if let (Some(input), Some(output)) = (&mut child.stdin, &mut child.stdout) {
            input.write_all(b"?")?;
            output.read_exact(&mut [0])?;
        }
        Ok(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It ends with its input; what it answers says nothing.
        let _ = self.0.wait();
    }
}

fn read_from_child() -> io::Result<()> {
    let child = Waiting::start()?;
    let pid = child.0.id();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let start = maps
        .lines()
        .find(|line| line.contains(" rw-p "))
        .and_then(|line| u64::from_str_radix(line.split('-').next()?, 16).ok())
        .ok_or_else(|| io::Error::other("its mappings are not shown"))?;
    let mut word = 0_u64;
    let local = libc::iovec {
        iov_base: (&raw mut word).cast(),
        iov_len: size_of_val(&word),
    };
    let remote = libc::iovec {
        iov_base: start as *mut libc::c_void,
        iov_len: size_of_val(&word),
    };
    let (local, remote) = (&raw const local, &raw const remote);
    // SAFETY: the local range is `word`; the kernel checks the remote one.
    match unsafe { libc::process_vm_readv(pid.cast_signed(), local, 1, remote, 1, 0) } {
        8 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether cases can be given the same addresses each time.
pub(super) fn fixed_addresses() -> Health {
    /// Asks for the present personality.
    const QUERY: libc::c_ulong = 0xffff_ffff;
    // SAFETY: plain numbers; the flag counts for programs that are executed later, and is taken back at once.
    let permitted = unsafe {
        let before = libc::personality(QUERY);
        let set = libc::personality((before | libc::ADDR_NO_RANDOMIZE) as libc::c_ulong) >= 0;
        libc::personality(before as libc::c_ulong);
        before >= 0 && set
    };
    if permitted {
        return Health::well("ADDR_NO_RANDOMIZE is permitted");
    }
    Health::weak(
        "ADDR_NO_RANDOMIZE is refused, so NIXL orders by other addresses in each run and a finding may need several replays",
        "start the container with `--security-opt seccomp=unconfined`, or replay with `--times 20`",
    )
}

/// Whether processes find a place for their ledgers.
pub(super) fn ledgers() -> Health {
    let temporary = std::env::temp_dir();
    for place in [Path::new("/dev/shm"), &temporary] {
        let fits = tempfile::tempfile_in(place)
            .and_then(|file| file.set_len(OFFSETS.total as u64))
            .is_ok();
        if !fits {
            continue;
        }
        return match room(place) {
            Some(bytes) if bytes < LEDGER_ROOM_MIN => Health::weak(
                format!("{} has {} MiB left", place.display(), bytes >> 20),
                "a process with very many objects needs more: free some, or start the container with `--shm-size 1g`",
            ),
            _ => Health::well(format!("in {}", place.display())),
        };
    }
    Health::ill(
        format!("no file can be made in /dev/shm or {}", temporary.display()),
        "make one of them writable, or set TMPDIR to a folder that is",
    )
}

/// Bytes that are free in a file system.
fn room(place: &Path) -> Option<u64> {
    fs4::available_space(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(version("6.1.0-13-amd64"), Some((6, 1)));
        assert_eq!(version("2.28"), Some((2, 28)));
        assert!(version("4.9.1") < version("4.17"));
        assert_eq!(version("new"), None);
    }

    #[test]
    fn a_question_for_fixed_addresses_leaves_the_personality_as_it_was() {
        // SAFETY: asks only.
        let now = || unsafe { libc::personality(0xffff_ffff) };
        let before = now();
        fixed_addresses();
        assert_eq!(now(), before);
    }
}
