//! What a random client posts: transfers, flushes, messages, receives and closes, each watched for what it answers.

use std::ffi::c_void;
use std::ptr;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{active_message, endpoint, message_data, rma};

use crate::common::*;
use crate::schedules::callbacks::{KEEPING_ID, PLAIN_ID, on_completion, on_receive};
use crate::schedules::client::{Client, SLOT_BYTES, SLOTS};
use crate::schedules::monitor::Forbidden as F;
use crate::schedules::world::{Inside, Op, What, inside, world};

impl Client {
    /// Posts an operation and watches its answer.
    pub fn post(
        &mut self,
        what: What,
        ep: usize,
        call: impl FnOnce(&UcpRequestParam) -> usize,
    ) -> usize {
        let index = world(|world| {
            world.ops.push(Op {
                what,
                ep,
                request: 0,
                called: 0,
                answered: false,
                freed: false,
                fin: None,
                after_failure: 0,
            });
            world.ops.len() - 1
        });
        let receive = what == What::Receive;
        let callback = UcpRequestCallback {
            send: Some(on_completion),
        };
        let receive_callback = UcpRequestCallback {
            recv_am: Some(on_receive),
        };
        let mut param = UcpRequestParam {
            op_attr_mask: UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA,
            cb: if receive { receive_callback } else { callback },
            user_data: index as *mut c_void,
            ..zeroed()
        };
        if self.dice.roll(8) == 0 {
            param.op_attr_mask |= UCP_OP_ATTR_FLAG_NO_IMM_CMPL;
        }
        let now = if what == What::Close {
            Inside::Completing(self.near)
        } else {
            Inside::Posting(index)
        };
        let answer = inside(now, || call(&param));
        world(|world| {
            let called = world.ops[index].called;
            let is_request = ptr_is_ptr(answer);
            let monitor = &mut world.monitor;
            monitor.look(F::CallbackBesideAnswer, !is_request && called > 0, || {
                format!("{what:?}")
            });
            monitor.look(F::InProgressTold, answer == 1, || {
                format!("{what:?} answered 1")
            });
            let status = ptr_status(answer);
            let queued = [UcsStatus::BUSY, UcsStatus::NO_RESOURCE];
            monitor.look(F::Unqueued, queued.contains(&status), || {
                format!("{what:?} {status}")
            });
            let op = &mut world.ops[index];
            op.request = answer;
            op.answered = !is_request;
            if op.answered {
                op.fin = Some(if answer == 0 { UcsStatus::OK } else { status });
            }
        });
        if world(|world| world.ops[index].answered) {
            self.completed(index);
        }
        index
    }
    pub fn transfer(&mut self) {
        let Some((at, ep)) = self.open_ep() else {
            return;
        };
        let slot = world(|world| world.ops.len());
        if slot >= SLOTS {
            return;
        }
        let (local, remote) = (
            slot * SLOT_BYTES,
            self.target.as_ptr() as u64 + (slot * SLOT_BYTES) as u64,
        );
        let is_put = self.dice.roll(2) == 0;
        let buffer = self.source[local..].as_mut_ptr();
        self.post(if is_put { What::Put } else { What::Get }, at, |param| {
            // SAFETY: the buffers live until the end, when everything is complete.
            unsafe {
                if is_put {
                    rma::ucp_put_nbx(ep.handle, buffer.cast(), SLOT_BYTES, remote, ep.rkey, param)
                } else {
                    rma::ucp_get_nbx(ep.handle, buffer.cast(), SLOT_BYTES, remote, ep.rkey, param)
                }
            }
        });
    }
    pub fn flush(&mut self) {
        let Some((at, ep)) = self.open_ep() else {
            return;
        };
        self.post(What::Flush, at, |param| flush(ep.handle, param));
    }
    pub fn message(&mut self) {
        let Some((at, ep)) = self.open_ep() else {
            return;
        };
        let slot = world(|world| world.ops.len());
        if slot >= SLOTS {
            return;
        }
        let flags = [0, UCP_AM_SEND_FLAG_EAGER, UCP_AM_SEND_FLAG_RNDV][self.dice.roll(3) as usize];
        let id = [PLAIN_ID, KEEPING_ID][self.dice.roll(2) as usize];
        let length = self.dice.roll(SLOT_BYTES as u64 + 1) as usize;
        let header = [at as u64, slot as u64].map(u64::to_le_bytes).concat();
        world(|world| {
            world.sent_eager.resize(slot + 1, false);
            world.sent_eager[slot] = flags == UCP_AM_SEND_FLAG_EAGER;
        });
        let data = &self.source[slot * SLOT_BYTES..slot * SLOT_BYTES + length];
        let (data, length) = (data.as_ptr(), data.len());
        self.post(What::Message, at, |param| {
            let param = UcpRequestParam {
                op_attr_mask: param.op_attr_mask | UCP_OP_ATTR_FIELD_FLAGS,
                flags,
                ..*param
            };
            // SAFETY: the header is copied, the data lives until the end.
            unsafe {
                let data = if length == 0 {
                    ptr::null()
                } else {
                    data.cast()
                };
                let header = (header.as_ptr().cast(), header.len());
                active_message::ucp_am_send_nbx(
                    ep.handle,
                    id,
                    header.0,
                    header.1,
                    data,
                    length,
                    &raw const param,
                )
            }
        });
    }
    pub fn receive_kept(&mut self) {
        let Some((data, length)) = world(|world| world.kept.pop()) else {
            return;
        };
        if self.dice.roll(3) == 0 {
            inside(Inside::Completing(self.far), || {
                message_data::ucp_am_data_release(self.far, data)
            });
            return;
        }
        // A buffer of its own, which outlives the schedule: the receive may run on.
        let buffer = Vec::leak(vec![0_u8; length.max(1)]);
        let far = self.far;
        self.post(What::Receive, 0, |param| {
            // SAFETY: the buffer has the announced length.
            unsafe {
                message_data::ucp_am_recv_data_nbx(
                    far,
                    data,
                    buffer.as_mut_ptr().cast(),
                    length,
                    param,
                )
            }
        });
    }
    pub fn close_one(&mut self) {
        let Some((at, ep)) = self.open_ep() else {
            return;
        };
        let busy = world(|world| {
            world
                .ops
                .iter()
                .any(|op| op.ep == at && op.what != What::Receive && (op.fin.is_none() || op.freed))
        });
        let force = ep.handled && self.dice.roll(2) == 0;
        if busy && !force {
            return;
        }
        let flags = if force { UCP_EP_CLOSE_FLAG_FORCE } else { 0 };
        world(|world| world.eps[at].closed = true);
        self.post(What::Close, at, |param| {
            let param = UcpRequestParam {
                op_attr_mask: (param.op_attr_mask & !UCP_OP_ATTR_FLAG_NO_IMM_CMPL)
                    | UCP_OP_ATTR_FIELD_FLAGS,
                flags,
                ..*param
            };
            // SAFETY: the structure is right.
            unsafe { endpoint::ucp_ep_close_nbx(ep.handle, &raw const param) }
        });
        self.connect();
    }
}
