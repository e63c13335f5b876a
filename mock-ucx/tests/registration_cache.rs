//! The registration cache of a context under a client that unmaps memory.

mod common;

use std::ptr;

use common::*;
use mock_ucx::Settings;
use mock_ucx::abi::library::{self, ucp_cleanup};
use mock_ucx::abi::memory::ucp_mem_unmap;
use mock_ucx::abi::types::UcsStatus;
use mock_ucx::abi::worker::ucp_worker_progress;
use mock_ucx::ledger::HookState;
use mock_ucx::ledger::read::Caches;

const PAGE: usize = 4096;
const BLOCK: usize = 16 * PAGE;

fn emulating(version: &str) -> Settings {
    Settings {
        version: version.parse().unwrap(),
        watch_unmaps: true,
        ..Settings::default()
    }
}

fn unregister(context: u64, memh: u64) {
    assert_eq!(ucp_mem_unmap(context, memh), UcsStatus::OK);
}

/// How the blocks of a client's churn lie to each other.
#[derive(Clone, Copy)]
enum Addresses {
    Reused,
    Adjacent,
    Scattered,
}

/// Maps and unmaps a block so often, and calls UCX each time.
fn churn(addresses: Addresses, rounds: usize, mut call: impl FnMut()) {
    let stride = match addresses {
        Addresses::Reused => 0,
        Addresses::Adjacent => BLOCK,
        Addresses::Scattered => 2 * BLOCK,
    };
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let room = stride * rounds + BLOCK;
    // SAFETY: a new mapping, unmapped once piece by piece; where a piece is used again it is mapped again without replacing anything.
    unsafe {
        let start = libc::mmap(ptr::null_mut(), room, access, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        for round in 0..rounds {
            let block = start.byte_add(round * stride);
            assert_eq!(libc::munmap(block, BLOCK), 0);
            call();
            if stride == 0 {
                let flags = flags | libc::MAP_FIXED_NOREPLACE;
                assert_eq!(libc::mmap(block, BLOCK, access, flags, -1, 0), block);
            }
        }
    }
}

/// A client that registers once and then only unmaps: what its caches came to.
fn after_churn(mock: &Mock, setting: Option<&str>, addresses: Addresses, rounds: usize) -> Caches {
    let mut config = 0;
    // SAFETY: the pointers are right and the strings terminated.
    unsafe {
        let status = library::ucp_config_read(ptr::null(), ptr::null(), &raw mut config);
        assert_eq!(status, UcsStatus::OK);
        if let Some(value) = setting {
            let value = std::ffi::CString::new(value).unwrap();
            let name = c"RCACHE_MAX_UNRELEASED".as_ptr();
            let status = library::ucp_config_modify(config, name, value.as_ptr());
            assert_eq!(status, UcsStatus::OK);
        }
    }
    let params = zeroed_params();
    // SAFETY: as above.
    let context =
        made(|out| unsafe { library::ucp_init_version(1, 22, &raw const params, config, out) });
    library::ucp_config_release(config);
    let pair = Pair::on(context.unwrap(), 0, None);
    let bytes = [0_u8; 64];
    let memh = register(pair.context, &bytes);
    churn(addresses, rounds, || {
        ucp_worker_progress(pair.near);
    });
    let caches = mock.snapshot().caches;
    unregister(pair.context, memh);
    pair.end();
    assert_eq!(
        mock.snapshot().caches.entries,
        0,
        "they end with their context"
    );
    caches
}

fn zeroed_params() -> mock_ucx::abi::types::UcpParams {
    use mock_ucx::abi::types::{UCP_FEATURE_AM, UCP_FEATURE_RMA, UCP_PARAM_FIELD_FEATURES};
    mock_ucx::abi::types::UcpParams {
        field_mask: UCP_PARAM_FIELD_FEATURES,
        features: UCP_FEATURE_RMA | UCP_FEATURE_AM,
        ..zeroed()
    }
}

#[test]
fn a_queue_grows_with_each_unmap_at_all_addresses() {
    alone_with(emulating("1.20.0"), |mock| {
        for addresses in [Addresses::Reused, Addresses::Adjacent, Addresses::Scattered] {
            let caches = after_churn(mock, None, addresses, 500);
            assert!(caches.entries >= 500, "{caches}");
        }
    });
}

#[test]
fn a_queue_with_nixls_limit_stays_short() {
    alone_with(emulating("1.20.0"), |mock| {
        let caches = after_churn(mock, Some("1024"), Addresses::Scattered, 500);
        assert!(caches.entries_max <= 2 && caches.drains >= 498, "{caches}");
    });
}

#[test]
fn a_tree_stays_small_where_addresses_are_reused_or_adjacent() {
    alone_with(emulating("1.23.0"), |mock| {
        for addresses in [Addresses::Reused, Addresses::Adjacent] {
            let caches = after_churn(mock, None, addresses, 500);
            assert!(caches.entries < 20 && caches.unmaps >= 500, "{caches}");
        }
    });
}

#[test]
fn a_tree_grows_where_addresses_are_scattered_and_its_searches_with_it() {
    alone_with(emulating("1.23.0"), |mock| {
        let caches = after_churn(mock, None, Addresses::Scattered, 500);
        assert!(caches.entries >= 500, "{caches}");
        assert!(caches.visited >= 500 * 499 / 2, "{caches}");
    });
}

#[test]
fn how_the_caches_stood_is_noted_evenly_however_long_it_takes() {
    alone_with(emulating("1.20.0"), |mock| {
        let caches = after_churn(mock, None, Addresses::Reused, 3000);
        let points = &caches.points;
        assert!((64..=256).contains(&points.len()), "{}", points.len());
        let steps: Vec<u64> = points
            .windows(2)
            .map(|pair| pair[1].unmaps - pair[0].unmaps)
            .collect();
        assert!(steps.iter().max() <= steps.iter().min().map(|least| least * 2).as_ref());
        assert!(points.last().unwrap().entries > 2900);
    });
}

#[test]
fn the_call_stack_of_the_unmaps_is_kept() {
    alone_with(emulating("1.20.0"), |mock| {
        let caches = after_churn(mock, None, Addresses::Reused, 500);
        let most = caches.sites.iter().max_by_key(|site| site.samples).unwrap();
        assert_eq!(most.function, "munmap");
        let snapshot = mock.snapshot();
        let frames = snapshot.stack(most.stack);
        let caller = snapshot.module(frames[0]).expect("a module");
        assert!(caller.path.contains("registration_cache"), "{caller:?}");
    });
}

#[test]
fn a_registration_goes_through_what_is_pending() {
    alone_with(emulating("1.20.0"), |mock| {
        let context = context();
        churn(Addresses::Reused, 10, || {});
        let bytes = [0_u8; 64];
        let memh = register(context, &bytes);
        let caches = mock.snapshot().caches;
        assert!(caches.unmaps >= 10 && caches.drains == 1, "{caches}");
        unregister(context, memh);
        ucp_cleanup(context);
    });
}

#[test]
fn without_the_setting_nothing_is_seen_and_nothing_is_patched() {
    alone(|mock| {
        let context = context();
        churn(Addresses::Reused, 10, || {});
        let bytes = [0_u8; 64];
        let memh = register(context, &bytes);
        let caches = mock.snapshot().caches;
        assert_eq!((caches.hooks, caches.unmaps), (HookState::Unwanted, 0));
        unregister(context, memh);
        ucp_cleanup(context);
    });
}

/// Sets a variable of this process, which has one thread that looks at it.
fn set_variable(name: &str, value: &str) {
    // SAFETY: the test runs alone in its process.
    unsafe { std::env::set_var(name, value) };
}

#[test]
fn a_context_without_hooks_or_without_a_cache_hears_of_nothing() {
    alone_with(emulating("1.20.0"), |mock| {
        let variables = [
            ("UCX_MEM_MMAP_HOOK_MODE", "none"),
            ("UCX_MEM_EVENTS", "n"),
            ("UCX_RCACHE_ENABLE", "n"),
        ];
        for (name, value) in variables {
            set_variable(name, value);
            let context = context();
            churn(Addresses::Reused, 10, || {});
            let caches = mock.snapshot().caches;
            assert_eq!((caches.made, caches.unmaps), (0, 0), "{name}");
            ucp_cleanup(context);
            // SAFETY: as above.
            unsafe { std::env::remove_var(name) };
        }
    });
}

#[test]
fn a_cache_that_must_be_and_cannot_be_makes_no_context() {
    alone_with(emulating("1.20.0"), |_| {
        set_variable("UCX_RCACHE_ENABLE", "y");
        set_variable("UCX_MEM_MMAP_HOOK_MODE", "none");
        let params = zeroed_params();
        // SAFETY: the structure is right.
        let context =
            made(|out| unsafe { library::ucp_init_version(1, 22, &raw const params, 0, out) });
        assert_eq!(context, Err(UcsStatus::UNSUPPORTED));
        set_variable("UCX_MEM_MMAP_HOOK_MODE", "bistro");
        ucp_cleanup(context_with(&params));
    });
}
