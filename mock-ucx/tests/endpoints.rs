//! Endpoints: how they are closed, and what is told when the peer is gone.

mod common;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{endpoint, library, memory, worker};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;

#[test]
fn a_destroyed_peer_is_told_once() {
    alone(|mock| {
        let log = Log::default();
        let pair = Pair::on(context(), UCS_THREAD_MODE_SINGLE, Some(&log));
        worker::ucp_worker_destroy(pair.far);
        assert_eq!(log.take(), [], "only a progress call tells");
        drain(pair.near);
        let (ep, status) = (pair.ep, UcsStatus::CONNECTION_RESET);
        assert_eq!(log.take(), [Told::Failed { ep, status }]);
        assert_eq!(flush(ep, &plain()), status.to_ptr());
        assert_eq!(send(ep, 1, &[], &[1], &plain()), status.to_ptr());
        drain(pair.near);
        assert_eq!(log.take(), []);
        assert_eq!(close(ep, 0), status.to_ptr());
        assert_eq!(mock.live(Kind::Endpoint), 0, "it is gone all the same");
        worker::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

/// A message that is under way when its peer goes, and whose worker goes before a progress call: what is told of it.
fn told_in_the_end(name: &str, faults: &str) {
    let withheld = format!("am.complete=withheld; {faults}");
    alone_named(name, late(&withheld), |mock| {
        let log = Log::default();
        let pair = Pair::new();
        let request = send(pair.ep, 1, &[], &[1], &logged(&log));
        worker::ucp_worker_destroy(pair.far);
        assert_eq!(close(pair.ep, 0), UcsStatus::CONNECTION_RESET.to_ptr());
        assert_eq!(log.take(), []);
        worker::ucp_worker_destroy(pair.near);
        let canceled = Told::Completed {
            request,
            status: UcsStatus::CANCELED,
        };
        if faults.is_empty() {
            assert_eq!(log.take(), [canceled]);
            // The callback could have freed it.
            mock.breaks(Rule::WorkerRequests);
        } else {
            assert_eq!(log.take(), []);
        }
        mock.leaves(Kind::Request, 1);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn what_ended_with_its_endpoint_is_told_at_the_latest_while_its_worker_is_destroyed() {
    let name = "what_ended_with_its_endpoint_is_told_at_the_latest_while_its_worker_is_destroyed";
    told_in_the_end(name, "");
}

#[test]
fn what_ended_with_its_endpoint_is_never_heard_of_again_if_the_adversary_will_have_it_so() {
    let name =
        "what_ended_with_its_endpoint_is_never_heard_of_again_if_the_adversary_will_have_it_so";
    told_in_the_end(name, "destroy.requests=silent");
}

#[test]
fn nothing_is_told_of_an_endpoint_that_is_closed() {
    alone(|_| {
        let log = Log::default();
        let pair = Pair::on(context(), UCS_THREAD_MODE_SINGLE, Some(&log));
        worker::ucp_worker_destroy(pair.far);
        assert_eq!(close(pair.ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        drain(pair.near);
        assert_eq!(log.take(), []);
        worker::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn without_error_handling_nothing_is_told_but_operations_fail() {
    alone(|_| {
        let log = Log::default();
        let pair = Pair::new();
        let ep = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_NONE, Some(&log));
        worker::ucp_worker_destroy(pair.far);
        drain(pair.near);
        assert_eq!(log.take(), []);
        assert_eq!(flush(ep, &plain()), UcsStatus::CONNECTION_RESET.to_ptr());
        drain(pair.near);
        assert_eq!(log.take(), []);
        let reset = UcsStatus::CONNECTION_RESET.to_ptr();
        assert_eq!((close(ep, 0), close(pair.ep, 0)), (reset, reset));
        worker::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn the_user_data_of_an_endpoint_goes_before_its_handlers_argument() {
    unsafe extern "C-unwind" fn expect_two(
        argument: *mut std::ffi::c_void,
        _: UcpEpH,
        _: UcsStatus,
    ) {
        assert_eq!(argument as u64, 2);
    }
    alone(|mock| {
        let pair = Pair::new();
        let blob = address(pair.far);
        let params = UcpEpParams {
            field_mask: UCP_EP_PARAM_FIELD_REMOTE_ADDRESS
                | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
                | UCP_EP_PARAM_FIELD_ERR_HANDLER
                | UCP_EP_PARAM_FIELD_USER_DATA,
            address: blob as _,
            err_mode: UCP_ERR_HANDLING_MODE_PEER,
            err_handler: UcpErrHandler {
                cb: Some(expect_two),
                arg: 1 as _,
            },
            user_data: 2 as _,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let ep = made(|out| unsafe { endpoint::ucp_ep_create(pair.near, &raw const params, out) });
        worker::ucp_worker_release_address(pair.far, blob);
        worker::ucp_worker_destroy(pair.far);
        drain(pair.near);
        for ep in [ep.expect("an endpoint"), pair.ep] {
            assert_eq!(close(ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        }
        assert_eq!(mock.live(Kind::Endpoint), 0);
        worker::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_forced_close_without_error_handling_is_refused_and_the_endpoint_lives_on() {
    alone(|mock| {
        let pair = Pair::new();
        let ep = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_NONE, None);
        let refused = UcsStatus::INVALID_PARAM.to_ptr();
        assert_eq!(close(ep, UCP_EP_CLOSE_FLAG_FORCE), refused);
        mock.breaks(Rule::EndpointForce);
        assert_eq!(
            endpoint::ucp_ep_close_nb(ep, UCP_EP_CLOSE_MODE_FORCE),
            refused
        );
        mock.breaks(Rule::EndpointForce);
        assert_eq!(flush(ep, &plain()), 0);
        assert_eq!(endpoint::ucp_ep_close_nb(ep, UCP_EP_CLOSE_MODE_FLUSH), 0);
        pair.end();
    });
}

#[test]
fn a_closed_endpoint_is_neither_used_nor_closed_again() {
    alone(|mock| {
        let pair = Pair::new();
        let ep = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_PEER, None);
        assert_eq!(close(ep, 0), 0);
        assert_eq!(flush(ep, &plain()), UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::EndpointClosed);
        assert_eq!(close(ep, 0), UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::EndpointTwice);
        pair.end();
    });
}

#[test]
fn a_destination_is_a_whole_worker_address() {
    alone(|mock| {
        let pair = Pair::new();
        let create = |mask, address| {
            let params = UcpEpParams {
                field_mask: mask,
                address,
                ..zeroed()
            };
            // SAFETY: the structure is right, and the mock reads any address safely.
            made(|out| unsafe { endpoint::ucp_ep_create(pair.near, &raw const params, out) })
        };
        assert_eq!(create(0, std::ptr::null()), Err(UcsStatus::INVALID_PARAM));
        mock.breaks(Rule::EndpointTarget);
        let garbage = [0x5a_u8; 256];
        for address in [garbage.as_ptr() as u64, 0, 8] {
            let refused = create(UCP_EP_PARAM_FIELD_REMOTE_ADDRESS, address as _);
            assert_eq!(refused, Err(UcsStatus::INVALID_ADDR));
            mock.breaks(Rule::AddressBlob);
        }
        pair.end();
    });
}

#[test]
fn a_key_is_unpacked_from_a_whole_packed_key() {
    alone(|mock| {
        let pair = Pair::new();
        let garbage = [0x5a_u8; 256];
        for blob in [garbage.as_ptr() as u64, 8] {
            // SAFETY: the mock reads any address safely.
            let refused = made(|out| unsafe { memory::ucp_ep_rkey_unpack(pair.ep, blob, out) });
            assert_eq!(refused, Err(UcsStatus::INVALID_PARAM));
            mock.breaks(Rule::RkeyBlob);
        }
        pair.end();
    });
}

#[test]
fn the_cost_of_a_message_grows_with_it_and_must_be_asked_for() {
    alone(|mock| {
        let pair = Pair::new();
        let cost = |mask, message_size| {
            let param = UcpEpEvaluatePerfParam {
                field_mask: UCP_EP_PERF_PARAM_FIELD_MESSAGE_SIZE,
                message_size,
            };
            let mut attr = UcpEpEvaluatePerfAttr {
                field_mask: mask,
                estimated_time: -1.0,
            };
            // SAFETY: both structures are right.
            let status =
                unsafe { endpoint::ucp_ep_evaluate_perf(pair.ep, &raw const param, &raw mut attr) };
            (status, attr.estimated_time)
        };
        let (small, large) = (
            cost(UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME, 1),
            cost(UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME, 1 << 30),
        );
        assert!(small.0 == UcsStatus::OK && small.1 > 0.0 && large.1 > small.1);
        assert_eq!(cost(0, 1), (UcsStatus::INVALID_PARAM, -1.0));
        mock.breaks(Rule::EndpointPerf);
        pair.end();
    });
}
