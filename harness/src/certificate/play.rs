//! Plays a finding on the real UCX, in a process of its own, with and without its faults.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::judge::{self, Real};
use super::order::interferences;
use super::{Interference, Line as Told};
use crate::nixl::Driver;
use crate::oracle::Oracle;
use crate::report::{Certificate, Finding};
use crate::scenario::{Expect, Line, Op, Scenario, Step};

/// The program that plays on the real UCX; it stands beside this one.
const PROGRAM: &str = "nixl-real";

/// How long a play may take: a scenario takes a tenth of a second there, and a busy machine ten times that.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Plays of a crash, which may depend on what happened to be in freed memory.
const TRIES: u32 = 3;

/// Plays the finding on the NIXL `spec` with its own UCX.
///
/// # Errors
/// The program for it cannot be started, or its files cannot be written.
pub fn certify(finding: &Finding, spec: &str) -> anyhow::Result<Certificate> {
    let impossible = |why: String| Ok(Certificate::Impossible { why });
    if let Some(why) = judge::beyond(finding) {
        return impossible(why);
    }
    if Driver::of(spec) == Some(Driver::Python) {
        return impossible("this release is driven by Python, not by the C API".to_owned());
    }
    let order = match finding.faults.parse() {
        Ok(faults) => match interferences(&faults) {
            Ok(order) => order,
            Err(why) => return impossible(why),
        },
        Err(error) => return Err(error).context("the faults of the finding"),
    };
    let Some(program) = program() else {
        return impossible(format!("{PROGRAM} is not beside this program"));
    };
    let scenario =
        Scenario::parse(&finding.scenario).map_err(|error| anyhow::anyhow!("{error}"))?;
    let compare = |scenario: &Scenario| -> anyhow::Result<Certificate> {
        let text = scenario.to_string();
        let real = play(&program, spec, &text, &order)?;
        let control = match order.is_empty() {
            true => None,
            false => Some(play(&program, spec, &text, &[])?),
        };
        Ok(judge::judge(finding, &order, &real, control.as_ref()))
    };
    let mut certificate = compare(&scenario)?;
    for _ in 1..TRIES {
        if finding.oracle == Oracle::Crash && matches!(certificate, Certificate::NotShown { .. }) {
            certificate = compare(&scenario)?;
        }
    }
    match (&certificate, with_waits(&scenario)) {
        (Certificate::NotShown { .. }, Some(patient)) => match compare(&patient)? {
            Certificate::Shown { what } => Ok(Certificate::Shown {
                what: format!(
                    "{what}; with a `wait` after each `post`, since the real one takes its time"
                ),
            }),
            _ => Ok(certificate),
        },
        _ => Ok(certificate),
    }
}

/// The scenario with a wait after each post: what the mock completes inside the post, the real UCX completes later. `None`: it has all.
fn with_waits(scenario: &Scenario) -> Option<Scenario> {
    let lines: Vec<Line> = scenario.lines().cloned().collect();
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        steps.push(Step::Line(line.clone()));
        let Op::Post { transfer, .. } = line.op else {
            continue;
        };
        let wait = Op::Wait { transfer };
        if lines.get(index + 1).is_none_or(|next| next.op != wait) {
            steps.push(Step::Line(Line {
                op: wait,
                expect: Some(Expect::Any),
            }));
        }
    }
    (steps.len() > lines.len()).then(|| Scenario {
        steps,
        ..scenario.clone()
    })
}

/// Beside this program; a test's own program is a folder deeper.
fn program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let mut folders = own.ancestors().skip(1).take(2);
    folders
        .find(|folder| folder.join(PROGRAM).is_file())
        .map(|folder| folder.join(PROGRAM))
}

fn play(
    program: &PathBuf,
    spec: &str,
    scenario: &str,
    order: &[Interference],
) -> anyhow::Result<Real> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (file, lines) = (folder.path().join("scenario"), folder.path().join("lines"));
    std::fs::write(&file, scenario).context("cannot write the scenario for the real UCX")?;
    let mut command = Command::new(program);
    command
        .args(["--nixl", spec, "--quiet", "--interfere"])
        .arg(serde_json::to_string(order)?)
        .arg("--watch")
        .arg(&lines)
        .arg(&file)
        .env_remove("LD_PRELOAD")
        .env("MALLOC_PERTURB_", "165")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let status = wait(&mut child)?;
    let text = std::fs::read_to_string(&lines).unwrap_or_default();
    // The last line of a process that died may be cut off.
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Told>(line).ok())
        .collect();
    Ok(Real {
        signal: status.and_then(|status| status.signal()),
        ended: status.is_some(),
        lines,
    })
}

/// How it ended; `None`: it had to be killed.
fn wait(child: &mut Child) -> anyhow::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    while begun.elapsed() < TIME_MAX {
        if let Some(status) = child.try_wait().context("cannot wait for the real UCX")? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child
        .kill()
        .context("cannot end the play on the real UCX")?;
    child.wait().context("cannot wait for the real UCX")?;
    Ok(None)
}
