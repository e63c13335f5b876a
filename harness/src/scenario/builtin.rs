//! The scenarios that come with the program.

use super::Scenario;
use super::generate::Class;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".scenario")))),*]
    };
}

/// Name and text of every file under `harness/scenarios/`.
const TEXTS: &[(&str, &str)] = files![
    "two-agents-write",
    "two-agents-read",
    "self-transfer",
    "progress-thread",
    "progress-thread-delay",
    "one-side-progress-thread",
    "several-workers",
    "several-workers-progress-thread",
    "thread-pool",
    "thread-pool-progress-thread",
    "several-regions",
    "registered-again",
    "multi-descriptor",
    "prepared-lists",
    "prepared-loopback",
    "repost",
    "notifications",
    "partial-metadata",
    "invalidate-reload",
    "reload-under-way",
    "three-agents",
    "register-cycles",
    "agent-returns",
    "costs-and-queries",
    "telemetry-off",
    "memory-views",
    "large-write",
    "close-force",
    "error-mode-none",
    "listener",
    "two-backends",
    "release-in-flight",
    "left-open",
];

/// Those that are played to see what grows, under `harness/scenarios/growth/`.
const GROWTH_TEXTS: &[(&str, &str)] = files![
    "growth/growth-transfers",
    "growth/growth-reposts",
    "growth/growth-lists",
    "growth/growth-registrations",
    "growth/growth-peers",
    "growth/growth-updates",
    "growth/growth-returns",
    "growth/growth-heartbeats",
    "growth/growth-telemetry",
    "growth/growth-refusals",
];

/// Those that break NIXL's contract, under `harness/scenarios/misuse/`.
const MISUSE_TEXTS: &[(&str, &str)] = files![
    "misuse/dropped-under-way",
    "misuse/pool-dropped-under-way",
    "misuse/deregistered-under-way",
    "misuse/posted-after-deregistration",
];

/// Those that break NIXL's contract: what clients get wrong.
pub fn builtin_misuse() -> Vec<Scenario> {
    let texts = MISUSE_TEXTS.iter();
    texts.map(|(name, text)| read(name, text)).collect()
}

/// Those that are played to see what grows: each repeats a part that leaves nothing behind.
pub fn builtin_growth() -> Vec<Scenario> {
    GROWTH_TEXTS
        .iter()
        .map(|(name, text)| read(name, text))
        .collect()
}

/// Name and text of each, in the order in which they are played.
pub fn builtin_texts() -> &'static [(&'static str, &'static str)] {
    TEXTS
}

/// All of them.
pub fn builtin() -> Vec<Scenario> {
    TEXTS.iter().map(|(name, text)| read(name, text)).collect()
}

/// Those that a search of this class begins with.
pub fn builtin_of(class: Class) -> Vec<Scenario> {
    match class {
        Class::Contract => builtin(),
        Class::Misuse => [builtin(), builtin_misuse()].concat(),
    }
}

/// The one with this name.
pub fn builtin_named(name: &str) -> Option<Scenario> {
    builtin()
        .into_iter()
        .chain(builtin_growth())
        .chain(builtin_misuse())
        .find(|scenario| scenario.name == name)
}

fn read(name: &str, text: &str) -> Scenario {
    match Scenario::parse(text) {
        Ok(scenario) => scenario,
        Err(error) => panic!("the scenario `{name}` that comes with the program: {error}"),
    }
}
