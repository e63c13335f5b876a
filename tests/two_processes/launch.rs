//! Starts the two sides of a test as processes of their own: the test program again, with a socket between them as standard input.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use mock_ucx::Settings;
use mock_ucx::ledger::read::Snapshot;

/// Tells a process which part it plays: the scenario and the side.
const PART: &str = "TWO_PROCESSES_PART";
/// Where it puts its ledger.
const LEDGER: &str = "TWO_PROCESSES_LEDGER";

/// Two running sides.
pub(crate) struct Pair {
    sides: [Child; 2],
    folder: tempfile::TempDir,
}

/// How a side ended.
pub(crate) struct Ended {
    pub(crate) output: Output,
    pub(crate) ledger: Snapshot,
}

impl Pair {
    /// Starts both sides of a scenario.
    pub(crate) fn start(scenario: &str) -> Pair {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = UnixStream::pair().unwrap();
        let side = |name: &str, end: UnixStream| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "plays_its_part_if_it_has_one", "--nocapture"])
                .env(PART, format!("{scenario}:{name}"))
                .env(LEDGER, ledger(folder.path(), name))
                .stdin(Stdio::from(OwnedFd::from(end)))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let sides = [side("first", first), side("second", second)];
        Pair { sides, folder }
    }

    /// Waits for both; each that was to end well must have done so, without breaking a rule and without leaving a handle.
    pub(crate) fn end_well(self) {
        for (index, ended) in self.end().into_iter().enumerate() {
            ended.assert_well(index);
            let left: Vec<_> = ended.ledger.left().map(|object| object.kind).collect();
            assert!(left.is_empty(), "side {index} left {left:?}");
            let mut findings = ended.ledger.findings.iter();
            assert!(
                findings.all(|finding| !finding.rule.info().is_finding()),
                "side {index}: {}",
                ended.ledger.summary()
            );
        }
    }

    /// Waits for both.
    pub(crate) fn end(self) -> [Ended; 2] {
        let folder = self.folder;
        let mut names = ["first", "second"].into_iter();
        self.sides.map(|side| {
            let output = side.wait_with_output().unwrap();
            let path = ledger(folder.path(), names.next().unwrap());
            let ledger = Snapshot::open(&path).unwrap_or_else(|error| {
                panic!("{error}\n{}", String::from_utf8_lossy(&output.stderr))
            });
            Ended { output, ledger }
        })
    }
}

impl Ended {
    pub(crate) fn assert_well(&self, index: usize) {
        let text = String::from_utf8_lossy(&self.output.stderr);
        assert!(self.output.status.success(), "side {index}: {text}");
        assert_eq!(self.ledger.internal_errors, 0, "side {index}: {text}");
    }

    /// Ids of the rules that it broke.
    pub(crate) fn rules(&self) -> Vec<&'static str> {
        self.ledger
            .findings
            .iter()
            .map(|finding| finding.rule.id())
            .collect()
    }
}

fn ledger(folder: &Path, side: &str) -> PathBuf {
    folder.join(format!("{side}.ledger"))
}

/// The part of this process, if it has one: scenario and side.
pub(crate) fn part() -> Option<(String, String)> {
    let part = std::env::var(PART).ok()?;
    let (scenario, side) = part.split_once(':')?;
    mock_ucx::control::configure(Settings {
        ledger: std::env::var_os(LEDGER).map(PathBuf::from),
        ..Settings::default()
    });
    Some((scenario.to_owned(), side.to_owned()))
}
