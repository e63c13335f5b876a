//! What the fuzz targets share: the counters through which the mock guides libFuzzer, and the NIXL under test.

pub mod mutate;
pub mod seeds;
pub mod text;
pub mod ucp;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU8;
use std::sync::{LazyLock, Mutex, PoisonError};

use harness::fuzzing::{Fuzzer, share_counters};
use harness::nixl::DEFAULT_SPEC;
use harness::scenario::generate::{Class, Damage, Recipe};
use harness::scenario::{Scenario, builtin};

/// Counters that libFuzzer reads like those of instrumented code. They fill a page, so that the processes of the cases can share them.
#[repr(align(4096))]
struct Counters([AtomicU8; 4096]);

// SAFETY: libFuzzer takes any bytes in this section for counters.
#[cfg_attr(
    feature = "counters",
    unsafe(link_section = "__libfuzzer_extra_counters")
)]
#[used]
static COUNTERS: Counters = Counters([const { AtomicU8::new(0) }; 4096]);

static FUZZER: Mutex<Option<Fuzzer>> = Mutex::new(None);
static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(builtin);

/// Lends the counters to the mock in this process, for targets that have no other.
pub fn lend_counters() {
    mock_ucx::control::edges::lend(&COUNTERS.0);
}

/// Loads NIXL and lends the counters; at the end of the process what was done is printed.
///
/// `fuzz/build` puts a NIXL and the known findings beside the program, for machines that have neither a cache nor the sources.
pub fn start() {
    let beside = |name| {
        let folder = std::env::current_exe().ok()?.parent()?.join(name);
        folder.is_dir().then_some(folder)
    };
    let nixl = beside("nixl").map_or(DEFAULT_SPEC.into(), PathBuf::into_os_string);
    let sources = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/findings");
    let known = beside("findings").unwrap_or_else(sources);
    // SAFETY: libFuzzer starts its threads later, and they only look at the clock and at the memory in use.
    let fuzzer = unsafe { Fuzzer::load(&nixl.to_string_lossy(), &known) };
    let fuzzer = fuzzer.and_then(|fuzzer| share_counters(&COUNTERS.0).map(|()| fuzzer));
    match fuzzer {
        Ok(fuzzer) => *FUZZER.lock().unwrap_or_else(PoisonError::into_inner) = Some(fuzzer),
        Err(error) => {
            eprintln!("mock-ucx: {error:#}");
            std::process::exit(2);
        }
    }
    // SAFETY: the function stays.
    unsafe { libc::atexit(tell) };
}

extern "C" fn tell() {
    // A process that ends in the middle of a case has told its end already.
    if let Ok(fuzzer) = FUZZER.try_lock()
        && let Some(fuzzer) = &*fuzzer
    {
        eprintln!("mock-ucx: {fuzzer}");
    }
}

/// A scenario that comes with the program, chosen by the first byte, under the decisions that the others are.
pub fn faults(input: &[u8]) {
    let Some((choice, decisions)) = input.split_first() else {
        return;
    };
    play(
        &SCENARIOS[usize::from(*choice) % SCENARIOS.len()],
        decisions,
    );
}

/// A scenario that is made from the input, under decisions that are made from it.
pub fn lifecycle(input: &[u8]) {
    let recipe = Recipe::from_bytes(input);
    play(
        &recipe.scenario("lifecycle", Class::Contract),
        &recipe.decisions,
    );
}

/// Metadata that is changed as the input says, loaded and used.
pub fn metadata(input: &[u8]) {
    let damage = Damage::from_bytes(input);
    play(&damage.scenario("metadata"), &damage.decisions);
}

/// Plays a case; what is found and not known ends the process.
fn play(scenario: &Scenario, decisions: &[u8]) {
    let mut fuzzer = FUZZER.lock().unwrap_or_else(PoisonError::into_inner);
    let played = fuzzer
        .as_mut()
        .map_or(Ok(None), |fuzzer| fuzzer.play(scenario, decisions));
    match played {
        Ok(None) => {}
        Ok(Some(finding)) => panic!(
            "not known so far: {}\n\nfaults: {}\n\n{}",
            finding.message, finding.faults, finding.scenario
        ),
        Err(error) => {
            eprintln!("mock-ucx: {error:#}");
            std::process::exit(2);
        }
    }
}
