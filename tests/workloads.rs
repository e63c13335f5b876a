//! What serving engines do, on releases of NIXL whose UCX remembers unmaps in different ways: the leak of vLLM's decode side is named where it
//! is, and nothing is said where it is not.

use std::process::{Command, Output};

/// Enough requests to tell growth from a warm-up.
const NUMBERS: &str = "requests=120";

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

/// Plays a workload as it is, without faults.
fn play(release: &str, workload: &str) -> Output {
    let out = tempfile::tempdir().unwrap();
    mock_ucx(&[
        "hunt",
        "--nixl",
        release,
        "--workload",
        workload,
        "--time",
        "0",
        "--known",
        "none",
        "--out",
        out.path().to_str().unwrap(),
    ])
}

/// Whether the growth of the registration cache is told, and nothing else.
fn grows(release: &str, workload: &str) -> bool {
    let played = play(release, workload);
    let told = text(&played);
    let found = told.contains("1 distinct findings");
    assert_eq!(played.status.code(), Some(i32::from(found)), "{told}");
    let named = told.contains("registration cache grows by 1.0");
    assert_eq!(found, named, "{release} {workload}: {told}");
    assert!(found || told.contains("0 distinct findings"), "{told}");
    found
}

/// The patterns at which a release's decode side grows.
fn patterns(release: &str) -> Vec<&'static str> {
    ["reused", "adjacent", "scattered", "random"]
        .into_iter()
        .filter(|churn| grows(release, &format!("decode:{NUMBERS},churn={churn}")))
        .collect()
}

#[test]
fn the_decode_side_leaks_on_0_9_0_at_all_addresses() {
    let all = ["reused", "adjacent", "scattered", "random"];
    assert_eq!(patterns("0.9.0"), all);
}

#[test]
fn the_decode_side_leaks_on_1_5_1_where_addresses_are_scattered() {
    assert_eq!(patterns("1.5.1"), ["scattered", "random"]);
}

#[test]
fn the_decode_side_is_flat_on_0_10_1() {
    assert_eq!(patterns("0.10.1"), [""; 0]);
}

#[test]
fn ever_slower_unmaps_and_where_they_come_from_are_told() {
    let told = text(&play("1.5.1", &format!("decode:{NUMBERS},churn=scattered")));
    assert!(told.contains("each unmap gets slower"), "{told}");
    assert!(told.contains("came from munmap, called by"), "{told}");
}

#[test]
fn a_push_leaks_in_the_same_way() {
    assert!(grows("0.9.0", &format!("push:{NUMBERS},churn=adjacent")));
    assert!(!grows("1.5.1", &format!("push:{NUMBERS},churn=adjacent")));
}

#[test]
fn an_offload_does_not_for_it_registers_with_each_request() {
    let workload = format!("offload:{NUMBERS},churn=scattered");
    assert!(!grows("1.5.1", &workload));
    // 0.9.0 uses an old remote key of its own memory, which is another bug.
    let told = text(&play("0.9.0", &workload));
    assert!(!told.contains("registration cache grows"), "{told}");
}

#[test]
fn a_workload_that_does_not_exist_is_answered_with_those_that_do() {
    let refused = play("1.5.1", "decoding");
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("decode, push, offload"));
}
