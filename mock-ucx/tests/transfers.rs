//! Put and get: the right bytes move, and nothing outside a registration is touched.

mod common;

use std::ffi::c_void;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{library, memory, rma, worker};
use mock_ucx::ledger::Trouble;
use mock_ucx::rules::Rule;

/// A pair, and a registered target of 256 bytes in the middle of a larger buffer.
struct Setup {
    pair: Pair,
    log: Box<Log>,
    buffer: Box<[u8; 512]>,
    memh: u64,
    rkey: u64,
}

const TARGET: std::ops::Range<usize> = 128..384;

impl Setup {
    fn new() -> Setup {
        let log = Box::new(Log::default());
        let pair = Pair::on(context(), UCS_THREAD_MODE_SINGLE, Some(&log));
        let buffer = Box::new([0; 512]);
        let memh = register(pair.context, &buffer[TARGET]);
        let rkey = remote_key(pair.context, memh, pair.ep);
        Setup {
            pair,
            log,
            buffer,
            memh,
            rkey,
        }
    }

    fn remote(&self) -> u64 {
        self.buffer[TARGET].as_ptr() as u64
    }

    /// The bytes that the peer sees now.
    fn target(&self) -> Vec<u8> {
        let start = self.remote() as *const u8;
        // SAFETY: the buffer is alive; the mock wrote to it behind the compiler's back.
        (0..TARGET.len())
            .map(|index| unsafe { start.add(index).read_volatile() })
            .collect()
    }

    fn end(self) {
        self.give_back().end();
    }

    /// All but the pair.
    fn give_back(self) -> Pair {
        memory::ucp_rkey_destroy(self.rkey);
        let unmapped = memory::ucp_mem_unmap(self.pair.context, self.memh);
        assert_eq!(unmapped, UcsStatus::OK);
        self.pair
    }
}

#[test]
fn a_put_writes_the_bytes_and_a_get_reads_them() {
    alone(|_| {
        let on = Setup::new();
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(put(on.pair.ep, &bytes, on.remote(), on.rkey, &plain()), 0);
        assert_eq!(flush(on.pair.ep, &plain()), 0);
        assert_eq!(on.target(), bytes);
        let mut back = vec![0; 16];
        let from = on.remote() + 240;
        assert_eq!(get(on.pair.ep, &mut back, from, on.rkey, &plain()), 0);
        assert_eq!(back, bytes[240..]);
        assert!(
            on.buffer[..128]
                .iter()
                .chain(&on.buffer[384..])
                .all(|byte| *byte == 0)
        );
        on.end();
    });
}

#[test]
fn an_endpoint_may_lead_to_its_own_worker() {
    alone(|_| {
        let on = Setup::new();
        let ep = connect(on.pair.near, on.pair.near, UCP_ERR_HANDLING_MODE_PEER, None);
        let rkey = remote_key(on.pair.context, on.memh, ep);
        assert_eq!(put(ep, &[5; 8], on.remote(), rkey, &plain()), 0);
        assert_eq!(on.target()[..9], [5, 5, 5, 5, 5, 5, 5, 5, 0]);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(close(ep, 0), 0);
        on.end();
    });
}

#[test]
fn a_list_of_pieces_is_put_and_got_one_after_the_other() {
    alone(|_| {
        let on = Setup::new();
        let mut source: Vec<u8> = (0..100).collect();
        let piece = |start: usize, length| UcpDtIov {
            buffer: source[start..].as_ptr().cast_mut().cast(),
            length,
        };
        let list = [piece(10, 3), piece(50, 0), piece(90, 2)];
        let param = UcpRequestParam {
            datatype: UCP_DATATYPE_IOV,
            ..with(plain(), UCP_OP_ATTR_FIELD_DATATYPE)
        };
        let (ep, remote, pointer) = (on.pair.ep, on.remote(), list.as_ptr().cast::<c_void>());
        // SAFETY: the list has three elements.
        let answer = unsafe { rma::ucp_put_nbx(ep, pointer, 3, remote, on.rkey, &raw const param) };
        assert_eq!(
            (answer, &on.target()[..6]),
            (0, &[10, 11, 12, 90, 91, 0][..])
        );
        source.fill(0);
        // SAFETY: as above; the pieces lie in `source`.
        let answer = unsafe {
            rma::ucp_get_nbx(ep, pointer.cast_mut(), 3, remote, on.rkey, &raw const param)
        };
        assert_eq!(
            (answer, &source[9..14], &source[89..93]),
            (0, &[0, 10, 11, 12, 0][..], &[0, 90, 91, 0][..])
        );
        on.end();
    });
}

/// Puts two pieces as scatter-gather lists, after `change` had its way with the parameters.
fn scatter_gather(
    on: &Setup,
    lengths: [usize; 2],
    change: impl FnOnce(&mut UcpRequestParam),
) -> usize {
    let source = [1_u8, 2, 3, 4];
    let buffers = [
        source.as_ptr().cast_mut().cast::<c_void>(),
        source[2..].as_ptr().cast_mut().cast(),
    ];
    let addresses = [on.remote() + 100, on.remote()];
    let rkeys = [on.rkey as UcpRkeyH; 2];
    let local = UcpDtLocalSgl {
        field_mask: UCP_DT_LOCAL_SGL_FIELD_BUFFERS | UCP_DT_LOCAL_SGL_FIELD_LENGTHS,
        buffers: buffers.as_ptr(),
        lengths: [2_usize, 2].as_ptr(),
        ..zeroed()
    };
    let remote = UcpDtRemoteSgl {
        field_mask: UCP_DT_REMOTE_SGL_FIELD_REMOTE_ADDRS
            | UCP_DT_REMOTE_SGL_FIELD_LENGTHS
            | UCP_DT_REMOTE_SGL_FIELD_RKEYS,
        remote_addrs: addresses.as_ptr(),
        lengths: lengths.as_ptr(),
        rkeys: rkeys.as_ptr(),
    };
    let mut param = UcpRequestParam {
        datatype: UCP_DATATYPE_SGL,
        remote_datatype: UCP_DATATYPE_SGL,
        remote: (&raw const remote).cast(),
        remote_count: 2,
        ..with(
            plain(),
            UCP_OP_ATTR_FIELD_DATATYPE
                | UCP_OP_ATTR_FIELD_REMOTE_DATATYPE
                | UCP_OP_ATTR_FIELD_REMOTE
                | UCP_OP_ATTR_FIELD_REMOTE_COUNT,
        )
    };
    change(&mut param);
    let nowhere = UCP_REMOTE_ADDR_INVALID;
    // SAFETY: both lists have two elements and live until the call returns.
    unsafe {
        rma::ucp_put_nbx(
            on.pair.ep,
            (&raw const local).cast(),
            2,
            nowhere,
            0,
            &raw const param,
        )
    }
}

#[test]
fn lists_on_both_sides_are_put_piece_by_piece() {
    alone(|_| {
        let on = Setup::new();
        assert_eq!(scatter_gather(&on, [2, 2], |_| {}), 0);
        let target = on.target();
        assert_eq!(
            (&target[..3], &target[99..103]),
            (&[3, 4, 0][..], &[0, 1, 2, 0][..])
        );
        on.end();
    });
}

#[test]
fn lists_that_do_not_fit_together_are_found() {
    alone(|mock| {
        let on = Setup::new();
        let refused = UcsStatus::INVALID_PARAM.to_ptr();
        assert_eq!(scatter_gather(&on, [2, 1], |_| {}), refused);
        mock.breaks(Rule::SglArguments);
        assert_eq!(
            scatter_gather(&on, [2, 2], |param| param.remote_count = 1),
            refused
        );
        mock.breaks(Rule::SglArguments);
        assert_eq!(
            scatter_gather(&on, [2, 2], |param| param.remote = std::ptr::null()),
            refused
        );
        mock.breaks(Rule::SglArguments);
        assert_eq!(on.target(), [0; 256]);
        on.end();
    });
}

#[test]
fn a_remote_range_outside_the_registration_is_found_and_fails_the_endpoint() {
    alone(|mock| {
        for outside in [-1, 249] {
            let on = Setup::new();
            let remote = on.remote().wrapping_add_signed(outside);
            let reset = UcsStatus::CONNECTION_RESET;
            assert_eq!(
                put(on.pair.ep, &[9; 8], remote, on.rkey, &plain()),
                reset.to_ptr()
            );
            mock.breaks(Rule::RmaRange);
            let ok = on.remote();
            assert_eq!(
                put(on.pair.ep, &[9; 8], ok, on.rkey, &plain()),
                reset.to_ptr()
            );
            assert_eq!(flush(on.pair.ep, &plain()), reset.to_ptr());
            assert!(on.buffer.iter().all(|byte| *byte == 0));
            drain(on.pair.near);
            let (ep, told) = (on.pair.ep, on.log.take());
            assert_eq!(told, [Told::Failed { ep, status: reset }]);
            on.give_back().end_failed();
        }
    });
}

#[test]
fn the_very_last_byte_of_the_registration_is_inside() {
    alone(|_| {
        let on = Setup::new();
        assert_eq!(
            put(on.pair.ep, &[9], on.remote() + 255, on.rkey, &plain()),
            0
        );
        assert_eq!(on.target()[255], 9);
        on.end();
    });
}

#[test]
fn memory_that_the_peer_unmapped_is_not_touched() {
    alone(|mock| {
        let on = Setup::new();
        assert_eq!(
            memory::ucp_mem_unmap(on.pair.context, on.memh),
            UcsStatus::OK
        );
        let answer = put(on.pair.ep, &[9; 8], on.remote(), on.rkey, &plain());
        assert_eq!(answer, UcsStatus::CONNECTION_RESET.to_ptr());
        mock.breaks(Rule::RkeyUnmapped);
        assert_eq!(on.target(), [0; 256]);
        memory::ucp_rkey_destroy(on.rkey);
        on.pair.end_failed();
    });
}

#[test]
fn a_key_is_used_on_its_own_endpoint_only() {
    alone(|mock| {
        let on = Setup::new();
        let other = connect(on.pair.near, on.pair.far, UCP_ERR_HANDLING_MODE_PEER, None);
        let answer = put(other, &[9; 8], on.remote(), on.rkey, &plain());
        assert_eq!(answer, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::RkeyEndpoint);
        let findings = mock.snapshot().findings;
        let found = findings
            .iter()
            .find(|finding| finding.rule == Rule::RkeyEndpoint);
        assert_eq!(
            found.map(|finding| finding.trouble),
            Some(Trouble::OtherParent)
        );
        assert_eq!(put(on.pair.ep, &[9; 8], on.remote(), on.rkey, &plain()), 0);
        assert_eq!(close(other, 0), 0);
        on.end();
    });
}

#[test]
fn a_buffer_lies_inside_the_registration_that_is_given_with_it() {
    alone(|mock| {
        let on = Setup::new();
        let source = [3; 64];
        let memh = register(on.pair.context, &source[..32]);
        let param = UcpRequestParam {
            memh: memh as _,
            ..with(plain(), UCP_OP_ATTR_FIELD_MEMH)
        };
        assert_eq!(
            put(on.pair.ep, &source[..32], on.remote(), on.rkey, &param),
            0
        );
        let answer = put(on.pair.ep, &source[..33], on.remote(), on.rkey, &param);
        assert_eq!(answer, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::MemoryRange);
        assert_eq!(memory::ucp_mem_unmap(on.pair.context, memh), UcsStatus::OK);
        on.end();
    });
}

#[test]
fn no_buffer_for_some_bytes_is_found_and_for_none_it_is_not() {
    alone(|mock| {
        let on = Setup::new();
        let (ep, remote, null) = (on.pair.ep, on.remote(), std::ptr::null());
        let param = plain();
        // SAFETY: a null buffer is not read.
        let put =
            |count| unsafe { rma::ucp_put_nbx(ep, null, count, remote, on.rkey, &raw const param) };
        assert_eq!(put(0), 0);
        assert_eq!(put(1), UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::RmaBuffer);
        on.end();
    });
}

#[test]
fn what_would_need_a_request_is_not_forced_to_do_without_one() {
    alone(|_| {
        let on = Setup::new();
        let (ep, remote, now) = (on.pair.ep, on.remote(), UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL);
        let refused = UcsStatus::NO_RESOURCE.to_ptr();
        let forced = with(plain(), now);
        assert_eq!(put(ep, &[3; 8], remote, on.rkey, &forced), 0);
        assert_eq!(on.target()[..8], [3; 8]);
        let both = with(plain(), now | UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        assert_eq!(put(ep, &[4; 8], remote, on.rkey, &both), refused);
        let mut back = [0; 8];
        assert_eq!(get(ep, &mut back, remote, on.rkey, &forced), refused);
        assert_eq!(get(ep, &mut back[..0], remote, on.rkey, &forced), 0);
        assert_eq!((back, &on.target()[..8]), ([0; 8], &[3; 8][..]));
        on.end();
    });
}

#[test]
fn a_transfer_needs_the_feature() {
    alone(|mock| {
        let context = context_with(&UcpParams {
            field_mask: UCP_PARAM_FIELD_FEATURES,
            features: UCP_FEATURE_AM,
            ..zeroed()
        });
        let pair = Pair::on(context, UCS_THREAD_MODE_SINGLE, None);
        let target = [0; 8];
        let memh = register(context, &target);
        let rkey = remote_key(context, memh, pair.ep);
        let answer = put(pair.ep, &[1; 8], target.as_ptr() as u64, rkey, &plain());
        assert_eq!(answer, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::ContextFeature);
        memory::ucp_rkey_destroy(rkey);
        assert_eq!(memory::ucp_mem_unmap(context, memh), UcsStatus::OK);
        assert_eq!(close(pair.ep, 0), 0);
        worker::ucp_worker_destroy(pair.near);
        worker::ucp_worker_destroy(pair.far);
        library::ucp_cleanup(context);
    });
}
