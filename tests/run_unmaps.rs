//! Under `mock-ucx run`, what a program unmaps is seen however it is done, and a registration cache that grows is told of, with whoever unmaps.

mod run;

use std::ffi::OsStr;

use run::{Clients, Ran, mock_ucx, ran};

/// Runs the client on an emulated UCX.
fn unmaps(version: &str, how: &str, variables: &[(&str, &str)]) -> Ran {
    let client = Clients::get().client("unmaps");
    let out = tempfile::tempdir().expect("a folder");
    let arguments = [
        OsStr::new("--ucx-version"),
        OsStr::new(version),
        OsStr::new("--out"),
        out.path().as_os_str(),
        OsStr::new("--"),
        client.as_os_str(),
        OsStr::new(how),
    ];
    let mut command = mock_ucx(&arguments);
    let output = command.envs(variables.iter().copied()).output();
    ran(output.expect("it starts"), out.path())
}

/// What is told of the growth of the registration cache.
fn growth(ran: &Ran) -> Option<String> {
    let found = ran.findings().iter();
    let mut told = found.filter(|finding| finding["rule"] == "registration_cache");
    let told = told.next()?;
    assert_eq!(ran.findings().len(), 1, "{ran:#?}");
    Some(told.to_string())
}

#[test]
fn a_queue_that_grows_is_told_with_the_caller_of_free() {
    let told = growth(&unmaps("1.20", "free", &[])).expect("growth");
    assert!(told.contains("give_back_by_free"), "{told}");
    assert!(told.contains("came from munmap"), "{told}");
}

#[test]
fn a_tree_grows_where_addresses_are_scattered_and_not_where_they_are_reused() {
    let told = growth(&unmaps("1.23", "scattered", &[])).expect("growth");
    assert!(told.contains("give_back_scattered"), "{told}");
    assert!(told.contains("each unmap gets slower"), "{told}");
    let ran = unmaps("1.23", "free", &[]);
    assert_eq!(growth(&ran), None);
    assert!(ran.stderr.contains("registration cache: "), "{ran:#?}");
}

#[test]
fn a_warm_up_and_a_client_that_registers_now_and_then_are_no_growth() {
    assert_eq!(growth(&unmaps("1.20", "early", &[])), None);
    assert_eq!(growth(&unmaps("1.20", "registering", &[])), None);
}

#[test]
fn the_settings_of_ucx_hold() {
    for setting in [
        ("UCX_RCACHE_MAX_UNRELEASED", "1024"),
        ("UCX_RCACHE_ENABLE", "n"),
        ("UCX_MEM_MMAP_HOOK_MODE", "none"),
        ("UCX_MEM_EVENTS", "n"),
    ] {
        let ran = unmaps("1.20", "free", &[setting]);
        assert_eq!(growth(&ran), None, "{setting:?}");
        let cache = &ran.processes()[0]["registration_cache"];
        let entries = cache["entries_max"].as_u64();
        assert!(entries.is_some_and(|entries| entries < 10), "{cache}");
    }
}

#[test]
fn unmaps_can_be_left_unseen() {
    let ran = unmaps("1.20", "free", &[("MOCK_UCX_UNMAPS", "0")]);
    assert_eq!(growth(&ran), None);
    assert!(!ran.stderr.contains("registration cache"), "{ran:#?}");
}
