//! The released NIXL 1.5.1: fetched, inspected, and loaded, each load in a process of its own.
//!
//! Needs the network once. This executable exports no `ucp_*`, which one test relies on.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use object::Object;

use harness::nixl::capi::{
    Agent, AgentConfig, FUNCTIONS, MemType, OptArgs, Params, RegDlist, Status,
};
use harness::nixl::capi::{CallError, NotifMap, XferDlist, XferOp};
use harness::nixl::{Installed, LoadError, Ucx, fetch, load};

fn nixl() -> Installed {
    fetch("1.5.1").unwrap_or_else(|error| panic!("{error}; `mock-ucx nixl fetch 1.5.1` fetches it"))
}

/// Runs one of the ignored tests below alone, in a process that has one thread.
fn child(test: &str) -> Output {
    let program = std::env::current_exe().expect("this executable");
    let mut command = Command::new(program);
    command.args([
        "--exact",
        test,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command
        .env("UCX_MODULES", "^ib")
        .output()
        .expect("it starts")
}

fn assert_passes(test: &str) {
    let output = child(test);
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        stdout.contains("1 passed"),
        "{test}: {}\n{stdout}\n{stderr}",
        output.status
    );
}

#[test]
fn the_pinned_release_has_the_c_api_and_the_ucx_that_the_table_says() {
    let nixl = nixl();
    let release = nixl.release.expect("it came from the cache");
    assert_eq!(nixl.ucx_version.as_deref(), Some(release.ucx));
    let functions = nixl.capi_functions().expect("the C API is readable");
    let known = FUNCTIONS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(functions, known);
    let names: Vec<&str> = nixl.ucx.iter().map(|library| library.name).collect();
    assert_eq!(names, ["libucm", "libucp", "libucs", "libuct"]);
}

#[test]
fn the_plugin_imports_ucx_by_names_that_a_mock_can_export() {
    let imports = nixl().ucx_imports().expect("the plugin is readable");
    assert!(
        imports.contains("ucp_init_version") && imports.contains("ucs_status_string"),
        "{imports:?}"
    );
    assert_eq!(imports.len(), 38, "{imports:?}");
}

#[test]
fn the_program_exports_every_function_of_ucx_that_the_plugin_imports() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_mock-ucx")).expect("the program");
    let program = object::File::parse(&*program).expect("an executable");
    let exports = program.exports().expect("its dynamic symbols");
    let exported: BTreeSet<&[u8]> = exports.iter().map(|export| export.name()).collect();
    let imports = nixl().ucx_imports().expect("the plugin is readable");
    let missing: Vec<&String> = imports
        .iter()
        .filter(|name| !exported.contains(name.as_bytes()))
        .collect();
    assert!(
        missing.is_empty(),
        "NIXL would not load on the mock: {missing:?}"
    );
}

#[test]
fn a_folder_is_taken_as_it_is() {
    let cached = nixl();
    let folder = fetch(cached.root.to_str().expect("a readable path")).expect("it is a NIXL");
    assert_eq!(
        (folder.release, folder.plugin, folder.ucx),
        (None, cached.plugin, cached.ucx)
    );
}

#[test]
fn a_lifecycle_runs_through_the_c_api_on_the_real_ucx() {
    assert_passes("child_lifecycle_on_the_real_ucx");
}

#[test]
fn an_executable_that_exports_no_ucx_is_refused_instead_of_running_on_the_real_one() {
    assert_passes("child_load_on_a_mock_that_is_not_there");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn child_load_on_a_mock_that_is_not_there() {
    // SAFETY: the process has one thread.
    match unsafe { load(&nixl(), Ucx::Mock) } {
        Err(LoadError::NotExported { symbol }) => assert!(symbol.starts_with("uc"), "{symbol}"),
        Err(other) => panic!("{other}"),
        Ok(loaded) => panic!("{} functions are bound", loaded.bound),
    }
}

#[test]
#[ignore = "run in a process of its own by a test above"]
fn child_lifecycle_on_the_real_ucx() {
    // SAFETY: the process has one thread.
    let loaded = unsafe { load(&nixl(), Ucx::Real) }.unwrap_or_else(|error| panic!("{error}"));
    let api = loaded.api;
    assert!(!api.is_stub().expect("it is there"));
    assert_eq!(api.present().len(), FUNCTIONS.len());
    // SAFETY: as above.
    let again = unsafe { load(&loaded.installed, Ucx::Mock) };
    assert!(matches!(
        again,
        Err(LoadError::LoadedBefore {
            loaded: Ucx::Real,
            ..
        })
    ));

    let (source, target) = (vec![0xa5_u8; 4096], vec![0_u8; 4096]);
    let mut agents = Vec::new();
    for (name, buffer) in [("one", &source), ("two", &target)] {
        let agent = Agent::with_config(api, name, &AgentConfig::default()).expect("an agent");
        let backend = agent
            .create_backend("UCX", &Params::new(api).expect("parameters"))
            .expect("a backend");
        let mut list = RegDlist::new(api, MemType::Dram).expect("a list");
        // SAFETY: the buffer lives until both agents are gone.
        unsafe { list.add(buffer.as_ptr() as usize, buffer.len(), 0, b"") }.expect("a descriptor");
        let mut args = OptArgs::new(api).expect("arguments");
        args.add_backend(&backend).expect("a backend");
        assert_eq!(agent.register(&list, Some(&args)), Ok(Status::Success));
        agents.push((agent, list));
    }
    let (one, two) = (&agents[0].0, &agents[1].0);
    let metadata = two.local_metadata().expect("metadata");
    assert_eq!(one.load_remote_metadata(&metadata).expect("a name"), "two");

    let mut local = XferDlist::new(api, MemType::Dram).expect("a list");
    let mut remote = XferDlist::new(api, MemType::Dram).expect("a list");
    // SAFETY: both buffers live until the transfer has ended.
    unsafe { local.add(source.as_ptr() as usize, 4096, 0) }.expect("a descriptor");
    // SAFETY: as above.
    unsafe { remote.add(target.as_ptr() as usize, 4096, 0) }.expect("a descriptor");
    let mut args = OptArgs::new(api).expect("arguments");
    args.set_notification(b"done").expect("a message");
    args.set_has_notification(true).expect("a flag");
    let mut request = one
        .create_request(XferOp::Write, &local, &remote, "two", Some(&args))
        .expect("a request");
    let mut status = request.post(None).expect("it is posted");
    let mut notifications = NotifMap::new(api).expect("a map");
    while status == Status::InProgress || notifications.is_empty().expect("a size") {
        two.notifications(&mut notifications, None).expect("a poll");
        status = request.status().expect("a status");
    }
    assert_eq!(
        notifications.entries().expect("entries"),
        [("one".to_owned(), vec![b"done".to_vec()])]
    );
    let seen = |byte: &u8| {
        // SAFETY: the buffer is alive; NIXL wrote to it behind the compiler's back.
        unsafe { std::ptr::read_volatile(byte) }
    };
    assert!(target.iter().all(|byte| seen(byte) == 0xa5));

    let (error, mut request) = request.destroy().expect_err("it was not released");
    assert_eq!(error.status(), Some(Status::InvalidState));
    assert_eq!(request.release(), Ok(Status::Success));
    assert_eq!(
        request.status(),
        Err(CallError::Released {
            function: "nixl_capi_get_xfer_status"
        })
    );
    assert!(request.destroy().is_ok());
    for (agent, list) in agents {
        assert_eq!(agent.deregister(&list, None), Ok(Status::Success));
        agent.destroy().expect("it ends");
    }
}
