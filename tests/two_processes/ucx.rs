//! A small client of UCX, as a C program would write it: one context, one worker, what arrived there.

use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;

use mock_ucx::abi::types::*;
use mock_ucx::abi::{
    active_message, endpoint, library, memory, message_data, request, rma, wakeup, worker,
};

/// Id of all messages.
const ID: u32 = 7;
/// Progress calls after which something that must happen is taken not to happen.
const PATIENCE: usize = 20_000_000;

/// An active message as it arrived.
pub(crate) struct Received {
    pub(crate) header: Vec<u8>,
    pub(crate) data: Vec<u8>,
    /// Descriptor and length of data that is still with the sender.
    pub(crate) announced: Option<(u64, usize)>,
    /// Endpoint to the sender, if it offered one; 0 = none.
    pub(crate) reply: u64,
}

/// One side of a test.
pub(crate) struct Side {
    context: u64,
    pub(crate) worker: u64,
    received: Box<Mutex<Vec<Received>>>,
}

/// An endpoint, and what its error handler was told.
pub(crate) struct Endpoint {
    pub(crate) handle: u64,
    pub(crate) errors: Box<Mutex<Vec<UcsStatus>>>,
}

/// Zeroed structures are what C clients begin with; all that is not named by the mask is not looked at.
fn zeroed<T>() -> T {
    // SAFETY: used for UCX's parameter structures only, for all of whose members zero is a value.
    unsafe { std::mem::zeroed() }
}

unsafe extern "C-unwind" fn on_message(
    inbox: *mut c_void,
    header: *const c_void,
    header_length: usize,
    data: *mut c_void,
    length: usize,
    param: *const UcpAmRecvParam,
) -> UcsStatus {
    let bytes = |from: *const c_void, length: usize| match length {
        0 => Vec::new(),
        // SAFETY: UCX vouches for header and data until the handler returns.
        _ => unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length) }.to_vec(),
    };
    // SAFETY: `inbox` was given with the handler and lives as long as the worker.
    let inbox = unsafe { &*inbox.cast::<Mutex<Vec<Received>>>() };
    // SAFETY: as above.
    let (attributes, reply) = unsafe { ((*param).recv_attr, (*param).reply_ep as u64) };
    let waits = attributes & UCP_AM_RECV_ATTR_FLAG_RNDV != 0;
    let received = Received {
        header: bytes(header, header_length),
        data: if waits {
            Vec::new()
        } else {
            bytes(data, length)
        },
        announced: waits.then_some((data as u64, length)),
        reply: if attributes & UCP_AM_RECV_ATTR_FIELD_REPLY_EP != 0 {
            reply
        } else {
            0
        },
    };
    inbox.lock().unwrap().push(received);
    if waits {
        UcsStatus::INPROGRESS
    } else {
        UcsStatus::OK
    }
}

unsafe extern "C-unwind" fn on_error(errors: *mut c_void, _: UcpEpH, status: UcsStatus) {
    // SAFETY: the argument was given with the handler and outlives the endpoint.
    let errors = unsafe { &*errors.cast::<Mutex<Vec<UcsStatus>>>() };
    errors.lock().unwrap().push(status);
}

impl Side {
    pub(crate) fn new() -> Side {
        let mut params: UcpParams = zeroed();
        params.field_mask = UCP_PARAM_FIELD_FEATURES;
        params.features = UCP_FEATURE_RMA | UCP_FEATURE_AM | UCP_FEATURE_WAKEUP;
        let (mut context, mut worker) = (0, 0);
        let received = Box::new(Mutex::new(Vec::new()));
        let mut handler: UcpAmHandlerParam = zeroed();
        handler.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID
            | UCP_AM_HANDLER_PARAM_FIELD_CB
            | UCP_AM_HANDLER_PARAM_FIELD_ARG;
        handler.id = ID;
        handler.cb = Some(on_message);
        handler.arg = (&raw const *received).cast_mut().cast();
        let worker_params: UcpWorkerParams = zeroed();
        // SAFETY: all pointers lead to structures of these types and to places for handles.
        unsafe {
            let made = library::ucp_init_version(1, 22, &params, 0, &mut context);
            assert_eq!(made, UcsStatus::OK);
            let made = worker::ucp_worker_create(context, &worker_params, &mut worker);
            assert_eq!(made, UcsStatus::OK);
            let set = active_message::ucp_worker_set_am_recv_handler(worker, &handler);
            assert_eq!(set, UcsStatus::OK);
        }
        Side {
            context,
            worker,
            received,
        }
    }

    /// The worker's address.
    pub(crate) fn address(&self) -> Vec<u8> {
        let mut attr: UcpWorkerAttr = zeroed();
        attr.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS;
        // SAFETY: `attr` is a place for the answer, whose address has the length that comes with it.
        unsafe {
            assert_eq!(
                worker::ucp_worker_query(self.worker, &mut attr),
                UcsStatus::OK
            );
            let bytes = std::slice::from_raw_parts(attr.address.cast::<u8>(), attr.address_length);
            let bytes = bytes.to_vec();
            worker::ucp_worker_release_address(self.worker, attr.address as u64);
            bytes
        }
    }

    /// An endpoint with error handling.
    pub(crate) fn connect(&self, address: &[u8]) -> Endpoint {
        let errors = Box::new(Mutex::new(Vec::new()));
        let mut params: UcpEpParams = zeroed();
        params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS
            | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
            | UCP_EP_PARAM_FIELD_ERR_HANDLER;
        params.address = address.as_ptr().cast();
        params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
        params.err_handler.cb = Some(on_error);
        params.err_handler.arg = (&raw const *errors).cast_mut().cast();
        let mut handle = 0;
        // SAFETY: the structure is whole and `handle` a place for the answer.
        let made = unsafe { endpoint::ucp_ep_create(self.worker, &params, &mut handle) };
        assert_eq!(made, UcsStatus::OK);
        Endpoint { handle, errors }
    }

    /// Registers memory; returns the handle and the packed key.
    pub(crate) fn register(&self, memory: &mut [u8]) -> (u64, Vec<u8>) {
        let mut params: UcpMemMapParams = zeroed();
        params.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH;
        params.address = memory.as_mut_ptr().cast();
        params.length = memory.len();
        let (mut handle, mut buffer, mut length) = (0, 0, 0);
        // SAFETY: the structure is whole, the others are places for answers; the key has the length that comes with it.
        unsafe {
            assert_eq!(
                memory::ucp_mem_map(self.context, &params, &mut handle),
                UcsStatus::OK
            );
            let packed = memory::ucp_rkey_pack(self.context, handle, &mut buffer, &mut length);
            assert_eq!(packed, UcsStatus::OK);
            let key = std::slice::from_raw_parts(buffer as *const u8, length).to_vec();
            memory::ucp_rkey_buffer_release(buffer);
            (handle, key)
        }
    }

    pub(crate) fn unregister(&self, memory: u64) {
        assert_eq!(memory::ucp_mem_unmap(self.context, memory), UcsStatus::OK);
    }

    pub(crate) fn unpack(&self, on: &Endpoint, key: &[u8]) -> u64 {
        let mut handle = 0;
        // SAFETY: the key is whole and `handle` a place for the answer.
        let unpacked =
            unsafe { memory::ucp_ep_rkey_unpack(on.handle, key.as_ptr() as u64, &mut handle) };
        assert_eq!(unpacked, UcsStatus::OK);
        handle
    }

    pub(crate) fn progress(&self) -> bool {
        worker::ucp_worker_progress(self.worker) != 0
    }

    /// Progresses until something holds.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..PATIENCE {
            if holds() {
                return;
            }
            if !self.progress() {
                std::thread::yield_now();
            }
        }
        panic!("it never came to this: {what}");
    }

    /// How an operation ends that answered `pointer`.
    pub(crate) fn wait(&self, pointer: usize) -> UcsStatus {
        if pointer == 0 {
            return UcsStatus::OK;
        }
        if ptr_is_err(pointer) {
            return ptr_status(pointer);
        }
        let status = || request::ucp_request_check_status(pointer as u64);
        self.until("a request completes", || status() != UcsStatus::INPROGRESS);
        let ended = status();
        request::ucp_request_free(pointer as u64);
        ended
    }

    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }

    /// The next message.
    pub(crate) fn one(&self) -> Received {
        self.until("a message arrives", || {
            !self.received.lock().unwrap().is_empty()
        });
        self.received.lock().unwrap().remove(0)
    }

    /// Receives announced data.
    pub(crate) fn fetch(&self, announced: (u64, usize)) -> (usize, Vec<u8>) {
        let mut buffer = vec![0_u8; announced.1];
        let (param, at) = (zeroed(), buffer.as_mut_ptr().cast());
        // SAFETY: the buffer has the announced length and outlives the request.
        let pointer = unsafe {
            message_data::ucp_am_recv_data_nbx(self.worker, announced.0, at, announced.1, &param)
        };
        assert_eq!(self.wait(pointer), UcsStatus::OK);
        (pointer, buffer)
    }

    /// The descriptor to sleep on.
    pub(crate) fn descriptor(&self) -> i32 {
        let mut descriptor = -1;
        // SAFETY: a place for the answer.
        let got = unsafe { wakeup::ucp_worker_get_efd(self.worker, &mut descriptor) };
        assert_eq!(got, UcsStatus::OK);
        descriptor
    }

    /// Progresses, and sleeps when there is nothing, as `ucp_worker_arm` wants it; false if nothing woke it in time.
    pub(crate) fn sleep(&self, descriptor: i32) -> bool {
        if self.progress() {
            return true;
        }
        if wakeup::ucp_worker_arm(self.worker) != UcsStatus::OK {
            return true;
        }
        let mut wait = libc::pollfd {
            fd: descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one element.
        unsafe { libc::poll(&mut wait, 1, 20_000) == 1 }
    }

    /// Gives everything back.
    pub(crate) fn end(self) {
        worker::ucp_worker_destroy(self.worker);
        library::ucp_cleanup(self.context);
    }
}

impl Endpoint {
    pub(crate) fn put(&self, from: &[u8], to: u64, key: u64) -> usize {
        let param = zeroed();
        // SAFETY: the buffer has that length; callers keep it until the operation is complete.
        unsafe {
            rma::ucp_put_nbx(
                self.handle,
                from.as_ptr().cast(),
                from.len(),
                to,
                key,
                &param,
            )
        }
    }

    pub(crate) fn get(&self, to: &mut [u8], from: u64, key: u64) -> usize {
        let param = zeroed();
        // SAFETY: as for put.
        unsafe {
            rma::ucp_get_nbx(
                self.handle,
                to.as_mut_ptr().cast(),
                to.len(),
                from,
                key,
                &param,
            )
        }
    }

    pub(crate) fn send(&self, header: &[u8], data: &[u8], flags: u32) -> usize {
        send_on(self.handle, header, data, flags)
    }

    pub(crate) fn flush(&self) -> usize {
        // SAFETY: the structure is whole.
        unsafe { endpoint::ucp_ep_flush_nbx(self.handle, &zeroed()) }
    }

    pub(crate) fn close(&self, flags: u32) -> usize {
        let mut param: UcpRequestParam = zeroed();
        param.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
        param.flags = flags;
        // SAFETY: the structure is whole.
        unsafe { endpoint::ucp_ep_close_nbx(self.handle, &param) }
    }
}

/// Sends a message on any endpoint, one that was offered for the answer included.
pub(crate) fn send_on(endpoint: u64, header: &[u8], data: &[u8], flags: u32) -> usize {
    let mut param: UcpRequestParam = zeroed();
    param.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
    param.flags = flags;
    let header = (header.as_ptr().cast(), header.len());
    let header = if header.1 == 0 {
        (ptr::null(), 0)
    } else {
        header
    };
    // SAFETY: header and data have these lengths; callers keep them until the operation is complete.
    unsafe {
        active_message::ucp_am_send_nbx(
            endpoint,
            ID,
            header.0,
            header.1,
            data.as_ptr().cast(),
            data.len(),
            &param,
        )
    }
}

pub(crate) fn destroy_key(key: u64) {
    memory::ucp_rkey_destroy(key);
}
