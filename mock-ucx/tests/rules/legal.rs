//! What a caller may do although it looks wrong: nothing of it is a finding.

use std::ffi::{CString, c_void};
use std::ptr;
use std::thread;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{endpoint, library, memory, request, wakeup, worker as workers};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;
use mock_ucx::version::UcxVersion;

use crate::common::*;

/// A registration and a key of it, on the endpoint of a pair.
fn target(pair: &Pair, bytes: &[u8]) -> (u64, u64) {
    let memh = register(pair.context, bytes);
    (memh, remote_key(pair.context, memh, pair.ep))
}

fn give_back(pair: &Pair, memh: u64, rkey: u64) {
    memory::ucp_rkey_destroy(rkey);
    assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
}

#[test]
fn a_pending_request_may_be_freed_if_its_buffer_is_left_alone_until_a_flush() {
    alone_with(late("put.complete=+5"), |_| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let (memh, rkey) = target(&pair, &bytes);
        let source = [7; 8];
        let request = put(pair.ep, &source, bytes.as_ptr() as u64, rkey, &plain());
        assert_eq!(status(request), UcsStatus::INPROGRESS);
        free(request);
        finish(&pair, flush(pair.ep, &plain()));
        give_back(&pair, memh, rkey);
        pair.end();
    });
}

/// Progresses until a request is complete, and frees it.
fn finish(pair: &Pair, request: usize) {
    while ptr_is_ptr(request) && status(request) == UcsStatus::INPROGRESS {
        workers::ucp_worker_progress(pair.near);
        workers::ucp_worker_progress(pair.far);
    }
    if ptr_is_ptr(request) {
        free(request);
    }
}

/// An error handler that closes its endpoint.
unsafe extern "C-unwind" fn close_it(_: *mut c_void, ep: UcpEpH, _: UcsStatus) {
    assert_eq!(close(ep as u64, UCP_EP_CLOSE_FLAG_FORCE), 0);
}

#[test]
fn an_endpoint_may_be_closed_in_its_error_handler() {
    alone(|_| {
        let pair = Pair::new();
        let blob = address(pair.far);
        let params = UcpEpParams {
            field_mask: UCP_EP_PARAM_FIELD_REMOTE_ADDRESS
                | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
                | UCP_EP_PARAM_FIELD_ERR_HANDLER,
            address: blob as _,
            err_mode: UCP_ERR_HANDLING_MODE_PEER,
            err_handler: UcpErrHandler {
                cb: Some(close_it),
                arg: ptr::null_mut(),
            },
            ..zeroed()
        };
        // SAFETY: the structure is right and the address is whole.
        made(|out| unsafe { endpoint::ucp_ep_create(pair.near, &raw const params, out) })
            .expect("an endpoint");
        workers::ucp_worker_release_address(pair.far, blob);
        assert_eq!(close(pair.ep, 0), 0);
        workers::ucp_worker_destroy(pair.far);
        drain(pair.near);
        workers::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

/// A callback that frees its request.
unsafe extern "C-unwind" fn free_it(request: *mut c_void, _: UcsStatus, _: *mut c_void) {
    request::ucp_request_free(request as u64);
}

#[test]
fn a_request_may_be_freed_in_its_own_callback() {
    alone(|_| {
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        let data = [1; 64];
        let param = UcpRequestParam {
            cb: UcpRequestCallback {
                send: Some(free_it),
            },
            flags: UCP_AM_SEND_FLAG_RNDV,
            ..with(
                plain(),
                UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_FLAGS,
            )
        };
        assert!(ptr_is_ptr(send(pair.ep, 1, &[], &data, &param)));
        drain(pair.far);
        drain(pair.near);
        pair.end();
    });
}

#[test]
fn one_range_may_be_registered_many_times_and_given_back_in_any_order() {
    alone(|_| {
        let context = context();
        let bytes = [0; 64];
        let all = [&bytes[..], &bytes[..], &bytes[16..], &bytes[..32]];
        let handles = all.map(|range| register(context, range));
        for index in [2, 0, 3, 1] {
            let memh = handles[index];
            assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        }
        library::ucp_cleanup(context);
    });
}

#[test]
fn registrations_of_nothing_share_one_handle_and_one_packed_key() {
    alone(|_| {
        let context = context();
        let handles = [(); 3].map(|()| map(context, 0, 0, 0).expect("a registration"));
        assert!(handles.iter().all(|memh| *memh == handles[0]));
        for memh in handles {
            let mut size = 0;
            // SAFETY: the pointers are writable.
            let blob =
                made(|out| unsafe { memory::ucp_rkey_pack(context, memh, out, &raw mut size) });
            memory::ucp_rkey_buffer_release(blob.expect("a packed key"));
        }
        for memh in handles {
            assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        }
        library::ucp_cleanup(context);
    });
}

#[test]
fn what_a_call_only_reads_may_be_given_back_right_after_it() {
    alone(|_| {
        // SAFETY: the strings may be null.
        let config = made(|out| unsafe { library::ucp_config_read(ptr::null(), ptr::null(), out) })
            .expect("a configuration");
        let name = CString::new("short-lived").expect("a name");
        let params = UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_NAME,
            features: UCP_FEATURE_RMA | UCP_FEATURE_AM,
            name: name.as_ptr(),
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let context =
            made(|out| unsafe { library::ucp_init_version(1, 22, &raw const params, config, out) })
                .expect("a context");
        library::ucp_config_release(config);
        drop(name);
        // `connect` releases the address and `remote_key` the packed key at once.
        let pair = Pair::on(context, UCS_THREAD_MODE_SINGLE, None);
        let bytes = [0; 8];
        let (memh, rkey) = target(&pair, &bytes);
        assert_eq!(put(pair.ep, &[1], bytes.as_ptr() as u64, rkey, &plain()), 0);
        give_back(&pair, memh, rkey);
        pair.end();
    });
}

#[test]
fn questions_about_the_library_need_no_context() {
    alone(|_| {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        // SAFETY: the pointers are writable.
        unsafe { library::ucp_get_version(&raw mut major, &raw mut minor, &raw mut patch) };
        assert_eq!(major, 1);
        assert!(!library::ucp_get_version_string().is_null());
        let mut attr = UcpLibAttr {
            field_mask: UCP_LIB_ATTR_FIELD_MAX_THREAD_LEVEL,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let status = unsafe { library::ucp_lib_query(&raw mut attr) };
        assert_eq!(status, UcsStatus::OK);
    });
}

#[test]
fn one_context_may_be_used_after_another_was_cleaned_up() {
    alone(|_| {
        let (first, second) = (context(), context());
        library::ucp_cleanup(first);
        Pair::on(second, UCS_THREAD_MODE_SINGLE, None).end();
    });
}

#[test]
fn keys_may_outlive_the_peers_registration_and_the_peer_if_they_are_only_destroyed() {
    alone(|_| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let (memh, rkey) = target(&pair, &bytes);
        let again = remote_key(pair.context, memh, pair.ep);
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        memory::ucp_rkey_destroy(rkey);
        workers::ucp_worker_destroy(pair.far);
        memory::ucp_rkey_destroy(again);
        assert_eq!(close(pair.ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        workers::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_worker_that_goes_with_open_endpoints_is_noted_and_no_more() {
    alone(|mock| {
        let pair = Pair::new();
        workers::ucp_worker_destroy(pair.near);
        assert_eq!(mock.notes(Rule::WorkerEndpoints), 1);
        mock.leaves(Kind::Endpoint, 1);
        workers::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_close_request_may_be_freed_early_which_is_noted() {
    alone_with(late("close.complete=+3"), |mock| {
        let pair = Pair::new();
        let closing = close(pair.ep, 0);
        assert!(ptr_is_ptr(closing), "{closing:#x}");
        free(closing);
        assert_eq!(mock.notes(Rule::EndpointCloseForgotten), 1);
        for _ in 0..5 {
            workers::ucp_worker_progress(pair.near);
        }
        workers::ucp_worker_destroy(pair.near);
        workers::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn a_failed_endpoint_may_be_posted_on_and_closed_gently() {
    alone(|_| {
        let pair = Pair::new();
        workers::ucp_worker_destroy(pair.far);
        drain(pair.near);
        let reset = UcsStatus::CONNECTION_RESET.to_ptr();
        assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), reset);
        assert_eq!(flush(pair.ep, &plain()), reset);
        assert_eq!(close(pair.ep, 0), reset);
        workers::ucp_worker_destroy(pair.near);
        library::ucp_cleanup(pair.context);
    });
}

#[test]
fn one_blob_may_be_unpacked_many_times_on_many_endpoints_of_many_workers() {
    alone(|_| {
        let pair = Pair::new();
        let other = connect(pair.far, pair.near, UCP_ERR_HANDLING_MODE_PEER, None);
        let bytes = [0; 8];
        let memh = register(pair.context, &bytes);
        let mut size = 0;
        // SAFETY: the pointers are writable.
        let blob =
            made(|out| unsafe { memory::ucp_rkey_pack(pair.context, memh, out, &raw mut size) })
                .expect("a packed key");
        let keys = [pair.ep, pair.ep, other].map(|ep| {
            // SAFETY: as above.
            made(|out| unsafe { memory::ucp_ep_rkey_unpack(ep, blob, out) }).expect("a key")
        });
        memory::ucp_rkey_buffer_release(blob);
        for rkey in keys {
            memory::ucp_rkey_destroy(rkey);
        }
        assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
        assert_eq!(close(other, 0), 0);
        pair.end();
    });
}

#[test]
fn members_without_their_bit_may_hold_anything() {
    alone(|_| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let (memh, rkey) = target(&pair, &bytes);
        let garbage = UcpRequestParam {
            flags: u32::MAX,
            request: 0x1234 as _,
            cb: UcpRequestCallback { send: None },
            datatype: u64::MAX,
            user_data: 0x1234 as _,
            reply_buffer: 0x1234 as _,
            memory_type: 77,
            memh: 0x1234 as _,
            remote_datatype: u64::MAX,
            remote: 0x1234 as _,
            remote_count: 77,
            ..plain()
        };
        let remote = bytes.as_ptr() as u64;
        assert_eq!(put(pair.ep, &[1; 8], remote, rkey, &garbage), 0);
        assert_eq!(flush(pair.ep, &garbage), 0);
        give_back(&pair, memh, rkey);
        pair.end();
    });
}

#[test]
fn several_threads_may_progress_and_post_on_a_worker_for_many() {
    alone(|_| {
        let pair = Pair::on(context(), UCS_THREAD_MODE_MULTI, None);
        listen(pair.far, 1, Some(ignore), 0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..500).for_each(|_| drain(pair.far)));
                scope.spawn(|| {
                    for _ in 0..500 {
                        assert_eq!(send(pair.ep, 1, &[], &[1], &plain()), 0);
                    }
                });
            }
        });
        drain(pair.far);
        pair.end();
    });
}

#[test]
fn a_worker_may_be_armed_twice_and_without_sleeping() {
    alone(|_| {
        let pair = Pair::new();
        for _ in 0..2 {
            assert_eq!(wakeup::ucp_worker_arm(pair.near), UcsStatus::OK);
        }
        drain(pair.near);
        pair.end();
    });
}

#[test]
fn a_complete_request_and_a_transfer_may_be_cancelled_to_no_effect() {
    alone_with(late("put.complete=+5"), |_| {
        let pair = Pair::new();
        let bytes = [0; 8];
        let (memh, rkey) = target(&pair, &bytes);
        let source = [7; 8];
        let request = put(pair.ep, &source, bytes.as_ptr() as u64, rkey, &plain());
        request::ucp_request_cancel(pair.near, request as u64);
        assert_eq!(status(request), UcsStatus::INPROGRESS);
        while status(request) == UcsStatus::INPROGRESS {
            workers::ucp_worker_progress(pair.near);
        }
        request::ucp_request_cancel(pair.near, request as u64);
        assert_eq!(status(request), UcsStatus::OK);
        free(request);
        finish(&pair, flush(pair.ep, &plain()));
        give_back(&pair, memh, rkey);
        pair.end();
    });
}

#[test]
fn a_callback_and_its_user_data_may_each_come_without_the_other() {
    alone(|_| {
        unsafe extern "C-unwind" fn nothing(_: *mut c_void, _: UcsStatus, _: *mut c_void) {}
        let pair = Pair::new();
        listen(pair.far, 1, Some(ignore), 0);
        for bits in [UCP_OP_ATTR_FIELD_CALLBACK, UCP_OP_ATTR_FIELD_USER_DATA] {
            let param = UcpRequestParam {
                cb: UcpRequestCallback {
                    send: Some(nothing),
                },
                user_data: 0x1234 as _,
                ..with(plain(), bits | UCP_OP_ATTR_FLAG_NO_IMM_CMPL)
            };
            free(send(pair.ep, 1, &[], &[1], &param));
        }
        drain(pair.far);
        pair.end();
    });
}

#[test]
fn a_refused_setting_may_be_ignored() {
    alone(|_| {
        // SAFETY: the strings may be null.
        let config = made(|out| unsafe { library::ucp_config_read(ptr::null(), ptr::null(), out) })
            .expect("a configuration");
        let (name, value) = (c"NO_SUCH_SETTING", c"1");
        // SAFETY: the strings are terminated.
        let status = unsafe { library::ucp_config_modify(config, name.as_ptr(), value.as_ptr()) };
        assert_eq!(status, UcsStatus::INVALID_PARAM);
        assert!(UcxVersion::NEWEST.rejects_unknown_config_key());
        let params = UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES,
            features: UCP_FEATURE_RMA,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let context =
            made(|out| unsafe { library::ucp_init_version(1, 22, &raw const params, config, out) });
        library::ucp_config_release(config);
        library::ucp_cleanup(context.expect("a context"));
    });
}

#[test]
fn an_endpoint_without_traffic_may_be_flushed_and_closed_and_flushes_may_overlap() {
    alone_with(late("flush.complete=+3"), |_| {
        let pair = Pair::new();
        let flushes = [(); 2].map(|()| flush(pair.ep, &plain()));
        for request in flushes {
            finish(&pair, request);
        }
        finish(&pair, close(pair.ep, 0));
        workers::ucp_worker_destroy(pair.near);
        workers::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(pair.context);
    });
}
