//! The same client under the same decisions leaves the same trace: in a hundred fresh processes, each in another environment.

mod run;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use run::Clients;

/// Fresh processes of each client.
const PROCESSES: usize = 100;
/// Processes at once.
const AT_ONCE: usize = 2;

/// Runs `case` so often, each time with another environment, and returns the traces with their numbers.
fn traces(case: impl Fn(&Path) -> Command + Sync) -> BTreeMap<String, usize> {
    let folder = tempfile::tempdir().unwrap();
    let run = |number: usize| {
        let file = folder.path().join(format!("{number}.trace"));
        let mut command = case(&file);
        // Lengths differ, so that the stack begins elsewhere; names and values differ, so that whatever hashes them does.
        command
            .env(format!("FILLER_{number}"), "x".repeat(number * 37))
            .env(
                "LANG",
                if number.is_multiple_of(2) {
                    "C"
                } else {
                    "en_US.UTF-8"
                },
            )
            .env("MALLOC_ARENA_MAX", (number % 5 + 1).to_string())
            .current_dir(if number.is_multiple_of(3) {
                Path::new("/")
            } else {
                folder.path()
            });
        let output = command.output().unwrap();
        std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{output:?}"))
    };
    let mut traces = BTreeMap::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|first| {
                let run = &run;
                scope.spawn(move || {
                    let numbers = (first..PROCESSES).step_by(AT_ONCE);
                    numbers.map(run).collect::<Vec<String>>()
                })
            })
            .collect();
        for trace in workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
        {
            *traces.entry(trace).or_insert(0) += 1;
        }
    });
    traces
}

/// There is one trace, and it has these words in it.
fn is_one(traces: &BTreeMap<String, usize>, words: &[&str]) {
    let mut kinds = traces.iter();
    let (trace, count) = kinds.next().expect("a trace");
    if let Some((other, _)) = kinds.next() {
        let differs = trace.lines().zip(other.lines()).find(|(a, b)| a != b);
        panic!("{} different traces, first at {differs:?}", traces.len());
    }
    assert_eq!(*count, PROCESSES);
    for word in words {
        assert!(trace.contains(word), "no {word} in {trace}");
    }
}

/// A specification that defers, reorders and fails.
const FAULTS: &str = "put.complete=+3; flush.complete=+2; am.deliver=+1; progress.order=reverse";

#[test]
fn a_client_in_c_leaves_one_trace_under_a_seed() {
    let client = Clients::get().client("endings");
    let traces = traces(|file| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
        command.args(["run", "--seed", "11", "--trace"]).arg(file);
        command.arg("--").arg(&client).arg("return");
        command
    });
    is_one(&traces, &["step\tthread\tevent", "ucp_mem_map\tmemh#"]);
}

#[test]
fn nixl_leaves_one_trace_under_a_specification() {
    let scenario = include_str!("../harness/scenarios/two-agents-write.scenario");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.scenario");
    std::fs::write(&file, format!("#! faults: {FAULTS}\n{scenario}")).unwrap();
    let traces = traces(|trace| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
        command.args(["replay", "--trace"]).arg(trace).arg(&file);
        command
    });
    let decided = [
        "\tdecision\tput.complete\tep#",
        "\tdecision\tflush.complete\tep#",
    ];
    is_one(&traces, &decided);
}

#[test]
fn another_seed_leaves_another_trace() {
    let client = Clients::get().client("endings");
    let folder = tempfile::tempdir().unwrap();
    let of_seed = |seed: &str| {
        let file = folder.path().join(seed);
        let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ucx"));
        command.args(["run", "--seed", seed, "--trace"]).arg(&file);
        command.arg("--").arg(&client).arg("return");
        command.output().unwrap();
        std::fs::read_to_string(file).unwrap()
    };
    let first = of_seed("0");
    assert!((1..40).any(|seed| of_seed(&seed.to_string()) != first));
}
