//! Workers: several of them, wake-up, threads, callbacks that go too far, and what is left behind.

mod common;

use std::ffi::c_void;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::{ptr, thread};

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{active_message, library, memory, wakeup, worker};
use mock_ucx::ledger::{Kind, ObjectState};
use mock_ucx::rules::Rule;

/// Sets a handler for messages with id 1.
fn listen(worker: u64, callback: UcpAmRecvCallback, argument: u64) {
    let param = UcpAmHandlerParam {
        field_mask: UCP_AM_HANDLER_PARAM_FIELD_ID
            | UCP_AM_HANDLER_PARAM_FIELD_CB
            | UCP_AM_HANDLER_PARAM_FIELD_ARG,
        id: 1,
        cb: callback,
        arg: argument as *mut c_void,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    let status =
        unsafe { active_message::ucp_worker_set_am_recv_handler(worker, &raw const param) };
    assert_eq!(status, UcsStatus::OK);
}

unsafe extern "C-unwind" fn count(
    counter: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the argument is a counter that outlives the handler.
    unsafe { &*counter.cast::<AtomicU32>() }.fetch_add(1, Relaxed);
    UcsStatus::OK
}

fn descriptor(worker: u64) -> i32 {
    let mut fd = -1;
    // SAFETY: the pointer is writable.
    let status = unsafe { wakeup::ucp_worker_get_efd(worker, &raw mut fd) };
    assert_eq!(status, UcsStatus::OK);
    fd
}

/// Whether a sleeper on this descriptor would wake.
fn wakes(fd: i32) -> bool {
    let mut poll = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure is given.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

#[test]
fn an_armed_worker_wakes_at_the_next_event_and_once_only() {
    alone(|mock| {
        let pair = Pair::new();
        let fd = descriptor(pair.far);
        assert_eq!(descriptor(pair.far), fd);
        send(pair.ep, 1, &[], &[1], &plain());
        assert!(!wakes(fd), "it was not armed");
        assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::BUSY);
        drain(pair.far);
        assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::OK);
        assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::OK);
        assert!(!wakes(fd));
        send(pair.ep, 1, &[], &[1], &plain());
        assert!(wakes(fd));
        drain(pair.far);
        assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::OK);
        assert!(!wakes(fd), "arming took the old signal");
        mock.expect([Rule::AmUnheard, Rule::AmUnheard]);
        pair.end();
    });
}

#[test]
fn a_failed_endpoint_wakes_its_worker() {
    alone(|_| {
        let pair = Pair::new();
        let fd = descriptor(pair.near);
        assert_eq!(wakeup::ucp_worker_arm(pair.near), UcsStatus::OK);
        worker::ucp_worker_destroy(pair.far);
        assert!(wakes(fd));
        assert_eq!(close(pair.ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        worker::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn who_arms_before_asking_for_the_descriptor_is_woken_too() {
    alone(|_| {
        let pair = Pair::new();
        assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::OK);
        send(pair.ep, 1, &[], &[1], &plain());
        assert!(wakes(descriptor(pair.far)));
        pair.end();
    });
}

fn worker_with(context: u64, params: &UcpWorkerParams) -> Result<u64, UcsStatus> {
    // SAFETY: the structure is right.
    made(|out| unsafe { worker::ucp_worker_create(context, params, out) })
}

#[test]
fn a_worker_wakes_who_sleeps_on_an_epoll_set_of_the_client() {
    alone(|mock| {
        let pair = Pair::new();
        // SAFETY: a plain system call.
        let set = unsafe { libc::epoll_create1(0) };
        let params = UcpWorkerParams {
            field_mask: UCP_WORKER_PARAM_FIELD_EVENT_FD | UCP_WORKER_PARAM_FIELD_USER_DATA,
            event_fd: set,
            user_data: 0x1234 as _,
            ..zeroed()
        };
        let far = worker_with(pair.context, &params).expect("a worker");
        let mut fd = -1;
        // SAFETY: the pointer is writable.
        let answer = unsafe { wakeup::ucp_worker_get_efd(far, &raw mut fd) };
        assert_eq!((answer, fd), (UcsStatus::UNSUPPORTED, -1));
        mock.breaks(Rule::WakeupExternal);
        let ep = connect(pair.near, far, UCP_ERR_HANDLING_MODE_NONE, None);
        assert_eq!(wakeup::ucp_worker_arm(far), UcsStatus::OK);
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event is given.
        let mut woken = || unsafe { libc::epoll_wait(set, &raw mut event, 1, 0) };
        assert_eq!(woken(), 0);
        send(ep, 1, &[], &[1], &plain());
        assert_eq!(woken(), 1);
        assert_eq!({ event.u64 }, 0x1234);
        assert_eq!(close(ep, 0), 0);
        worker::ucp_worker_destroy(far);
        pair.end();
    });
}

#[test]
fn a_descriptor_that_is_none_is_refused() {
    alone(|_| {
        let pair = Pair::new();
        let params = UcpWorkerParams {
            field_mask: UCP_WORKER_PARAM_FIELD_EVENT_FD,
            event_fd: -1,
            ..zeroed()
        };
        let refused = worker_with(pair.context, &params);
        assert_eq!(refused, Err(UcsStatus::IO_ERROR));
        pair.end();
    });
}

#[test]
fn an_alignment_is_a_power_of_two_or_nothing() {
    alone(|_| {
        let pair = Pair::new();
        let aligned = |am_alignment| {
            let params = UcpWorkerParams {
                field_mask: UCP_WORKER_PARAM_FIELD_AM_ALIGNMENT,
                am_alignment,
                ..zeroed()
            };
            worker_with(pair.context, &params).map(|made| worker::ucp_worker_destroy(made))
        };
        assert_eq!([0, 1, 64].map(aligned), [Ok(()); 3]);
        assert_eq!(aligned(3), Err(UcsStatus::INVALID_PARAM));
        pair.end();
    });
}

#[test]
fn wake_up_needs_the_feature() {
    alone(|mock| {
        let context = context_with(&UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES,
            features: UCP_FEATURE_AM,
            ..zeroed()
        });
        let pair = Pair::on(context, UCS_THREAD_MODE_SINGLE, None);
        assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::INVALID_PARAM);
        mock.breaks(Rule::WakeupFeature);
        pair.end();
    });
}

#[test]
fn several_workers_get_each_their_own_messages() {
    alone(|_| {
        let context = context();
        let counters: [AtomicU32; 3] = Default::default();
        let workers = [(); 3].map(|()| worker(context, UCS_THREAD_MODE_SINGLE));
        let mut endpoints = Vec::new();
        for (to, worker) in workers.iter().enumerate() {
            listen(*worker, Some(count), ptr::from_ref(&counters[to]) as u64);
            for from in workers {
                endpoints.push((connect(from, *worker, UCP_ERR_HANDLING_MODE_PEER, None), to));
            }
        }
        for (ep, to) in &endpoints {
            for _ in 0..=*to {
                assert_eq!(send(*ep, 1, &[], &[1], &plain()), 0);
            }
        }
        workers.into_iter().for_each(drain);
        assert_eq!(counters.map(AtomicU32::into_inner), [3, 6, 9]);
        for (ep, _) in endpoints {
            assert_eq!(close(ep, 0), 0);
        }
        workers
            .into_iter()
            .for_each(|worker| worker::ucp_worker_destroy(worker));
        library::ucp_cleanup(context);
    });
}

#[test]
fn two_threads_that_post_and_progress_at_once_lose_no_message() {
    const MESSAGES: u32 = 20_000;
    alone(|_| {
        let counter = AtomicU32::new(0);
        let pair = Pair::on(context(), UCS_THREAD_MODE_MULTI, None);
        let back = connect(pair.far, pair.near, UCP_ERR_HANDLING_MODE_PEER, None);
        for worker in [pair.near, pair.far] {
            listen(worker, Some(count), &raw const counter as u64);
        }
        let log = Log::default();
        let run = |ep, other| {
            for number in 0..MESSAGES {
                let forced = with(logged(&log), UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
                match send(ep, 1, &[], &number.to_le_bytes(), &forced) {
                    request if ptr_is_ptr(request) => free(request),
                    refused => panic!("{}", ptr_status(refused)),
                }
                for worker in [pair.near, pair.far] {
                    worker::ucp_worker_progress(worker);
                }
                assert_eq!(flush(other, &plain()), 0);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| run(pair.ep, back));
            scope.spawn(|| run(back, pair.ep));
        });
        drain(pair.near);
        drain(pair.far);
        assert_eq!(counter.load(Relaxed), 2 * MESSAGES);
        assert_eq!(log.take().len(), 2 * MESSAGES as usize);
        assert_eq!(close(back, 0), 0);
        pair.end();
    });
}

/// A handler that notices when another thread runs it at the same time.
unsafe extern "C-unwind" fn run_alone(
    inside: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the argument is a counter that outlives the handler.
    let inside = unsafe { &*inside.cast::<AtomicU32>() };
    assert_eq!(inside.fetch_add(1, Relaxed), 0, "two callbacks at once");
    thread::yield_now();
    inside.fetch_sub(1, Relaxed);
    UcsStatus::OK
}

#[test]
fn callbacks_of_one_worker_run_one_at_a_time_whoever_progresses_it() {
    alone(|_| {
        let inside = AtomicU32::new(0);
        let pair = Pair::on(context(), UCS_THREAD_MODE_MULTI, None);
        listen(pair.far, Some(run_alone), &raw const inside as u64);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        send(pair.ep, 1, &[], &[1], &plain());
                        worker::ucp_worker_progress(pair.far);
                    }
                });
            }
        });
        drain(pair.far);
        pair.end();
    });
}

/// A handler that progresses the worker it is given.
unsafe extern "C-unwind" fn progress(
    worker: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    assert_eq!(worker::ucp_worker_progress(worker as u64), 0);
    UcsStatus::OK
}

/// A handler that destroys the worker it is given.
unsafe extern "C-unwind" fn destroy(
    worker: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    worker::ucp_worker_destroy(worker as u64);
    UcsStatus::OK
}

#[test]
fn a_callback_that_progresses_or_destroys_its_worker_is_found() {
    alone(|mock| {
        for mode in [UCS_THREAD_MODE_SINGLE, UCS_THREAD_MODE_MULTI] {
            let pair = Pair::on(context(), mode, None);
            listen(pair.far, Some(progress), pair.far);
            send(pair.ep, 1, &[], &[1], &plain());
            drain(pair.far);
            pair.end();
        }
        let rules: Vec<_> = mock
            .snapshot()
            .findings
            .iter()
            .filter(|found| found.rule.info().is_finding())
            .map(|found| (found.rule, found.count))
            .collect();
        assert_eq!(rules, [(Rule::CallbackProgress, 2)]);
        let pair = Pair::new();
        listen(pair.far, Some(destroy), pair.far);
        send(pair.ep, 1, &[], &[1], &plain());
        drain(pair.far);
        pair.end();
        mock.expect([
            Rule::CallbackProgress,
            Rule::CallbackProgress,
            Rule::WorkerTwice,
        ]);
    });
}

#[test]
fn a_callback_may_progress_another_worker() {
    alone(|_| {
        let pair = Pair::new();
        listen(pair.far, Some(progress), pair.near);
        send(pair.ep, 1, &[], &[1], &plain());
        drain(pair.far);
        pair.end();
    });
}

#[test]
fn what_is_left_when_a_worker_goes_is_lost_and_what_was_given_back_is_not() {
    alone(|mock| {
        let pair = Pair::new();
        let target = [0; 64];
        let memh = register(pair.context, &target);
        remote_key(pair.context, memh, pair.ep);
        let data = [1; 64];
        send(pair.ep, 1, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        address(pair.near);
        worker::ucp_worker_destroy(pair.near);
        assert_eq!(mock.notes(Rule::WorkerEndpoints), 1);
        mock.expect([Rule::RkeyWorker, Rule::AddressRelease]);
        let orphans = |state| {
            let snapshot = mock.snapshot();
            let mut kinds: Vec<Kind> = snapshot
                .objects
                .iter()
                .filter(|object| object.state == state)
                .map(|object| object.kind)
                .collect();
            kinds.sort_unstable();
            kinds
        };
        let lost = [Kind::Address, Kind::Endpoint, Kind::Rkey, Kind::Request];
        assert_eq!(orphans(ObjectState::Orphaned), lost);
        lost.into_iter().for_each(|kind| mock.leaves(kind, 1));
        assert_eq!(
            orphans(ObjectState::Alive),
            [Kind::Context, Kind::Worker, Kind::MemoryHandle]
        );
        worker::ucp_worker_destroy(pair.far);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_worker_may_be_told_to_forgive_forgotten_requests() {
    alone(|_| {
        let context = context();
        let params = UcpWorkerParams {
            field_mask: UCP_WORKER_PARAM_FIELD_FLAGS,
            flags: UCP_WORKER_FLAG_IGNORE_REQUEST_LEAK,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let forgiving =
            made(|out| unsafe { worker::ucp_worker_create(context, &raw const params, out) });
        let forgiving = forgiving.expect("a worker");
        let ep = connect(forgiving, forgiving, UCP_ERR_HANDLING_MODE_PEER, None);
        let data = [1; 8];
        send(ep, 1, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        assert_eq!(close(ep, 0), 0);
        worker::ucp_worker_destroy(forgiving);
        library::ucp_cleanup(context);
    });
}

#[test]
fn an_address_is_released_with_the_worker_it_came_from() {
    alone(|mock| {
        let pair = Pair::new();
        let (own, other) = (address(pair.near), address(pair.near));
        worker::ucp_worker_release_address(pair.near, own);
        worker::ucp_worker_release_address(pair.far, other);
        mock.breaks(Rule::AddressRelease);
        pair.end();
    });
}

/// A handler that lets an exception out.
unsafe extern "C-unwind" fn throw(
    _: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    panic!("on purpose");
}

#[test]
fn an_exception_that_leaves_a_callback_goes_on_to_the_caller_and_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, Some(throw), 0);
        send(pair.ep, 1, &[], &[1], &plain());
        let caught = std::panic::catch_unwind(|| worker::ucp_worker_progress(pair.far));
        assert!(caught.is_err());
        assert_eq!(mock.notes(Rule::CallbackUnwinds), 1);
        assert_eq!(
            worker::ucp_worker_progress(pair.far),
            0,
            "it is not in progress any more"
        );
        pair.end();
    });
}
