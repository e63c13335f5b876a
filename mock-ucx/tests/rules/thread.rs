//! Threads.

use std::ffi::c_void;
use std::sync::Barrier;
use std::thread;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory, request, worker as workers};
use mock_ucx::rules::Rule;

use crate::common::*;

/// Runs something on another thread, and waits for it.
fn elsewhere<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(body).join().expect("the other thread"))
}

#[test]
fn everything_of_a_single_threads_worker_is_for_that_thread_only() {
    alone(|mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let rkey = remote_key(pair.context, memh, pair.ep);
        let data = [1; 64];
        listen(pair.far, 1, Some(ignore), 0);
        let running = send(pair.ep, 1, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        elsewhere(|| {
            workers::ucp_worker_progress(pair.near);
            assert_eq!(flush(pair.ep, &plain()), 0);
            assert_eq!(put(pair.ep, &[1], bytes.as_ptr() as u64, rkey, &plain()), 0);
            memory::ucp_rkey_destroy(rkey);
            request::ucp_request_check_status(running as u64);
            address(pair.near);
        });
        mock.expect([Rule::ThreadSingle; 6]);
        drain(pair.far);
        drain(pair.near);
        free(running);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        assert_eq!(close(pair.ep, 0), 0);
        workers::ucp_worker_destroy(pair.near);
        mock.breaks(Rule::AddressRelease);
        mock.leaves(mock_ucx::ledger::Kind::Address, 1);
        workers::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn each_thread_may_have_a_worker_of_its_own_and_share_the_registrations() {
    alone(|_| {
        let shared = context_with(&UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_MT_WORKERS_SHARED,
            features: UCP_FEATURE_RMA | UCP_FEATURE_AM,
            mt_workers_shared: 1,
            ..zeroed()
        });
        let bytes = [0; 8];
        let memh = register(shared, &bytes);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let near = worker(shared, UCS_THREAD_MODE_SINGLE);
                    let ep = connect(near, near, UCP_ERR_HANDLING_MODE_PEER, None);
                    let rkey = remote_key(shared, memh, ep);
                    memory::ucp_rkey_destroy(rkey);
                    assert_eq!(close(ep, 0), 0);
                    workers::ucp_worker_destroy(near);
                });
            }
        });
        assert_eq!(memory::ucp_mem_unmap(shared, memh), UcsStatus::OK);
        library::ucp_cleanup(shared);
    });
}

/// Where the thread inside a callback and the other one meet: before and after the other's call.
struct Meeting {
    inside: Barrier,
    done: Barrier,
}

impl Meeting {
    fn new() -> Meeting {
        Meeting {
            inside: Barrier::new(2),
            done: Barrier::new(2),
        }
    }
}

/// A handler that stays inside until the other thread has made its call.
unsafe extern "C-unwind" fn stay(
    meeting: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the argument is a meeting that outlives the message.
    let meeting = unsafe { &*meeting.cast::<Meeting>() };
    meeting.inside.wait();
    meeting.done.wait();
    UcsStatus::OK
}

#[test]
fn another_threads_progress_beside_a_callback_breaks_the_thread_mode_and_not_the_callbacks_rule() {
    alone(|mock| {
        let pair = Pair::on(context(), UCS_THREAD_MODE_SINGLE, None);
        let meeting = Meeting::new();
        listen(pair.far, 1, Some(stay), &raw const meeting as u64);
        listen(pair.far, 2, Some(ignore), 0);
        assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), 0);
        thread::scope(|scope| {
            scope.spawn(|| workers::ucp_worker_progress(pair.far));
            meeting.inside.wait();
            for _ in 0..2 {
                assert_eq!(send(pair.ep, 2, &[], &[1], &plain()), 0);
                workers::ucp_worker_progress(pair.far);
            }
            meeting.done.wait();
        });
        mock.breaks(Rule::ThreadSingle);
        drain(pair.far);
        pair.end();
    });
}

/// Makes a call on the worker while another thread is in a callback that this runs, and the same call afterwards.
fn while_progressed(thread_mode: u32, call: impl Fn(&Pair) + Sync) {
    let pair = Pair::on(context(), thread_mode, None);
    let meeting = Meeting::new();
    listen(pair.far, 1, Some(stay), &raw const meeting as u64);
    assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), 0);
    thread::scope(|scope| {
        scope.spawn(|| drain(pair.far));
        meeting.inside.wait();
        call(&pair);
        meeting.done.wait();
    });
    call(&pair);
    pair.end();
}

fn query_mode(worker: u64) {
    let mut attr = UcpWorkerAttr {
        field_mask: UCP_WORKER_ATTR_FIELD_THREAD_MODE,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    let status = unsafe { workers::ucp_worker_query(worker, &raw mut attr) };
    assert_eq!(status, UcsStatus::OK);
}

#[test]
fn two_threads_inside_a_serialized_worker_are_found() {
    alone(|mock| {
        while_progressed(UCS_THREAD_MODE_SERIALIZED, |pair| query_mode(pair.far));
        mock.breaks(Rule::ThreadSerialized);
        while_progressed(UCS_THREAD_MODE_SERIALIZED, |pair| {
            workers::ucp_worker_progress(pair.far);
        });
        mock.breaks(Rule::ThreadSerialized);
    });
}

#[test]
fn two_threads_inside_a_worker_for_many_or_in_two_workers_are_not() {
    alone(|_| {
        while_progressed(UCS_THREAD_MODE_MULTI, |pair| query_mode(pair.far));
        while_progressed(UCS_THREAD_MODE_SERIALIZED, |pair| query_mode(pair.near));
    });
}

#[test]
fn threads_that_take_turns_in_a_serialized_worker_are_not_found() {
    alone(|_| {
        let pair = Pair::on(context(), UCS_THREAD_MODE_SERIALIZED, None);
        let lock = std::sync::Mutex::new(());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let _turn = lock.lock().expect("the lock");
                        assert_eq!(flush(pair.ep, &plain()), 0);
                        workers::ucp_worker_progress(pair.near);
                    }
                });
            }
        });
        pair.end();
    });
}

/// Registers and gives back, on two threads at once, until a breach was seen or a bound was reached.
fn register_at_once(mock: &Mock, context: u64) {
    let seen = || {
        let findings = mock.snapshot().findings;
        findings
            .iter()
            .any(|found| found.rule == Rule::ThreadContext)
    };
    let bytes = [0; 8];
    for _ in 0..1000 {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let memh = register(context, &bytes);
                        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
                    }
                });
            }
        });
        if seen() {
            return;
        }
    }
}

#[test]
fn two_threads_inside_a_context_for_one_are_found_if_it_has_two_workers() {
    alone(|mock| {
        let context = context();
        let both = [(); 2].map(|()| worker(context, UCS_THREAD_MODE_SINGLE));
        register_at_once(mock, context);
        let findings = mock.snapshot().findings;
        assert!(!findings.is_empty(), "they never met");
        assert!(
            findings
                .iter()
                .all(|found| found.rule == Rule::ThreadContext)
        );
        let count = findings.iter().map(|found| found.count as usize).sum();
        mock.expect(std::iter::repeat_n(Rule::ThreadContext, count));
        for worker in both {
            workers::ucp_worker_destroy(worker);
        }
        library::ucp_cleanup(context);
    });
}

#[test]
fn two_threads_inside_a_context_with_one_worker_or_inside_a_shared_one_are_not() {
    alone(|mock| {
        let context = context();
        let worker = worker(context, UCS_THREAD_MODE_MULTI);
        let bytes = [0; 8];
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..5000 {
                        let memh = register(context, &bytes);
                        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
                    }
                });
            }
        });
        mock.expect([]);
        workers::ucp_worker_destroy(worker);
        library::ucp_cleanup(context);
    });
}
