//! How fast the mock is, as ratios within one run: NIXL on the mock, on a bare C stub, and on its own real UCX, in turn.
//!
//! `cargo bench -p harness --bench ratios -- --write` measures and writes `docs/benchmarks.md`. Needs a C compiler named `cc`, and the
//! network once, for the release.

mod arm;
mod client;
mod drawn;
mod registrations;
mod results;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use clap::Parser;
use harness::nixl;
use harness::supervise::find_library;

use arm::{Arm, Kind};
use client::Measure;
use results::{Comparison, Machine, Page};

/// Where the results are kept.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md");
const STUB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/ratios/bare_ucp.c");

/// Live registrations, and processes that measure each number.
const LIVE: [usize; 3] = [10, 1_000, 1_000_000];
const LIVE_ROUNDS: usize = 3;

/// What is compared, and its repeats in one sample: about a tenth of a second each, but for real UCX's lifecycles.
const PLANS: [Plan; 4] = [
    Plan::new(Measure::Lifecycle, 2_000, 3),
    Plan::new(Measure::Write, 4_000, 2_000),
    Plan::new(Measure::Repost, 20_000, 20_000),
    Plan::new(Measure::Large, 400, 400),
];

struct Plan {
    measure: Measure,
    repeats: u32,
    repeats_real: u32,
}

impl Plan {
    const fn new(measure: Measure, repeats: u32, repeats_real: u32) -> Plan {
        Plan {
            measure,
            repeats,
            repeats_real,
        }
    }
}

/// Compares the mock's speed.
#[derive(Parser)]
struct Arguments {
    /// Write the results page.
    #[arg(long)]
    write: bool,
    /// Samples of each arm.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// The release of NIXL.
    #[arg(long, default_value = nixl::DEFAULT_SPEC)]
    nixl: String,
    /// Be an arm on this library, or on the `real` UCX.
    #[arg(long, hide = true)]
    arm: Option<PathBuf>,
    /// Measure registrations: library, live handles.
    #[arg(long, hide = true, num_args = 2)]
    registrations: Option<Vec<String>>,
    /// Cargo passes this.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(library) = arguments.arm {
        return arm::serve(&arguments.nixl, library);
    }
    if let Some([library, live]) = arguments.registrations.as_deref() {
        return registrations::serve(library.into(), live.parse()?);
    }
    ensure!(arguments.rounds > 0, "--rounds must be at least 1");
    nixl::fetch(&arguments.nixl)?;
    let work = Work::new()?;
    let machine = Machine::here();
    pin_to_one_processor()?;
    let (comparisons, drawn) = work.compare(&arguments)?;
    let page = Page {
        release: arguments.nixl.clone(),
        machine,
        comparisons,
        drawn,
        live: LIVE
            .map(|live| work.registrations(live))
            .into_iter()
            .collect::<anyhow::Result<_>>()?,
    };
    let text = page.to_string();
    print!("{text}");
    if arguments.write {
        std::fs::write(PAGE, text).with_context(|| format!("cannot write {PAGE}"))?;
    }
    Ok(())
}

/// The libraries, and a folder for ledgers in memory where the system has such a place.
struct Work {
    mock: PathBuf,
    bare: PathBuf,
    folder: tempfile::TempDir,
}

impl Work {
    fn new() -> anyhow::Result<Work> {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
        let bare = folder.path().join("libbare_ucp.so");
        compile(Path::new(STUB), &bare)?;
        Ok(Work {
            mock: find_library()?,
            bare,
            folder,
        })
    }

    /// The arms in turn, so that a machine whose speed drifts does not favour one of them.
    fn compare(&self, arguments: &Arguments) -> anyhow::Result<(Vec<Comparison>, drawn::Found)> {
        let kinds = [
            Kind::Mock {
                library: self.mock.clone(),
                ledgers: self.folder.path().to_owned(),
            },
            Kind::Bare {
                library: self.bare.clone(),
            },
            Kind::Real,
        ];
        let mut arms = Vec::new();
        for kind in &kinds {
            arms.push(Arm::start(kind, &arguments.nixl)?);
        }
        let mut comparisons = Vec::new();
        for plan in &PLANS {
            eprintln!("{:?}", plan.measure);
            let mut comparison = Comparison::new(plan.measure);
            for round in 0..=arguments.rounds {
                for (index, arm) in arms.iter_mut().enumerate() {
                    let real = matches!(kinds[index], Kind::Real);
                    let repeats = if real {
                        plan.repeats_real
                    } else {
                        plan.repeats
                    };
                    let elapsed = arm.sample(plan.measure, repeats)?;
                    // The first round warms the arms.
                    if round > 0 {
                        comparison.samples[index].push(elapsed.as_secs_f64() / f64::from(repeats));
                    }
                }
            }
            comparisons.push(comparison);
        }
        let [_, bare, real] = arms.as_mut_slice() else {
            bail!("there are three arms");
        };
        let drawn = drawn::compare(&arguments.nixl, arguments.rounds, bare, real)?;
        Ok((comparisons, drawn))
    }

    fn registrations(&self, live: usize) -> anyhow::Result<registrations::Found> {
        eprintln!("{live} live registrations");
        let measure = || registrations::measure(&self.mock, self.folder.path(), live);
        let mut found = measure()?;
        for _ in 1..LIVE_ROUNDS {
            let more = measure()?;
            found.newest_ns.extend(more.newest_ns);
            found.random_ns.extend(more.random_ns);
        }
        Ok(found)
    }
}

fn compile(source: &Path, target: &Path) -> anyhow::Result<()> {
    let status = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .args([target, source])
        .status()
        .context("the bare stub needs a C compiler named cc")?;
    ensure!(status.success(), "{} does not compile", source.display());
    Ok(())
}

/// Binds this process and all that it starts to the last processor that it may use.
fn pin_to_one_processor() -> io::Result<()> {
    // SAFETY: a set of processors is plain bits, all zero at first; the calls read and write within its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) != 0 {
            return Err(io::Error::last_os_error());
        }
        let allowed = |cpu: &usize| libc::CPU_ISSET(*cpu, &set);
        let Some(last) = (0..libc::CPU_SETSIZE as usize).rev().find(allowed) else {
            return Ok(());
        };
        libc::CPU_ZERO(&mut set);
        libc::CPU_SET(last, &mut set);
        match libc::sched_setaffinity(0, size_of_val(&set), &raw const set) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
