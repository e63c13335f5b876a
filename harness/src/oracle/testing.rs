//! Real ledgers for the oracles' tests: a forked child is a small client of the mock and leaves its ledger behind.

use std::ffi::c_void;
use std::io::{Read, Write, pipe};

use mock_ucx::Settings;
use mock_ucx::abi::types::{
    UCP_EP_PARAM_FIELD_REMOTE_ADDRESS, UCP_FEATURE_AM, UCP_FEATURE_RMA,
    UCP_MEM_MAP_PARAM_FIELD_ADDRESS, UCP_MEM_MAP_PARAM_FIELD_LENGTH, UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
    UCP_PARAM_FIELD_FEATURES, UCP_PARAM_FIELD_REQUEST_SIZE, UCP_WORKER_ATTR_FIELD_ADDRESS,
    UcpEpParams, UcpMemMapParams, UcpParams, UcpRequestParam, UcpWorkerAttr, UcpWorkerParams,
    UcsStatus,
};
use mock_ucx::abi::{endpoint, library, memory, rma, worker};
use mock_ucx::control;
use mock_ucx::ledger::read::Snapshot;
use std::path::Path;
use tempfile::TempDir;

use super::{OperationNote, Outcome};

/// What a client holds in these tests.
pub(crate) struct Client {
    pub(crate) context: u64,
    /// Registered memory.
    page: Box<[u8; 4096]>,
}

impl Client {
    /// One with a context.
    pub(crate) fn new() -> Client {
        let mut params = UcpParams::zeroed();
        params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_REQUEST_SIZE;
        params.features = UCP_FEATURE_RMA | UCP_FEATURE_AM;
        params.request_size = 64;
        let mut context = 0;
        // SAFETY: the parameters and the place for the handle are valid.
        let status =
            unsafe { library::ucp_init_version(1, 22, &raw const params, 0, &raw mut context) };
        assert_eq!(status, UcsStatus::OK);
        Client {
            context,
            page: Box::new([0; 4096]),
        }
    }

    /// Reads a configuration and returns its handle.
    pub(crate) fn config() -> u64 {
        let mut config = 0;
        // SAFETY: null strings are permitted, the place for the handle is valid.
        let status = unsafe {
            library::ucp_config_read(std::ptr::null(), std::ptr::null(), &raw mut config)
        };
        assert_eq!(status, UcsStatus::OK);
        config
    }

    /// Registers a page.
    pub(crate) fn register(&mut self) -> u64 {
        let mut params = UcpMemMapParams::zeroed();
        params.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH;
        params.address = self.page.as_mut_ptr().cast::<c_void>();
        params.length = self.page.len();
        let mut handle = 0;
        // SAFETY: the parameters and the place for the handle are valid.
        let status =
            unsafe { memory::ucp_mem_map(self.context, &raw const params, &raw mut handle) };
        assert_eq!(status, UcsStatus::OK);
        handle
    }

    /// Packs a remote key, which may be made to fail.
    pub(crate) fn pack(&self, handle: u64) -> Result<u64, UcsStatus> {
        let (mut buffer, mut size) = (0, 0);
        // SAFETY: the places for the answers are valid.
        match unsafe { memory::ucp_rkey_pack(self.context, handle, &raw mut buffer, &raw mut size) }
        {
            UcsStatus::OK => Ok(buffer),
            status => Err(status),
        }
    }

    /// Unpacks a remote key.
    pub(crate) fn unpack(ep: u64, packed: u64) -> u64 {
        let mut rkey = 0;
        // SAFETY: the place for the key is valid.
        let status = unsafe { memory::ucp_ep_rkey_unpack(ep, packed, &raw mut rkey) };
        assert_eq!(status, UcsStatus::OK);
        rkey
    }

    /// Writes the first half of the registered page to its second one.
    pub(crate) fn put(&mut self, ep: u64, rkey: u64) {
        self.put_with(0, ep, rkey);
    }

    /// The same, with a request in any case, which nobody waits for.
    pub(crate) fn put_and_forget(&mut self, ep: u64, rkey: u64) {
        self.put_with(UCP_OP_ATTR_FLAG_NO_IMM_CMPL, ep, rkey);
    }

    fn put_with(&mut self, flags: u32, ep: u64, rkey: u64) {
        let half = self.page.len() / 2;
        let source = self.page.as_ptr().cast::<c_void>();
        let target = source as u64 + half as u64;
        let mut param = UcpRequestParam::zeroed();
        param.op_attr_mask = flags;
        // SAFETY: the memory is the page, which lives as long as the client.
        unsafe { rma::ucp_put_nbx(ep, source, half, target, rkey, &raw const param) };
    }

    pub(crate) fn worker(&self) -> u64 {
        let params = UcpWorkerParams::zeroed();
        let mut handle = 0;
        // SAFETY: the parameters and the place for the handle are valid.
        let status =
            unsafe { worker::ucp_worker_create(self.context, &raw const params, &raw mut handle) };
        assert_eq!(status, UcsStatus::OK);
        handle
    }

    /// An endpoint from a worker to itself.
    pub(crate) fn endpoint(&self, worker: u64) -> u64 {
        let mut attr = UcpWorkerAttr::zeroed();
        attr.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS;
        // SAFETY: the structure is valid.
        let status = unsafe { worker::ucp_worker_query(worker, &raw mut attr) };
        assert_eq!(status, UcsStatus::OK);
        let mut params = UcpEpParams::zeroed();
        params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS;
        params.address = attr.address.cast_const().cast();
        let mut handle = 0;
        // SAFETY: the parameters, the address and the place for the handle are valid.
        let status = unsafe { endpoint::ucp_ep_create(worker, &raw const params, &raw mut handle) };
        assert_eq!(status, UcsStatus::OK);
        worker::ucp_worker_release_address(worker, attr.address as u64);
        handle
    }

    /// Closes an endpoint.
    pub(crate) fn close(endpoint: u64) {
        let param = UcpRequestParam::zeroed();
        // SAFETY: the parameters are valid.
        unsafe { endpoint::ucp_ep_close_nbx(endpoint, &raw const param) };
    }

    pub(crate) fn unmap(&self, handle: u64) {
        memory::ucp_mem_unmap(self.context, handle);
    }

    pub(crate) fn cleanup(&self) {
        library::ucp_cleanup(self.context);
    }
}

/// A child that has played its part and waits.
pub(crate) struct Waiting {
    pub(crate) pid: u32,
    folder: TempDir,
    go: Option<std::io::PipeWriter>,
}

impl Waiting {
    /// What the child wrote into a file beside its ledger.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("the child wrote it")
    }

    /// The ledger as it is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::open(&self.folder.path().join("ledger")).expect("the child wrote a ledger")
    }

    /// Lets the child end; returns its status as `waitpid` gives it.
    pub(crate) fn end(&mut self) -> i32 {
        // A byte, not the pipe's end: children of other tests have inherited the pipe.
        if let Some(mut go) = self.go.take() {
            let _ = go.write_all(&[1]);
        }
        let mut status = 0;
        // SAFETY: `status` is writable and the process a child that was not reaped yet.
        let reaped = unsafe { libc::waitpid(self.pid.cast_signed(), &raw mut status, 0) };
        assert_eq!(reaped, self.pid.cast_signed());
        status
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.go.is_some() {
            self.end();
        }
    }
}

/// Runs `play` in a child, under `faults`. What it returns is kept until the child ends; it waits for that.
pub(crate) fn start<T>(faults: &str, play: impl FnOnce() -> T) -> Waiting {
    start_in(faults, |_| play())
}

/// As [`start`]; `play` is told where the ledger is.
pub(crate) fn start_in<T>(faults: &str, play: impl FnOnce(&Path) -> T) -> Waiting {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ledger, faults) = (
        folder.path().join("ledger"),
        faults.parse().expect("a fault specification"),
    );
    let (mut there, here) = pipe().expect("a pipe");
    let (wait, go) = pipe().expect("a pipe");
    // SAFETY: the child has one thread and uses the allocator, which glibc keeps usable in a forked child, and the mock.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        drop(go);
        control::configure(Settings {
            ledger: Some(ledger.clone()),
            faults,
            ..Settings::default()
        });
        let kept = play(&ledger);
        serve(here, wait);
        drop(std::hint::black_box(kept));
        // SAFETY: ends the child without the test program's exit handlers.
        unsafe { libc::_exit(0) }
    }
    drop((here, wait));
    let mut byte = [0];
    // A child that dies before it waits closes the pipe.
    let _ = there.read(&mut byte);
    Waiting {
        pid: pid.unsigned_abs(),
        folder,
        go: Some(go),
    }
}

#[inline(never)]
fn serve(mut here: std::io::PipeWriter, mut wait: std::io::PipeReader) {
    let _ = here.write_all(&[1]);
    let _ = wait.read(&mut [0]);
}

/// The ledger of a child that ran `play` under `faults` and ended.
pub(crate) fn ledger_of(faults: &str, play: impl FnOnce()) -> Snapshot {
    let mut child = start(faults, play);
    child.end();
    child.snapshot()
}

/// A ledger in which nothing happened.
pub(crate) fn empty() -> Snapshot {
    ledger_of("", || {
        let client = Client::new();
        client.cleanup();
    })
}

/// A ledger in which a call was made to fail.
pub(crate) fn faulty() -> Snapshot {
    ledger_of("ucp_rkey_pack@1=NO_MEMORY", || {
        let mut client = Client::new();
        let handle = client.register();
        assert!(client.pack(handle).is_err());
        client.unmap(handle);
        client.cleanup();
    })
}

/// Begins operation `number`.
pub(crate) fn operation(number: u32) {
    control::set_operation(number);
}

/// Notes on operations, numbered from 1.
pub(crate) fn notes(operations: &[(&str, Outcome)]) -> Vec<OperationNote> {
    let note = |(number, (text, outcome)): (u32, &(&str, Outcome))| OperationNote {
        number,
        text: (*text).to_owned(),
        outcome: outcome.clone(),
        begun: false,
        answers: Vec::new(),
        teardown: false,
    };
    (1..).zip(operations).map(note).collect()
}
