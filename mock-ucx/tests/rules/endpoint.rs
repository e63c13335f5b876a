//! Endpoints.

use std::ffi::c_void;
use std::ptr;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{endpoint, memory, worker as workers};
use mock_ucx::rules::Rule;

use crate::common::*;

unsafe extern "C-unwind" fn on_error(_: *mut c_void, _: UcpEpH, _: UcsStatus) {}

/// What an endpoint does when it fails.
#[derive(Clone, Copy)]
struct Handling {
    mode: u32,
    callback: UcpErrHandlerCb,
    argument: u64,
    user_data: Option<u64>,
}

const HANDLED: Handling = Handling {
    mode: UCP_ERR_HANDLING_MODE_PEER,
    callback: Some(on_error),
    argument: 1,
    user_data: None,
};

/// Opens and closes an endpoint that fails so.
fn endpoint(pair: &Pair, handling: Handling) {
    let blob = address(pair.far);
    let user_data = handling
        .user_data
        .map_or(0, |_| UCP_EP_PARAM_FIELD_USER_DATA);
    let params = UcpEpParams {
        field_mask: UCP_EP_PARAM_FIELD_REMOTE_ADDRESS
            | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
            | UCP_EP_PARAM_FIELD_ERR_HANDLER
            | user_data,
        address: blob as _,
        err_mode: handling.mode,
        err_handler: UcpErrHandler {
            cb: handling.callback,
            arg: handling.argument as _,
        },
        user_data: handling.user_data.map_or(ptr::null_mut(), |data| data as _),
        ..zeroed()
    };
    // SAFETY: the structure is right and the address is whole.
    let ep = made(|out| unsafe { endpoint::ucp_ep_create(pair.near, &raw const params, out) });
    workers::ucp_worker_release_address(pair.far, blob);
    assert_eq!(close(ep.expect("an endpoint"), 0), 0);
}

#[test]
fn an_endpoint_handle_is_a_live_endpoint() {
    alone(|mock| {
        let pair = Pair::new();
        assert_eq!(
            flush(pair.near, &plain()),
            UcsStatus::INVALID_PARAM.to_ptr()
        );
        mock.breaks(Rule::EndpointHandle);
        assert_eq!(flush(pair.ep, &plain()), 0);
        pair.end();
    });
}

#[test]
fn to_close_an_endpoint_before_its_keys_are_destroyed_is_noted() {
    alone(|mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let ep = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_PEER, None);
        let rkey = remote_key(pair.context, memh, ep);
        assert_eq!(close(ep, 0), 0);
        assert_eq!(mock.notes(Rule::EndpointKeys), 1);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

#[test]
fn to_close_it_after_its_keys_and_before_those_of_another_endpoint_is_not() {
    alone(|mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let ep = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_PEER, None);
        let of_other = remote_key(pair.context, memh, pair.ep);
        memory::ucp_rkey_destroy(remote_key(pair.context, memh, ep));
        assert_eq!(close(ep, 0), 0);
        memory::ucp_rkey_destroy(of_other);
        assert_eq!(mock.notes(Rule::EndpointKeys), 0);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

#[test]
fn two_arguments_for_one_error_handler_are_noted_if_they_differ() {
    alone(|mock| {
        let pair = Pair::new();
        endpoint(&pair, HANDLED);
        let same = Handling {
            user_data: Some(1),
            ..HANDLED
        };
        endpoint(&pair, same);
        assert_eq!(mock.notes(Rule::EndpointArgument), 0);
        let differ = Handling {
            user_data: Some(2),
            ..HANDLED
        };
        endpoint(&pair, differ);
        assert_eq!(mock.notes(Rule::EndpointArgument), 1);
        pair.end();
    });
}

#[test]
fn error_handling_that_tells_nobody_is_noted() {
    alone(|mock| {
        let pair = Pair::new();
        let before = mock.notes(Rule::EndpointSilent);
        endpoint(&pair, HANDLED);
        let nobody = Handling {
            callback: None,
            ..HANDLED
        };
        let mode = UCP_ERR_HANDLING_MODE_NONE;
        endpoint(&pair, Handling { mode, ..nobody });
        assert_eq!(mock.notes(Rule::EndpointSilent), before);
        endpoint(&pair, nobody);
        assert_eq!(mock.notes(Rule::EndpointSilent), before + 1);
        pair.end();
    });
}

#[test]
fn a_forced_close_that_is_not_to_complete_at_once_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        let close_so = |flags, bits| {
            let ep = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_PEER, None);
            let param = with(flagged(flags), bits);
            // SAFETY: the structure is right.
            unsafe { endpoint::ucp_ep_close_nbx(ep, &raw const param) }
        };
        assert_eq!(close_so(UCP_EP_CLOSE_FLAG_FORCE, 0), 0);
        assert_eq!(close_so(0, UCP_OP_ATTR_FLAG_NO_IMM_CMPL), 0);
        mock.expect([]);
        assert_eq!(
            close_so(UCP_EP_CLOSE_FLAG_FORCE, UCP_OP_ATTR_FLAG_NO_IMM_CMPL),
            0
        );
        mock.breaks(Rule::EndpointForceLater);
        pair.end();
    });
}

#[test]
fn a_gentle_close_of_a_failed_endpoint_is_noted_and_a_forced_one_is_not() {
    alone(|mock| {
        let pair = Pair::new();
        let other = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_PEER, None);
        workers::ucp_worker_destroy(pair.far);
        drain(pair.near);
        assert_eq!(close(other, UCP_EP_CLOSE_FLAG_FORCE), 0);
        assert_eq!(mock.notes(Rule::EndpointGentle), 0);
        assert_eq!(close(pair.ep, 0), UcsStatus::CONNECTION_RESET.to_ptr());
        assert_eq!(mock.notes(Rule::EndpointGentle), 1);
        workers::ucp_worker_destroy(pair.near);
        mock_ucx::abi::library::ucp_cleanup(pair.context);
    });
}
