//! The verbs of the program, one file each.

mod adversary;
mod bar;
pub mod benchmark;
pub mod bisect;
pub mod bug;
pub mod doctor;
pub mod explain;
pub mod hunt;
pub mod minimize;
pub mod nixl;
pub mod points;
pub mod replay;
pub mod run;
mod subject;
pub mod zygote;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// Nothing was found.
pub const CLEAN: u8 = 0;
/// Something was found.
pub const FOUND: u8 = 1;
/// The work could not be done, or its result cannot be vouched for.
pub const CANNOT: u8 = 2;

/// Finds handles of UCX that NIXL forgets.
#[derive(Parser)]
#[command(name = "mock-ucx", version, about)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Search a NIXL for handles that it loses, crashes and broken rules.
    Hunt(hunt::HuntArgs),
    /// Run any command with the mock in UCX's place.
    Run(run::RunArgs),
    /// What the mock can make go wrong, and where UCX permits it.
    Points(points::PointsArgs),
    /// Play a finding again.
    Replay(replay::ReplayArgs),
    /// Make a finding small.
    Minimize(minimize::MinimizeArgs),
    /// In which releases a finding shows.
    Bisect(bisect::BisectArgs),
    /// Whether a hunt finds the bugs that are known, and how soon.
    Benchmark(benchmark::BenchmarkArgs),
    /// Print a finding as a report that can be filed.
    Bug(bug::BugArgs),
    /// What a rule of UCX's contract says.
    Explain(explain::ExplainArgs),
    /// The NIXL releases that can be tested.
    Nixl(nixl::NixlArgs),
    /// Check that everything is there that the program needs.
    Doctor(doctor::DoctorArgs),
    /// Serve cases to a hunt.
    #[command(hide = true)]
    Zygote(zygote::ZygoteArgs),
}

/// Where findings go if nobody says otherwise.
const OUT: &str = "mock-ucx-out";

/// Processors that this program may use: as many processes at once, if nobody says otherwise.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Signals that come one so soon after the other are one: `timeout -s INT` sends it to the process, and then to its whole group.
const SOON: Duration = Duration::from_secs(1);

/// Has Ctrl-C set all of these; a later one ends the program at once.
fn listen(stops: &[&Arc<AtomicBool>]) -> anyhow::Result<()> {
    let stops: Vec<_> = stops.iter().map(|stop| Arc::clone(stop)).collect();
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen to Ctrl-C")?;
    let wait = move || {
        let mut first: Option<Instant> = None;
        for signal in signals.forever() {
            if first.is_some_and(|first| first.elapsed() > SOON) {
                low_level::exit(128 + signal);
            }
            first.get_or_insert_with(Instant::now);
            for stop in &stops {
                stop.store(true, Relaxed);
            }
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(wait).context("cannot listen to Ctrl-C")?;
    Ok(())
}

/// The command that does something with the finding `id` of the hunt that wrote to `out`.
fn command_on(verb: &str, out: &Path, id: &str) -> String {
    match out.as_os_str() == OUT {
        true => format!("mock-ucx {verb} {id}"),
        false => format!("mock-ucx {verb} --out {} {id}", out.display()),
    }
}

/// Says which functions of the C API a NIXL does not have, and how many operations were skipped for that.
fn absent(operations: u64, functions: &[&str]) -> String {
    format!(
        "{operations} operations were skipped: this NIXL does not have {}, or not in the way that is asked for",
        functions.join(", ")
    )
}

/// Runs the program; the exit status says what was found.
pub fn run() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Hunt(arguments) => arguments.run(),
        Verb::Run(arguments) => arguments.run(),
        Verb::Points(arguments) => arguments.run(),
        Verb::Replay(arguments) => arguments.run(),
        Verb::Minimize(arguments) => arguments.run(),
        Verb::Bisect(arguments) => arguments.run(),
        Verb::Benchmark(arguments) => arguments.run(),
        Verb::Bug(arguments) => arguments.run(),
        Verb::Explain(arguments) => arguments.run(),
        Verb::Nixl(arguments) => arguments.run(),
        Verb::Doctor(arguments) => arguments.run(),
        Verb::Zygote(arguments) => arguments.run(),
    };
    result.unwrap_or_else(|error| {
        anstream::eprintln!("mock-ucx: {error:#}");
        ExitCode::from(CANNOT)
    })
}
