//! What it costs that unmaps are seen: a call of the C library with and without hooks, and an unmap with all that is done for it.

use std::ptr;

use mock_ucx::Settings;
use mock_ucx::abi::library::{ucp_cleanup, ucp_get_version_string, ucp_init_version};
use mock_ucx::abi::types::{UCP_FEATURE_RMA, UCP_PARAM_FIELD_FEATURES, UcpParams, UcsStatus};
use mock_ucx::control::configure;

const PAGE: usize = 4096;

fn main() {
    configure(Settings {
        watch_unmaps: true,
        ..Settings::default()
    });
    divan::main();
}

/// A context, for as long as unmaps are to be seen.
struct Context(u64);

impl Context {
    fn new() -> Context {
        let mut params = UcpParams::zeroed();
        params.field_mask = UCP_PARAM_FIELD_FEATURES;
        params.features = UCP_FEATURE_RMA;
        let mut context = 0;
        // SAFETY: the parameters and the place for the handle are valid.
        let status = unsafe { ucp_init_version(1, 22, &raw const params, 0, &raw mut context) };
        assert_eq!(status, UcsStatus::OK);
        Context(context)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        ucp_cleanup(self.0);
    }
}

/// An `madvise` that gives nothing back: a call that UCX hooks and does not care for.
fn advise() {
    // SAFETY: an empty range.
    unsafe { libc::madvise(ptr::null_mut(), 0, libc::MADV_NORMAL) };
}

fn map_and_unmap() {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a page of this function's own.
    unsafe {
        let page = libc::mmap(ptr::null_mut(), PAGE, libc::PROT_READ, flags, -1, 0);
        libc::munmap(page, PAGE);
    }
}

#[divan::bench(sample_size = 200)]
fn a_call_without_hooks(bencher: divan::Bencher<'_, '_>) {
    bencher.bench_local(advise);
}

#[divan::bench(sample_size = 200)]
fn a_call_with_hooks(bencher: divan::Bencher<'_, '_>) {
    let _context = Context::new();
    bencher.bench_local(advise);
}

#[divan::bench(sample_size = 200)]
fn an_unmap_without_hooks(bencher: divan::Bencher<'_, '_>) {
    bencher.bench_local(map_and_unmap);
}

/// Noted and worked off at the next call of UCX, of which there is one for each.
#[divan::bench(sample_size = 200)]
fn an_unmap_with_hooks(bencher: divan::Bencher<'_, '_>) {
    let _context = Context::new();
    bencher.bench_local(|| {
        map_and_unmap();
        ucp_get_version_string()
    });
}

/// The same call of UCX alone.
#[divan::bench(sample_size = 200)]
fn a_call_of_ucx_alone(bencher: divan::Bencher<'_, '_>) {
    let _context = Context::new();
    bencher.bench_local(|| ucp_get_version_string());
}
