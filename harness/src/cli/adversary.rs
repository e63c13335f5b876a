//! Options that say how the mock deviates from a healthy network, and the same as variables of the environment.

use std::ffi::OsString;

use anyhow::{anyhow, bail};
use clap::Args;
use mock_ucx::control::settings::{self, Given};
use mock_ucx::schedule::{FaultSpec, SourceError, SpecError};

/// Characters of a wrong line that are shown on either side of the wrong place.
const SHOWN_MAX: usize = 60;

/// How the mock deviates.
#[derive(Args, Debug)]
pub(super) struct AdversaryArgs {
    /// What goes wrong, as in `ucp_rkey_pack@2=NO_MEMORY; ep#1.fail@progress=7:CONNECTION_RESET`, or @FILE. docs/faults.md explains it,
    /// `mock-ucx points --list` names all that may go wrong. Each process counts for itself.
    #[arg(long, value_name = "SPEC")]
    faults: Option<String>,
    /// Deviate at random wherever UCX permits it; the same seed makes the same choices.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Progress calls of a worker in vain after which what is withheld comes, and nothing deviates any more.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    heal_after: Option<u64>,
    /// Also what UCX permits by a doubtful sentence only, or what no UCX was seen to do.
    #[arg(long)]
    paranoid: bool,
}

impl AdversaryArgs {
    /// What the library is told, by these options and by the environment.
    ///
    /// # Errors
    /// A specification is wrong, a variable cannot be understood, or an option and its variable say different things.
    pub(super) fn given(&self) -> anyhow::Result<Given> {
        let inherited = self.inherited()?;
        let paranoid = inherited.paranoid;
        let faults = match &self.faults {
            Some(source) => Some(FaultSpec::from_source(source, paranoid).map_err(explained)?),
            None => None,
        };
        Ok(Given {
            faults: one_of("--faults", faults, settings::FAULTS, inherited.faults)?,
            seed: one_of("--seed", self.seed, settings::SEED, inherited.seed)?,
            heal_after: one_of(
                "--heal-after",
                self.heal_after,
                settings::HEAL_AFTER,
                inherited.heal_after,
            )?,
            ..inherited
        })
    }

    /// What the environment says, unless it is that of a process in a run: then it is meant for that process.
    fn inherited(&self) -> anyhow::Result<Given> {
        let is_inside = std::env::var_os(settings::LEDGER_FOLDER).is_some();
        let variables = std::env::vars_os().filter(|_| !is_inside);
        // The option holds for a specification in the environment, too.
        let permitted = self
            .paranoid
            .then(|| (settings::PARANOID.into(), "1".into()));
        let variables =
            variables.filter(|(name, _)| !(self.paranoid && name == settings::PARANOID));
        Given::read(variables.chain(permitted)).map_err(|message| anyhow!(message))
    }

    /// The options as words of a command line.
    pub(super) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: Option<String>| {
            words.extend(
                value
                    .into_iter()
                    .flat_map(|value| [name.into(), value.into()]),
            );
        };
        option("--faults", self.faults.clone());
        option("--seed", self.seed.map(|seed| seed.to_string()));
        option(
            "--heal-after",
            self.heal_after.map(|calls| calls.to_string()),
        );
        if self.paranoid {
            words.push("--paranoid".into());
        }
        words
    }
}

/// What an option says, or else its variable.
pub(super) fn one_of<T: PartialEq>(
    option: &str,
    said: Option<T>,
    variable: &str,
    inherited: Option<T>,
) -> anyhow::Result<Option<T>> {
    match (said, inherited) {
        (Some(said), Some(inherited)) if said != inherited => bail!(
            "{option} and the environment variable {variable} say different things; leave one of them out"
        ),
        (said, inherited) => Ok(said.or(inherited)),
    }
}

fn explained(error: SourceError) -> anyhow::Error {
    match error {
        SourceError::Wrong { file, text, error } => pointed_out(&file, &text, &error),
        error => anyhow!("--faults: {error}"),
    }
}

/// The line with a caret where it went wrong, and no more of it than a terminal shows.
fn pointed_out(file: &str, text: &str, error: &SpecError) -> anyhow::Error {
    let line = text.lines().nth(error.line - 1).unwrap_or_default();
    let at = match file {
        "" => format!("column {}", error.column),
        file => format!("{file}:{}:{}", error.line, error.column),
    };
    let before = error.column - 1;
    let cut = before.saturating_sub(SHOWN_MAX);
    let shown = line.chars().skip(cut).take(2 * SHOWN_MAX);
    // A tab takes the place of one character, as the caret needs it.
    let shown: String = shown
        .map(|one| if one == '\t' { ' ' } else { one })
        .collect();
    let more = if cut > 0 { "…" } else { "" };
    let before = before - cut + more.chars().count();
    anyhow!(
        "--faults, {at}: {}\n  {more}{shown}\n  {:before$}^",
        error.message,
        ""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        let error = FaultSpec::from_source(source, false).unwrap_err();
        explained(error).to_string()
    }

    #[test]
    fn a_wrong_specification_is_shown_with_a_caret_under_the_wrong_place() {
        let shown = shown("ucp_rkey_pack@2=NO_MEMORY;\tucp_x=NO_MEMORY");
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines[0].starts_with("--faults, column 28: `ucp_x` is neither"),
            "{shown}"
        );
        assert_eq!(lines[1].find("ucp_x"), lines[2].find('^'));
    }

    #[test]
    fn a_wrong_line_of_a_file_is_shown_with_the_files_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faults");
        std::fs::write(&file, "# first\n  ucp_x=NO_MEMORY\n").unwrap();
        let shown = shown(&format!("@{}", file.display()));
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines[0].contains("faults:2:3: `ucp_x` is neither"),
            "{shown}"
        );
        assert_eq!(lines[1].find("ucp_x"), lines[2].find('^'));
    }

    #[test]
    fn of_a_long_line_what_is_about_the_wrong_place_is_shown() {
        let space = " ".repeat(1000);
        let shown = shown(&format!("{space}ucp_x=NO_MEMORY;{space}"));
        let lines: Vec<&str> = shown.lines().collect();
        let place = |text: &str, of: &str| text.find(of).map(|end| text[..end].chars().count());
        assert!(lines[1].chars().count() < 130, "{}", lines[1]);
        assert!(lines[1].starts_with("  …"), "{}", lines[1]);
        assert_eq!(place(lines[1], "ucp_x"), place(lines[2], "^"));
    }

    #[test]
    fn an_option_and_its_variable_may_say_the_same_but_not_different_things() {
        let one = |said, inherited| one_of("--seed", said, settings::SEED, inherited);
        assert_eq!(one(Some(1), None).unwrap(), Some(1));
        assert_eq!(one(None, Some(2)).unwrap(), Some(2));
        assert_eq!(one(Some(3), Some(3)).unwrap(), Some(3));
        let refused = one(Some(1), Some(2)).unwrap_err().to_string();
        assert!(refused.contains("leave one of them out"), "{refused}");
    }
}
