//! Put, get, and requests.

use std::ffi::c_void;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory, rma, worker as workers};
use mock_ucx::rules::Rule;

use crate::common::*;

#[test]
fn lists_are_for_put_only() {
    alone(|mock| {
        let pair = Pair::new();
        let local: UcpDtLocalSgl = zeroed();
        let param = UcpRequestParam {
            datatype: UCP_DATATYPE_SGL,
            ..with(plain(), UCP_OP_ATTR_FIELD_DATATYPE)
        };
        let buffer = (&raw const local).cast_mut().cast();
        let nowhere = UCP_REMOTE_ADDR_INVALID;
        // SAFETY: the list has no element that would be looked at.
        let answer = unsafe { rma::ucp_get_nbx(pair.ep, buffer, 1, nowhere, 0, &raw const param) };
        assert_eq!(answer, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::SglGet);
        // SAFETY: as above.
        let answer = unsafe { rma::ucp_put_nbx(pair.ep, buffer, 1, nowhere, 0, &raw const param) };
        assert_eq!(answer, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::SglArguments);
        pair.end();
    });
}

#[test]
fn flags_that_exclude_each_other_are_found_and_each_alone_is_not() {
    alone(|mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let rkey = remote_key(pair.context, memh, pair.ep);
        let remote = bytes.as_ptr() as u64;
        let (fast, many) = (UCP_OP_ATTR_FLAG_FAST_CMPL, UCP_OP_ATTR_FLAG_MULTI_SEND);
        for bits in [fast, many] {
            assert_eq!(put(pair.ep, &[1], remote, rkey, &with(plain(), bits)), 0);
        }
        mock.expect([]);
        let both = with(plain(), fast | many);
        assert_eq!(put(pair.ep, &[1], remote, rkey, &both), 0);
        mock.breaks(Rule::OperationFlags);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

#[test]
fn memory_for_a_request_serves_one_operation_at_a_time() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        let mut area = [0_u64; 512];
        let data = [1; 64];
        let param = UcpRequestParam {
            flags: UCP_AM_SEND_FLAG_RNDV,
            request: area.as_mut_ptr().wrapping_add(256).cast(),
            ..with(plain(), UCP_OP_ATTR_FIELD_REQUEST | UCP_OP_ATTR_FIELD_FLAGS)
        };
        let first = send(pair.ep, 1, &[], &data, &param);
        assert_eq!(status(first), UcsStatus::INPROGRESS);
        let second = send(pair.ep, 1, &[], &data, &param);
        assert_eq!(second, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::RequestMemory);
        drain(pair.far);
        drain(pair.near);
        assert_eq!(status(first), UcsStatus::OK);
        let third = send(pair.ep, 1, &[], &data, &param);
        assert_eq!(third, first, "it is free again");
        drain(pair.far);
        drain(pair.near);
        pair.end();
    });
}

#[test]
fn to_poll_for_ever_without_progress_is_noted_and_with_progress_is_not() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        let data = [1; 64];
        let request = send(pair.ep, 1, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        for _ in 0..20_000 {
            assert_eq!(status(request), UcsStatus::INPROGRESS);
            workers::ucp_worker_progress(pair.near);
        }
        assert_eq!(mock.notes(Rule::RequestPolled), 0);
        for _ in 0..20_000 {
            assert_eq!(status(request), UcsStatus::INPROGRESS);
        }
        assert_eq!(mock.notes(Rule::RequestPolled), 1);
        drain(pair.far);
        drain(pair.near);
        free(request);
        pair.end();
    });
}

/// A handler that cleans up the context it is given.
unsafe extern "C-unwind" fn clean_up(
    context: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    library::ucp_cleanup(context as u64);
    UcsStatus::OK
}

#[test]
fn a_callback_that_cleans_up_its_own_context_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(clean_up), pair.context);
        assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), 0);
        drain(pair.far);
        mock.breaks(Rule::CallbackCleanup);
        pair.end();
    });
}

#[test]
fn a_callback_that_cleans_up_another_context_is_not() {
    alone(|_| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(clean_up), context());
        assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), 0);
        drain(pair.far);
        pair.end();
    });
}

#[test]
fn what_is_no_request_is_found_and_what_completed_is_not() {
    alone(|mock| {
        let pair = Pair::new();
        for wrong in [0, UcsStatus::NO_MEMORY.to_ptr(), 0x1234] {
            assert_eq!(status(wrong), UcsStatus::INVALID_PARAM);
            mock.breaks(Rule::RequestHandle);
        }
        listen(pair.far, 1, Some(ignore), 0);
        let param = with(plain(), UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        let request = send(pair.ep, 1, &[], &[1], &param);
        assert_eq!(status(request), UcsStatus::OK);
        free(request);
        drain(pair.far);
        pair.end();
    });
}

#[test]
fn to_free_a_request_whose_callback_has_not_run_is_noted_and_afterwards_is_not() {
    alone_with(late("put.complete=+3"), |mock| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let rkey = remote_key(pair.context, memh, pair.ep);
        let log = Log::default();
        let source = [1; 8];
        let post = || put(pair.ep, &source, bytes.as_ptr() as u64, rkey, &logged(&log));
        let request = post();
        while status(request) == UcsStatus::INPROGRESS {
            workers::ucp_worker_progress(pair.near);
        }
        free(request);
        assert_eq!(mock.notes(Rule::RequestCallbackLost), 0);
        let late_again = with(logged(&log), 0);
        let request = send(
            pair.ep,
            1,
            &[],
            &source,
            &UcpRequestParam {
                flags: UCP_AM_SEND_FLAG_RNDV,
                ..with(late_again, UCP_OP_ATTR_FIELD_FLAGS)
            },
        );
        listen(pair.far, 1, Some(ignore), 0);
        free(request);
        assert_eq!(mock.notes(Rule::RequestCallbackLost), 1);
        drain(pair.far);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
    });
}

/// Posts transfers between `local` and a peer's memory that complete in the next progress call, and counts what they do to each other.
fn overlaps(
    post: impl FnOnce(u64, u64, u64, &mut [u8]) -> Vec<usize>,
) -> impl FnOnce(&Mock) -> usize {
    |mock| {
        let pair = Pair::new();
        let remote = [0; 8];
        let memh = register(pair.context, &remote);
        let rkey = remote_key(pair.context, memh, pair.ep);
        let mut local = [0; 8];
        let requests = post(pair.ep, remote.as_ptr() as u64, rkey, &mut local);
        drain(pair.near);
        for request in requests {
            assert_eq!(status(request), UcsStatus::OK);
            free(request);
        }
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        pair.end();
        mock.notes(Rule::RmaOverlap)
    }
}

#[test]
fn two_transfers_under_way_that_write_the_same_bytes_are_noted() {
    alone_with(late("put.complete=+1; get.complete=+1"), |mock| {
        let noted = overlaps(|ep, remote, rkey, local| {
            let first = get(ep, &mut local[..5], remote, rkey, &plain());
            let second = get(ep, &mut local[4..], remote, rkey, &plain());
            vec![first, second]
        });
        assert_eq!(noted(mock), 1);
    });
}

#[test]
fn a_put_of_bytes_that_a_get_under_way_writes_is_noted() {
    alone_with(late("put.complete=+1; get.complete=+1"), |mock| {
        let noted = overlaps(|ep, remote, rkey, local| {
            let first = get(ep, local, remote, rkey, &plain());
            vec![first, put(ep, local, remote, rkey, &plain())]
        });
        assert_eq!(noted(mock), 1);
    });
}

#[test]
fn transfers_of_neighbouring_bytes_and_two_that_only_read_are_not_noted() {
    alone_with(late("put.complete=+1; get.complete=+1"), |mock| {
        let noted = overlaps(|ep, remote, rkey, local| {
            let (left, right) = local.split_at_mut(4);
            let first = get(ep, left, remote, rkey, &plain());
            let second = put(ep, right, remote, rkey, &plain());
            vec![first, second, put(ep, right, remote, rkey, &plain())]
        });
        assert_eq!(noted(mock), 0);
    });
}
