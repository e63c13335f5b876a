//! Each oracle fires for a bug that is planted in NIXL's place, and is silent without it: the whole chain from the loader to the report,
//! driven through a toy with NIXL's C API (`tests/clients/toy`).
//!
//! The bug is a parameter of the backend, so that a scenario says which one it plants.

#[path = "toy/folder.rs"]
mod folder;

use std::process::{Command, Output};
use std::sync::OnceLock;

use folder::Toy;

/// Two agents, a transfer with a notification, and what NIXL has to refuse; the teardown gives back what is left.
const LIFE: &str = "name life
agent a0 name=initiator progress_thread=off
agent a1 name=target progress_thread=off
backend b0 a0 UCX BUG
backend b1 a1 UCX
region r0 size=4096 seed=1
region r1 size=4096 seed=2
register a0 r0
register a1 r1
get_md m0 a0
get_md m1 a1
load_md a0 m1
load_md a0 m0
create x0 a0 write local=r0 to=a1 remote=r1 notif=\"written\"
post x0
wait x0
expect_bytes r1 seed=1
expect_notif a1 \"written\" from=a0
release x0
fill r1 seed=7
notifs a0 times=1
expect_bytes r1 seed=7
invalidate a0 a1
invalidate a0 a1
deregister a0 r0
";

/// No bug.
const CLEAN: &str = "";

/// Two agents of which one has loaded the other.
const LOADED: &str = "agent a0 name=initiator progress_thread=off
agent a1 name=target progress_thread=off
backend b0 a0 UCX BUG
backend b1 a1 UCX
region r0 size=4096 seed=1
region r1 size=4096 seed=2
register a0 r0
register a1 r1
get_md m1 a1
load_md a0 m1
";

/// A transfer that is over when its peer is forgotten, and released later.
const RELEASED_LATE: &str = "name released-late
LOADEDcreate x0 a0 write local=r0 to=a1 remote=r1
post x0
wait x0
invalidate a0 a1
release x0
";

/// The same transfer again and again.
const ROUNDS: &str = "name rounds
HEADER
LOADEDcreate x0 a0 read local=r0 to=a1 remote=r1
FIRST
repeat COUNT {
  post x0
  wait x0
}
";

fn toy() -> &'static str {
    static TOY: OnceLock<Toy> = OnceLock::new();
    TOY.get_or_init(Toy::make).spec()
}

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// What a replay of a scenario with a bug came to.
#[derive(Debug)]
struct Shown {
    /// Object, oracle and rule of each finding.
    findings: Vec<String>,
    status: Option<i32>,
    text: String,
}

fn replay(scenario: &str, bug: &str) -> Shown {
    let parameter = match bug {
        CLEAN => String::new(),
        bug => format!("bug={bug}"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("toy.scenario");
    std::fs::write(&file, scenario.replace("BUG", &parameter)).expect("it is written");
    let path = file.to_str().expect("a readable path");
    let output = mock_ucx(&["replay", path, "--nixl", toy()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let headings = text.lines().filter(|line| line.starts_with('['));
    let words = headings.map(|line| {
        let told = line.split_once("] ").map_or(line, |(_, told)| told);
        let words = told.split([' ', ',']).filter(|word| !word.is_empty());
        words.take(3).collect::<Vec<_>>().join(" ")
    });
    Shown {
        findings: words.collect(),
        status: output.status.code(),
        text,
    }
}

/// Nothing is found in a toy without a bug.
#[track_caller]
fn silent(scenario: &str) {
    let shown = replay(scenario, CLEAN);
    assert_eq!(shown.status, Some(0), "{}", shown.text);
    assert!(!shown.text.contains("lacks"), "{}", shown.text);
}

/// Each bug is found, and told as what stands beside it and no more.
#[track_caller]
fn fires(scenario: &str, bugs: &[(&str, &[&str])]) {
    for (bug, told) in bugs {
        let shown = replay(scenario, bug);
        let mut findings = shown.findings.clone();
        findings.dedup();
        assert_eq!(findings, *told, "{bug}: {}", shown.text);
        assert_eq!(shown.status, Some(1), "{bug}: {}", shown.text);
    }
}

fn rounds(header: &str, first: &str, count: u32) -> String {
    ROUNDS
        .replace("LOADED", LOADED)
        .replace("HEADER", header)
        .replace("FIRST", first)
        .replace("COUNT", &count.to_string())
}

/// `faults` as in a kept finding.
fn with_faults(faults: &str) -> String {
    format!("#! faults: {faults}\n{LIFE}")
}

#[test]
fn a_toy_that_has_no_bug_shows_nothing() {
    silent(LIFE);
}

#[test]
fn a_toy_that_has_no_bug_shows_nothing_whatever_ucx_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("life.scenario");
    std::fs::write(&file, LIFE.replace("BUG", "")).expect("it is written");
    let path = |path: &std::path::Path| path.to_str().expect("a readable path").to_owned();
    let (file, out) = (path(&file), path(&folder.path().join("out")));
    let hunt = mock_ucx(&[
        "hunt",
        "--nixl",
        toy(),
        "--known",
        "none",
        "--time",
        "60s",
        "--cases",
        "300",
        "--out",
        &out,
        &file,
    ]);
    let text = String::from_utf8_lossy(&hunt.stdout);
    assert_eq!(hunt.status.code(), Some(0), "{text}");
    assert!(text.contains("300 cases, 0 distinct findings"), "{text}");
}

#[test]
fn whatever_is_forgotten_is_told_as_lost() {
    fires(
        LIFE,
        &[
            ("lose_address", &["address lost UCP-ADDR-001"]),
            ("lose_am_data", &["am_data lost UCP-AM-009"]),
            ("lose_config", &["config lost UCP-CFG-001"]),
            ("lose_context", &["context lost -"]),
            ("lose_endpoint", &["endpoint lost UCP-WRK-003"]),
            ("lose_memory_handle", &["memory_handle lost UCP-CTX-004"]),
            ("lose_request", &["request lost UCP-WRK-004"]),
            ("lose_rkey", &["rkey lost UCP-RKEY-006"]),
            ("lose_rkey_buffer", &["rkey_buffer lost UCP-RKEY-001"]),
            ("lose_worker", &["worker lost UCP-CTX-003"]),
        ],
    );
}

#[test]
fn what_is_forgotten_when_ucx_refuses_is_told_as_lost() {
    let refused = with_faults("ucp_rkey_pack@1=NO_MEMORY");
    let told: &[&str] = &["memory_handle lost UCP-CTX-004"];
    fires(&refused, &[("forget_on_failure", told)]);
}

#[test]
fn what_is_given_back_when_ucx_refuses_is_not_told() {
    silent(&with_faults("ucp_rkey_pack@1=NO_MEMORY"));
}

#[test]
fn what_is_used_or_given_back_a_second_time_is_told_as_a_broken_rule() {
    let twice: &[&str] = &["memory_handle rule UCP-MEM-006"];
    fires(LIFE, &[("release_twice", twice)]);
    let used = replay(LIFE, "use_after_release");
    assert_eq!(used.findings[0], "rkey rule UCP-RKEY-004", "{}", used.text);
}

/// A rule is broken from more places than a ledger has room for.
#[test]
fn what_found_no_room_in_the_ledger_is_told_as_a_doubt_and_the_status_says_so() {
    let shown = replay(LIFE, "release_from_everywhere");
    let text = &shown.text;
    assert_eq!(shown.status, Some(2), "{text}");
    let doubt = "cannot vouch for this result: life: ";
    let told = text.lines().find_map(|line| line.strip_prefix(doubt));
    let told = told.unwrap_or_else(|| panic!("{text}"));
    assert!(
        told.ends_with(" broken rules found no room in the ledger"),
        "{told}"
    );
}

#[test]
fn what_found_room_in_the_ledger_is_told_and_is_no_doubt() {
    let told: &[&str] = &["memory_handle rule UCP-MEM-006"];
    fires(LIFE, &[("release_from_some_places", told)]);
}

#[test]
fn bytes_that_are_missing_or_come_after_the_release_are_told() {
    let told: &[&str] = &["memory bytes expect_bytes"];
    fires(LIFE, &[("move_too_little", told), ("write_late", told)]);
}

#[test]
fn a_status_that_is_not_true_is_told() {
    fires(
        LIFE,
        &[
            ("refuse", &["process status register"]),
            ("accept", &["process status load_md"]),
            ("answer_another_error", &["process status invalidate"]),
        ],
    );
}

#[test]
fn a_notification_that_is_lost_or_came_twice_or_was_never_sent_is_told() {
    let unsent: &[&str] = &["process notification notifs"];
    fires(
        LIFE,
        &[
            (
                "lose_notification",
                &[
                    "process hang never_done",
                    "process notification expect_notif",
                ],
            ),
            ("notify_twice", unsent),
            ("notify_unasked", unsent),
        ],
    );
}

#[test]
fn a_process_that_dies_in_an_operation_is_told() {
    fires(
        LIFE,
        &[
            ("crash", &["process crash SIGSEGV"]),
            ("abort", &["process crash SIGABRT"]),
            ("exit", &["process crash exit"]),
        ],
    );
}

#[test]
fn a_transfer_that_stays_in_progress_is_told() {
    let told: &[&str] = &["process hang never_done", "process status wait"];
    fires(LIFE, &[("stay_busy", told)]);
}

#[test]
fn a_process_that_never_wakes_up_is_told() {
    fires(LIFE, &[("block", &["process hang blocked"])]);
}

/// It takes ten seconds of processor time.
#[test]
fn a_process_that_spins_is_told() {
    fires(LIFE, &[("spin", &["process hang spinning"])]);
}

#[test]
fn what_grows_with_each_round_is_told() {
    fires(
        &rounds("growth", "", 32),
        &[
            ("grow_heap", &["memory growth heap"]),
            ("grow_mapping", &["memory growth mapping"]),
            ("grow_registrations", &["memory_handle growth objects"]),
        ],
    );
}

#[test]
fn rounds_in_which_nothing_grows_are_silent() {
    silent(&rounds("growth", "", 32));
}

#[test]
fn an_endpoint_that_stays_until_a_transfer_is_released_which_was_over_is_told() {
    fires(
        &RELEASED_LATE.replace("LOADED", LOADED),
        &[("keep_endpoint", &["endpoint kept forgotten_peer"])],
    );
}

#[test]
fn an_endpoint_that_closes_when_its_peer_is_forgotten_or_that_a_transfer_may_still_need_is_silent()
{
    let released_late = RELEASED_LATE.replace("LOADED", LOADED);
    silent(&released_late);
    let under_way = released_late.replace("wait x0\n", "");
    let shown = replay(&under_way, "keep_endpoint");
    assert_eq!(shown.status, Some(0), "{}", shown.text);
}

/// What one unmap is needed for: without a `churn` nobody looks at unmaps.
const CHURN: &str = "churn size=4096 addresses=reused times=1";

#[test]
fn a_registration_cache_that_grows_with_each_round_is_told() {
    let told: &[&str] = &["memory growth registration_cache"];
    fires(
        &rounds("", CHURN, 200),
        &[("grow_registration_cache", told)],
    );
}

#[test]
fn a_registration_cache_that_does_not_grow_is_silent() {
    silent(&rounds("", CHURN, 200));
}

#[test]
fn a_parameter_that_no_bug_has_changes_nothing() {
    let shown = replay(LIFE, "no_such_bug");
    assert_eq!(shown.status, Some(0), "{}", shown.text);
}
