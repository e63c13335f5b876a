//! The settings of a process that loads the library, as `mock-ucx run` passes them: by environment.

use std::path::PathBuf;
use std::process;

use crate::schedule::FaultSpec;
use crate::universe::Settings;
use crate::version::UcxVersion;

/// Folder into which each process puts its ledger.
pub const LEDGER_FOLDER: &str = "MOCK_UCX_LEDGER_DIR";
/// Extension of a ledger's file.
pub const LEDGER: &str = "ledger";
/// Extension of the copy of a process's command line that lies beside its ledger.
pub const COMMAND_LINE: &str = "cmdline";
/// Fault specification.
pub const FAULTS: &str = "MOCK_UCX_FAULTS";
/// Version of UCX to be, as `1.22.0`.
pub const VERSION: &str = "MOCK_UCX_VERSION";

/// `1` for a machine with a GPU.
pub const DEVICE_API: &str = "MOCK_UCX_DEVICE_API";

const PREFIX: &str = "MOCK_UCX_";
const KNOWN: [&str; 4] = [LEDGER_FOLDER, FAULTS, VERSION, DEVICE_API];

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
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && !KNOWN.contains(&name.as_ref()) {
            fail(&unknown(&name));
        }
    }
    let mut settings = Settings::default();
    if let Ok(text) = std::env::var(FAULTS) {
        match text.parse::<FaultSpec>() {
            Ok(faults) => settings.faults = faults,
            Err(error) => fail(&format!("{FAULTS}: {error}")),
        }
    }
    if let Ok(text) = std::env::var(VERSION) {
        match text.parse::<UcxVersion>() {
            Ok(version) => settings.version = version,
            Err(error) => fail(&format!("{VERSION}: {error}")),
        }
    }
    settings.device_api = std::env::var_os(DEVICE_API).is_some_and(|value| value == "1");
    settings
}

fn unknown(name: &str) -> String {
    let nearest = KNOWN
        .iter()
        .max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)));
    let nearest = nearest.copied().unwrap_or(FAULTS);
    format!("the environment variable {name} is not known; did you mean {nearest}?")
}
