//! `mock-ucx run` on a program with the released NIXL 1.5.1, which is fetched if need be.

mod run;

use std::process::Command;

use harness::nixl::{Installed, fetch};
use run::{Clients, Ran, left};

/// The client with the plugins of the release; its agent is alive when it ends.
fn nixl(options: &[&str]) -> Ran {
    let nixl: Installed = fetch("1.5.1")
        .unwrap_or_else(|error| panic!("{error}; `mock-ucx nixl fetch 1.5.1` fetches it"));
    let out = tempfile::tempdir().expect("a folder");
    let mut command: Command = run::mock_ucx(&[]);
    command
        .args(options)
        .arg("--out")
        .arg(out.path())
        .arg("--")
        .arg(Clients::get().client("nixl"))
        .arg(nixl.capi.expect("the release has a C API"))
        .env("NIXL_PLUGIN_DIR", &nixl.plugin_dir)
        // What would have NIXL pass the mock by.
        .env("NIXL_UCX_DEEPBIND", "1");
    run::ran(command.output().expect("it starts"), out.path())
}

#[test]
fn a_registration_that_nixl_gives_back_is_not_left_while_its_agent_lives() {
    let ran = nixl(&[]);
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let [process] = ran.processes() else {
        panic!("{ran:#?}");
    };
    let left = left(process);
    assert!(
        left.iter().all(|(kind, ..)| kind != "memory_handle"),
        "{left:?}"
    );
    assert_eq!(ran.report["lost"], 0, "{ran:#?}");
    assert!(ran.findings().is_empty(), "{ran:#?}");
    assert!(
        !process["real_ucx"].as_array().unwrap().is_empty(),
        "the wheel maps its own: {ran:#?}"
    );
}

#[test]
fn the_registration_that_nixl_forgets_when_its_key_cannot_be_packed_is_lost_while_its_agent_lives()
{
    let ran = nixl(&["--faults", "ucp_rkey_pack@1=NO_MEMORY"]);
    assert_eq!(ran.code(), 1, "{ran:#?}");
    let [finding] = ran.findings() else {
        panic!("{ran:#?}");
    };
    assert_eq!(
        (&finding["object"], &finding["oracle"]),
        (&"memory_handle".into(), &"lost".into())
    );
    assert_eq!(finding["nixl"], "cu12:1.5.1");
    let function = finding["created"][0]["function"].as_str().unwrap();
    assert!(function.starts_with("nixlUcxContext::memReg"), "{function}");
}
