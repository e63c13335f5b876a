//! `mock-ucx zygote`: the hidden verb behind a hunt's processes.

use std::process::ExitCode;

use clap::Args;

/// Serves cases on standard input and output.
#[derive(Args)]
pub struct ZygoteArgs {
    /// The NIXL to load.
    spec: String,
}

impl ZygoteArgs {
    /// Serves until standard input ends.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        crate::execute::zygote::serve(&self.spec)?;
        Ok(ExitCode::SUCCESS)
    }
}
