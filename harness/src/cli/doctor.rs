//! `mock-ucx doctor`: whether everything is there that the program needs.

use std::process::ExitCode;

use clap::Args;

use super::{CANNOT, CLEAN};
use crate::doctor::{CHECKS, Health};

/// Checks what the program needs, and says what to do where something is missing. The exit status is 2 if the program cannot do its work.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

impl DoctorArgs {
    /// Looks at everything.
    ///
    /// # Errors
    /// None: what is wrong is the answer.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut ill = 0;
        for check in &CHECKS {
            let (word, what, mend) = match (check.look)() {
                Health::Well(what) => ("ok", what, String::new()),
                Health::Weak { what, mend } => ("weak", what, mend),
                Health::Ill { what, mend } => {
                    ill += 1;
                    ("FAIL", what, mend)
                }
            };
            anstream::println!("{word:<5} {:<16} {what}", check.name);
            if !mend.is_empty() {
                anstream::println!("{:22} to do: {mend}", "");
            }
        }
        if ill == 0 {
            anstream::println!("everything is there that mock-ucx needs");
            return Ok(ExitCode::from(CLEAN));
        }
        anstream::println!(
            "mock-ucx cannot do its work here: {ill} of {} checks failed",
            CHECKS.len()
        );
        Ok(ExitCode::from(CANNOT))
    }
}
