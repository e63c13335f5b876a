//! NIXL's scenarios on both arms, by one program: `nixl-real`, once as it is and once with the mock before the wheel's UCX.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use crate::run;

/// Scenarios that ask for what is a race: whether a notification comes that was still under way when its transfer was released.
const RACES: &[&str] = &["release-in-flight"];

/// An operation whose answer the scenario leaves open, as the number of polls until a transfer is done.
const OPEN: &str = " => any";

/// One scenario, and what it was answered on both arms.
pub(crate) struct Played {
    pub(crate) name: String,
    pub(crate) mock: String,
    pub(crate) real: String,
}

/// All built-in scenarios but the races, played once for all tests.
pub(crate) fn all() -> &'static [Played] {
    static PLAYED: OnceLock<Vec<Played>> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let player = OsStr::new(env!("CARGO_BIN_EXE_nixl-real"));
        let real = Command::new(player).env_remove("LD_PRELOAD").output();
        let preloaded = [OsStr::new("--"), player, OsStr::new("--preloaded")];
        let mock = run::mock_ucx(&preloaded).output();
        let (mut mock, real) = (
            transcripts(&mock.expect("it starts")),
            transcripts(&real.expect("it starts")),
        );
        real.into_iter()
            .filter(|(name, _)| !RACES.contains(&name.as_str()))
            .map(|(name, real)| Played {
                mock: mock.remove(&name).unwrap_or_default(),
                real,
                name,
            })
            .collect()
    })
}

/// What each scenario was answered, a line an operation; without what is measured.
fn transcripts(output: &Output) -> BTreeMap<String, String> {
    let mut finished = BTreeMap::new();
    let mut current = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        if let Some(scenario) = line["scenario"].as_str() {
            finished.insert(scenario.to_owned(), std::mem::take(&mut current));
            continue;
        }
        if line["op"].as_str().is_some_and(|op| op.ends_with(OPEN)) {
            continue;
        }
        let outcome = &line["outcome"];
        current += &format!(
            "{} => {} {}\n",
            line["op"], outcome["verdict"], outcome["answer"]
        );
    }
    assert!(
        current.is_empty(),
        "a scenario has no end: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    finished
}
