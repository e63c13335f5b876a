//! The adversary's moves, one by one: what a client sees of each, and what it does not see.

mod common;
#[path = "moves/writable.rs"]
mod writable;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{memory, request, wakeup, worker};
use mock_ucx::rules::Rule;
use mock_ucx::{Settings, control};
use writable::*;

fn under(faults: &str) -> Settings {
    Settings {
        faults: faults.parse().expect("a specification"),
        ..Settings::default()
    }
}

#[test]
fn a_late_put_lands_and_completes_in_the_progress_call_that_was_decided_and_not_before() {
    alone_with(under("put.complete=+3"), |_| {
        let on = Writable::new(None);
        let log = Log::default();
        let request = on.put(&SOURCE_7, &logged(&log));
        assert!(ptr_is_ptr(request));
        on.progress(2);
        assert_eq!(
            (status(request), on.target[0], log.take()),
            (UcsStatus::INPROGRESS, 0, vec![])
        );
        on.progress(1);
        let told = Told::Completed {
            request,
            status: UcsStatus::OK,
        };
        assert_eq!(
            (status(request), on.target[63], log.take()),
            (UcsStatus::OK, 7, vec![told])
        );
        free(request);
        on.end();
    });
}

#[test]
fn only_the_named_occurrence_is_late() {
    alone_with(under("get.complete@2=+1"), |_| {
        let on = Writable::new(None);
        let mut bytes = [9; 64];
        assert_eq!(on.get(&mut bytes, &plain()), 0);
        assert_eq!(bytes[0], 0);
        assert!(control::is_quiet());
        let late = on.get(&mut bytes, &plain());
        assert!(ptr_is_ptr(late) && !control::is_quiet());
        assert_eq!(on.get(&mut [9; 64], &plain()), 0);
        on.progress(1);
        assert_eq!(status(late), UcsStatus::OK);
        free(late);
        on.end();
    });
}

#[test]
fn a_withheld_get_comes_after_the_healing_only() {
    alone_with(under("get.complete=withheld"), |_| {
        let on = Writable::new(None);
        let mut bytes = [9; 64];
        let request = on.get(&mut bytes, &plain());
        on.progress(1000);
        assert_eq!((status(request), bytes[0]), (UcsStatus::INPROGRESS, 9));
        assert!(control::is_quiet() && !control::is_idle());
        control::heal();
        assert!(!control::is_quiet());
        on.progress(1);
        assert!(control::is_idle());
        assert_eq!((status(request), bytes[0]), (UcsStatus::OK, 0));
        free(request);
        on.end();
    });
}

#[test]
fn a_client_that_polls_long_enough_gets_what_is_withheld() {
    let settings = Settings {
        heal_after: 50,
        ..under("flush.complete=withheld")
    };
    alone_with(settings, |_| {
        let on = Writable::new(None);
        let request = flush(on.pair.ep, &plain());
        on.progress(49);
        assert_eq!(status(request), UcsStatus::INPROGRESS);
        on.progress(2);
        assert_eq!(status(request), UcsStatus::OK);
        free(request);
        on.end();
    });
}

#[test]
fn a_put_that_fails_alone_leaves_its_endpoint_healthy_and_a_later_flush_ok() {
    alone_with(under("put.status@1=IO_ERROR"), |_| {
        let log = Log::default();
        let on = Writable::new(Some(&log));
        let request = on.put(&SOURCE_7, &plain());
        on.progress(1);
        assert_eq!((status(request), on.target[0]), (UcsStatus::IO_ERROR, 0));
        assert_eq!(flush(on.pair.ep, &plain()), 0);
        assert_eq!(on.put(&SOURCE_8, &plain()), 0);
        assert_eq!((on.target[0], log.take()), (8, vec![]));
        free(request);
        on.end();
    });
}

#[test]
fn half_of_a_put_may_have_landed_when_it_fails() {
    alone_with(under("put.status=NO_MEMORY; transfer.partial=half"), |_| {
        let on = Writable::new(None);
        let request = on.put(&SOURCE_7, &plain());
        on.progress(1);
        assert_eq!(status(request), UcsStatus::NO_MEMORY);
        assert_eq!((on.target[31], on.target[32]), (7, 0));
        free(request);
        on.end();
    });
}

#[test]
fn a_put_that_is_complete_at_its_source_lands_at_the_latest_with_a_flush() {
    alone_with(under("put.land=withheld"), |_| {
        let on = Writable::new(None);
        let mut source = [7; 64];
        assert_eq!(on.put(&source, &plain()), 0);
        // The source is the client's again.
        source.fill(1);
        on.progress(100);
        assert_eq!(on.target[0], 0);
        let request = flush(on.pair.ep, &plain());
        assert!(ptr_is_ptr(request), "the flush has something to wait for");
        on.progress(2);
        assert_eq!((status(request), on.target[0]), (UcsStatus::OK, 7));
        free(request);
        on.end();
    });
}

#[test]
fn a_put_whose_request_was_freed_lands_all_the_same() {
    alone_with(under("put.complete=+2"), |_| {
        let on = Writable::new(None);
        free(on.put(&SOURCE_7, &plain()));
        on.progress(1);
        assert_eq!(on.target[0], 0);
        on.progress(1);
        assert_eq!(on.target[0], 7);
        on.end();
    });
}

#[test]
fn a_cancelled_put_goes_on() {
    alone_with(under("put.complete=+2"), |_| {
        let on = Writable::new(None);
        let request = on.put(&SOURCE_7, &plain());
        request::ucp_request_cancel(on.pair.near, request as u64);
        on.progress(2);
        assert_eq!((status(request), on.target[0]), (UcsStatus::OK, 7));
        free(request);
        on.end();
    });
}

#[test]
fn a_flush_waits_for_what_was_posted_before_it_and_not_for_what_comes_later() {
    alone_with(under("put.complete@1=+4; put.complete@2=withheld"), |_| {
        let on = Writable::new(None);
        let first = on.put(&SOURCE_7, &plain());
        let flushed = flush(on.pair.ep, &plain());
        let second = on.put(&SOURCE_8, &plain());
        on.progress(3);
        assert_eq!(status(flushed), UcsStatus::INPROGRESS);
        on.progress(2);
        assert_eq!(
            (status(first), status(flushed)),
            (UcsStatus::OK, UcsStatus::OK)
        );
        assert_eq!(status(second), UcsStatus::INPROGRESS);
        control::heal();
        on.progress(1);
        [first, flushed, second].into_iter().for_each(free);
        on.end();
    });
}

#[test]
fn what_is_due_together_may_complete_in_any_order() {
    alone_with(under("put.complete=+1; progress.order=reverse"), |_| {
        let on = Writable::new(None);
        let log = Log::default();
        let sources = [1, 2, 3].map(|byte| [byte; 64]);
        let requests = sources
            .each_ref()
            .map(|source| on.put(source, &logged(&log)));
        on.progress(1);
        let order: Vec<usize> = log
            .take()
            .iter()
            .map(|told| match told {
                Told::Completed { request, .. } => *request,
                Told::Failed { .. } => 0,
            })
            .collect();
        assert_eq!(order, [requests[2], requests[1], requests[0]]);
        assert_eq!(on.target[0], 1, "the first one landed last");
        requests.into_iter().for_each(free);
        on.end();
    });
}

#[test]
fn an_endpoint_fails_in_the_progress_call_that_was_named_and_its_requests_before_its_handler() {
    let faults = "put.complete=withheld; ep.fail@3=ENDPOINT_TIMEOUT";
    alone_with(under(faults), |_| {
        let log = Log::default();
        let on = Writable::new(Some(&log));
        let request = on.put(&SOURCE_7, &logged(&log));
        on.progress(2);
        assert_eq!(log.take(), []);
        on.progress(1);
        let status_told = UcsStatus::ENDPOINT_TIMEOUT;
        let completed = Told::Completed {
            request,
            status: status_told,
        };
        let failed = Told::Failed {
            ep: on.pair.ep,
            status: status_told,
        };
        assert_eq!(log.take(), [completed, failed]);
        assert_eq!(on.put(&SOURCE_7, &plain()), status_told.to_ptr());
        free(request);
        on.end_failed(status_told);
    });
}

#[test]
fn the_handler_may_come_before_the_requests_fail() {
    let faults = "put.complete=withheld; ep.fail@1=CONNECTION_RESET; ep.handler=first";
    alone_with(under(faults), |_| {
        let log = Log::default();
        let on = Writable::new(Some(&log));
        let request = on.put(&SOURCE_7, &logged(&log));
        on.progress(1);
        let status_told = UcsStatus::CONNECTION_RESET;
        let failed = Told::Failed {
            ep: on.pair.ep,
            status: status_told,
        };
        assert_eq!(
            (log.take(), status(request)),
            (vec![failed], UcsStatus::INPROGRESS)
        );
        on.progress(1);
        let completed = Told::Completed {
            request,
            status: status_told,
        };
        assert_eq!(log.take(), [completed]);
        free(request);
        on.end_failed(status_told);
    });
}

#[test]
fn a_forced_close_cancels_requests_in_the_next_progress_call() {
    let name = "a_forced_close_cancels_requests_in_the_next_progress_call";
    forced_close(name, "", false, UcsStatus::CANCELED);
}

#[test]
fn a_forced_close_may_run_their_callbacks_itself() {
    let name = "a_forced_close_may_run_their_callbacks_itself";
    forced_close(name, "close.force=inline", true, UcsStatus::CANCELED);
}

#[test]
fn a_forced_close_may_let_them_end_well() {
    let name = "a_forced_close_may_let_them_end_well";
    forced_close(name, "close.force=ok", false, UcsStatus::OK);
}

fn forced_close(name: &str, how: &str, inside: bool, ends: UcsStatus) {
    let faults = format!("put.complete=withheld; {how}");
    alone_named(name, under(&faults), |_| {
        let log = Log::default();
        let on = Writable::new(None);
        let source = [7; 64];
        let request = on.put(&source, &logged(&log));
        assert_eq!(close(on.pair.ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        let told = Told::Completed {
            request,
            status: ends,
        };
        assert_eq!(log.take(), if inside { vec![told] } else { vec![] });
        on.progress(1);
        assert_eq!(log.take(), if inside { vec![] } else { vec![told] });
        assert_eq!(on.target[0], if ends == UcsStatus::OK { 7 } else { 0 });
        free(request);
        memory::ucp_rkey_destroy(on.rkey);
        assert_eq!(
            memory::ucp_mem_unmap(on.pair.context, on.memh),
            UcsStatus::OK
        );
        worker::ucp_worker_destroy(on.pair.near);
        worker::ucp_worker_destroy(on.pair.far);
        mock_ucx::abi::library::ucp_cleanup(on.pair.context);
    });
}

#[test]
fn a_peer_that_goes_without_a_word_is_noticed_late() {
    alone_with(under("peer.notice=+5"), |_| {
        let log = Log::default();
        let on = Writable::new(Some(&log));
        let peer = worker(on.pair.context, UCS_THREAD_MODE_SINGLE);
        let ep = connect(on.pair.near, peer, UCP_ERR_HANDLING_MODE_PEER, Some(&log));
        worker::ucp_worker_destroy(peer);
        let request = send(ep, 1, &[], &[1], &plain());
        assert!(
            ptr_is_ptr(request),
            "nobody knows yet that the peer is gone"
        );
        on.progress(4);
        assert_eq!(
            (log.take(), status(request)),
            (vec![], UcsStatus::INPROGRESS)
        );
        on.progress(1);
        let status_told = UcsStatus::ENDPOINT_TIMEOUT;
        let told = Told::Failed {
            ep,
            status: status_told,
        };
        assert_eq!((log.take(), status(request)), (vec![told], status_told));
        free(request);
        assert_eq!(close(ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        on.end();
    });
}

#[test]
fn an_ended_handle_comes_again_and_its_old_use_is_one_of_the_new_object() {
    alone_with(under("handle.reuse=reuse"), |mock| {
        let on = Writable::new(None);
        let memh = register(on.pair.context, &on.target);
        assert_eq!(memory::ucp_mem_unmap(on.pair.context, memh), UcsStatus::OK);
        assert_eq!(
            memory::ucp_mem_unmap(on.pair.context, memh),
            UcsStatus::INVALID_PARAM
        );
        mock.breaks(Rule::MemoryTwice);
        let again = register(on.pair.context, &on.target);
        assert_eq!(again, memh);
        assert_eq!(memory::ucp_mem_unmap(on.pair.context, again), UcsStatus::OK);
        on.end();
    });
}

#[test]
fn arm_is_busy_or_fails_only_so_often_and_a_spurious_signal_is_harmless() {
    alone_with(under("arm.status=BUSY; wakeup.spurious=signal"), |_| {
        let on = Writable::new(None);
        let near = on.pair.near;
        let mut fd = -1;
        // SAFETY: the descriptor is writable.
        let got = unsafe { wakeup::ucp_worker_get_efd(near, &raw mut fd) };
        assert_eq!(got, UcsStatus::OK);
        let busy = std::iter::repeat_with(|| wakeup::ucp_worker_arm(near))
            .take_while(|status| *status == UcsStatus::BUSY)
            .count();
        assert_eq!(busy, 8);
        on.end();
    });
}

#[test]
fn a_buffer_that_went_while_its_transfer_ran_is_a_finding_and_no_crash() {
    alone_with(under("put.complete=+1"), |mock| {
        let on = Writable::new(None);
        // SAFETY: a fresh mapping of one page.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        // SAFETY: the page is mapped.
        let bytes = unsafe { std::slice::from_raw_parts(page.cast::<u8>(), 64) };
        let request = on.put(bytes, &plain());
        // SAFETY: nothing refers to the page any more but the transfer, which is the point.
        unsafe { libc::munmap(page, 4096) };
        on.progress(1);
        assert_eq!(status(request), UcsStatus::IO_ERROR);
        mock.breaks(Rule::RmaBusyBuffer);
        free(request);
        memory::ucp_rkey_destroy(on.rkey);
        assert_eq!(
            memory::ucp_mem_unmap(on.pair.context, on.memh),
            UcsStatus::OK
        );
        on.pair.end_as(UcsStatus::IO_ERROR);
    });
}

#[test]
fn a_decision_that_ucx_does_not_permit_is_refused_by_the_specification() {
    for refused in [
        "ucp_rkey_pack=withheld",
        "put.complete=NO_MEMORY",
        "arm.status=+1",
    ] {
        assert!(
            refused.parse::<mock_ucx::schedule::FaultSpec>().is_err(),
            "{refused}"
        );
    }
}

#[test]
fn what_an_operation_under_way_uses_is_not_given_back() {
    alone_with(under("put.complete=+1"), |mock| {
        let on = Writable::new(None);
        let (source, request) = on.put_registered();
        // The request is freed, the operation goes on.
        free(request);
        let context = on.pair.context;
        assert_eq!(memory::ucp_mem_unmap(context, source), UcsStatus::OK);
        mock.breaks(Rule::MemoryInUse);
        memory::ucp_rkey_destroy(on.rkey);
        mock.breaks(Rule::RkeyInUse);
        assert_eq!(memory::ucp_mem_unmap(context, on.memh), UcsStatus::OK);
        mock.breaks(Rule::MemoryInRemoteUse);
        on.progress(1);
        assert_eq!(on.target[0], 0, "nothing lands in memory that was unmapped");
        on.pair.end_failed();
    });
}

#[test]
fn the_source_of_a_put_that_is_complete_there_is_given_back_before_the_bytes_land() {
    alone_with(under("put.land=withheld"), |_| {
        let on = Writable::new(None);
        let (source, request) = on.put_registered();
        assert_eq!(request, 0);
        assert_eq!(
            memory::ucp_mem_unmap(on.pair.context, source),
            UcsStatus::OK
        );
        free(flush(on.pair.ep, &plain()));
        on.progress(2);
        assert_eq!(on.target[0], 7);
        on.end();
    });
}

#[test]
fn the_key_and_the_target_of_a_put_that_is_complete_at_its_source_stay_until_the_bytes_land() {
    alone_with(under("put.land=+3"), |mock| {
        let on = Writable::new(None);
        assert_eq!(on.put(&SOURCE_7, &plain()), 0);
        memory::ucp_rkey_destroy(on.rkey);
        mock.breaks(Rule::RkeyInUse);
        let context = on.pair.context;
        assert_eq!(memory::ucp_mem_unmap(context, on.memh), UcsStatus::OK);
        mock.breaks(Rule::MemoryInRemoteUse);
        on.progress(3);
        assert_eq!(on.target[0], 0, "nothing lands in memory that was unmapped");
        on.pair.end_failed();
    });
}

#[test]
fn what_an_operation_used_is_given_back_after_its_completion() {
    alone_with(under("put.complete=+1"), |_| {
        let on = Writable::new(None);
        let (source, request) = on.put_registered();
        free(request);
        on.progress(1);
        assert_eq!(
            memory::ucp_mem_unmap(on.pair.context, source),
            UcsStatus::OK
        );
        on.end();
    });
}
