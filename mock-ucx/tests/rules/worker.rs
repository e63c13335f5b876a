//! Workers, their addresses, and waking up.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory, wakeup, worker as workers};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;

use crate::common::*;

fn descriptor(worker: u64) -> Result<i32, UcsStatus> {
    let mut fd = -1;
    // SAFETY: the pointer is writable.
    match unsafe { wakeup::ucp_worker_get_efd(worker, &raw mut fd) } {
        UcsStatus::OK => Ok(fd),
        status => Err(status),
    }
}

/// An epoll descriptor.
fn epoll() -> OwnedFd {
    // SAFETY: no pointers are involved, and the descriptor is nobody else's.
    unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }
}

/// The data of the one event that an epoll descriptor tells of.
fn told(epoll: &OwnedFd) -> Option<u64> {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: there is room for one event.
    let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), &raw mut event, 1, 0) };
    (count == 1).then_some(event.u64)
}

/// A worker that tells of its events on a descriptor of the client's.
fn worker_on(context: u64, event_fd: i32, data: u64) -> Result<u64, UcsStatus> {
    let params = UcpWorkerParams {
        field_mask: UCP_WORKER_PARAM_FIELD_EVENT_FD | UCP_WORKER_PARAM_FIELD_USER_DATA,
        event_fd,
        user_data: data as _,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    made(|out| unsafe { workers::ucp_worker_create(context, &raw const params, out) })
}

#[test]
fn a_worker_handle_is_a_live_worker() {
    alone(|mock| {
        let context = context();
        let worker = worker(context, UCS_THREAD_MODE_SINGLE);
        assert_eq!(workers::ucp_worker_progress(context), 0);
        mock.breaks(Rule::WorkerHandle);
        assert_eq!(workers::ucp_worker_progress(worker), 0);
        workers::ucp_worker_destroy(worker);
        library::ucp_cleanup(context);
    });
}

#[test]
fn a_complete_request_that_outlives_its_worker_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        let param = with(plain(), UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        let request = send(pair.ep, 1, &[], &[1], &param);
        assert_eq!(status(request), UcsStatus::OK);
        drain(pair.far);
        assert_eq!(close(pair.ep, 0), 0);
        workers::ucp_worker_destroy(pair.near);
        mock.breaks(Rule::WorkerRequests);
        mock.leaves(Kind::Request, 1);
        workers::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_request_that_was_freed_and_one_that_still_runs_are_not() {
    alone(|mock| {
        let pair = Pair::new();
        let data = [1; 64];
        let param = with(plain(), UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        free(send(pair.ep, 1, &[], &data, &param));
        // UCX completes it itself when the worker ends.
        send(pair.ep, 1, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        assert_eq!(close(pair.ep, 0), 0);
        workers::ucp_worker_destroy(pair.near);
        mock.leaves(Kind::Request, 1);
        workers::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_worker_on_the_clients_descriptor_has_none_of_its_own_to_give() {
    alone(|mock| {
        let (context, epoll) = (context(), epoll());
        let worker = worker_on(context, epoll.as_raw_fd(), 7).expect("a worker");
        assert_eq!(descriptor(worker), Err(UcsStatus::UNSUPPORTED));
        mock.breaks(Rule::WakeupExternal);
        workers::ucp_worker_destroy(worker);
        library::ucp_cleanup(context);
    });
}

#[test]
fn a_worker_tells_of_its_events_on_the_clients_descriptor() {
    alone(|_| {
        let (context, epoll) = (context(), epoll());
        let far = worker_on(context, epoll.as_raw_fd(), 7).expect("a worker");
        let near = worker(context, UCS_THREAD_MODE_SINGLE);
        let ep = connect(near, far, UCP_ERR_HANDLING_MODE_PEER, None);
        listen(far, 1, Some(ignore), 0);
        assert_eq!(wakeup::ucp_worker_arm(far), UcsStatus::OK);
        assert_eq!(told(&epoll), None);
        assert_eq!(send(ep, 1, &[], &[1], &plain()), 0);
        assert_eq!(told(&epoll), Some(7));
        drain(far);
        Pair {
            context,
            near,
            far,
            ep,
        }
        .end();
    });
}

#[test]
fn to_arm_for_ever_without_progress_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), 0);
        for _ in 0..1000 {
            assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::BUSY);
        }
        mock.breaks(Rule::ArmBusy);
        drain(pair.far);
        pair.end();
    });
}

#[test]
fn to_arm_again_after_progress_is_not() {
    alone(|_| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        for _ in 0..10 {
            assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), 0);
            for _ in 0..200 {
                assert_eq!(wakeup::ucp_worker_arm(pair.far), UcsStatus::BUSY);
            }
            drain(pair.far);
        }
        pair.end();
    });
}

#[test]
fn to_close_a_workers_descriptor_is_found() {
    alone(|mock| {
        let context = context();
        for reused in [false, true] {
            let worker = worker(context, UCS_THREAD_MODE_SINGLE);
            let fd = descriptor(worker).expect("a descriptor");
            // SAFETY: this is what must not be done; the mock looks before it closes the number again.
            assert_eq!(unsafe { libc::close(fd) }, 0);
            let other = std::fs::File::open("/dev/null").expect("a file");
            if reused {
                assert_eq!(other.as_raw_fd(), fd);
            } else {
                drop(other);
            }
            workers::ucp_worker_destroy(worker);
            mock.breaks(Rule::DescriptorGone);
        }
        library::ucp_cleanup(context);
    });
}

#[test]
fn to_watch_a_workers_descriptor_is_not() {
    alone(|_| {
        let (context, epoll) = (context(), epoll());
        let worker = worker(context, UCS_THREAD_MODE_SINGLE);
        let fd = descriptor(worker).expect("a descriptor");
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: 0,
        };
        // SAFETY: both descriptors are open.
        let added =
            unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) };
        assert_eq!(added, 0);
        workers::ucp_worker_destroy(worker);
        library::ucp_cleanup(context);
    });
}

#[test]
fn a_put_that_is_under_way_when_its_worker_goes_is_found_and_one_that_was_flushed_is_not() {
    alone_with(late("put.complete=+5"), |mock| {
        for flushed in [true, false] {
            let pair = Pair::new();
            let (source, target) = ([1; 8], [0; 8]);
            let memh = register(pair.context, &target);
            let rkey = remote_key(pair.context, memh, pair.ep);
            let remote = target.as_ptr() as u64;
            let mut requests = vec![put(pair.ep, &source, remote, rkey, &plain())];
            if flushed {
                requests.push(flush(pair.ep, &plain()));
                for _ in 0..10 {
                    workers::ucp_worker_progress(pair.near);
                }
                memory::ucp_rkey_destroy(rkey);
            } else {
                mock.leaves(Kind::Rkey, 1);
                mock.leaves(Kind::Endpoint, 1);
            }
            requests
                .into_iter()
                .filter(|request| ptr_is_ptr(*request))
                .for_each(free);
            if flushed {
                assert_eq!(close(pair.ep, 0), 0);
            }
            workers::ucp_worker_destroy(pair.near);
            if !flushed {
                mock.expect([Rule::WorkerUnflushed, Rule::RkeyWorker]);
            }
            workers::ucp_worker_destroy(pair.far);
            assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
            library::ucp_cleanup(pair.context);
        }
    });
}
