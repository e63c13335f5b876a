//! Faults of `mock-ucx run`: by option, environment and file alike; what happened is told, and what never did.

mod run;

use std::ffi::OsStr;
use std::path::Path;

use run::{Clients, Ran, mock_ucx, run};
use serde_json::{Value, json};

/// Runs the client that registers twice, with variables set.
fn with(variables: &[(&str, &str)], options: &[&str]) -> Ran {
    let client = Clients::get().client("endings");
    let out = tempfile::tempdir().unwrap();
    let mut arguments: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
    arguments.extend(["--out".as_ref(), out.path().as_os_str(), "--".as_ref()]);
    arguments.extend([client.as_os_str(), "return".as_ref()]);
    let mut command = mock_ucx(&arguments);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    run::ran(output, out.path())
}

fn what(ran: &Ran) -> Vec<&Value> {
    let fired = ran.report["fired"].as_array();
    let fired = fired.unwrap_or_else(|| panic!("{ran:#?}"));
    fired.iter().map(|deviation| &deviation["what"]).collect()
}

/// Status of the client when nothing goes wrong.
const WELL: i32 = 5;
const SECOND: &str = "ucp_mem_map@2=NO_MEMORY";

#[test]
fn an_option_a_variable_and_a_file_make_the_same_fault_happen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults");
    std::fs::write(&file, format!("# the second registration\n{SECOND}\n")).unwrap();
    let file = format!("@{}", file.display());
    let ways = [
        with(&[], &["--faults", SECOND]),
        with(&[], &["--faults", &file]),
        with(&[("MOCK_UCX_FAULTS", SECOND)], &[]),
        with(&[("MOCK_UCX_FAULTS", &file)], &[]),
        with(&[("MOCK_UCX_FAULTS", &file)], &["--faults", SECOND]),
    ];
    for ran in &ways {
        assert_eq!(ran.code(), 77, "{ran:#?}");
        assert_eq!(what(ran), [SECOND]);
    }
}

#[test]
fn what_happened_is_told_with_its_place_and_a_run_without_faults_tells_nothing() {
    let ran = with(&[], &["--faults", "ucp_mem_map@1+*1=IO_ERROR"]);
    let fired = &ran.report["fired"][0];
    assert_eq!(fired["what"], "ucp_mem_map*1=IO_ERROR");
    assert_eq!(fired["times"], 1);
    assert_eq!(fired["first"]["function"], "ucp_mem_map");
    assert_eq!(fired["first"]["caller"], "map_buffer");
    assert!(
        ran.stderr
            .contains(": once, first in ucp_mem_map, called by map_buffer (process "),
        "{ran:#?}"
    );
    assert_eq!(with(&[], &[]).report["fired"], json!([]));
}

#[test]
fn a_move_that_never_happens_is_told_unless_that_is_allowed() {
    let faults = ["--faults", "put.complete=+20"];
    let ran = with(&[], &faults);
    assert_eq!(ran.code(), 2, "{ran:#?}");
    assert_eq!(
        ran.report["unfired"],
        json!(["put.complete=+20 (put.complete was reached 0 times)"])
    );
    let ran = with(&[], &[faults[0], faults[1], "--allow-unfired"]);
    assert_eq!(ran.code(), WELL, "{ran:#?}");
}

#[test]
fn a_fault_that_asks_for_what_happens_anyway_is_not_missed_where_it_had_an_occasion() {
    assert_eq!(with(&[], &["--faults", "ucp_mem_map=benign"]).code(), WELL);
    assert_eq!(with(&[], &["--faults", "put.complete=benign"]).code(), 2);
}

#[test]
fn a_seed_makes_the_same_choices_each_time_and_other_seeds_others() {
    let ran = |seed: &str| with(&[], &["--seed", seed]).report["fired"].clone();
    let without_processes = |mut fired: Value| {
        for deviation in fired.as_array_mut().unwrap() {
            deviation["first"]["pid"] = Value::Null;
        }
        fired
    };
    let seeds: Vec<Value> = (0..12)
        .map(|seed| without_processes(ran(&seed.to_string())))
        .collect();
    assert!(seeds.iter().any(|fired| *fired != seeds[0]), "{seeds:#?}");
    let busy = seeds
        .iter()
        .position(|fired| *fired != json!([]))
        .expect("one deviates");
    assert_eq!(without_processes(ran(&busy.to_string())), seeds[busy]);
    let by_variable = with(&[("MOCK_UCX_SEED", &busy.to_string())], &[]);
    assert_eq!(
        without_processes(by_variable.report["fired"].clone()),
        seeds[busy]
    );
}

/// The message of a run that was refused before anything started.
fn refused(ran: &Ran) -> &str {
    assert_eq!(ran.code(), 2, "{ran:#?}");
    assert!(ran.report.is_null(), "{ran:#?}");
    ran.stderr.trim_end()
}

#[test]
fn settings_that_contradict_each_other_are_refused_with_what_to_do() {
    for (variable, options) in [
        (
            ("MOCK_UCX_FAULTS", "ucp_mem_map=NO_MEMORY"),
            ["--faults", SECOND],
        ),
        (("MOCK_UCX_SEED", "1"), ["--seed", "2"]),
        (("MOCK_UCX_HEAL_AFTER", "1"), ["--heal-after", "2"]),
        (("MOCK_UCX_VERSION", "1.20"), ["--ucx-version", "1.21"]),
    ] {
        let ran = with(&[variable], &options);
        let message = refused(&ran);
        assert!(
            message.contains(options[0])
                && message.contains(variable.0)
                && message.contains("leave one of them out"),
            "{message}"
        );
    }
}

#[test]
fn a_doubtful_outcome_needs_the_option_or_its_variable() {
    let faults = ["--faults", "cancel.effect=canceled", "--allow-unfired"];
    let ran = with(&[], &faults);
    assert!(refused(&ran).contains("--paranoid"), "{ran:#?}");
    let permitted = [&faults[..], &["--paranoid"]].concat();
    assert_eq!(with(&[], &permitted).code(), WELL);
    assert_eq!(with(&[("MOCK_UCX_PARANOID", "1")], &faults).code(), WELL);
    let variable = [("MOCK_UCX_FAULTS", faults[1])];
    assert_eq!(
        with(&variable, &["--allow-unfired", "--paranoid"]).code(),
        WELL
    );
}

#[test]
fn wrong_settings_are_refused_in_the_program_and_in_a_library_that_is_preloaded_alone() {
    for (variable, value, words) in [
        (
            "MOCK_UCX_FAULTS",
            "ucp_mem_map@2=NO_MEMRY",
            "column 15: `NO_MEMRY` is no outcome",
        ),
        ("MOCK_UCX_FAULTS", "@/no/such/file", "cannot be read"),
        ("MOCK_UCX_SEED", "x", "MOCK_UCX_SEED: `x`"),
        ("MOCK_UCX_HEAL_AFTER", "0", "1 is the least"),
        ("MOCK_UCX_SEEDS", "1", "did you mean MOCK_UCX_SEED?"),
    ] {
        let ran = with(&[(variable, value)], &[]);
        assert!(refused(&ran).contains(words), "{ran:#?}");
        let library = harness::supervise::find_library().unwrap_or_else(|error| panic!("{error}"));
        let alone = std::process::Command::new(Clients::get().client("endings"))
            .arg("return")
            .env("LD_PRELOAD", library)
            .env(variable, value)
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&alone.stderr);
        assert_eq!(alone.status.code(), Some(2), "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_file_that_is_wrong_is_shown_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults");
    std::fs::write(&file, "\nput.complete=+0\n").unwrap();
    let ran = run(
        &["--faults", &format!("@{}", file.display())],
        &[&Path::new("true")],
    );
    let message = refused(&ran);
    assert!(
        message.contains("faults:2:15: `0` is not a number of progress calls"),
        "{message}"
    );
    assert!(
        message.ends_with("put.complete=+0\n                ^"),
        "{message}"
    );
}

/// Progress calls that a flush took that is withheld.
fn patience(options: &[&str]) -> u64 {
    let library = harness::supervise::find_library().unwrap_or_else(|error| panic!("{error}"));
    let client = Clients::get().client_with("patience", &[library.to_str().unwrap()]);
    let ran = run(
        &[&["--faults", "ep#1.flush.complete=withheld"], options].concat(),
        &[&client],
    );
    assert_eq!(ran.code(), 0, "{ran:#?}");
    ran.stdout
        .trim()
        .parse()
        .unwrap_or_else(|_| panic!("{ran:#?}"))
}

#[test]
fn what_is_withheld_comes_after_as_many_progress_calls_in_vain_as_are_asked_for() {
    let soon = patience(&["--heal-after", "50"]);
    assert!((50..100).contains(&soon), "{soon}");
    let unasked = patience(&[]);
    assert!(unasked > 10_000, "{unasked}");
}
