//! Mapping and unmapping beside many live registrations: what that costs, and what a live handle takes. Straight on the mock, without
//! NIXL.

use std::ffi::c_void;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use harness::execute::Mapping;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use mock_ucx::abi::types::{
    UCP_FEATURE_RMA, UCP_MEM_MAP_PARAM_FIELD_ADDRESS, UCP_MEM_MAP_PARAM_FIELD_LENGTH,
    UCP_PARAM_FIELD_FEATURES, UcpMemMapParams, UcpParams, UcsStatus,
};
use serde::{Deserialize, Serialize};

use super::client::ProcessorTime;

/// Bytes of a registration.
const PAGE: usize = 4096;
/// Samples of one process, and pairs of calls in each of them.
const SAMPLES: usize = 11;
const PAIRS: u32 = 20_000;

/// What one process with `live` registrations found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) live: usize,
    /// Nanoseconds of a map and an unmap of what was mapped, by sample.
    pub(crate) newest_ns: Vec<f64>,
    /// Nanoseconds of an unmap of one chosen at random and a map in its place, by sample.
    pub(crate) random_ns: Vec<f64>,
    /// Bytes of this process's own memory that came with a live handle.
    pub(crate) resident: f64,
    /// Bytes of the ledger's file that came with it.
    pub(crate) ledger: f64,
}

type MemMap = unsafe extern "C-unwind" fn(u64, *const UcpMemMapParams, *mut u64) -> UcsStatus;
type MemUnmap = unsafe extern "C-unwind" fn(u64, u64) -> UcsStatus;
type InitVersion =
    unsafe extern "C-unwind" fn(u32, u32, *const UcpParams, u64, *mut u64) -> UcsStatus;

/// Measures in a process of its own.
pub(crate) fn measure(library: &Path, ledgers: &Path, live: usize) -> anyhow::Result<Found> {
    let output = Command::new(std::env::current_exe()?)
        .arg("--registrations")
        .arg(library)
        .arg(live.to_string())
        .env_remove("LD_PRELOAD")
        .env("MOCK_UCX_LEDGER_DIR", ledgers)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "registrations: {}", output.status);
    serde_json::from_slice(&output.stdout).context("registrations answered something else")
}

/// The process's side: prints what it found.
pub(crate) fn serve(library: PathBuf, live: usize) -> anyhow::Result<()> {
    let ledgers = PathBuf::from(std::env::var_os("MOCK_UCX_LEDGER_DIR").context("no folder")?);
    // SAFETY: the mock's constructors may run here.
    let library = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_LOCAL) }?;
    // Address space only: nobody touches what is registered.
    let memory = Mapping::new(live * PAGE)?;
    let client = Client::new(&library, memory.address(0))?;
    let mut handles: Vec<u64> = vec![u64::MAX; live];
    // What the first call brings with it is no handle's.
    client.unmap(client.map(0)?)?;
    let before = taken(&ledgers)?;
    for (index, handle) in handles.iter_mut().enumerate() {
        *handle = client.map(index)?;
    }
    let after = taken(&ledgers)?;
    let per_handle = |after: u64, before: u64| (after - before) as f64 / live as f64;
    let found = Found {
        live,
        newest_ns: (0..SAMPLES)
            .map(|_| client.sample(&mut handles, Client::replace_newest))
            .collect::<anyhow::Result<_>>()?,
        random_ns: (0..SAMPLES)
            .map(|_| client.sample(&mut handles, Client::replace_random))
            .collect::<anyhow::Result<_>>()?,
        resident: per_handle(after.0, before.0),
        ledger: per_handle(after.1, before.1),
    };
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}

struct Client {
    map: MemMap,
    unmap: MemUnmap,
    context: u64,
    /// Where what is registered begins.
    memory: usize,
}

impl Client {
    fn new(library: &Library, memory: usize) -> anyhow::Result<Client> {
        // SAFETY: these are the mock's functions with these signatures.
        let (init, map, unmap) = unsafe {
            (
                *library.get::<InitVersion>(b"ucp_init_version")?,
                *library.get::<MemMap>(b"ucp_mem_map")?,
                *library.get::<MemUnmap>(b"ucp_mem_unmap")?,
            )
        };
        let mut params = UcpParams::zeroed();
        params.field_mask = UCP_PARAM_FIELD_FEATURES;
        params.features = UCP_FEATURE_RMA;
        let mut context = 0;
        // SAFETY: the parameters and the place for the handle are valid.
        let status = unsafe { init(1, 22, &raw const params, 0, &raw mut context) };
        ensure!(status == UcsStatus::OK, "ucp_init_version: {status:?}");
        Ok(Client {
            map,
            unmap,
            context,
            memory,
        })
    }

    fn map(&self, index: usize) -> anyhow::Result<u64> {
        let mut params = UcpMemMapParams::zeroed();
        params.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH;
        params.address = (self.memory + index * PAGE) as *mut c_void;
        params.length = PAGE;
        let mut handle = 0;
        // SAFETY: the parameters and the place for the handle are valid.
        let status = unsafe { (self.map)(self.context, &raw const params, &raw mut handle) };
        ensure!(status == UcsStatus::OK, "ucp_mem_map: {status:?}");
        Ok(handle)
    }

    fn unmap(&self, handle: u64) -> anyhow::Result<()> {
        // SAFETY: both handles are alive.
        let status = unsafe { (self.unmap)(self.context, handle) };
        ensure!(status == UcsStatus::OK, "ucp_mem_unmap: {status:?}");
        Ok(())
    }

    /// Nanoseconds of a pair of calls.
    fn sample(
        &self,
        handles: &mut [u64],
        pairs: fn(&Client, &mut [u64]) -> anyhow::Result<()>,
    ) -> anyhow::Result<f64> {
        let begun = ProcessorTime::now();
        pairs(self, handles)?;
        Ok(begun.elapsed().as_nanos() as f64 / f64::from(PAIRS))
    }

    /// Maps one more and unmaps it.
    fn replace_newest(&self, _: &mut [u64]) -> anyhow::Result<()> {
        for _ in 0..PAIRS {
            self.unmap(self.map(0)?)?;
        }
        Ok(())
    }

    /// Replaces handles all over the list, whose records then come out of memory rather than out of a cache.
    fn replace_random(&self, handles: &mut [u64]) -> anyhow::Result<()> {
        // Knuth's multiplier of MMIX: any full-period generator will do.
        let mut random = 1_u64;
        for _ in 0..PAIRS {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let index = (random >> 32) as usize % handles.len();
            self.unmap(handles[index])?;
            handles[index] = self.map(index)?;
        }
        Ok(())
    }
}

/// Resident memory of this process that no file backs, and what its ledger takes, in bytes.
fn taken(ledgers: &Path) -> anyhow::Result<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .context("the system does not tell RssAnon")?;
    let prefix = format!("{}-", std::process::id());
    let mut ledger = 0;
    for entry in fs::read_dir(ledgers)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            ledger += entry.metadata()?.blocks() * 512;
        }
    }
    Ok((kilobytes * 1024, ledger))
}
