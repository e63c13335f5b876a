//! What `mock-ucx run` cannot work with is told in one message with what to do, with exit status 2, before anything is started.

mod run;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use run::{Clients, Ran, mock_ucx, run};

/// The message, which must be the only one.
fn refused(ran: &Ran) -> String {
    assert_eq!(ran.code(), 2, "{ran:#?}");
    assert_eq!(ran.stdout, "", "{ran:#?}");
    assert!(ran.report.is_null(), "{ran:#?}");
    let message = ran.stderr.trim_end();
    assert!(message.starts_with("mock-ucx: "), "{ran:#?}");
    assert_eq!(message.matches("mock-ucx:").count(), 1, "{ran:#?}");
    message.to_owned()
}

fn assert_refused(ran: &Ran, words: &str) {
    let message = refused(ran);
    assert!(message.contains(words), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn a_command_that_is_not_there_is_refused() {
    assert_refused(
        &run(&[], &[&"no-such-command-x"]),
        "`no-such-command-x` is not found",
    );
    assert_refused(
        &run(&[], &[&"/no/such/command"]),
        "`/no/such/command` is not found",
    );
}

#[test]
fn a_file_that_may_not_be_executed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    assert_refused(&run(&[], &[&file]), "is not executable");
    std::fs::write(&file, "neither this nor that\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    assert_refused(
        &run(&[], &[&file]),
        "neither a 64-bit ELF program nor a script",
    );
}

#[test]
fn a_wrong_fault_specification_is_shown_with_a_caret() {
    let message = refused(&run(&["--faults", "ucp_mem_map@2=NO_MEMRY"], &[&"true"]));
    let lines: Vec<&str> = message.lines().collect();
    assert!(lines[0].contains("did you mean `NO_MEMORY`?"), "{message}");
    assert_eq!(lines[1].find("NO_MEMRY"), lines[2].find('^'), "{message}");
}

#[test]
fn an_unknown_version_is_refused() {
    assert_refused(
        &run(&["--ucx-version", "1.7"], &[&"true"]),
        "--ucx-version: UCX version 1.7.0",
    );
    assert_refused(
        &run(&["--ucx-version", "new"], &[&"true"]),
        "not of the form 1.22",
    );
}

#[test]
fn a_statically_linked_program_is_refused() {
    let client = Clients::get().linked_statically();
    assert_refused(&run(&[], &[&client]), "it is statically linked");
}

#[test]
fn a_program_with_a_ucx_of_its_own_is_refused() {
    let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/stub_libucp.c");
    let client = Clients::get().client_with("endings", &[stub.to_str().unwrap()]);
    assert_refused(&run(&[], &[&client, &"clean"]), "UCX is linked into it");
}

/// Runs a client that ends well, with a library preloaded already.
fn with_preloaded(library: &Path) -> Ran {
    let client = Clients::get().client("endings");
    let arguments = ["--".as_ref(), client.as_os_str(), "clean".as_ref()];
    let output = mock_ucx(&arguments)
        .env("LD_PRELOAD", library)
        .output()
        .unwrap();
    run::ran(output, Path::new("/no/such/folder"))
}

#[test]
fn a_ucx_in_ld_preload_is_refused() {
    let ran = with_preloaded(&Clients::get().stub());
    assert_refused(&ran, "LD_PRELOAD already names libucp.so.0");
}

#[test]
fn a_ucx_in_ld_preload_under_another_name_is_noticed_because_the_mock_is_never_called() {
    let hidden = Clients::get().stub().with_file_name("libhidden.so");
    std::fs::copy(Clients::get().stub(), &hidden).unwrap();
    let ran = with_preloaded(&hidden);
    assert_eq!(ran.code(), 2, "{ran:#?}");
    assert!(ran.stderr.contains("cannot vouch for this run"), "{ran:#?}");
}

#[test]
fn another_library_in_ld_preload_is_kept() {
    let ran = with_preloaded(&Clients::get().harmless());
    assert_eq!(ran.code(), 0, "{ran:#?}");
    assert!(!ran.stderr.contains("cannot be preloaded"), "{ran:#?}");
}

#[test]
fn an_output_folder_that_cannot_be_written_to_is_refused_before_anything_runs() {
    let output =
        mock_ucx(&["--out", "/proc/no/folder", "--", "sh", "-c", "echo ran"].map(AsRef::as_ref))
            .output()
            .unwrap();
    let ran = run::ran(output, Path::new("/no/such/folder"));
    assert_refused(&ran, "cannot write to the output folder /proc/no/folder");
}

#[test]
fn a_run_without_a_command_is_refused() {
    let output = mock_ucx(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_program_that_is_set_to_another_user_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("true");
    std::fs::copy("/bin/true", &program).unwrap();
    let chown = Command::new("chown")
        .arg("65534")
        .arg(&program)
        .output()
        .unwrap();
    if !chown.status.success() {
        // Only root can give a file away; the rule itself is tested in `supervise::command`.
        return;
    }
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o4755)).unwrap();
    assert_refused(&run(&[], &[&program]), "it is set-user-id");
}
