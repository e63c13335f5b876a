//! What the tests of the mock's semantics share: a process for each test, a pair of workers, and a log of callbacks.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses some of it"
)]

use std::any::type_name_of_val;
use std::cell::RefCell;
use std::ffi::c_void;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::{env, ptr};

use mock_ucx::Settings;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{active_message, endpoint, library, memory, request, rma, worker};
use mock_ucx::ledger::read::Snapshot;
use mock_ucx::ledger::{KIND_COUNT, Kind};
use mock_ucx::rules::Rule;

/// Set in the process that a test is run in.
const CHILD: &str = "SEMANTICS_TEST_CHILD";

/// The mock of one test, and what the test says it does wrong on purpose.
pub struct Mock {
    ledger: PathBuf,
    _folder: tempfile::TempDir,
    broken: RefCell<Vec<Rule>>,
    left: RefCell<[u64; KIND_COUNT]>,
}

/// Runs a test in a process of its own. At its end every finding was expected and nothing is left but what the test says.
pub fn alone(body: impl FnOnce(&Mock)) {
    alone_with(Settings::default(), body);
}

/// The same with settings.
pub fn alone_with(settings: Settings, body: impl FnOnce(&Mock)) {
    // `program::name_of_the_test::{{closure}}`, with the modules in between.
    let path = type_name_of_val(&body);
    let name = path.strip_suffix("::{{closure}}");
    let name = name.and_then(|path| Some(path.split_once("::")?.1));
    let name = name.expect("the name of a test");
    alone_named(name, settings, body);
}

/// The same for a test that runs several processes, whose name cannot be told from `body`.
pub fn alone_named(name: &str, settings: Settings, body: impl FnOnce(&Mock)) {
    if env::var_os(CHILD).is_none() {
        let arguments = ["--exact", name, "--nocapture", "--test-threads=1"];
        let mut command = Command::new(env::current_exe().expect("this program"));
        let output = command
            .args(arguments)
            .env(CHILD, "1")
            .output()
            .expect("it starts");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && stdout.contains("1 passed"),
            "{name}: {}\n{stdout}\n{stderr}",
            output.status
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mock = Mock {
        ledger: folder.path().join("ledger"),
        _folder: folder,
        broken: RefCell::default(),
        left: RefCell::new([0; KIND_COUNT]),
    };
    mock_ucx::control::configure(Settings {
        ledger: Some(mock.ledger.clone()),
        ..settings
    });
    body(&mock);
    mock.finish();
}

impl Mock {
    /// The ledger as a supervisor sees it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::open(&self.ledger).expect("the ledger of this process")
    }

    /// This rule is broken once more, now.
    pub fn breaks(&self, rule: Rule) {
        self.broken.borrow_mut().push(rule);
        assert_eq!(self.found(), *self.broken.borrow(), "rules broken so far");
    }

    /// These rules were broken in this order.
    pub fn expect(&self, rules: impl IntoIterator<Item = Rule>) {
        *self.broken.borrow_mut() = rules.into_iter().collect();
    }

    /// Objects of this kind stay behind at the end.
    pub fn leaves(&self, kind: Kind, count: u64) {
        self.left.borrow_mut()[kind as usize] = count;
    }

    /// How many of a kind are alive.
    pub fn live(&self, kind: Kind) -> u64 {
        self.snapshot().live[kind as usize]
    }

    /// How often a breach of this rule was noted, which is no finding.
    pub fn notes(&self, rule: Rule) -> usize {
        assert!(!rule.info().is_finding(), "{rule:?} is a finding");
        self.seen(|seen| seen == rule).len()
    }

    fn found(&self) -> Vec<Rule> {
        self.seen(|rule| rule.info().is_finding())
    }

    fn seen(&self, which: impl Fn(Rule) -> bool) -> Vec<Rule> {
        let findings = self.snapshot().findings;
        let each = findings
            .iter()
            .filter(|finding| which(finding.rule))
            .flat_map(|finding| (0..finding.count).map(move |_| finding.rule));
        each.collect()
    }

    fn finish(&self) {
        assert_eq!(self.found(), *self.broken.borrow(), "rules broken");
        assert_eq!(self.snapshot().internal_errors, 0);
        assert_eq!(self.snapshot().live, *self.left.borrow(), "objects left");
    }
}

/// A structure of UCX with nothing set.
pub fn zeroed<T>() -> T {
    // SAFETY: UCX's structures are integers, raw pointers and nullable functions, for all of which zero is valid.
    unsafe { std::mem::zeroed() }
}

/// A pair that exchanges a message, and gives everything back.
pub fn exchange_a_message() {
    let pair = Pair::new();
    listen(pair.far, 1, Some(ignore), 0);
    let request = send(pair.ep, 1, &[], &[7; 8], &plain());
    drain(pair.far);
    drain(pair.near);
    if request != 0 {
        free(request);
    }
    pair.end();
}

/// Calls what gives a handle through its last argument.
pub fn made(make: impl FnOnce(*mut u64) -> UcsStatus) -> Result<u64, UcsStatus> {
    let mut handle = 0;
    match make(&raw mut handle) {
        UcsStatus::OK => Ok(handle),
        status => Err(status),
    }
}

/// A context for put, get, messages and wake-up.
pub fn context() -> u64 {
    context_with(&UcpParams {
        field_mask: UCP_PARAM_FIELD_FEATURES,
        features: UCP_FEATURE_RMA | UCP_FEATURE_AM | UCP_FEATURE_WAKEUP,
        ..zeroed()
    })
}

/// A context with these parameters.
pub fn context_with(params: &UcpParams) -> u64 {
    // SAFETY: the structure is right.
    made(|out| unsafe { library::ucp_init_version(1, 22, params, 0, out) }).expect("a context")
}

/// A worker of this thread mode.
pub fn worker(context: u64, thread_mode: u32) -> u64 {
    let params = UcpWorkerParams {
        field_mask: UCP_WORKER_PARAM_FIELD_THREAD_MODE,
        thread_mode,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    made(|out| unsafe { worker::ucp_worker_create(context, &raw const params, out) })
        .expect("a worker")
}

/// The address of a worker.
pub fn address(worker: u64) -> u64 {
    let mut attr = UcpWorkerAttr {
        field_mask: UCP_WORKER_ATTR_FIELD_ADDRESS,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    let status = unsafe { worker::ucp_worker_query(worker, &raw mut attr) };
    assert_eq!(status, UcsStatus::OK);
    attr.address as u64
}

/// An endpoint from one worker to another, whose errors go to a log if there is one.
pub fn connect(from: u64, to: u64, error_mode: u32, log: Option<&Log>) -> u64 {
    let blob = address(to);
    let params = UcpEpParams {
        field_mask: UCP_EP_PARAM_FIELD_REMOTE_ADDRESS
            | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE
            | UCP_EP_PARAM_FIELD_ERR_HANDLER,
        address: blob as _,
        err_mode: error_mode,
        err_handler: UcpErrHandler {
            cb: log.map(|_| on_error as _),
            arg: log.map_or(ptr::null_mut(), |log| ptr::from_ref(log).cast_mut().cast()),
        },
        ..zeroed()
    };
    // SAFETY: the structure is right and the address is whole.
    let ep = made(|out| unsafe { endpoint::ucp_ep_create(from, &raw const params, out) });
    worker::ucp_worker_release_address(to, blob);
    ep.expect("an endpoint")
}

/// Two workers and an endpoint from the near to the far one.
pub struct Pair {
    pub context: u64,
    pub near: u64,
    pub far: u64,
    pub ep: u64,
}

impl Pair {
    pub fn new() -> Pair {
        Pair::on(context(), UCS_THREAD_MODE_SINGLE, None)
    }

    /// With these threads, and with errors told to a log.
    pub fn on(context: u64, thread_mode: u32, log: Option<&Log>) -> Pair {
        let (near, far) = (worker(context, thread_mode), worker(context, thread_mode));
        let ep = connect(near, far, UCP_ERR_HANDLING_MODE_PEER, log);
        Pair {
            context,
            near,
            far,
            ep,
        }
    }

    /// Gives everything back.
    pub fn end(self) {
        self.end_as(UcsStatus::OK);
    }

    /// Gives everything back, of an endpoint that failed.
    pub fn end_failed(self) {
        self.end_as(UcsStatus::CONNECTION_RESET);
    }

    /// Gives everything back, of an endpoint whose close answers this.
    pub fn end_as(self, closed: UcsStatus) {
        assert_eq!(close(self.ep, 0), closed.to_ptr());
        self.end_closed();
    }

    /// Gives everything back, of an endpoint that may have failed, which a forced close does not tell.
    pub fn end_forced(self) {
        assert_eq!(close(self.ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        self.end_closed();
    }

    fn end_closed(self) {
        worker::ucp_worker_destroy(self.near);
        worker::ucp_worker_destroy(self.far);
        library::ucp_cleanup(self.context);
    }
}

/// Closes an endpoint.
pub fn close(ep: u64, flags: u32) -> usize {
    let param = UcpRequestParam {
        op_attr_mask: UCP_OP_ATTR_FIELD_FLAGS,
        flags,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    unsafe { endpoint::ucp_ep_close_nbx(ep, &raw const param) }
}

/// Flushes an endpoint.
pub fn flush(ep: u64, param: &UcpRequestParam) -> usize {
    // SAFETY: the structure is right.
    unsafe { endpoint::ucp_ep_flush_nbx(ep, param) }
}

/// Progresses until nothing is left to do.
pub fn drain(worker: u64) {
    while worker::ucp_worker_progress(worker) != 0 {}
}

/// A registration of `bytes`.
pub fn register(context: u64, bytes: &[u8]) -> u64 {
    map(context, bytes.as_ptr() as u64, bytes.len(), 0).expect("a registration")
}

/// A registration.
pub fn map(context: u64, address: u64, length: usize, flags: u32) -> Result<u64, UcsStatus> {
    let params = UcpMemMapParams {
        field_mask: UCP_MEM_MAP_PARAM_FIELD_ADDRESS
            | UCP_MEM_MAP_PARAM_FIELD_LENGTH
            | UCP_MEM_MAP_PARAM_FIELD_FLAGS,
        address: address as _,
        length,
        flags,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    made(|out| unsafe { memory::ucp_mem_map(context, &raw const params, out) })
}

/// A remote key for a registration, unpacked on an endpoint.
pub fn remote_key(context: u64, memh: u64, ep: u64) -> u64 {
    let mut size = 0;
    // SAFETY: the pointers are writable.
    let blob = made(|out| unsafe { memory::ucp_rkey_pack(context, memh, out, &raw mut size) });
    let blob = blob.expect("a packed key");
    // SAFETY: as above.
    let rkey = made(|out| unsafe { memory::ucp_ep_rkey_unpack(ep, blob, out) }).expect("a key");
    memory::ucp_rkey_buffer_release(blob);
    rkey
}

/// Puts bytes to an address of the peer.
pub fn put(ep: u64, bytes: &[u8], remote: u64, rkey: u64, param: &UcpRequestParam) -> usize {
    // SAFETY: the buffer lives until the call returns, and operations of these tests complete in their calls.
    unsafe { rma::ucp_put_nbx(ep, bytes.as_ptr().cast(), bytes.len(), remote, rkey, param) }
}

/// Gets bytes from an address of the peer.
pub fn get(ep: u64, bytes: &mut [u8], remote: u64, rkey: u64, param: &UcpRequestParam) -> usize {
    // SAFETY: as for `put`.
    unsafe {
        rma::ucp_get_nbx(
            ep,
            bytes.as_mut_ptr().cast(),
            bytes.len(),
            remote,
            rkey,
            param,
        )
    }
}

/// Sends a message.
pub fn send(ep: u64, id: u32, header: &[u8], data: &[u8], param: &UcpRequestParam) -> usize {
    let header_pointer = if header.is_empty() {
        ptr::null()
    } else {
        header.as_ptr().cast()
    };
    let data_pointer = if data.is_empty() {
        ptr::null()
    } else {
        data.as_ptr().cast()
    };
    // SAFETY: the test keeps the data until the request is complete.
    unsafe {
        active_message::ucp_am_send_nbx(
            ep,
            id,
            header_pointer,
            header.len(),
            data_pointer,
            data.len(),
            param,
        )
    }
}

/// Sets a handler for messages with this id.
pub fn listen(worker: u64, id: u32, callback: UcpAmRecvCallback, argument: u64) {
    let param = UcpAmHandlerParam {
        field_mask: UCP_AM_HANDLER_PARAM_FIELD_ID
            | UCP_AM_HANDLER_PARAM_FIELD_CB
            | UCP_AM_HANDLER_PARAM_FIELD_ARG,
        id,
        cb: callback,
        arg: argument as *mut c_void,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    let status =
        unsafe { active_message::ucp_worker_set_am_recv_handler(worker, &raw const param) };
    assert_eq!(status, UcsStatus::OK);
}

/// A handler that takes nothing.
pub unsafe extern "C-unwind" fn ignore(
    _: *mut c_void,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const UcpAmRecvParam,
) -> UcsStatus {
    UcsStatus::OK
}

/// Parameters that ask for nothing.
pub fn plain() -> UcpRequestParam {
    zeroed()
}

/// Parameters with flags of the operation.
pub fn flagged(flags: u32) -> UcpRequestParam {
    UcpRequestParam {
        op_attr_mask: UCP_OP_ATTR_FIELD_FLAGS,
        flags,
        ..zeroed()
    }
}

/// Parameters whose completion goes to a log.
pub fn logged(log: &Log) -> UcpRequestParam {
    UcpRequestParam {
        op_attr_mask: UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA,
        cb: UcpRequestCallback {
            send: Some(on_completion),
        },
        user_data: ptr::from_ref(log).cast_mut().cast(),
        ..zeroed()
    }
}

/// Settings under which this happens.
pub fn late(faults: &str) -> Settings {
    Settings {
        faults: faults.parse().expect("a fault specification"),
        ..Settings::default()
    }
}

/// Adds bits to the mask.
pub fn with(param: UcpRequestParam, bits: u32) -> UcpRequestParam {
    UcpRequestParam {
        op_attr_mask: param.op_attr_mask | bits,
        ..param
    }
}

/// Status of a request.
pub fn status(request: usize) -> UcsStatus {
    request::ucp_request_check_status(request as u64)
}

/// Frees a request.
pub fn free(request: usize) {
    request::ucp_request_free(request as u64);
}

/// A callback that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Completed { request: usize, status: UcsStatus },
    Failed { ep: u64, status: UcsStatus },
}

/// The callbacks that ran, in their order.
#[derive(Default)]
pub struct Log(Mutex<Vec<Told>>);

impl Log {
    fn push(&self, told: Told) {
        self.0.lock().expect("the log").push(told);
    }

    /// What was told since the last call of this.
    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().expect("the log"))
    }
}

unsafe extern "C-unwind" fn on_completion(
    request: *mut c_void,
    status: UcsStatus,
    log: *mut c_void,
) {
    // SAFETY: the user data is a log that outlives the operation.
    let log = unsafe { &*log.cast::<Log>() };
    log.push(Told::Completed {
        request: request as usize,
        status,
    });
}

unsafe extern "C-unwind" fn on_error(log: *mut c_void, ep: UcpEpH, status: UcsStatus) {
    // SAFETY: the argument is a log that outlives the endpoint.
    let log = unsafe { &*log.cast::<Log>() };
    log.push(Told::Failed {
        ep: ep as u64,
        status,
    });
}
