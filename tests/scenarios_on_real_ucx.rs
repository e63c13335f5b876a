//! The built-in scenarios on the released NIXL with its own UCX: what they say about NIXL is true.
//!
//! Fetches the default release into the cache (`mock-ucx nixl fetch 1.5.1` does the same).

use std::process::{Command, Output};

use serde_json::Value;

fn play(arguments: &[&str]) -> (Output, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_nixl-real"))
        .args(arguments)
        .output()
        .expect("nixl-real can be started");
    let lines = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    (output, lines)
}

/// A file with a scenario, which must outlive the play.
fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new()
        .suffix(".scenario")
        .tempfile()
        .expect("a temporary file");
    std::fs::write(file.path(), text).expect("a written file");
    file
}

fn play_text(text: &str) -> (Output, Vec<Value>) {
    let file = file(text);
    play(&[file.path().to_str().expect("a path of UTF-8")])
}

const PAIR: &str = "name pair
agent a0 name=initiator
agent a1 name=target
backend b0 a0 UCX
backend b1 a1 UCX
region r0 size=4096 seed=1
region r1 size=4096 seed=2
register a0 r0
register a1 r1
get_md m1 a1
load_md a0 m1
create x0 a0 write local=r0 to=a1 remote=r1 notif=\"n\"
post x0
wait x0
";

#[test]
fn every_built_in_scenario_goes_as_it_says() {
    let (output, lines) = play(&["--quiet"]);
    let unexpected: Vec<&Value> = lines
        .iter()
        .filter(|line| line.get("op").is_some())
        .collect();
    let sums = lines.len() - unexpected.len();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(unexpected.is_empty(), "{unexpected:#?}\n{log}");
    assert_eq!(sums, harness::scenario::builtin().len(), "{log}");
    assert_eq!(output.status.code(), Some(0), "{log}");
}

#[test]
fn bytes_that_are_not_there_are_seen() {
    let (output, lines) = play_text(&format!(
        "{PAIR}expect_bytes r1 seed=1\nexpect_bytes r1 seed=2\n"
    ));
    let wrong: Vec<&Value> = lines
        .iter()
        .filter(|line| line["expected"] == false)
        .collect();
    assert_eq!(wrong.len(), 1, "{lines:#?}");
    assert_eq!(wrong[0]["op"], "expect_bytes r1 seed=2");
    assert!(wrong[0]["outcome"]["verdict"]["wrong"]["what"].is_string());
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_cannot_be_done_is_skipped_and_the_rest_is_played_and_given_back() {
    let text = "name gaps\nagent a0\nbackend b0 a0 UCX\nregion r0 size=4096\nregister a0 r0\nregister a0 r7\npost x3\nregister a5 r0\nagent a0\nderegister a0 r0[0..8]\n";
    let (_, lines) = play_text(text);
    let skipped: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["outcome"]["verdict"]["skipped"]["reason"].as_str())
        .collect();
    let reasons = [
        "r7 is empty",
        "x3 is empty",
        "a5 is empty",
        "a0 is occupied",
        "r0[0..8] is not registered with a0",
    ];
    assert_eq!(skipped, reasons);
    let teardown: Vec<&str> = lines
        .iter()
        .filter(|line| line["phase"] == "teardown")
        .filter_map(|line| line["op"].as_str())
        .collect();
    let given_back = [
        "notifs a0 times=16 => any",
        "deregister a0 r0",
        "destroy_backend b0",
        "destroy_agent a0",
    ];
    assert_eq!(teardown, given_back);
}

#[test]
fn a_backend_gets_the_parameters_of_its_line() {
    let (_, lines) =
        play_text("name params\nagent a0\nbackend b0 a0 UCX num_workers=3\nbackend_params b0\n");
    let answer = &lines[2]["outcome"]["answer"];
    let pairs = answer.as_array().expect("an answer");
    assert!(pairs.contains(&Value::from("num_workers=3")), "{answer}");
}

#[test]
fn notifications_that_nobody_takes_are_found_at_the_end() {
    let (_, lines) = play_text(PAIR);
    let sums = lines.last().expect("the sums");
    assert_eq!(sums["unclaimed"], serde_json::json!(["initiator: \"n\""]));
    let (_, lines) = play_text(&format!("{PAIR}expect_notif a1 \"n\" from=a0\n"));
    assert_eq!(
        lines.last().expect("the sums")["unclaimed"],
        serde_json::json!([])
    );
}

#[test]
fn a_scenario_that_leaves_everything_has_no_teardown() {
    let (_, lines) = play_text(&format!("leave\n{PAIR}"));
    assert_eq!(lines.last().expect("the sums")["counts"]["teardown"], 0);
    assert!(lines.iter().all(|line| line["phase"] != "teardown"));
}

#[test]
fn two_plays_answer_the_same_save_what_is_measured() {
    let strip = |lines: Vec<Value>| -> Vec<Value> {
        let mut lines = lines;
        for line in &mut lines {
            if let Some(outcome) = line["outcome"].as_object_mut() {
                outcome.remove("measured");
            }
        }
        lines
    };
    let names = [
        "prepared-lists",
        "notifications",
        "three-agents",
        "costs-and-queries",
    ];
    assert_eq!(strip(play(&names).1), strip(play(&names).1));
}

#[test]
fn a_scenario_that_cannot_be_read_ends_with_its_place() {
    let (output, _) = play_text("name bad\nregistr a0 r0\n");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("line 2, column 1"), "{message}");
    assert!(message.contains("did you mean `register`?"), "{message}");
}

#[test]
fn a_mock_that_was_not_preloaded_is_not_taken_for_one_that_was() {
    let (output, _) = play(&["--preloaded", "--quiet"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("no UCX is in this process"), "{message}");
}

#[test]
fn the_program_for_the_real_ucx_exports_nothing_of_the_mock() {
    use object::{Object, ObjectSymbol};
    let bytes = std::fs::read(env!("CARGO_BIN_EXE_nixl-real")).expect("the program");
    let program = object::File::parse(&*bytes).expect("an ELF file");
    let exported: Vec<&str> = program
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .filter_map(|symbol| symbol.name().ok())
        .filter(|name| name.starts_with("ucp_") || name.starts_with("ucs_"))
        .collect();
    assert_eq!(exported, Vec::<&str>::new());
}
