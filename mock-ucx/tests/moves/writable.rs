//! A pair of workers of which one can write and read the other's memory.

use mock_ucx::abi::types::*;
use mock_ucx::abi::{memory, worker};

use super::common::*;

/// Sources that outlive every operation.
pub(crate) static SOURCE_7: [u8; 64] = [7; 64];
pub(crate) static SOURCE_8: [u8; 64] = [8; 64];

/// A pair with a registered target and a key for it.
pub(crate) struct Writable {
    pub(crate) pair: Pair,
    pub(crate) target: Vec<u8>,
    pub(crate) memh: u64,
    pub(crate) rkey: u64,
}

impl Writable {
    pub(crate) fn new(log: Option<&Log>) -> Writable {
        let pair = Pair::on(context(), UCS_THREAD_MODE_SINGLE, log);
        let target = vec![0_u8; 64];
        let memh = register(pair.context, &target);
        let rkey = remote_key(pair.context, memh, pair.ep);
        Writable {
            pair,
            target,
            memh,
            rkey,
        }
    }

    pub(crate) fn put(&self, bytes: &[u8], param: &UcpRequestParam) -> usize {
        let remote = self.target.as_ptr() as u64;
        put(self.pair.ep, bytes, remote, self.rkey, param)
    }

    /// Puts memory that is registered for it; its handle, and the request.
    pub(crate) fn put_registered(&self) -> (u64, usize) {
        let source = register(self.pair.context, &SOURCE_7);
        let param = UcpRequestParam {
            op_attr_mask: UCP_OP_ATTR_FIELD_MEMH,
            memh: source as _,
            ..zeroed()
        };
        (source, self.put(&SOURCE_7, &param))
    }

    pub(crate) fn get(&self, bytes: &mut [u8], param: &UcpRequestParam) -> usize {
        let remote = self.target.as_ptr() as u64;
        get(self.pair.ep, bytes, remote, self.rkey, param)
    }

    pub(crate) fn progress(&self, times: u32) {
        for _ in 0..times {
            worker::ucp_worker_progress(self.pair.near);
        }
    }

    pub(crate) fn end(self) {
        self.give_back().end();
    }

    pub(crate) fn end_failed(self, status: UcsStatus) {
        self.give_back().end_as(status);
    }

    pub(crate) fn give_back(self) -> Pair {
        memory::ucp_rkey_destroy(self.rkey);
        assert_eq!(
            memory::ucp_mem_unmap(self.pair.context, self.memh),
            UcsStatus::OK
        );
        self.pair
    }
}
