//! Plays scenarios on a NIXL wheel with its own, real UCX: the arm that the mock is compared with.
//!
//! This program must not refer to the mock: a mock that is linked and exported would be bound
//! in UCX's place. It refuses to start if a UCX is there before NIXL is loaded.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use harness::certificate::{Interference, Line, shim};
use harness::execute::interpret::{Observer, Patience, play};
use harness::execute::{Outcome, Transcript, Verdict};
use harness::nixl::{self, Installed, Loaded, Ucx};
use harness::scenario::{Op, Scenario, builtin, builtin_named, read_text};

/// Plays scenarios on NIXL with its own UCX; prints one JSON line per operation and one with the
/// sums per scenario.
#[derive(Parser)]
struct Arguments {
    /// A release (`1.5.1`, `cu13:1.5.1`), fetched if need be, or a folder with a NIXL.
    #[arg(long, value_name = "RELEASE", default_value = nixl::DEFAULT_SPEC)]
    nixl: String,
    /// Print the sums only.
    #[arg(long)]
    quiet: bool,
    /// Play everything this often.
    #[arg(long, default_value_t = 1, value_name = "N")]
    times: u32,
    /// Play on a UCX that was preloaded, as by `mock-ucx run`, instead of NIXL's own: the other arm of a comparison.
    #[arg(long)]
    preloaded: bool,
    /// File that gets a line for what happens: operations, and the handles that NIXL makes of UCX and gives back.
    #[arg(long, value_name = "FILE")]
    watch: Option<PathBuf>,
    /// Calls of NIXL to interfere with, as a list in JSON; with --watch.
    #[arg(long, value_name = "JSON", requires = "watch")]
    interfere: Option<String>,
    /// Files with scenarios, or names of built-in ones; none plays all built-in ones.
    scenarios: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("nixl-real: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// True if everything was as expected.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let scenarios = match arguments.scenarios.as_slice() {
        [] => builtin(),
        names => names
            .iter()
            .map(|name| read(name))
            .collect::<anyhow::Result<_>>()?,
    };
    let mut output = BufWriter::new(take_stdout()?);
    let loaded = load(&arguments.nixl, arguments.preloaded)?;
    if let Some(file) = &arguments.watch {
        watch(arguments, &loaded.installed, file)?;
    }
    let mut all_expected = true;
    for _ in 0..arguments.times {
        for scenario in &scenarios {
            let transcript = play(loaded.api, scenario, Patience::default(), &mut Watch);
            all_expected &= transcript.is_as_expected();
            print(&mut output, &transcript, arguments.quiet)?;
            output.flush()?;
        }
    }
    if arguments.watch.is_some() {
        shim::tell_handles();
    }
    Ok(all_expected)
}

/// Puts the shim into NIXL's plugin.
fn watch(arguments: &Arguments, installed: &Installed, file: &Path) -> anyhow::Result<()> {
    let interferences: Vec<Interference> = match &arguments.interfere {
        Some(text) => serde_json::from_str(text).context("--interfere is no list of calls")?,
        None => Vec::new(),
    };
    // SAFETY: NIXL was loaded just now, and none of its threads was started.
    unsafe { shim::install(installed, interferences, file) }
}

/// Tells the shim's file of each operation; without a file nobody listens.
struct Watch;

impl Observer for Watch {
    fn before_op(&mut self, _index: usize, op: &Op) {
        shim::tell(&Line::Begin {
            operation: op.to_string(),
        });
    }

    fn after_op(&mut self, _index: usize, _op: &Op, outcome: &Outcome) {
        match &outcome.verdict {
            Verdict::Wrong { what } => shim::tell(&Line::Wrong { what: what.clone() }),
            Verdict::Refused { function, status } => shim::tell(&Line::Refused {
                what: format!("{function} answered {status}"),
            }),
            _ => {}
        }
    }
}

fn read(name: &str) -> anyhow::Result<Scenario> {
    if let Some(scenario) = builtin_named(name) {
        return Ok(scenario);
    }
    let text = read_text(name.as_ref()).with_context(|| {
        format!("`{name}` is no built-in scenario, and no file that can be read")
    })?;
    Scenario::parse(&text).map_err(|error| anyhow::anyhow!("{name}: {error}"))
}

/// Standard output for us alone: NIXL prints lists on it, which go to standard error from here on.
fn take_stdout() -> anyhow::Result<File> {
    let ours = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .context("cannot duplicate standard output")?;
    // SAFETY: both descriptors are open; what is replaced lives on in `ours`.
    if unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) } < 0 {
        return Err(io::Error::last_os_error()).context("cannot redirect standard output");
    }
    Ok(File::from(ours))
}

fn load(spec: &str, preloaded: bool) -> anyhow::Result<Loaded> {
    match (is_loaded(c"ucp_init_version"), preloaded) {
        (true, false) => bail!(
            "a UCX is in this process before NIXL is loaded: start this program without LD_PRELOAD"
        ),
        (false, true) => bail!(
            "no UCX is in this process before NIXL is loaded: start this program with `mock-ucx run`"
        ),
        _ => {}
    }
    let installed = nixl::fetch(spec)?;
    // SAFETY: no other thread runs. UCX's InfiniBand modules crash at exit in libnl-route.
    unsafe { std::env::set_var("UCX_MODULES", "^ib") };
    // SAFETY: as above; what runs as a constructor is NIXL's.
    Ok(unsafe { nixl::load(&installed, Ucx::Real) }?)
}

fn is_loaded(symbol: &CStr) -> bool {
    // SAFETY: a look-up by name in this process.
    !unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) }.is_null()
}

fn print(output: &mut impl Write, transcript: &Transcript, quiet: bool) -> anyhow::Result<()> {
    for record in &transcript.records {
        if !quiet || !record.expected {
            writeln!(output, "{}", serde_json::to_string(record)?)?;
        }
    }
    let sums = serde_json::json!({
        "scenario": transcript.scenario,
        "as_expected": transcript.is_as_expected(),
        "counts": transcript.counts,
        "unclaimed": transcript.unclaimed().collect::<Vec<_>>(),
    });
    writeln!(output, "{sums}")?;
    Ok(())
}
