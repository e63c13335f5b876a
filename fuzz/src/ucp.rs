//! The mock's own C surface, called with rubbish: handles that are stale, of another kind or none at all, and structures of drawn bits.
//!
//! Pointers to structures and to buffers are good ones, since what UCX reads itself the client vouches for.

use std::ffi::c_void;
use std::ptr;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{
    active_message, endpoint, library, memory, message_data, request, rma, wakeup, worker,
};
use mock_ucx::control::{begin_anew, configure, configured, edges, snapshot};
use mock_ucx::ledger::{Kind, ObjectState};
use mock_ucx::status::UcsStatus;
use mock_ucx::{Adversary, Settings};

/// Bytes of one call.
const RECORD: usize = 6;
/// Bytes that transfers and messages move, and that are mapped.
const BUFFER: usize = 4096;
/// Calls of one input, at most: many times those of the inputs that libFuzzer makes by itself.
const CALLS_MAX: usize = 2000;
/// Handles that are remembered, ended ones included.
const HANDLES_MAX: usize = 256;

/// Calls the mock as `input` says: a call for every six bytes of the first half; the second half decides.
pub fn play(input: &[u8]) {
    let (calls, decisions) = input.split_at(input.len() / 2);
    begin(decisions);
    let mut client = Client {
        handles: Vec::new(),
        buffer: Box::new([0; BUFFER]),
    };
    for record in calls.as_chunks::<RECORD>().0.iter().take(CALLS_MAX) {
        client.call(*record);
    }
    client.give_everything_back();
}

fn begin(decisions: &[u8]) {
    let settings = Settings {
        adversary: Adversary::Bytes(decisions.to_vec()),
        ..Settings::default()
    };
    if configured() {
        assert!(begin_anew(settings), "the last input left something behind");
    } else {
        configure(settings);
    }
    edges::begin();
}

struct Client {
    /// All handles that were ever got, and their kinds.
    handles: Vec<(Kind, u64)>,
    buffer: Box<[u8; BUFFER]>,
}

/// A structure of UCX with nothing set.
fn zeroed<T>() -> T {
    // SAFETY: UCX's structures are integers, raw pointers and nullable functions, for all of which zero is valid.
    unsafe { std::mem::zeroed() }
}

/// Takes a message, and keeps its data if that is permitted and the length is odd.
unsafe extern "C-unwind" fn on_message(
    _: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    length: usize,
    param: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the mock gives a whole structure.
    let attributes = unsafe { (*param).recv_attr };
    let may_keep = attributes & (UCP_AM_RECV_ATTR_FLAG_DATA | UCP_AM_RECV_ATTR_FLAG_RNDV) != 0;
    if may_keep && length % 2 == 1 {
        UcsStatus::INPROGRESS
    } else {
        UcsStatus::OK
    }
}

unsafe extern "C-unwind" fn on_completion(_: *mut c_void, _: UcsStatus, _: *mut c_void) {}

unsafe extern "C-unwind" fn on_error(_: *mut c_void, _: *mut UcpEp, _: UcsStatus) {}

impl Client {
    /// A handle of this kind as `byte` says: mostly one that was given out, else another one or rubbish.
    fn handle(&self, kind: Kind, byte: u8) -> u64 {
        let number = usize::from(byte >> 3);
        let any = |handles: &mut dyn DoubleEndedIterator<Item = u64>| {
            let handles: Vec<u64> = handles.rev().take(8).collect();
            handles.get(number % handles.len().max(1)).copied()
        };
        let own = any(&mut self
            .handles
            .iter()
            .filter(|(known, _)| *known == kind)
            .map(|(_, handle)| *handle));
        match byte & 7 {
            0 => [0, 1, u64::MAX, 0x5151_5151_5151_5151][number % 4],
            1 => any(&mut self.handles.iter().map(|(_, handle)| *handle)).unwrap_or(7),
            2 => own.unwrap_or(9).wrapping_add(number as u64),
            _ => own.unwrap_or(0),
        }
    }

    /// A handle, if the call gave one.
    fn keep(&mut self, kind: Kind, status: UcsStatus, handle: u64) {
        if status == UcsStatus::OK && handle != 0 && self.handles.len() < HANDLES_MAX {
            self.handles.push((kind, handle));
        }
    }

    /// A request, if the call gave one.
    fn keep_request(&mut self, answer: usize) {
        let is_error = ptr_is_err(answer);
        let status = if answer == 0 || is_error {
            UcsStatus::NO_ELEM
        } else {
            UcsStatus::OK
        };
        self.keep(Kind::Request, status, answer as u64);
    }

    /// A place in the buffer, and bytes that are there.
    fn span(&mut self, at: u8, length: u8) -> (*mut u8, usize) {
        let start = usize::from(at) * 8;
        let length = (usize::from(length) * 5).min(BUFFER - start);
        (self.buffer.as_mut_ptr().wrapping_add(start), length)
    }

    fn call(&mut self, record: [u8; RECORD]) {
        match record[0] % 24 {
            0..6 => self.make(record),
            6..12 => self.end(record),
            12..18 => self.operate(record),
            _ => self.ask(record),
        }
    }

    /// Calls that make an object.
    fn make(&mut self, [which, a, b, c, d, e]: [u8; RECORD]) {
        let mut out = 0;
        // SAFETY: the structures are whole and what is written has room.
        let (kind, status) = unsafe {
            match which % 6 {
                0 => {
                    let params = UcpParams {
                        field_mask: u64::from(b & 0x9f) | UCP_PARAM_FIELD_FEATURES,
                        features: u64::from(c) | UCP_FEATURE_AM | UCP_FEATURE_RMA,
                        request_size: usize::from(d),
                        mt_workers_shared: i32::from(e & 1),
                        ..zeroed()
                    };
                    let config = if a < 64 {
                        self.handle(Kind::Config, a)
                    } else {
                        0
                    };
                    let status =
                        library::ucp_init_version(1, 22, &raw const params, config, &raw mut out);
                    (Kind::Context, status)
                }
                1 => {
                    let params = UcpWorkerParams {
                        field_mask: u64::from(b & 1),
                        thread_mode: u32::from(c % 4),
                        ..zeroed()
                    };
                    let context = self.handle(Kind::Context, a);
                    (
                        Kind::Worker,
                        worker::ucp_worker_create(context, &raw const params, &raw mut out),
                    )
                }
                2 => {
                    let params = UcpEpParams {
                        field_mask: UCP_EP_PARAM_FIELD_REMOTE_ADDRESS
                            | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
                            | UCP_EP_PARAM_FIELD_ERR_HANDLER,
                        address: self.handle(Kind::Address, b) as _,
                        err_mode: u32::from(c % 3),
                        err_handler: UcpErrHandler {
                            cb: (d % 2 == 0).then_some(on_error as _),
                            arg: ptr::null_mut(),
                        },
                        ..zeroed()
                    };
                    let worker = self.handle(Kind::Worker, a);
                    (
                        Kind::Endpoint,
                        endpoint::ucp_ep_create(worker, &raw const params, &raw mut out),
                    )
                }
                3 => {
                    let (address, length) = self.span(c, d);
                    let params = UcpMemMapParams {
                        field_mask: u64::from(b & 3) | UCP_MEM_MAP_PARAM_FIELD_LENGTH,
                        address: address.cast(),
                        length,
                        ..zeroed()
                    };
                    let context = self.handle(Kind::Context, a);
                    (
                        Kind::MemoryHandle,
                        memory::ucp_mem_map(context, &raw const params, &raw mut out),
                    )
                }
                4 => {
                    let mut size = 0;
                    let status = memory::ucp_rkey_pack(
                        self.handle(Kind::Context, a),
                        self.handle(Kind::MemoryHandle, b),
                        (&raw mut out).cast(),
                        &raw mut size,
                    );
                    (Kind::RkeyBuffer, status)
                }
                _ => {
                    let (ep, buffer) = (
                        self.handle(Kind::Endpoint, a),
                        self.handle(Kind::RkeyBuffer, b),
                    );
                    (
                        Kind::Rkey,
                        memory::ucp_ep_rkey_unpack(ep, buffer, &raw mut out),
                    )
                }
            }
        };
        self.keep(kind, status, out);
    }

    /// Calls that end one.
    fn end(&mut self, [which, a, b, c, ..]: [u8; RECORD]) {
        match which % 6 {
            0 => worker::ucp_worker_release_address(
                self.handle(Kind::Worker, a),
                self.handle(Kind::Address, b),
            ),
            1 => {
                let param = UcpRequestParam {
                    op_attr_mask: UCP_OP_ATTR_FIELD_FLAGS,
                    flags: u32::from(b & 1),
                    ..zeroed()
                };
                // SAFETY: the structure is whole.
                let answer = unsafe {
                    endpoint::ucp_ep_close_nbx(self.handle(Kind::Endpoint, a), &raw const param)
                };
                self.keep_request(answer);
            }
            2 => memory::ucp_rkey_destroy(self.handle(Kind::Rkey, a)),
            3 => {
                let (context, memh) = (
                    self.handle(Kind::Context, a),
                    self.handle(Kind::MemoryHandle, b),
                );
                memory::ucp_mem_unmap(context, memh);
            }
            4 => request::ucp_request_free(self.handle(Kind::Request, a)),
            _ => match c % 16 {
                0 => worker::ucp_worker_destroy(self.handle(Kind::Worker, a)),
                1 => library::ucp_cleanup(self.handle(Kind::Context, a)),
                2 => library::ucp_config_release(self.handle(Kind::Config, a)),
                3..8 => memory::ucp_rkey_buffer_release(self.handle(Kind::RkeyBuffer, a)),
                _ => message_data::ucp_am_data_release(
                    self.handle(Kind::Worker, a),
                    self.handle(Kind::AmData, b),
                ),
            },
        }
    }

    /// Operations: transfers, messages, flushes.
    fn operate(&mut self, [which, a, b, c, d, e]: [u8; RECORD]) {
        let mut param = UcpRequestParam {
            op_attr_mask: u32::from(e & 3) << 16,
            ..zeroed()
        };
        if e & 4 != 0 {
            param.op_attr_mask |= UCP_OP_ATTR_FIELD_CALLBACK;
            param.cb.send = Some(on_completion);
        }
        if e & 8 != 0 {
            param.op_attr_mask |= UCP_OP_ATTR_FIELD_MEMH;
            param.memh = self.handle(Kind::MemoryHandle, e) as _;
        }
        let (local, length) = self.span(c, d);
        let (remote, _) = self.span(d, 1);
        let ep = self.handle(Kind::Endpoint, a);
        let (remote, param) = (remote as u64, &raw const param);
        // SAFETY: the buffer has these bytes and outlives what is under way, since all is given back before it goes.
        let answer = unsafe {
            match which % 6 {
                0 => rma::ucp_put_nbx(
                    ep,
                    local.cast(),
                    length,
                    remote,
                    self.handle(Kind::Rkey, b),
                    param,
                ),
                1 => rma::ucp_get_nbx(
                    ep,
                    local.cast(),
                    length,
                    remote,
                    self.handle(Kind::Rkey, b),
                    param,
                ),
                2 => endpoint::ucp_ep_flush_nbx(ep, param),
                3 => {
                    let header = usize::from(b % 16);
                    active_message::ucp_am_send_nbx(
                        ep,
                        1,
                        local.cast(),
                        header,
                        local.cast(),
                        length,
                        param,
                    )
                }
                4 => {
                    let worker = self.handle(Kind::Worker, a);
                    let data = self.handle(Kind::AmData, b);
                    message_data::ucp_am_recv_data_nbx(worker, data, local.cast(), length, param)
                }
                _ => {
                    request::ucp_request_cancel(
                        self.handle(Kind::Worker, a),
                        self.handle(Kind::Request, b),
                    );
                    0
                }
            }
        };
        self.keep_request(answer);
    }

    /// Calls that ask or move on.
    fn ask(&mut self, [which, a, b, c, ..]: [u8; RECORD]) {
        let worker = self.handle(Kind::Worker, a);
        match which % 6 {
            0 | 1 => {
                worker::ucp_worker_progress(worker);
                self.find_data();
            }
            2 => {
                let mut attr = UcpWorkerAttr {
                    field_mask: u64::from(b),
                    ..zeroed()
                };
                // SAFETY: the structure is whole.
                let status = unsafe { worker::ucp_worker_query(worker, &raw mut attr) };
                if u64::from(b) & UCP_WORKER_ATTR_FIELD_ADDRESS != 0 {
                    self.keep(Kind::Address, status, attr.address as u64);
                }
            }
            3 => {
                let handler = UcpAmHandlerParam {
                    field_mask: u64::from(b),
                    id: u32::from(c % 3),
                    flags: u32::from(c >> 6),
                    cb: Some(on_message),
                    ..zeroed()
                };
                // SAFETY: the structure is whole.
                unsafe {
                    active_message::ucp_worker_set_am_recv_handler(worker, &raw const handler)
                };
            }
            4 => {
                request::ucp_request_check_status(self.handle(Kind::Request, b));
            }
            _ => {
                wakeup::ucp_worker_arm(worker);
                let mut config = 0;
                // SAFETY: there is room for the answer.
                let status =
                    unsafe { library::ucp_config_read(ptr::null(), ptr::null(), &raw mut config) };
                self.keep(Kind::Config, status, config);
            }
        }
    }

    /// Data that a handler kept is known to the mock only.
    fn find_data(&mut self) {
        for (kind, handle, _) in alive() {
            if kind == Kind::AmData && !self.handles.contains(&(kind, handle)) {
                self.keep(kind, UcsStatus::OK, handle);
            }
        }
    }

    /// Ends all that is alive, what belongs to others first, so that the next input finds nothing.
    fn give_everything_back(&mut self) {
        mock_ucx::control::heal();
        while let Some((kind, handle, parent)) =
            alive().into_iter().max_by_key(|(kind, ..)| rank(*kind))
        {
            match kind {
                Kind::Request => request::ucp_request_free(handle),
                Kind::AmData => message_data::ucp_am_data_release(parent, handle),
                Kind::Rkey => memory::ucp_rkey_destroy(handle),
                Kind::RkeyBuffer => memory::ucp_rkey_buffer_release(handle),
                Kind::MemoryHandle => {
                    memory::ucp_mem_unmap(parent, handle);
                }
                Kind::Address => worker::ucp_worker_release_address(parent, handle),
                // Its endpoints go with it.
                Kind::Endpoint | Kind::Worker => {
                    worker::ucp_worker_destroy(if kind == Kind::Worker { handle } else { parent })
                }
                Kind::Config => library::ucp_config_release(handle),
                Kind::Context => library::ucp_cleanup(handle),
                Kind::MemList => unreachable!("no list is made here"),
            }
        }
        let told = snapshot();
        let errors = told.map_or(0, |snapshot| snapshot.internal_errors);
        assert_eq!(errors, 0, "the mock itself failed");
    }
}

/// Kind, handle and parent's handle of all that the mock holds for the client.
fn alive() -> Vec<(Kind, u64, u64)> {
    let Some(snapshot) = snapshot() else {
        return Vec::new();
    };
    let alive = snapshot
        .objects
        .iter()
        .filter(|object| object.state == ObjectState::Alive);
    alive
        .map(|object| {
            let parent = snapshot.object(object.parent);
            (
                object.kind,
                object.handle(),
                parent.map_or(0, |parent| parent.handle()),
            )
        })
        .collect()
}

/// What goes first has the highest.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Context => 0,
        Kind::Config => 1,
        Kind::Worker => 2,
        Kind::Endpoint => 3,
        Kind::MemoryHandle | Kind::Address => 4,
        Kind::RkeyBuffer => 5,
        Kind::Rkey => 6,
        Kind::AmData => 7,
        Kind::Request => 8,
        Kind::MemList => 9,
    }
}
