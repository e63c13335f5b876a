//! Requests: when there is one, what it says, whose memory it is, and when its callback runs.

mod common;

use std::ffi::c_void;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory, request};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;

/// A pair with a registered target and a key for it.
struct Writable {
    pair: Pair,
    target: Vec<u8>,
    memh: u64,
    rkey: u64,
}

impl Writable {
    fn on(context: u64) -> Writable {
        let pair = Pair::on(context, UCS_THREAD_MODE_SINGLE, None);
        let target = vec![0_u8; 4096];
        let memh = register(context, &target);
        let rkey = remote_key(context, memh, pair.ep);
        Writable {
            pair,
            target,
            memh,
            rkey,
        }
    }

    fn put(&self, param: &UcpRequestParam) -> usize {
        let remote = self.target.as_ptr() as u64;
        put(self.pair.ep, &[7; 64], remote, self.rkey, param)
    }

    fn end(self) {
        memory::ucp_rkey_destroy(self.rkey);
        assert_eq!(
            memory::ucp_mem_unmap(self.pair.context, self.memh),
            UcsStatus::OK
        );
        self.pair.end();
    }
}

#[test]
fn an_operation_that_completes_at_once_gives_null_and_runs_no_callback() {
    alone(|mock| {
        let on = Writable::on(context());
        let log = Log::default();
        assert_eq!(on.put(&logged(&log)), 0);
        assert_eq!(flush(on.pair.ep, &logged(&log)), 0);
        assert_eq!(log.take(), []);
        assert_eq!(mock.live(Kind::Request), 0);
        on.end();
    });
}

#[test]
fn without_immediate_completion_there_is_a_request_whose_callback_ran_once_before_the_call_returned()
 {
    alone(|_| {
        let on = Writable::on(context());
        let log = Log::default();
        let request = on.put(&with(logged(&log), UCP_OP_ATTR_FLAG_NO_IMM_CMPL));
        assert!(ptr_is_ptr(request));
        let status_told = UcsStatus::OK;
        assert_eq!(
            log.take(),
            [Told::Completed {
                request,
                status: status_told
            }]
        );
        assert_eq!(status(request), UcsStatus::OK);
        drain(on.pair.near);
        assert_eq!(log.take(), []);
        free(request);
        on.end();
    });
}

#[test]
fn flush_close_and_transfers_of_nothing_ignore_the_wish_for_a_request() {
    alone(|_| {
        let on = Writable::on(context());
        let wish = with(plain(), UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        assert_eq!(flush(on.pair.ep, &wish), 0);
        let remote = on.target.as_ptr() as u64;
        assert_eq!(put(on.pair.ep, &[], remote, on.rkey, &wish), 0);
        assert_eq!(get(on.pair.ep, &mut [], remote, on.rkey, &wish), 0);
        on.end();
    });
}

#[test]
fn user_data_without_a_callback_and_a_callback_without_user_data_are_both_fine() {
    unsafe extern "C-unwind" fn count(_: *mut c_void, status: UcsStatus, user_data: *mut c_void) {
        assert!(user_data.is_null() && status == UcsStatus::OK);
        COUNT.fetch_add(1, Relaxed);
    }
    static COUNT: AtomicU32 = AtomicU32::new(0);
    alone(|_| {
        let on = Writable::on(context());
        let callback = UcpRequestParam {
            op_attr_mask: UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
            cb: UcpRequestCallback { send: Some(count) },
            user_data: 1 as _,
            ..zeroed()
        };
        free(on.put(&callback));
        assert_eq!(COUNT.load(Relaxed), 1);
        let user_data = UcpRequestParam {
            op_attr_mask: UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
            ..callback
        };
        free(on.put(&user_data));
        assert_eq!(COUNT.load(Relaxed), 1);
        on.end();
    });
}

#[test]
fn a_callback_bit_without_a_callback_is_found() {
    alone(|mock| {
        let on = Writable::on(context());
        let refused = on.put(&with(plain(), UCP_OP_ATTR_FIELD_CALLBACK));
        assert_eq!(refused, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::RequestCallback);
        on.end();
    });
}

#[test]
fn a_request_may_lie_in_the_clients_memory_again_and_again() {
    alone(|mock| {
        let on = Writable::on(context());
        let mut attr = UcpContextAttr {
            field_mask: UCP_ATTR_FIELD_REQUEST_SIZE,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let queried = unsafe { library::ucp_context_query(on.pair.context, &raw mut attr) };
        assert_eq!(queried, UcsStatus::OK);
        let memory = vec![0xa5_u8; attr.request_size + 16];
        let place = memory.as_ptr() as usize + attr.request_size;
        let log = Log::default();
        for _ in 0..3 {
            let param = UcpRequestParam {
                request: place as _,
                ..with(
                    logged(&log),
                    UCP_OP_ATTR_FIELD_REQUEST | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
                )
            };
            assert_eq!(on.put(&param), place);
            assert_eq!(log.take().len(), 1);
            assert_eq!(status(place), UcsStatus::OK);
            request::ucp_request_cancel(on.pair.near, place as u64);
            assert_eq!(
                mock.live(Kind::Request),
                0,
                "a complete one is nobody's to free"
            );
            assert_eq!(on.put(&with(param, 0)), place);
            log.take();
        }
        on.end();
    });
}

#[test]
fn to_free_a_request_in_the_clients_memory_is_found() {
    alone(|mock| {
        let on = Writable::on(context());
        let memory = [0_u8; 1024];
        let param = UcpRequestParam {
            request: (memory.as_ptr() as usize + 512) as _,
            ..with(
                plain(),
                UCP_OP_ATTR_FIELD_REQUEST | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
            )
        };
        free(on.put(&param));
        mock.breaks(Rule::RequestMemory);
        on.end();
    });
}

#[test]
fn to_free_a_request_twice_or_to_look_at_it_afterwards_is_found() {
    alone(|mock| {
        let on = Writable::on(context());
        let request = on.put(&with(plain(), UCP_OP_ATTR_FLAG_NO_IMM_CMPL));
        free(request);
        free(request);
        mock.breaks(Rule::RequestTwice);
        assert_eq!(status(request), UcsStatus::INVALID_PARAM);
        mock.breaks(Rule::RequestFreed);
        on.end();
    });
}

static INITS: AtomicU32 = AtomicU32::new(0);
static CLEANUPS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C-unwind" fn init(request: *mut c_void) {
    INITS.fetch_add(1, Relaxed);
    // SAFETY: the context asked for eight bytes at each request.
    unsafe { request.cast::<u64>().write_unaligned(1) };
}

unsafe extern "C-unwind" fn cleanup(_: *mut c_void) {
    CLEANUPS.fetch_add(1, Relaxed);
}

#[test]
fn request_memory_is_initialised_once_and_comes_back_as_the_client_left_it() {
    alone(|_| {
        let context = context_with(&UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES
                | UCP_PARAM_FIELD_REQUEST_SIZE
                | UCP_PARAM_FIELD_REQUEST_INIT
                | UCP_PARAM_FIELD_REQUEST_CLEANUP,
            features: UCP_FEATURE_RMA,
            request_size: 8,
            request_init: Some(init),
            request_cleanup: Some(cleanup),
            ..zeroed()
        });
        let on = Writable::on(context);
        let wish = with(plain(), UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        for round in 1..4_u64 {
            let request = on.put(&wish);
            let area = request as *mut u64;
            // SAFETY: the context asked for eight bytes at each request.
            unsafe {
                assert_eq!(area.read_unaligned(), round);
                area.write_unaligned(round + 1);
            }
            free(request);
        }
        assert_eq!((INITS.load(Relaxed), CLEANUPS.load(Relaxed)), (1, 0));
        let two = [on.put(&wish), on.put(&wish)];
        assert_eq!(INITS.load(Relaxed), 2);
        two.into_iter().for_each(free);
        on.end();
        assert_eq!(
            CLEANUPS.load(Relaxed),
            2,
            "as many as were initialised, at worker destroy"
        );
    });
}

#[test]
fn a_request_that_is_freed_early_runs_on_but_its_callback_does_not() {
    alone(|mock| {
        let pair = Pair::new();
        let log = Log::default();
        let param = UcpRequestParam {
            flags: UCP_AM_SEND_FLAG_RNDV,
            ..with(logged(&log), UCP_OP_ATTR_FIELD_FLAGS)
        };
        let data = [1; 64];
        let request = send(pair.ep, 1, &[], &data, &param);
        assert_eq!(status(request), UcsStatus::INPROGRESS);
        request::ucp_request_cancel(pair.near, request as u64);
        assert_eq!(
            status(request),
            UcsStatus::INPROGRESS,
            "UCX cancels tag receives only"
        );
        free(request);
        drain(pair.far);
        drain(pair.near);
        assert_eq!(log.take(), []);
        mock.breaks(Rule::AmUnheard);
        pair.end();
    });
}

#[test]
fn to_cancel_a_request_on_another_worker_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        let data = [1; 64];
        let request = send(pair.ep, 1, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        request::ucp_request_cancel(pair.far, request as u64);
        mock.breaks(Rule::RequestWorker);
        free(request);
        pair.end();
    });
}
