//! A child keeps a handle in some place and waits; its parent looks.

use super::*;
use crate::oracle::testing::{Client, Waiting, start, start_in};
use mock_ucx::ledger::Kind;

/// Freed memory of this size goes through no cache, so that it is overwritten without [`ENVIRONMENT`]'s second variable.
type Large = [u64; 512];

fn held(child: &Waiting, kind: Kind) -> Vec<bool> {
    let snapshot = child.snapshot();
    let held = scan(child.pid, &snapshot).unwrap();
    let of_kind = snapshot.objects.iter().filter(|object| object.kind == kind);
    of_kind
        .map(|object| held.contains(&object.serial))
        .collect()
}

/// Registers a page and puts the handle where `keep` says, and nowhere else.
#[inline(never)]
fn keep<T>(client: &mut Client, keep: impl FnOnce(u64) -> T) -> T {
    keep(client.register())
}

/// Overwrites what the calls before left on the stack.
#[inline(never)]
fn wipe_stack() {
    std::hint::black_box([0_u64; 4096]);
}

fn overwrite_freed_memory() {
    // SAFETY: sets a number.
    unsafe { libc::mallopt(libc::M_PERTURB, 165) };
}

#[test]
fn a_handle_on_the_heap_is_held_and_one_that_was_dropped_is_not() {
    let child = start("", || {
        let mut client = Client::new();
        let heap = keep(&mut client, Box::new);
        keep(&mut client, drop);
        wipe_stack();
        (client, heap)
    });
    assert_eq!(held(&child, Kind::MemoryHandle), [true, false]);
    assert_eq!(held(&child, Kind::Context), [true]);
}

#[test]
fn freed_memory_holds_nothing_because_it_is_overwritten() {
    let play = |free: bool| {
        overwrite_freed_memory();
        let mut client = Client::new();
        let mut kept = keep(&mut client, |handle| {
            let mut large: Box<Large> = Box::new([0; 512]);
            large[300] = handle;
            Some(large)
        });
        if free {
            kept = None;
        }
        wipe_stack();
        (client, kept)
    };
    assert_eq!(held(&start("", || play(false)), Kind::MemoryHandle), [true]);
    assert_eq!(held(&start("", || play(true)), Kind::MemoryHandle), [false]);
}

#[test]
fn a_pointer_into_an_objects_memory_holds_it_from_outside_only() {
    let play = |outside: bool| {
        overwrite_freed_memory();
        let mut client = Client::new();
        let handle = client.register();
        let kept = Box::new(if outside {
            client.pack(handle).unwrap()
        } else {
            u64::from(client.pack(handle).is_ok())
        });
        wipe_stack();
        (client, kept)
    };
    assert_eq!(held(&start("", || play(true)), Kind::RkeyBuffer), [true]);
    assert_eq!(held(&start("", || play(false)), Kind::RkeyBuffer), [false]);
}

/// Uses much of the stack, and in it calls `inner`.
#[inline(never)]
fn deep<T>(inner: impl FnOnce() -> T) -> T {
    let frame = std::hint::black_box([0_u64; 8192]);
    let result = inner();
    std::hint::black_box(&frame);
    result
}

#[test]
fn a_handle_in_a_waiting_call_is_held_and_what_ended_calls_left_on_the_stack_is_not() {
    let play = |wait_inside: bool| {
        let (tell, told) = std::sync::mpsc::channel();
        let mut client = Client::new();
        std::thread::spawn(move || {
            let wait = |handle: u64| {
                tell.send(()).ok();
                loop {
                    std::thread::park();
                    std::hint::black_box(&handle);
                }
            };
            match wait_inside {
                true => deep(|| keep(&mut client, wait)),
                false => deep(|| keep(&mut client, drop)),
            }
            wait(0);
        });
        told.recv().ok();
    };
    assert_eq!(held(&start("", || play(true)), Kind::MemoryHandle), [true]);
    assert_eq!(
        held(&start("", || play(false)), Kind::MemoryHandle),
        [false]
    );
}

#[test]
fn a_process_finds_in_its_own_memory_its_copies_only() {
    let child = start_in("", |ledger| {
        overwrite_freed_memory();
        let mut client = Client::new();
        let heap = keep(&mut client, Box::new);
        deep(|| keep(&mut client, drop));
        let snapshot = Snapshot::open(ledger).unwrap();
        let held = scan(std::process::id(), &snapshot).unwrap();
        std::fs::write(ledger.with_file_name("held"), format!("{held:?}")).unwrap();
        (client, heap)
    });
    // The context and the first registration.
    assert_eq!(child.read("held"), "{1, 2}");
    assert_eq!(child.snapshot().objects.len(), 3);
}

#[test]
fn in_the_environment_for_it_small_freed_memory_holds_nothing_either() {
    if std::env::var(ENVIRONMENT[1].0).as_deref() != Ok(ENVIRONMENT[1].1) {
        // glibc reads it when a process starts: this test runs itself in one that has it.
        let name = "oracle::ownership::tests::in_the_environment_for_it_small_freed_memory_holds_nothing_either";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let output = again
            .args(["--exact", name])
            .envs(ENVIRONMENT)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    }
    let child = start("", || {
        let mut client = Client::new();
        let place = deep(|| keep(&mut client, |handle| Box::new([0, 0, 0, handle])));
        drop(place);
        client
    });
    assert_eq!(held(&child, Kind::MemoryHandle), [false]);
}

#[test]
fn a_process_that_is_gone_is_an_error() {
    let mut child = start("", Client::new);
    let snapshot = child.snapshot();
    child.end();
    assert!(scan(child.pid, &snapshot).is_err());
}
