//! An arm: this program again, with NIXL loaded on one UCX, which takes samples when it is asked to.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use harness::nixl::{self, Ucx};

use super::client::Measure;
use super::drawn;

/// How the line with an answer begins: NIXL and UCX print on standard output, too.
const ANSWER: &str = "ratios: ";
/// The order for drawn scenarios.
const DRAWN: &str = "drawn";
/// Stands in an arm's arguments for NIXL's own UCX instead of a library.
const REAL: &str = "real";
/// The mock's setting that an arm gets from here only.
const LEDGER_FOLDER: &str = "MOCK_UCX_LEDGER_DIR";

/// The UCX of an arm.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The mock, with its ledger in a file in this folder, as under `run` and `hunt`.
    Mock { library: PathBuf, ledgers: PathBuf },
    /// The bare C stub.
    Bare { library: PathBuf },
    /// The one that the wheel was built with.
    Real,
}

/// A running arm.
pub(crate) struct Arm {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Arm {
    pub(crate) fn start(kind: &Kind, release: &str) -> anyhow::Result<Arm> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--nixl", release, "--arm"]);
        command.env_remove("LD_PRELOAD").env_remove(LEDGER_FOLDER);
        match kind {
            Kind::Mock { library, ledgers } => {
                command.arg(library).env(LEDGER_FOLDER, ledgers);
            }
            Kind::Bare { library } => {
                command.arg(library);
            }
            // The InfiniBand modules of the wheels crash at exit, and are of no use here.
            Kind::Real => {
                command.arg(REAL).env("UCX_MODULES", "^ib");
            }
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("no pipe")?);
        Ok(Arm {
            process,
            orders,
            answers,
        })
    }

    /// Time of `count` repeats.
    pub(crate) fn sample(&mut self, measure: Measure, count: u32) -> anyhow::Result<Duration> {
        self.ask(&format!("{} {count}", name(measure)))
    }

    /// Time of the first `count` drawn scenarios, but for those with some numbers.
    pub(crate) fn drawn(&mut self, count: u32, without: &[usize]) -> anyhow::Result<Duration> {
        let without: Vec<String> = without.iter().map(usize::to_string).collect();
        self.ask(&format!("{DRAWN} {count} {}", without.join(" ")))
    }

    fn ask(&mut self, order: &str) -> anyhow::Result<Duration> {
        let orders = self.orders.as_mut().context("the arm was ended")?;
        writeln!(orders, "{order}")?;
        loop {
            let mut line = String::new();
            let length = self.answers.read_line(&mut line)?;
            ensure!(length > 0, "an arm ended early: its message is above");
            if let Some(nanoseconds) = line.strip_prefix(ANSWER) {
                return Ok(Duration::from_nanos(nanoseconds.trim().parse()?));
            }
        }
    }
}

impl Drop for Arm {
    fn drop(&mut self) {
        // The end of its input ends the arm.
        self.orders = None;
        let _ = self.process.wait();
    }
}

/// Serves samples until standard input ends.
pub(crate) fn serve(release: &str, library: PathBuf) -> anyhow::Result<()> {
    let ucx = match library.as_os_str() == REAL {
        true => Ucx::Real,
        false => Ucx::Library(library),
    };
    let installed = nixl::fetch(release)?;
    // SAFETY: no other thread runs in this process yet.
    let api = unsafe { nixl::load(&installed, ucx) }?.api;
    for line in stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let (Some(measure), Some(count)) = (words.next(), words.next()) else {
            bail!("`{line}` is no order");
        };
        let count = count.parse()?;
        let elapsed = match measure {
            DRAWN => {
                let without = words.map(str::parse).collect::<Result<Vec<usize>, _>>()?;
                drawn::run(api, count, &without)
            }
            measure => {
                let measure = Measure::from_str(measure, false).map_err(anyhow::Error::msg)?;
                measure.run(api, count)?
            }
        };
        println!("{ANSWER}{}", elapsed.as_nanos());
        stdout().flush()?;
    }
    Ok(())
}

fn name(measure: Measure) -> String {
    let value = measure.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}
