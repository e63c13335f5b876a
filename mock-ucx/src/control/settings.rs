//! The settings of a process that loads the library, as `mock-ucx run` passes them: by environment.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process;
use std::str::FromStr;

use crate::schedule::FaultSpec;
use crate::settings::{Adversary, Settings};
use crate::version::UcxVersion;

/// Folder into which each process puts its ledger.
pub const LEDGER_FOLDER: &str = "MOCK_UCX_LEDGER_DIR";
/// Extension of a ledger's file.
pub const LEDGER: &str = "ledger";
/// Extension of the copy of a process's command line that lies beside its ledger.
pub const COMMAND_LINE: &str = "cmdline";
/// Fault specification, or `@` and the file that holds it.
pub const FAULTS: &str = "MOCK_UCX_FAULTS";
/// Seed of a swarm of deviations, and of faults with a probability.
pub const SEED: &str = "MOCK_UCX_SEED";
/// Progress calls of a worker in vain after which nothing is withheld any more.
pub const HEAL_AFTER: &str = "MOCK_UCX_HEAL_AFTER";
/// `1` permits outcomes whose permission is doubtful.
pub const PARANOID: &str = "MOCK_UCX_PARANOID";
/// `1` writes a trace beside each ledger.
pub const TRACE: &str = "MOCK_UCX_TRACE";
/// Version of UCX to be, as `1.22.0`.
pub const VERSION: &str = "MOCK_UCX_VERSION";
/// `1` for a machine with a GPU.
pub const DEVICE_API: &str = "MOCK_UCX_DEVICE_API";
/// `0` leaves the C library as it is: then nobody sees unmaps, and contexts have no registration cache.
pub const UNMAPS: &str = "MOCK_UCX_UNMAPS";

/// Not for the mock: a folder, for the counting of allocations that may be preloaded beside it.
pub const ALLOCATIONS: &str = "MOCK_UCX_ALLOCATIONS";

const PREFIX: &str = "MOCK_UCX_";
const KNOWN: [&str; 10] = [
    LEDGER_FOLDER,
    FAULTS,
    SEED,
    HEAL_AFTER,
    PARANOID,
    TRACE,
    VERSION,
    DEVICE_API,
    UNMAPS,
    ALLOCATIONS,
];

/// What variables say, as far as they say anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Faults to make happen.
    pub faults: Option<FaultSpec>,
    /// Seed of the swarm.
    pub seed: Option<u64>,
    /// Progress calls in vain before the healing.
    pub heal_after: Option<u64>,
    /// Doubtful outcomes are permitted.
    pub paranoid: bool,
    /// Traces are written.
    pub trace: bool,
    /// Version of UCX to be.
    pub version: Option<UcxVersion>,
    /// There is a GPU.
    pub device_api: bool,
    /// Unmaps are not to be seen.
    pub unmaps_unseen: bool,
}

impl Given {
    /// Reads variables; those of others are passed over.
    ///
    /// # Errors
    /// One of ours is not known, or says what cannot be understood. The message names it and what would be right.
    pub fn read(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Given, String> {
        let mut given = Given::default();
        let mut faults = None;
        for (name, value) in variables {
            let name = name.to_string_lossy();
            match &*name {
                FAULTS => faults = Some(text(FAULTS, &value)?.to_owned()),
                SEED => given.seed = Some(parsed(SEED, &value)?),
                HEAL_AFTER => given.heal_after = Some(parsed(HEAL_AFTER, &value)?),
                PARANOID => given.paranoid = flag(PARANOID, &value)?,
                TRACE => given.trace = flag(TRACE, &value)?,
                VERSION => given.version = Some(parsed(VERSION, &value)?),
                DEVICE_API => given.device_api = flag(DEVICE_API, &value)?,
                UNMAPS => given.unmaps_unseen = !flag(UNMAPS, &value)?,
                LEDGER_FOLDER | ALLOCATIONS => {}
                name if name.starts_with(PREFIX) => return Err(unknown(name)),
                _ => {}
            }
        }
        if given.heal_after == Some(0) {
            return Err(format!(
                "{HEAL_AFTER}: 0 would heal before anything happened; 1 is the least"
            ));
        }
        given.faults = faults
            .map(|source| FaultSpec::from_source(&source, given.paranoid))
            .transpose()
            .map_err(|error| format!("{FAULTS}: {error}"))?;
        Ok(given)
    }

    /// The variables that say the same to another process; `None` for one that is to be taken away. Those that only a process's
    /// surroundings know are left alone.
    pub fn variables(&self) -> [(&'static str, Option<String>); 6] {
        let faults = self.faults.as_ref().filter(|faults| !faults.is_empty());
        [
            (FAULTS, faults.map(FaultSpec::to_string)),
            (SEED, self.seed.map(|seed| seed.to_string())),
            (HEAL_AFTER, self.heal_after.map(|calls| calls.to_string())),
            (PARANOID, self.paranoid.then(|| "1".to_owned())),
            (TRACE, self.trace.then(|| "1".to_owned())),
            (VERSION, self.version.map(|version| version.to_string())),
        ]
    }

    /// The same as settings, without a ledger.
    pub fn into_settings(self) -> Settings {
        let unsaid = Settings::default();
        Settings {
            faults: self.faults.unwrap_or_default(),
            seed: self.seed.unwrap_or(unsaid.seed),
            adversary: match self.seed {
                Some(_) => Adversary::Swarm,
                None => Adversary::Benign,
            },
            paranoid: self.paranoid,
            trace: self.trace,
            heal_after: self.heal_after.unwrap_or(unsaid.heal_after),
            version: self.version.unwrap_or(unsaid.version),
            device_api: self.device_api,
            watch_unmaps: !self.unmaps_unseen,
            ..unsaid
        }
    }
}

/// Says what is wrong and ends the process: a library that goes on with settings it did not understand would vouch for nothing.
pub(crate) fn fail(message: &str) -> ! {
    eprintln!("mock-ucx: {message}");
    process::exit(2)
}

/// The folder for ledgers, if a supervisor named one.
pub(crate) fn ledger_folder() -> Option<PathBuf> {
    std::env::var_os(LEDGER_FOLDER).map(PathBuf::from)
}

/// The settings in the environment, without the ledger.
pub(crate) fn from_environment() -> Settings {
    match Given::read(std::env::vars_os()) {
        Ok(given) => given.into_settings(),
        Err(message) => fail(&message),
    }
}

fn text<'a>(name: &str, value: &'a OsStr) -> Result<&'a str, String> {
    value
        .to_str()
        .ok_or_else(|| format!("{name}: its value is not UTF-8"))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(name: &str, value: &OsStr) -> Result<T, String> {
    let value = text(name, value)?;
    value
        .parse()
        .map_err(|error| format!("{name}: `{value}`: {error}"))
}

fn flag(name: &str, value: &OsStr) -> Result<bool, String> {
    match text(name, value)? {
        "1" => Ok(true),
        "0" | "" => Ok(false),
        value => Err(format!("{name}: `{value}` is neither 1 nor 0")),
    }
}

fn unknown(name: &str) -> String {
    let nearest = KNOWN
        .iter()
        .max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)));
    let nearest = nearest.copied().unwrap_or(FAULTS);
    format!("the environment variable {name} is not known; did you mean {nearest}?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Given, String> {
        let owned = |(name, value): &(&str, &str)| (name.into(), value.into());
        Given::read(variables.iter().map(owned))
    }

    #[test]
    fn variables_say_the_same_to_another_process() {
        let given = read(&[
            (FAULTS, "cancel.effect=canceled; ucp_mem_map@2=NO_MEMORY"),
            (SEED, "18446744073709551615"),
            (HEAL_AFTER, "12"),
            (PARANOID, "1"),
            (VERSION, "1.20.0"),
            ("HOME", "/"),
        ])
        .unwrap();
        let variables = given.variables();
        let again: Vec<_> = variables
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
            .collect();
        assert_eq!(read(&again).unwrap(), given);
        let none = Given::default().variables();
        assert!(none.iter().all(|(_, value)| value.is_none()));
    }

    #[test]
    fn a_seed_alone_brings_the_swarm_and_nothing_brings_nothing() {
        let adversary = |variables| read(variables).unwrap().into_settings().adversary;
        assert!(matches!(adversary(&[(SEED, "0")]), Adversary::Swarm));
        assert!(matches!(adversary(&[]), Adversary::Benign));
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        let wrong = |name, value, words: &str| {
            let message = read(&[(name, value)]).unwrap_err();
            assert!(
                message.contains(name) && message.contains(words),
                "{message}"
            );
        };
        wrong("MOCK_UCX_FAULT", "x", "did you mean MOCK_UCX_FAULTS?");
        wrong(FAULTS, "ucp_x=NO_MEMORY", "column 1");
        wrong(FAULTS, "cancel.effect=canceled", "MOCK_UCX_PARANOID=1");
        wrong(FAULTS, "@/no/such/file", "cannot be read");
        wrong(SEED, "-1", "`-1`");
        wrong(HEAL_AFTER, "0", "1 is the least");
        wrong(PARANOID, "yes", "neither 1 nor 0");
        wrong(VERSION, "new", "not of the form");
    }
}
