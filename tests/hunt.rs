//! `mock-ucx hunt` and `replay` as a user sees them: on the released NIXL 1.5.1, which is fetched if the cache does not have it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program, with nothing set in its environment but what any user has.
fn mock_ucx(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
    command.args(arguments).env_remove("LD_PRELOAD");
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn findings(folder: &Path) -> Vec<Value> {
    let lines =
        std::fs::read_to_string(folder.join("findings.jsonl")).expect("findings.jsonl is written");
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a finding is one line of JSON"))
        .collect()
}

/// The leak for which this project was begun with: `registerMem` forgets its handle when the key cannot be packed.
fn forgotten_registration(findings: &[Value]) -> &Value {
    findings
        .iter()
        .find(|finding| {
            finding["object"] == "memory_handle"
                && finding["oracle"] == "lost"
                && finding["faults"]
                    .as_str()
                    .is_some_and(|faults| faults.starts_with("ucp_rkey_pack@"))
        })
        .expect("the memory handle that registerMem forgets is found")
}

#[test]
fn a_hunt_finds_the_forgotten_registration_and_replays_it() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let hunt = mock_ucx(&[
        "hunt",
        "--time",
        "60s",
        "--cases",
        "300",
        "--out",
        folder,
        "two-agents-write",
    ]);
    assert_eq!(
        hunt.status.code(),
        Some(1),
        "{}{}",
        text(&hunt.stdout),
        text(&hunt.stderr)
    );
    let found = findings(out.path());
    let lost = forgotten_registration(&found);
    let created: Vec<_> = lost["created"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| frame["function"].as_str().unwrap_or_default())
        .collect();
    assert!(
        created
            .iter()
            .any(|frame| frame.contains("nixlUcxContext::memReg")),
        "{created:?}"
    );
    assert!(
        lost["message"].as_str().unwrap().contains("memory_handle"),
        "{lost}"
    );
    assert!(
        lost["scenario"].as_str().unwrap().contains("register"),
        "{lost}"
    );

    let id = lost["id"].as_str().unwrap();
    let replay = mock_ucx(&["replay", "--out", folder, "--times", "3", id]);
    assert_eq!(
        replay.status.code(),
        Some(1),
        "{}{}",
        text(&replay.stdout),
        text(&replay.stderr)
    );
    assert!(
        text(&replay.stdout).contains("showed in 3 of 3 replays"),
        "{}",
        text(&replay.stdout)
    );
}

#[test]
fn two_hunts_find_the_same() {
    let ids = || {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().to_str().unwrap();
        mock_ucx(&[
            "hunt",
            "--cases",
            "120",
            "--time",
            "60s",
            "--out",
            folder,
            "self-transfer",
            "repost",
        ]);
        findings(out.path())
            .iter()
            .map(|finding| finding["fingerprint"].clone())
            .collect::<Vec<_>>()
    };
    let first = ids();
    assert!(!first.is_empty());
    assert_eq!(first, ids());
}

#[test]
fn a_hunt_without_faults_finds_nothing_and_says_so_by_its_status() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let hunt = mock_ucx(&["hunt", "--cases", "1", "--out", folder, "two-agents-write"]);
    assert_eq!(
        hunt.status.code(),
        Some(0),
        "{}{}",
        text(&hunt.stdout),
        text(&hunt.stderr)
    );
    assert!(findings(out.path()).is_empty());
}

/// What a user may get wrong: each is one clear message, exit 2, and nothing half-written.
#[test]
fn bad_input_is_told_in_one_message() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("out");
    let folder = folder.to_str().unwrap();
    let broken = out.path().join("broken.scenario");
    std::fs::write(&broken, "name broken\nagent a0\nregistr a0 r0\n").unwrap();
    let broken = broken.to_str().unwrap();
    let cases: [(&[&str], &[&str]); 9] = [
        (
            &["hunt", "--nixl", "1.5.7", "--out", folder],
            &["1.5.7", "nixl list"],
        ),
        (
            &["hunt", "--nixl", "/nowhere/at/all", "--out", folder],
            &["/nowhere/at/all"],
        ),
        (
            &["hunt", "--out", folder, "two-agent-write"],
            &["`two-agent-write` is neither", "is two-agents-write"],
        ),
        (
            &["hunt", "--out", folder, broken],
            &["3", "registr", "register"],
        ),
        (&["hunt", "--out", "/proc/nowhere"], &["/proc/nowhere"]),
        (&["replay", "--out", folder, "abc"], &["abc", folder]),
        (&["hunt", "--time", "soon"], &["90s"]),
        (&["hunt", "--jobs", "0"], &["--jobs"]),
        (&["replay", "--times", "0", "abc"], &["--times"]),
    ];
    for (arguments, words) in cases {
        let output = mock_ucx(arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        for word in words {
            assert!(
                message.contains(word),
                "{arguments:?} should say `{word}`: {message}"
            );
        }
        assert!(!message.contains("panicked"), "{message}");
        let causes = message.matches("os error").count();
        assert!(causes <= 1, "one cause is told once: {message}");
    }
    assert!(!Path::new(folder).join("findings.jsonl").exists());
}

#[test]
fn memory_of_no_bytes_is_no_trouble_for_the_mock() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("zero.scenario");
    let text = "name zero\nagent a0\nbackend b0 a0 UCX\nregion r0 size=64\nregister a0 r0[0..0]\n";
    std::fs::write(&file, text).unwrap();
    let folder = out.path().to_str().unwrap();
    let file = file.to_str().unwrap();
    let hunt = mock_ucx(&["hunt", "--cases", "1", "--out", folder, file]);
    let told = format!("{}{}", text_of(&hunt), hunt.status);
    assert_eq!(hunt.status.code(), Some(0), "{told}");
}

/// What replays of a file say at their end.
fn replayed(file: &str, times: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.scenario");
    std::fs::write(&path, file).unwrap();
    let output = mock_ucx(&["replay", "--times", times, path.to_str().unwrap()]);
    let lines = text(&output.stdout);
    lines.lines().last().unwrap_or_default().to_owned()
}

/// Two agents without threads of their own, of which the first has read what the second tells of its memory, and what they do then.
fn two_agents(notes: &str, pool: &str, operations: &str) -> String {
    format!(
        "{notes}
name two-agents
agent a0 progress_thread=off
agent a1 progress_thread=off
backend b0 a0 UCX {pool}
backend b1 a1 UCX
region r0 size=4096 seed=1
region r1 size=4096 seed=2
register a0 r0
register a1 r1
get_md m1 a1
load_md a0 m1
{operations}"
    )
}

#[test]
fn a_replay_counts_what_its_file_is_kept_for() {
    let kept = include_str!("findings/forgotten-registration.scenario");
    let last = replayed(kept, "1");
    assert!(last.ends_with("in 1 of 1 replays"), "{last}");
    let other = kept.replace("#! object: memory_handle", "#! object: rkey");
    assert_ne!(other, kept);
    let last = replayed(&other, "1");
    assert!(last.ends_with("in 0 of 1 replays"), "{last}");
}

#[test]
fn threads_of_a_pool_are_waited_for_when_its_handle_is_given_back() {
    // A wait without a rest between its polls may be over before a thread has begun: so many of them make it sure.
    let file = two_agents(
        "#! rule: never_done",
        "num_threads=2 split_batch_size=1",
        "\
create x0 a0 write local=r0 to=a1 remote=r1 skip_merge=on
destroy_backend b0
repeat 200 {
  post x0
  wait x0
}
release x0
",
    );
    let last = replayed(&file, "3");
    assert!(last.ends_with("in 0 of 3 replays"), "{last}");
}

#[test]
fn what_the_last_poll_of_a_wait_brings_is_seen() {
    // Whenever the endpoint fails while a flush is withheld, the transfer is over with that, also if the wait would have ended there.
    for poll in 20..=50 {
        let faults = format!("flush.complete@1=withheld; ep#3.fail@{poll}=IO_ERROR");
        let file = two_agents(
            &format!("#! faults: {faults}\n#! rule: never_done"),
            "",
            "\
create x0 a0 read local=r0 to=a1 remote=r1
post x0
wait x0
",
        );
        let last = replayed(&file, "1");
        assert!(last.ends_with("in 0 of 1 replays"), "{poll}: {last}");
    }
}

fn text_of(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// A hunt in drawn scenarios alone; returns its folder and what it printed.
fn random_hunt(seed: &str) -> (tempfile::TempDir, String) {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let limits = ["--cases", "60", "--time", "100s", "--out", folder];
    let mut arguments = vec!["hunt", "--random-only", "--seed", seed];
    arguments.extend(limits);
    let hunt = mock_ucx(&arguments);
    let told = text_of(&hunt);
    assert_eq!(hunt.status.code(), Some(1), "{told}");
    (out, told)
}

#[test]
fn the_same_seed_finds_the_same_in_drawn_scenarios_and_each_replays() {
    let (out, told) = random_hunt("6");
    assert!(told.contains("--seed 6"), "{told}");
    assert!(told.contains("60 of the cases were drawn"), "{told}");
    let found = findings(out.path());
    let folder = out.path().to_str().unwrap();
    for finding in &found {
        let oracle = finding["oracle"].as_str().unwrap();
        assert!(
            !BY_MODEL.contains(&oracle),
            "a false alarm, or a bug to keep: {finding}"
        );
        let id = finding["id"].as_str().unwrap();
        let replay = mock_ucx(&["replay", "--out", folder, id]);
        assert_eq!(replay.status.code(), Some(1), "{}", text_of(&replay));
    }
    let prints = |found: &[Value]| -> Vec<Value> {
        found
            .iter()
            .map(|finding| finding["fingerprint"].clone())
            .collect()
    };
    let (again, _) = random_hunt("6");
    assert_eq!(prints(&found), prints(&findings(again.path())));
}

#[test]
fn named_scenarios_leave_drawn_ones_out() {
    let refused = mock_ucx(&["hunt", "--seed", "1", "two-agents-write"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("--seed"),
        "{}",
        text_of(&refused)
    );
}

/// A transfer that is posted over memory that was given back.
const BREACH: &str = "agent a0 progress_thread=off
backend b0 a0 UCX
region r0 size=64
region r1 size=64
register a0 r0
register a0 r1
create x0 a0 write local=r0 to=a0 remote=r1
deregister a0 r0
post x0
";

#[test]
fn what_breaks_the_contract_is_not_played_unless_the_scenario_says_so() {
    let out = tempfile::tempdir().unwrap();
    let replay = |header: &str| {
        let file = out.path().join("breach.scenario");
        std::fs::write(&file, format!("name breach\n{header}{BREACH}")).unwrap();
        mock_ucx(&["replay", file.to_str().unwrap()])
    };
    let lawful = replay("");
    assert_eq!(lawful.status.code(), Some(0), "{}", text_of(&lawful));
    let misuse = replay("misuse\n");
    assert_eq!(misuse.status.code(), Some(1), "{}", text_of(&misuse));
    let told = text(&misuse.stdout);
    assert!(
        told.contains("of a client that breaks NIXL's contract"),
        "{told}"
    );
}

/// The oracles that hold NIXL against the reference model.
const BY_MODEL: [&str; 3] = ["status", "bytes", "notification"];

#[test]
fn no_built_in_scenario_is_answered_otherwise_than_the_model_allows() {
    let out = tempfile::tempdir().unwrap();
    let names: Vec<&str> = harness::scenario::builtin_texts()
        .iter()
        .map(|(name, _)| *name)
        .collect();
    // The benign runs come first: with as many cases as scenarios there is nothing else.
    let cases = names.len().to_string();
    let folder = out.path().to_str().unwrap();
    let mut arguments = vec!["hunt", "--cases", &cases, "--out", folder];
    arguments.extend(names);
    let hunt = mock_ucx(&arguments);
    assert_eq!(hunt.status.code(), Some(0), "{}", text_of(&hunt));
}
