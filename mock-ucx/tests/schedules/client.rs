//! A client that draws what it does from a seed, keeps to UCX's contract, and watches what comes back.

use std::ffi::c_void;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{endpoint, memory, request, wakeup, worker};
use mock_ucx::control::{HEALED_PROGRESS_MAX, heal};

use crate::common::*;
use crate::schedules::callbacks::{KEEPING_ID, PLAIN_ID, handle, on_error};
use crate::schedules::monitor::{Forbidden as F, Monitor};
use crate::schedules::world::{Ep, Inside, Op, WORLD, What, World, inside, world};

pub const SLOTS: usize = 48;
pub const SLOT_BYTES: usize = 64;
/// Progress calls within which an operation ends whose endpoint was reported failed.
const FAILED_PROGRESS_MAX: u32 = 4;
/// Busy answers in a row that the contract's bound may take.
const BUSY_MAX: u32 = 20;

/// Numbers drawn from a seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
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

pub struct Client {
    pub dice: Dice,
    pub context: u64,
    pub near: u64,
    pub far: u64,
    pub fd: i32,
    pub armed: bool,
    pub busy: u32,
    pub source: Vec<u8>,
    pub target: Vec<u8>,
    pub memh: u64,
    pub extra: Vec<u64>,
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

    pub fn connect(&mut self) {
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
    pub fn open_ep(&mut self) -> Option<(usize, Ep)> {
        let open: Vec<(usize, Ep)> = world(|world| {
            let eps = world.eps.iter().copied().enumerate();
            eps.filter(|(_, ep)| !ep.closed).collect()
        });
        let index = self.dice.roll(open.len().max(1) as u64) as usize;
        open.get(index).copied()
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
    pub fn completed(&mut self, index: usize) {
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
