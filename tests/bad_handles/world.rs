//! One live and one ended object of each kind, and the structures that right calls need.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::fmt;
use std::path::{Path, PathBuf};

use mock_ucx::Settings;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{
    active_message as am, device, endpoint, library, memory, message_data, request, worker,
};
use mock_ucx::ledger::Kind;
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::status::UcsStatus;

use crate::calls::{Place, Reply};

/// One handle of each kind.
pub(crate) type Handles = BTreeMap<Kind, u64>;

/// A live and an ended object of each kind, and everything that right calls need.
pub(crate) struct World {
    pub(crate) live: Handles,
    pub(crate) stale: Handles,
    pub(crate) params: Box<UcpParams>,
    pub(crate) context_attr: Box<UcpContextAttr>,
    pub(crate) worker_params: Box<UcpWorkerParams>,
    pub(crate) worker_attr: Box<UcpWorkerAttr>,
    pub(crate) handler: Box<UcpAmHandlerParam>,
    pub(crate) ep_params: Box<UcpEpParams>,
    pub(crate) map_params: Box<UcpMemMapParams>,
    pub(crate) mem_attr: Box<UcpMemAttr>,
    pub(crate) perf_param: Box<UcpEpEvaluatePerfParam>,
    pub(crate) perf_attr: Box<UcpEpEvaluatePerfAttr>,
    /// Parameters of an operation that wants nothing in particular.
    pub(crate) plain: Box<UcpRequestParam>,
    buffer: Box<[u8; 64]>,
    out: Box<[u64; 2]>,
    ledger: PathBuf,
    request_size: usize,
}

/// A structure of UCX with nothing set.
fn zeroed<T>() -> Box<T> {
    // SAFETY: the structures are plain integers, raw pointers and nullable functions, for all of which zero is valid.
    Box::new(unsafe { std::mem::zeroed() })
}

/// Calls what gives a handle through its last argument.
fn made(make: impl FnOnce(*mut u64) -> UcsStatus) -> u64 {
    let mut handle = 0;
    assert_eq!(make(&raw mut handle), UcsStatus::OK);
    handle
}

/// Keeps what it is given, so that the data becomes an object; where, the argument says.
unsafe extern "C-unwind" fn keep(
    kept: *mut c_void,
    _: *const c_void,
    _: usize,
    data: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    // SAFETY: the argument given with this handler is a list that outlives it.
    unsafe { (*kept.cast::<Vec<u64>>()).push(data as u64) };
    UcsStatus::INPROGRESS
}

impl World {
    /// Makes everything. `shift` allocations are made and kept first, so that two processes do not hold equal pointers even where addresses
    /// are not randomised.
    pub(crate) fn new(ledger: &Path, request_size: usize, shift: usize) -> World {
        for _ in 0..shift {
            std::mem::forget(vec![1_u8; 1000]);
        }
        if !mock_ucx::control::configured() {
            let settings = Settings {
                ledger: Some(ledger.to_owned()),
                device_api: true,
                ..Settings::default()
            };
            mock_ucx::control::configure(settings);
        }
        let mut world = World {
            live: Handles::new(),
            stale: Handles::new(),
            params: zeroed(),
            context_attr: zeroed(),
            worker_params: zeroed(),
            worker_attr: zeroed(),
            handler: zeroed(),
            ep_params: zeroed(),
            map_params: zeroed(),
            mem_attr: zeroed(),
            perf_param: zeroed(),
            perf_attr: zeroed(),
            plain: zeroed(),
            buffer: Box::new([7; 64]),
            out: Box::new([0; 2]),
            ledger: ledger.to_owned(),
            request_size,
        };
        world.fill_parameters();
        world.make_objects();
        world
    }

    fn fill_parameters(&mut self) {
        self.params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_REQUEST_SIZE;
        self.params.features = UCP_FEATURE_RMA | UCP_FEATURE_AM | UCP_FEATURE_WAKEUP;
        self.params.request_size = self.request_size;
        self.handler.field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID
            | UCP_AM_HANDLER_PARAM_FIELD_CB
            | UCP_AM_HANDLER_PARAM_FIELD_FLAGS
            | UCP_AM_HANDLER_PARAM_FIELD_ARG;
        self.handler.id = 1;
        self.handler.flags = UCP_AM_FLAG_PERSISTENT_DATA;
        self.handler.cb = Some(keep);
        self.map_params.field_mask =
            UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH;
        self.map_params.address = self.buffer() as _;
        self.map_params.length = 64;
        self.perf_attr.field_mask = UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME;
    }

    /// All live objects first, then all that end: so nothing that is made later takes the memory of one that ended.
    fn make_objects(&mut self) {
        let mut kept = Vec::new();
        self.handler.arg = (&raw mut kept).cast();
        let live = self.make_each();
        let stale = self.make_each();
        self.live = live;
        self.stale = stale;
        let worker = self.live[&Kind::Worker];
        // SAFETY: the structure is right.
        unsafe { am::ucp_worker_set_am_recv_handler(worker, &raw const *self.handler) };
        for _ in 0..2 {
            assert_eq!(self.send(0), 0);
        }
        while worker::ucp_worker_progress(worker) != 0 {}
        self.live.insert(Kind::AmData, kept[0]);
        self.stale.insert(Kind::AmData, kept[1]);
        let pending = [self.rendezvous(), self.rendezvous()];
        self.live.insert(Kind::Request, pending[0]);
        self.stale.insert(Kind::Request, pending[1]);
        for (kind, handle) in self.stale.clone().into_iter().rev() {
            self.give_back(
                kind,
                handle,
                self.stale[&Kind::Worker],
                self.stale[&Kind::Context],
            );
        }
    }

    /// One object of each kind, but for requests and data of messages.
    fn make_each(&mut self) -> Handles {
        // SAFETY: all structures are right and live until the calls return.
        unsafe {
            let config =
                made(|out| library::ucp_config_read(std::ptr::null(), std::ptr::null(), out));
            let context =
                made(|out| library::ucp_init_version(1, 22, &raw const *self.params, config, out));
            let worker =
                made(|out| worker::ucp_worker_create(context, &raw const *self.worker_params, out));
            self.worker_attr.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS;
            let queried = worker::ucp_worker_query(worker, &raw mut *self.worker_attr);
            assert_eq!(queried, UcsStatus::OK);
            self.ep_params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS;
            self.ep_params.address = self.worker_attr.address;
            let ep = made(|out| endpoint::ucp_ep_create(worker, &raw const *self.ep_params, out));
            let memh = made(|out| memory::ucp_mem_map(context, &raw const *self.map_params, out));
            let mut size = 0;
            let packed = made(|out| memory::ucp_rkey_pack(context, memh, out, &raw mut size));
            let rkey = made(|out| memory::ucp_ep_rkey_unpack(ep, packed, out));
            let mut handles = Handles::from([
                (Kind::Config, config),
                (Kind::Context, context),
                (Kind::Worker, worker),
                (Kind::Address, self.worker_attr.address as u64),
                (Kind::Endpoint, ep),
                (Kind::MemoryHandle, memh),
                (Kind::RkeyBuffer, packed),
                (Kind::Rkey, rkey),
            ]);
            std::mem::swap(&mut handles, &mut self.live);
            let mut list = 0;
            let reply = self.local_list(
                worker,
                |_| {},
                |params, out| {
                    let status = device::ucp_device_local_mem_list_create(params, out);
                    list = *out;
                    Reply::Status(status)
                },
            );
            assert_eq!(reply, Reply::Status(UcsStatus::OK));
            std::mem::swap(&mut handles, &mut self.live);
            handles.insert(Kind::MemList, list);
            handles
        }
    }

    /// Sends a message of 64 bytes to the worker itself.
    fn send(&self, flags: u32) -> u64 {
        let param = UcpRequestParam {
            op_attr_mask: UCP_OP_ATTR_FIELD_FLAGS,
            flags,
            ..*self.plain
        };
        let (ep, buffer) = (self.live[&Kind::Endpoint], self.buffer() as *const c_void);
        // SAFETY: the buffer has 64 bytes and lives as long as the world.
        let sent = unsafe {
            am::ucp_am_send_nbx(ep, 1, std::ptr::null(), 0, buffer, 64, &raw const param)
        };
        sent as u64
    }

    /// A request that stays in progress, since nobody progresses the receiver.
    fn rendezvous(&self) -> u64 {
        let request = self.send(UCP_AM_SEND_FLAG_RNDV);
        assert!(ptr_is_ptr(request as usize));
        request
    }

    fn give_back(&self, kind: Kind, handle: u64, worker: u64, context: u64) {
        match kind {
            Kind::Config => library::ucp_config_release(handle),
            Kind::Context => library::ucp_cleanup(handle),
            Kind::Worker => worker::ucp_worker_destroy(handle),
            Kind::Address => worker::ucp_worker_release_address(worker, handle),
            Kind::Endpoint => {
                // SAFETY: the structure is right.
                let closed = unsafe { endpoint::ucp_ep_close_nbx(handle, &raw const *self.plain) };
                assert_eq!(closed, 0);
            }
            Kind::MemoryHandle => {
                assert_eq!(memory::ucp_mem_unmap(context, handle), UcsStatus::OK);
            }
            Kind::RkeyBuffer => memory::ucp_rkey_buffer_release(handle),
            Kind::Rkey => memory::ucp_rkey_destroy(handle),
            Kind::Request => request::ucp_request_free(handle),
            Kind::AmData => message_data::ucp_am_data_release(self.live[&Kind::Worker], handle),
            Kind::MemList => device::ucp_device_mem_list_release(handle),
        }
    }

    /// Gives back what a legal call made.
    pub(crate) fn clean_up_after_success(&self, place: &Place) {
        assert!(place.name.starts_with("ucp_init_version"), "{}", place.name);
        library::ucp_cleanup(self.out[0]);
    }

    /// Gives everything back: nothing is left, so no bad call took or kept anything.
    pub(crate) fn finish(self) {
        let before = self.snapshot();
        for (kind, handle) in self.live.iter().rev() {
            let (worker, context) = (self.live[&Kind::Worker], self.live[&Kind::Context]);
            self.give_back(*kind, *handle, worker, context);
        }
        let after = self.snapshot();
        assert_eq!(after.findings.len(), before.findings.len());
        assert_eq!(after.live, [0; mock_ucx::ledger::KIND_COUNT]);
    }

    /// The ledger as a supervisor sees it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::open(&self.ledger).expect("the ledger of this process")
    }

    /// Whether handles of this kind are pointers to memory here.
    pub(crate) fn is_pointer(&self, kind: Kind) -> bool {
        match kind {
            Kind::Address | Kind::RkeyBuffer | Kind::AmData => true,
            Kind::Request => self.request_size > 0,
            _ => false,
        }
    }

    pub(crate) fn at<T>(&self, structure: &T) -> u64 {
        std::ptr::from_ref(structure) as u64
    }

    pub(crate) fn buffer(&self) -> u64 {
        self.buffer.as_ptr() as u64
    }

    /// Where a function may write what it makes.
    pub(crate) fn out(&self) -> u64 {
        self.out.as_ptr() as u64
    }

    /// The name and the value of a setting.
    pub(crate) fn text(&self) -> u64 {
        c"y".as_ptr() as u64
    }

    /// Right arguments of a put or get.
    pub(crate) fn transfer(&self, param: &UcpRequestParam) -> Vec<u64> {
        vec![
            self.live[&Kind::Endpoint],
            self.buffer(),
            64,
            self.buffer(),
            self.live[&Kind::Rkey],
            self.at(param),
        ]
    }

    /// A list of two local elements, the second changed by `change`.
    pub(crate) fn local_list(
        &self,
        worker: u64,
        change: impl Fn(&mut UcpDeviceMemListElem),
        call: impl FnOnce(*const UcpDeviceMemListParams, *mut u64) -> Reply,
    ) -> Reply {
        let element = UcpDeviceMemListElem {
            field_mask: UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH,
            memh: self.live[&Kind::MemoryHandle] as _,
            ..*zeroed()
        };
        self.list(element, worker, change, call)
    }

    /// A list of two remote elements, the second changed by `change`.
    pub(crate) fn remote_list(
        &self,
        change: impl Fn(&mut UcpDeviceMemListElem),
        call: impl FnOnce(*const UcpDeviceMemListParams, *mut u64) -> Reply,
    ) -> Reply {
        let element = UcpDeviceMemListElem {
            field_mask: UCP_DEVICE_MEM_LIST_ELEM_FIELD_RKEY | UCP_DEVICE_MEM_LIST_ELEM_FIELD_EP,
            rkey: self.live[&Kind::Rkey] as _,
            ep: self.live[&Kind::Endpoint] as _,
            ..*zeroed()
        };
        self.list(element, 0, change, call)
    }

    fn list(
        &self,
        element: UcpDeviceMemListElem,
        worker: u64,
        change: impl Fn(&mut UcpDeviceMemListElem),
        call: impl FnOnce(*const UcpDeviceMemListParams, *mut u64) -> Reply,
    ) -> Reply {
        let mut elements = [element; 2];
        change(&mut elements[1]);
        let params = UcpDeviceMemListParams {
            field_mask: UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENTS
                | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENT_SIZE
                | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_NUM_ELEMENTS
                | UCP_DEVICE_MEM_LIST_PARAMS_FIELD_WORKER,
            element_size: size_of::<UcpDeviceMemListElem>(),
            num_elements: elements.len(),
            worker: worker as _,
            elements: elements.as_ptr(),
        };
        call(&raw const params, self.out() as *mut u64)
    }

    /// Scatter lists of two pieces, the second with these handles.
    pub(crate) fn lists(
        &self,
        memh: u64,
        rkey: u64,
        call: impl FnOnce(*const c_void, *const UcpRequestParam) -> Reply,
    ) -> Reply {
        let (buffers, lengths) = ([self.buffer() as *mut c_void; 2], [8_usize; 2]);
        let memhs = [self.live[&Kind::MemoryHandle] as UcpMemH, memh as UcpMemH];
        let rkeys = [self.live[&Kind::Rkey] as UcpRkeyH, rkey as UcpRkeyH];
        let addresses = [self.buffer(); 2];
        let local = UcpDtLocalSgl {
            field_mask: UCP_DT_LOCAL_SGL_FIELD_BUFFERS
                | UCP_DT_LOCAL_SGL_FIELD_LENGTHS
                | UCP_DT_LOCAL_SGL_FIELD_MEMHS,
            buffers: buffers.as_ptr(),
            lengths: lengths.as_ptr(),
            memhs: memhs.as_ptr(),
            ..*zeroed()
        };
        let remote = UcpDtRemoteSgl {
            field_mask: UCP_DT_REMOTE_SGL_FIELD_REMOTE_ADDRS
                | UCP_DT_REMOTE_SGL_FIELD_LENGTHS
                | UCP_DT_REMOTE_SGL_FIELD_RKEYS,
            remote_addrs: addresses.as_ptr(),
            lengths: lengths.as_ptr(),
            rkeys: rkeys.as_ptr(),
        };
        let param = UcpRequestParam {
            op_attr_mask: UCP_OP_ATTR_FIELD_DATATYPE
                | UCP_OP_ATTR_FIELD_REMOTE_DATATYPE
                | UCP_OP_ATTR_FIELD_REMOTE,
            datatype: UCP_DATATYPE_SGL,
            remote_datatype: UCP_DATATYPE_SGL,
            remote: (&raw const remote).cast(),
            ..*self.plain
        };
        call((&raw const local).cast(), &raw const param)
    }
}

impl fmt::Display for World {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, handle) in &self.live {
            writeln!(out, "handle {} {handle}", *kind as u8)?;
        }
        Ok(())
    }
}

/// Reads what [`World`] prints.
pub(crate) fn parse(printed: &str) -> Handles {
    let lines = printed
        .lines()
        .filter_map(|line| line.split_once("handle "))
        .map(|(_, rest)| rest);
    let pairs = lines.filter_map(|line| line.split_once(' '));
    pairs
        .map(|(kind, handle)| {
            let kind = Kind::from_number(kind.parse().expect("a kind")).expect("a kind");
            (kind, handle.parse().expect("a handle"))
        })
        .collect()
}
