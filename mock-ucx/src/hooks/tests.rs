//! What the hooks see, in a process of their own for each test: they are the process's.

use std::process::Command;
use std::ptr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::{Event, Kind, hold, release, take};
use crate::stack::{CopyWalker, MAX_FRAMES, modules};

const CHILD: &str = "MOCK_UCX_HOOKS_TEST_CHILD";
const PAGE: usize = 4096;
/// Longer than glibc's heap gives out without a mapping of its own.
const LARGE: usize = 64 << 20;

/// Runs a test in a process of its own, with the hooks installed.
fn hooked(name: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = format!("hooks::tests::{name}");
        command.args(["--exact", &test, "--nocapture", "--test-threads=1"]);
        let output = command
            .env(CHILD, "1")
            .env("MALLOC_MMAP_THRESHOLD_", "1048576")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{}: {text}{errors}",
            output.status
        );
        return;
    }
    hold().unwrap();
    body();
    release();
}

/// What was noted while `act` ran, of this range.
fn seen_at(act: impl FnOnce() -> (u64, u64)) -> Vec<(Kind, [u64; 2])> {
    take(|_, _| {});
    let (start, end) = act();
    let mut seen = Vec::new();
    take(|event, _| {
        let here = event.heard.start < end && event.heard.end > start;
        let changed = event.changed.start < end && event.changed.end > start;
        if here || changed {
            seen.push((event.kind, [event.changed.start, event.changed.end]));
        }
    });
    seen
}

fn map(length: usize, flags: libc::c_int, at: *mut libc::c_void) -> *mut libc::c_void {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, or one over what this test mapped itself.
    let address = unsafe { libc::mmap(at, length, access, flags, -1, 0) };
    assert_ne!(address, libc::MAP_FAILED);
    address
}

fn unmap(address: *mut libc::c_void, length: usize) {
    // SAFETY: the test mapped it.
    assert_eq!(unsafe { libc::munmap(address, length) }, 0);
}

#[test]
fn free_is_seen_though_it_unmaps_inside_the_c_library() {
    hooked("free_is_seen_though_it_unmaps_inside_the_c_library", || {
        let seen = seen_at(|| {
            // SAFETY: freed once.
            unsafe {
                let block = libc::malloc(LARGE);
                libc::free(block);
                (block as u64, block as u64 + LARGE as u64)
            }
        });
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0].0, Kind::Unmap);
    });
}

#[test]
fn an_unmap_is_seen_and_one_that_fails_changes_nothing() {
    hooked(
        "an_unmap_is_seen_and_one_that_fails_changes_nothing",
        || {
            let address = map(2 * PAGE, 0, ptr::null_mut());
            let start = address as u64;
            let end = start + 2 * PAGE as u64;
            let failed = seen_at(|| {
                // SAFETY: the kernel refuses an address inside of a page.
                assert_eq!(unsafe { libc::munmap((start + 1) as *mut _, PAGE) }, -1);
                (start, end)
            });
            assert_eq!(failed, [(Kind::Unmap, [0, 0])]);
            let partly = seen_at(|| {
                unmap(address, PAGE);
                (start, end)
            });
            assert_eq!(partly, [(Kind::Unmap, [start, start + PAGE as u64])]);
            unmap((start + PAGE as u64) as *mut _, PAGE);
        },
    );
}

#[test]
fn a_mapping_over_another_is_seen_and_one_beside_it_is_not() {
    hooked(
        "a_mapping_over_another_is_seen_and_one_beside_it_is_not",
        || {
            let address = map(PAGE, 0, ptr::null_mut());
            let start = address as u64;
            let over = seen_at(|| {
                map(PAGE, libc::MAP_FIXED, address);
                (start, start + PAGE as u64)
            });
            assert_eq!(over, [(Kind::MapOver, [start, start + PAGE as u64])]);
            let beside = seen_at(|| {
                let other = map(PAGE, 0, ptr::null_mut());
                (other as u64, other as u64 + PAGE as u64)
            });
            assert_eq!(beside, []);
        },
    );
}

#[test]
fn a_mapping_at_addresses_that_are_watched_is_seen() {
    hooked("a_mapping_at_addresses_that_are_watched_is_seen", || {
        let address = map(PAGE, 0, ptr::null_mut());
        let (start, end) = (address as u64, address as u64 + PAGE as u64);
        unmap(address, PAGE);
        super::watch(start, end);
        let seen = seen_at(|| {
            map(PAGE, libc::MAP_FIXED_NOREPLACE, address);
            (start, end)
        });
        super::watch(u64::MAX, 0);
        assert_eq!(seen, [(Kind::Map, [start, end])]);
    });
}

#[test]
fn what_mremap_takes_away_is_gone_and_what_it_leaves_is_not() {
    hooked(
        "what_mremap_takes_away_is_gone_and_what_it_leaves_is_not",
        || {
            let address = map(4 * PAGE, 0, ptr::null_mut());
            let (start, end) = (address as u64, address as u64 + 4 * PAGE as u64);
            let shrunk = seen_at(|| {
                // SAFETY: the test's own mapping.
                unsafe { libc::mremap(address, 4 * PAGE, PAGE, 0) };
                (start, end)
            });
            assert_eq!(shrunk, [(Kind::Remap, [start + PAGE as u64, end])]);
            let room = map(16 * PAGE, 0, ptr::null_mut());
            let moved = seen_at(|| {
                let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
                // SAFETY: as above; the target is another mapping of the test.
                let at = unsafe { libc::mremap(address, PAGE, PAGE, flags, room) };
                assert_eq!(at, room);
                (start, start + PAGE as u64)
            });
            assert_eq!(moved, [(Kind::Remap, [start, start + PAGE as u64])]);
        },
    );
}

#[test]
fn pages_that_are_dropped_are_gone_and_pages_that_are_free_to_be_taken_are_not() {
    let name = "pages_that_are_dropped_are_gone_and_pages_that_are_free_to_be_taken_are_not";
    hooked(name, || {
        let address = map(PAGE, 0, ptr::null_mut());
        let (start, end) = (address as u64, address as u64 + PAGE as u64);
        let advised = |advice| {
            seen_at(|| {
                // SAFETY: the test's own mapping.
                assert_eq!(unsafe { libc::madvise(address, PAGE, advice) }, 0);
                (start, end)
            })
        };
        let dropped = [(Kind::Discard, [start, end])];
        assert_eq!(advised(libc::MADV_DONTNEED), dropped);
        assert_eq!(advised(libc::MADV_FREE), [(Kind::Discard, [0, 0])]);
        assert_eq!(advised(libc::MADV_WILLNEED), []);
    });
}

#[test]
fn a_break_that_is_lowered_and_a_segment_that_is_detached_are_seen() {
    let name = "a_break_that_is_lowered_and_a_segment_that_is_detached_are_seen";
    hooked(name, || {
        // SAFETY: the break goes back to where it was, and nobody else moves it meanwhile: this process has one thread that allocates.
        let lowered = seen_at(|| unsafe {
            let before = libc::sbrk(PAGE as isize) as u64;
            libc::sbrk(-(PAGE as isize));
            (before, before + PAGE as u64)
        });
        assert_eq!(lowered.first().map(|seen| seen.0), Some(Kind::Break));
        // SAFETY: a segment of this test's own.
        let detached = seen_at(|| unsafe {
            let id = libc::shmget(libc::IPC_PRIVATE, 3 * PAGE, libc::IPC_CREAT | 0o600);
            let address = libc::shmat(id, ptr::null(), 0);
            libc::shmctl(id, libc::IPC_RMID, ptr::null_mut());
            libc::shmdt(address);
            (address as u64, address as u64 + 3 * PAGE as u64)
        });
        let [(Kind::Detach, [start, end])] = detached[..] else {
            panic!("{detached:?}")
        };
        assert_eq!(end - start, 3 * PAGE as u64);
    });
}

#[test]
fn without_holders_nothing_is_noted() {
    hooked("without_holders_nothing_is_noted", || {
        let unmaps = || {
            seen_at(|| {
                let address = map(PAGE, 0, ptr::null_mut());
                unmap(address, PAGE);
                (address as u64, address as u64 + PAGE as u64)
            })
            .len()
        };
        hold().unwrap();
        release();
        assert_eq!(unmaps(), 1, "one holder is left");
        release();
        assert_eq!(unmaps(), 0);
        hold().unwrap();
        assert_eq!(unmaps(), 1);
    });
}

#[test]
fn the_functions_are_patched_once() {
    let head = || {
        // SAFETY: code is readable.
        unsafe { ptr::read_unaligned((libc::munmap as *const ()).cast::<u64>()) }
    };
    let before = head();
    hooked("the_functions_are_patched_once", || {
        let patched = head();
        assert_ne!(patched, before);
        release();
        assert_eq!(head(), patched);
        hold().unwrap();
        assert_eq!(head(), patched);
    });
}

#[test]
fn threads_unmap_while_hooks_come_and_go() {
    hooked("threads_unmap_while_hooks_come_and_go", || {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        let address = map(PAGE, 0, ptr::null_mut());
                        // SAFETY: the thread's own page and block.
                        unsafe {
                            libc::madvise(address, PAGE, libc::MADV_DONTNEED);
                            libc::free(libc::malloc(LARGE));
                        }
                        unmap(address, PAGE);
                    }
                });
            }
            for _ in 0..300 {
                release();
                hold().unwrap();
                take(|_, _| {});
            }
            stop.store(true, Relaxed);
        });
    });
}

#[test]
fn errno_is_left_alone() {
    hooked("errno_is_left_alone", || {
        let address = map(PAGE, 0, ptr::null_mut());
        // SAFETY: the thread's own error number.
        unsafe { *libc::__errno_location() = 77 };
        unmap(address, PAGE);
        // SAFETY: as above.
        assert_eq!(unsafe { *libc::__errno_location() }, 77);
    });
}

#[test]
fn the_stack_of_an_unmap_leads_through_its_callers() {
    hooked("the_stack_of_an_unmap_leads_through_its_callers", || {
        #[inline(never)]
        fn caller_of_unmap() -> u64 {
            let address = map(PAGE, 0, ptr::null_mut());
            unmap(address, PAGE);
            address as u64
        }
        take(|_, _| {});
        let address = caller_of_unmap();
        let mut found = 0;
        take(|event: Event, sample| {
            if event.heard.start != address {
                return;
            }
            let sample = sample.expect("the first unmaps are all sampled");
            let mut frames = [0; MAX_FRAMES];
            let mut walker = CopyWalker::new();
            let count = walker.walk(sample.registers, sample.stack(), &mut frames);
            let program = modules::current();
            let here = caller_of_unmap as *const () as u64;
            let own = program.find(here).expect("this program").range.clone();
            found = frames[..count]
                .iter()
                .filter(|frame| own.contains(frame))
                .count();
            assert!(count > found, "the outermost frames are the C library's");
        });
        assert!(found >= 3, "{found}");
    });
}
