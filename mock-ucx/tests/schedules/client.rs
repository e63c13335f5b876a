//! A client that draws what it does from a seed, keeps to UCX's contract, and watches what comes back.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{active_message, endpoint, memory, request, rma, wakeup, worker};
use mock_ucx::control::{HEALED_PROGRESS_MAX, heal};

use crate::common::*;
use crate::schedules::monitor::{Forbidden as F, Monitor};

const SLOTS: usize = 48;
const SLOT_BYTES: usize = 64;
/// Progress calls within which an operation ends whose endpoint was reported failed.
const FAILED_PROGRESS_MAX: u32 = 4;
/// Busy answers in a row that the contract's bound may take.
const BUSY_MAX: u32 = 20;
const PLAIN_ID: u32 = 1;
const KEEPING_ID: u32 = 2;

/// The call of UCX that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// Completions of this worker may run.
    Completing(u64),
    /// Posting this operation: only its own completion may run.
    Posting(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Put,
    Get,
    Flush,
    Message,
    Receive,
    Close,
}

#[derive(Clone, Debug)]
struct Op {
    what: What,
    ep: usize,
    request: usize,
    called: u32,
    /// Answered null or an error.
    answered: bool,
    freed: bool,
    fin: Option<UcsStatus>,
    /// Progress calls of the near worker since its endpoint was reported failed.
    after_failure: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ep {
    handle: u64,
    rkey: u64,
    handled: bool,
    failed: bool,
    told: u32,
    closed: bool,
    last_message: usize,
}

/// What the callbacks see.
struct World {
    monitor: Monitor,
    ops: Vec<Op>,
    eps: Vec<Ep>,
    /// Rendezvous and persistent data that was kept: descriptor and length.
    kept: Vec<(u64, usize)>,
    keep_next: bool,
    sent_eager: Vec<bool>,
    near: u64,
    far: u64,
}

thread_local! {
    static INSIDE: Cell<Inside> = const { Cell::new(Inside::Nothing) };
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

fn world<T>(body: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| body(world.borrow_mut().as_mut().expect("a world")))
}

fn inside<T>(what: Inside, call: impl FnOnce() -> T) -> T {
    let before = INSIDE.replace(what);
    let answer = call();
    INSIDE.set(before);
    answer
}

/// Numbers drawn from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % sides
    }
}

/// Plays one schedule; the monitor goes through all of them.
pub fn play(seed: u64, monitor: Monitor) -> Monitor {
    let mut client = Client::new(seed, monitor);
    let steps = 10 + client.dice.roll(30);
    for _ in 0..steps {
        client.step();
    }
    client.end()
}

struct Client {
    dice: Dice,
    context: u64,
    near: u64,
    far: u64,
    fd: i32,
    armed: bool,
    busy: u32,
    source: Vec<u8>,
    target: Vec<u8>,
    memh: u64,
    extra: Vec<u64>,
}

impl Client {
    fn new(seed: u64, monitor: Monitor) -> Client {
        let context = context();
        let near = worker(context, UCS_THREAD_MODE_SINGLE);
        let far = worker(context, UCS_THREAD_MODE_SINGLE);
        let target = vec![0_u8; SLOTS * SLOT_BYTES];
        let memh = register(context, &target);
        let mut fd = -1;
        // SAFETY: the descriptor is writable.
        let status = unsafe { wakeup::ucp_worker_get_efd(near, &raw mut fd) };
        assert_eq!(status, UcsStatus::OK);
        for (id, flags) in [(PLAIN_ID, 0), (KEEPING_ID, UCP_AM_FLAG_PERSISTENT_DATA)] {
            handle(far, id, flags);
        }
        WORLD.set(Some(World {
            monitor,
            ops: Vec::new(),
            eps: Vec::new(),
            kept: Vec::new(),
            keep_next: false,
            sent_eager: Vec::new(),
            near,
            far,
        }));
        let mut client = Client {
            dice: Dice(seed),
            context,
            near,
            far,
            fd,
            armed: false,
            busy: 0,
            source: (0..SLOTS * SLOT_BYTES)
                .map(|at| (at / SLOT_BYTES) as u8 + 1)
                .collect(),
            target,
            memh,
            extra: Vec::new(),
        };
        client.connect();
        client
    }

    fn connect(&mut self) {
        let handled = self.dice.roll(4) > 0;
        let mode = if handled {
            UCP_ERR_HANDLING_MODE_PEER
        } else {
            UCP_ERR_HANDLING_MODE_NONE
        };
        let index = world(|world| {
            world.eps.push(Ep {
                handle: 0,
                rkey: 0,
                handled,
                failed: false,
                told: 0,
                closed: false,
                last_message: 0,
            });
            world.eps.len() - 1
        });
        let blob = address(self.far);
        let params = UcpEpParams {
            field_mask: UCP_EP_PARAM_FIELD_REMOTE_ADDRESS
                | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
                | UCP_EP_PARAM_FIELD_ERR_HANDLER,
            address: blob as _,
            err_mode: mode,
            err_handler: UcpErrHandler {
                cb: Some(on_error),
                arg: index as *mut c_void,
            },
            ..zeroed()
        };
        // SAFETY: the structure is right and the address is whole.
        let ep = made(|out| unsafe { endpoint::ucp_ep_create(self.near, &raw const params, out) })
            .expect("an endpoint");
        worker::ucp_worker_release_address(self.far, blob);
        world(|world| {
            let twice = world
                .eps
                .iter()
                .any(|other| !other.closed && other.handle == ep);
            world
                .monitor
                .look(F::HandleTwice, twice, || "an endpoint".into());
            world.eps[index].handle = ep;
        });
        let rkey = remote_key(self.context, self.memh, ep);
        world(|world| world.eps[index].rkey = rkey);
    }

    fn step(&mut self) {
        match self.dice.roll(16) {
            0..=3 => self.transfer(),
            4 => self.flush(),
            5 | 6 => self.message(),
            7 | 8 => self.progress_near(),
            9 => self.progress_far(),
            10 => self.free_one(),
            11 => self.cancel_one(),
            12 => self.arm(),
            13 => self.remap(),
            14 => self.receive_kept(),
            _ => self.close_one(),
        }
        self.check_statuses();
    }

    /// An endpoint that is open, if there is one; a failed one is posted on too.
    fn open_ep(&mut self) -> Option<(usize, Ep)> {
        let open: Vec<(usize, Ep)> = world(|world| {
            let eps = world.eps.iter().copied().enumerate();
            eps.filter(|(_, ep)| !ep.closed).collect()
        });
        let index = self.dice.roll(open.len().max(1) as u64) as usize;
        open.get(index).copied()
    }

    /// Posts an operation and watches its answer.
    fn post(
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

    fn transfer(&mut self) {
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

    fn flush(&mut self) {
        let Some((at, ep)) = self.open_ep() else {
            return;
        };
        self.post(What::Flush, at, |param| flush(ep.handle, param));
    }

    fn message(&mut self) {
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

    fn progress_near(&mut self) {
        let readable = self.armed && self.is_readable();
        let count = || world(|world| world.ops.iter().filter(|op| op.called > 0).count());
        let failed = || world(|world| world.eps.iter().filter(|ep| ep.failed).count());
        let (before, failed_before) = (count(), failed());
        inside(Inside::Completing(self.near), || {
            worker::ucp_worker_progress(self.near)
        });
        // An endpoint that fails does so inside the progress call: nobody could have been told before.
        if self.armed && failed() == failed_before {
            let lost = count() > before && !readable;
            world(|world| {
                world
                    .monitor
                    .look(F::LostSignal, lost, || "a completion".into());
            });
        }
        self.armed = false;
        self.busy = 0;
        world(|world| {
            for op in &mut world.ops {
                let failed = world.eps[op.ep].failed && !world.eps[op.ep].closed;
                let runs = op.fin.is_none() && op.called == 0 && !op.freed;
                if failed && runs && op.what != What::Receive {
                    op.after_failure += 1;
                }
                let late = op.after_failure > FAILED_PROGRESS_MAX;
                world.monitor.look(F::NeverEnds, late, || format!("{op:?}"));
            }
        });
    }

    fn progress_far(&mut self) {
        let keep = self.dice.roll(2) == 0;
        world(|world| world.keep_next = keep);
        inside(Inside::Completing(self.far), || {
            worker::ucp_worker_progress(self.far)
        });
    }

    fn is_readable(&self) -> bool {
        let mut poll = libc::pollfd {
            fd: self.fd,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one descriptor, no waiting.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
    }

    fn arm(&mut self) {
        let status = wakeup::ucp_worker_arm(self.near);
        self.armed = status == UcsStatus::OK;
        self.busy = if self.armed { 0 } else { self.busy + 1 };
        let busy = self.busy;
        world(|world| {
            world
                .monitor
                .look(F::BusyForEver, busy > BUSY_MAX, || format!("{busy} times"));
        });
    }

    fn free_one(&mut self) {
        let index = self.held_op();
        let Some(index) = index else { return };
        let request = world(|world| {
            world.ops[index].freed = true;
            world.ops[index].request
        });
        free(request);
    }

    fn held_op(&mut self) -> Option<usize> {
        let held: Vec<usize> = world(|world| {
            let ops = world.ops.iter().enumerate();
            ops.filter(|(_, op)| !op.answered && !op.freed)
                .map(|(index, _)| index)
                .collect()
        });
        held.get(self.dice.roll(held.len().max(1) as u64) as usize)
            .copied()
    }

    fn cancel_one(&mut self) {
        let Some(index) = self.held_op() else { return };
        let (request, what) = world(|world| (world.ops[index].request, world.ops[index].what));
        let owner = if what == What::Receive {
            self.far
        } else {
            self.near
        };
        inside(Inside::Completing(owner), || {
            request::ucp_request_cancel(owner, request as u64)
        });
    }

    fn remap(&mut self) {
        if let Some(memh) = self.extra.pop() {
            assert_eq!(memory::ucp_mem_unmap(self.context, memh), UcsStatus::OK);
        }
        for _ in 0..2 {
            let memh = register(self.context, &self.source);
            let twice = memh == self.memh || self.extra.contains(&memh);
            world(|world| {
                world
                    .monitor
                    .look(F::HandleTwice, twice, || "a memory handle".into())
            });
            self.extra.push(memh);
        }
    }

    fn receive_kept(&mut self) {
        let Some((data, length)) = world(|world| world.kept.pop()) else {
            return;
        };
        if self.dice.roll(3) == 0 {
            inside(Inside::Completing(self.far), || {
                active_message::ucp_am_data_release(self.far, data)
            });
            return;
        }
        // A buffer of its own, which outlives the schedule: the receive may run on.
        let buffer = Vec::leak(vec![0_u8; length.max(1)]);
        let far = self.far;
        self.post(What::Receive, 0, |param| {
            // SAFETY: the buffer has the announced length.
            unsafe {
                active_message::ucp_am_recv_data_nbx(
                    far,
                    data,
                    buffer.as_mut_ptr().cast(),
                    length,
                    param,
                )
            }
        });
    }

    fn close_one(&mut self) {
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

    /// Asks the status of each request that is held.
    fn check_statuses(&mut self) {
        let held: Vec<(usize, usize, Option<UcsStatus>)> = world(|world| {
            let ops = world.ops.iter().enumerate();
            let held = ops.filter(|(_, op)| !op.answered && !op.freed);
            held.map(|(index, op)| (index, op.request, op.fin))
                .collect()
        });
        for (index, request, before) in held {
            let now = status(request);
            world(|world| {
                let changed = before.is_some_and(|before| before != now);
                world
                    .monitor
                    .look(F::StatusChanged, changed, || format!("{before:?} to {now}"));
            });
            if before.is_none() && now != UcsStatus::INPROGRESS {
                world(|world| world.ops[index].fin = Some(now));
                self.completed(index);
            }
        }
    }

    /// What must hold once an operation is known to be complete.
    fn completed(&mut self, index: usize) {
        let op = world(|world| world.ops[index].clone());
        if op.what != What::Flush || op.fin != Some(UcsStatus::OK) {
            return;
        }
        let earlier: Vec<(usize, Op)> = world(|world| {
            let ops = world.ops[..index].iter().cloned().enumerate();
            ops.filter(|(_, other)| {
                other.ep == op.ep && matches!(other.what, What::Put | What::Get)
            })
            .collect()
        });
        let healthy = world(|world| !world.eps[op.ep].failed);
        for (slot, other) in earlier {
            let running =
                !other.answered && !other.freed && status(other.request) == UcsStatus::INPROGRESS;
            let bytes = slot * SLOT_BYTES..(slot + 1) * SLOT_BYTES;
            let wrong = other.what == What::Put
                && !other.freed
                && other.fin == Some(UcsStatus::OK)
                && self.target[bytes.clone()] != self.source[bytes];
            world(|world| {
                world
                    .monitor
                    .look(F::FlushOvertakes, healthy && running, || {
                        format!("{other:?}")
                    });
                world
                    .monitor
                    .look(F::BytesWrong, wrong, || format!("{other:?}"));
            });
        }
    }

    /// Heals, comes to rest, and gives everything back.
    fn end(mut self) -> Monitor {
        heal();
        let rounds = HEALED_PROGRESS_MAX;
        for _ in 0..rounds {
            self.progress_near();
            self.progress_far();
            while world(|world| !world.kept.is_empty()) {
                self.receive_kept();
            }
        }
        self.check_statuses();
        let open: Vec<(usize, Ep)> = world(|world| {
            for op in world.ops.clone() {
                let restless = !op.answered && !op.freed && op.fin.is_none();
                world
                    .monitor
                    .look(F::NoRest, restless, || format!("{op:?}"));
            }
            world.eps.iter().copied().enumerate().collect()
        });
        for (at, ep) in open {
            memory::ucp_rkey_destroy(ep.rkey);
            if !ep.closed {
                world(|world| world.eps[at].closed = true);
                self.post(What::Close, at, |param| {
                    let param = with(*param, 0);
                    // SAFETY: the structure is right.
                    unsafe { endpoint::ucp_ep_close_nbx(ep.handle, &raw const param) }
                });
            }
        }
        for _ in 0..rounds {
            self.progress_near();
            self.progress_far();
        }
        self.check_statuses();
        let left: Vec<usize> = world(|world| {
            let held = world.ops.iter().filter(|op| !op.answered && !op.freed);
            held.map(|op| op.request).collect()
        });
        left.into_iter().for_each(free);
        for memh in self.extra.drain(..).chain([self.memh]) {
            assert_eq!(memory::ucp_mem_unmap(self.context, memh), UcsStatus::OK);
        }
        inside(Inside::Completing(self.near), || {
            worker::ucp_worker_destroy(self.near)
        });
        inside(Inside::Completing(self.far), || {
            worker::ucp_worker_destroy(self.far)
        });
        mock_ucx::abi::library::ucp_cleanup(self.context);
        WORLD.take().expect("a world").monitor
    }
}

fn handle(worker: u64, id: u32, flags: u32) {
    let param = UcpAmHandlerParam {
        field_mask: UCP_AM_HANDLER_PARAM_FIELD_ID
            | UCP_AM_HANDLER_PARAM_FIELD_CB
            | UCP_AM_HANDLER_PARAM_FIELD_ARG
            | UCP_AM_HANDLER_PARAM_FIELD_FLAGS,
        id,
        flags,
        cb: Some(on_message),
        arg: id as usize as *mut c_void,
    };
    // SAFETY: the structure is right.
    let status =
        unsafe { active_message::ucp_worker_set_am_recv_handler(worker, &raw const param) };
    assert_eq!(status, UcsStatus::OK);
}

fn completion(request: *mut c_void, status: UcsStatus, user_data: *mut c_void) {
    let index = user_data as usize;
    let now = INSIDE.get();
    world(|world| {
        let op = &mut world.ops[index];
        op.called += 1;
        let (called, freed, what) = (op.called, op.freed, op.what);
        let owner = if what == What::Receive {
            world.far
        } else {
            world.near
        };
        let monitor = &mut world.monitor;
        monitor.look(F::CallbackTwice, called > 1, || format!("{what:?}"));
        monitor.look(F::CallbackAfterFree, freed, || format!("{what:?}"));
        monitor.look(F::InProgressTold, status == UcsStatus::INPROGRESS, || {
            format!("{what:?}")
        });
        let outside = match now {
            Inside::Nothing => true,
            Inside::Completing(worker) => worker != owner,
            Inside::Posting(_) => false,
        };
        monitor.look(F::CallbackOutside, outside, || {
            format!("{what:?} in {now:?}")
        });
        let foreign = matches!(now, Inside::Posting(other) if other != index);
        monitor.look(F::ForeignCompletion, foreign, || {
            format!("{what:?} in {now:?}")
        });
        let known = world.ops[index].request;
        assert!(
            known == 0 || known == request as usize,
            "the request of the callback"
        );
    });
}

unsafe extern "C-unwind" fn on_completion(
    request: *mut c_void,
    status: UcsStatus,
    user_data: *mut c_void,
) {
    completion(request, status, user_data);
}

unsafe extern "C-unwind" fn on_receive(
    request: *mut c_void,
    status: UcsStatus,
    _: usize,
    user_data: *mut c_void,
) {
    completion(request, status, user_data);
}

unsafe extern "C-unwind" fn on_error(index: *mut c_void, _: UcpEpH, _: UcsStatus) {
    let now = INSIDE.get();
    world(|world| {
        let near = world.near;
        let ep = &mut world.eps[index as usize];
        ep.told += 1;
        ep.failed = true;
        let ep = *ep;
        let monitor = &mut world.monitor;
        monitor.look(F::ErrorTwice, ep.told > 1, || format!("{ep:?}"));
        monitor.look(F::ErrorAfterClose, ep.closed, || format!("{ep:?}"));
        monitor.look(F::ErrorWithoutHandling, !ep.handled, || format!("{ep:?}"));
        monitor.look(F::CallbackOutside, now != Inside::Completing(near), || {
            format!("an error in {now:?}")
        });
    });
}

unsafe extern "C-unwind" fn on_message(
    id: *mut c_void,
    header: *const c_void,
    header_length: usize,
    data: *mut c_void,
    length: usize,
    param: *const UcpAmRecvParam,
) -> UcsStatus {
    assert_eq!(header_length, 16);
    // SAFETY: the header has two numbers, the parameters are UCX's.
    let (at, slot, attr) = unsafe {
        let words = header.cast::<[u8; 8]>();
        let word = |index: usize| u64::from_le_bytes(words.add(index).read_unaligned()) as usize;
        (word(0), word(1), (*param).recv_attr)
    };
    let (is_kept, is_rendezvous) = (
        attr & UCP_AM_RECV_ATTR_FLAG_DATA != 0,
        attr & UCP_AM_RECV_ATTR_FLAG_RNDV != 0,
    );
    let now = INSIDE.get();
    world(|world| {
        let far = world.far;
        let (eager, last) = (world.sent_eager[slot], world.eps[at].last_message);
        world.eps[at].last_message = slot + 1;
        let monitor = &mut world.monitor;
        monitor.look(F::CallbackOutside, now != Inside::Completing(far), || {
            format!("a message in {now:?}")
        });
        let wrong = (is_kept && is_rendezvous) || (is_kept && data.is_null() && length > 0);
        monitor.look(F::MessageAttributes, wrong, || {
            format!("{attr:#x} {data:?} {length}")
        });
        monitor.look(F::EagerTurned, eager && is_rendezvous, || {
            format!("message {slot}")
        });
        monitor.look(F::MessagesOutOfOrder, slot < last, || {
            format!("{slot} after {last}")
        });
        let may_keep = is_rendezvous || (is_kept && id as usize == KEEPING_ID as usize);
        if may_keep && world.keep_next {
            world.kept.push((data as u64, length));
            UcsStatus::INPROGRESS
        } else {
            UcsStatus::OK
        }
    })
}
