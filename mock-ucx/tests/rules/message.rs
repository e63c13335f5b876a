//! Active messages.

use std::ffi::c_void;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{active_message, library, message_data, worker as workers};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;

use crate::common::*;

/// A handler that closes the endpoint that it may answer on.
unsafe extern "C-unwind" fn close_reply(
    _: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    param: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the mock gives a whole structure.
    let param = unsafe { &*param };
    assert_ne!(param.recv_attr & UCP_AM_RECV_ATTR_FIELD_REPLY_EP, 0);
    assert_eq!(close(param.reply_ep as u64, 0), 0);
    UcsStatus::OK
}

/// A handler that keeps its data, and says where.
unsafe extern "C-unwind" fn keep(
    place: *mut c_void,
    _: *const c_void,
    _: usize,
    data: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the argument is a place for a pointer.
    unsafe { place.cast::<u64>().write(data as u64) };
    UcsStatus::INPROGRESS
}

#[test]
fn a_reply_endpoint_that_is_closed_is_noted_and_the_next_message_has_another() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        let reply = flagged(UCP_AM_SEND_FLAG_REPLY);
        assert_eq!(send(pair.ep, 1, &[], &[1], &reply), 0);
        drain(pair.far);
        assert_eq!(mock.notes(Rule::AmReply), 0);
        listen(pair.far, 1, Some(close_reply), 0);
        for _ in 0..2 {
            assert_eq!(send(pair.ep, 1, &[], &[1], &reply), 0);
            drain(pair.far);
        }
        assert_eq!(mock.notes(Rule::AmReply), 2);
        pair.end();
    });
}

#[test]
fn data_that_was_kept_and_never_given_back_is_found_when_its_worker_goes() {
    alone(|mock| {
        let pair = Pair::new();
        let data = [1; 64];
        let rendezvous = flagged(UCP_AM_SEND_FLAG_RNDV);
        let mut place = 0_u64;
        listen(pair.far, 1, Some(keep), (&raw mut place) as u64);
        let requests = [(); 2].map(|()| {
            let request = send(pair.ep, 1, &[], &data, &rendezvous);
            drain(pair.far);
            request
        });
        message_data::ucp_am_data_release(pair.far, place);
        drain(pair.near);
        workers::ucp_worker_destroy(pair.far);
        mock.breaks(Rule::AmData);
        mock.leaves(Kind::AmData, 1);
        drain(pair.near);
        requests.into_iter().for_each(free);
        assert_eq!(close(pair.ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        workers::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn to_receive_nothing_of_a_rendezvous_ends_it_well() {
    alone(|_| {
        let pair = Pair::new();
        let data = [1; 64];
        let mut place = 0_u64;
        listen(pair.far, 1, Some(keep), (&raw mut place) as u64);
        let request = send(pair.ep, 1, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        drain(pair.far);
        // SAFETY: no byte is received.
        let received = unsafe {
            message_data::ucp_am_recv_data_nbx(
                pair.far,
                place,
                std::ptr::null_mut(),
                0,
                &raw const *Box::new(plain()),
            )
        };
        assert_eq!(received, 0);
        drain(pair.near);
        assert_eq!(status(request), UcsStatus::OK);
        free(request);
        pair.end();
    });
}

#[test]
fn messages_need_their_feature_on_the_receiving_side_too() {
    alone(|mock| {
        let context = context_with(&UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES,
            features: UCP_FEATURE_RMA,
            ..zeroed()
        });
        let worker = worker(context, UCS_THREAD_MODE_SINGLE);
        let param = UcpAmHandlerParam {
            field_mask: UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB,
            cb: Some(ignore),
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let status =
            unsafe { active_message::ucp_worker_set_am_recv_handler(worker, &raw const param) };
        assert_eq!(status, UcsStatus::INVALID_PARAM);
        mock.breaks(Rule::ContextFeature);
        workers::ucp_worker_destroy(worker);
        library::ucp_cleanup(context);
    });
}
