//! Forked processes: each has a universe of its own, and the parent's objects are not theirs.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory, worker};
use mock_ucx::control::settings::LEDGER_FOLDER;
use mock_ucx::ledger::ObjectState;
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::rules::Rule;

/// Seconds after which a child that hangs is ended by a signal.
const CHILD_LIFE_S: u32 = 20;

/// Runs `body` in a forked child whose ledger lies in `folder`; returns that, as it was when the child ended without going through exit.
fn fork(folder: &Path, body: impl FnOnce()) -> Option<Snapshot> {
    // SAFETY: the thread that forks sets the variable before; nobody else reads the environment.
    unsafe { std::env::set_var(LEDGER_FOLDER, folder) };
    // SAFETY: the child runs `body`, which calls only the mock, and leaves without going back.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: no pointers are involved.
        unsafe { libc::alarm(CHILD_LIFE_S) };
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        // SAFETY: the process ends here.
        unsafe { libc::_exit(i32::from(caught.is_err())) };
    }
    let mut status = 0;
    // SAFETY: the pointer is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed or hung");
    let prefix = format!("{child}-");
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    let ledger = paths.find(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&prefix) && name.ends_with(".ledger"))
    });
    ledger.map(|path| Snapshot::open(&path).expect("a ledger"))
}

/// How many findings a ledger has that are more than notes.
fn findings(of: &Snapshot) -> usize {
    let counts = of.findings.iter();
    counts
        .filter(|finding| finding.rule.info().is_finding())
        .count()
}

#[test]
fn a_child_works_on_its_own_and_leaves_the_parent_alone() {
    alone(|mock| {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::new();
        let before = mock.snapshot();
        let child = fork(folder.path(), || Pair::new().end()).expect("a ledger");
        assert_eq!(child.forked_from, std::process::id());
        assert_eq!((findings(&child), child.live.iter().sum::<u64>()), (0, 0));
        assert!(
            child
                .objects
                .iter()
                .any(|object| object.state == ObjectState::Inherited)
        );
        assert_eq!(child.left().count(), 0);
        assert_eq!(mock.snapshot().step, before.step);
        pair.end();
    });
}

#[test]
fn the_parents_objects_are_not_for_the_child() {
    alone(|mock| {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let blob = address(pair.near);
        let child = fork(folder.path(), || {
            assert_eq!(worker::ucp_worker_progress(pair.near), 0);
            assert_eq!(flush(pair.ep, &plain()), UcsStatus::INVALID_PARAM.to_ptr());
            worker::ucp_worker_release_address(pair.near, blob);
            library::ucp_cleanup(pair.context);
        });
        let child = child.expect("a ledger");
        let found: Vec<_> = child
            .findings
            .iter()
            .map(|finding| (finding.rule, finding.argument))
            .collect();
        let of = |argument| (Rule::Inherited, Some(argument));
        assert_eq!(found, [of(0), of(0), of(0), of(1), of(0)]);
        assert_eq!(findings(&mock.snapshot()), 0);
        worker::ucp_worker_release_address(pair.near, blob);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

#[test]
fn a_child_that_never_calls_ucx_writes_nothing() {
    alone(|_| {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::new();
        assert!(fork(folder.path(), || {}).is_none());
        pair.end();
    });
}

/// Tells the other thread to stop, also when this one fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_fork_while_another_thread_calls_does_not_hang() {
    alone(|mock| {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = Pair::on(context(), UCS_THREAD_MODE_MULTI, None);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    send(pair.ep, 1, &[], &[1; 8], &plain());
                    drain(pair.far);
                }
            });
            let _stop = Stop(&stop);
            for _ in 0..20 {
                fork(folder.path(), || Pair::new().end()).expect("a ledger");
            }
        });
        // Nobody listens to what the other thread sends.
        let unheard = mock.snapshot().findings;
        mock.expect(
            unheard
                .iter()
                .filter(|finding| finding.rule == Rule::AmUnheard)
                .flat_map(|finding| (0..finding.count).map(|_| Rule::AmUnheard)),
        );
        pair.end();
    });
}
