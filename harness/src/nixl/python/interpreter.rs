//! Finds a Python that can load a release's module.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::nixl::error::Error;

/// A Python of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Its executable: not a script that starts it.
    pub path: PathBuf,
    /// Its ABI tag, such as `cp311`.
    pub abi: String,
}

/// What an interpreter is asked: its ABI tag, and where it lies.
const QUESTION: &str = "import sys; print('cp%d%d' % sys.version_info[:2]); print(sys.executable)";

impl Interpreter {
    /// The Python behind a command, if there is one.
    pub fn of(command: &str) -> Option<Interpreter> {
        let output = Command::new(command)
            .args(["-I", "-S", "-c", QUESTION])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .env_remove("LD_PRELOAD")
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (abi, path) = text.trim_end().split_once('\n')?;
        let abi = Some(abi).filter(|abi| abi.starts_with("cp"))?;
        Some(Interpreter {
            path: PathBuf::from(path),
            abi: abi.to_owned(),
        })
    }

    /// The first Python that has one of these ABI tags: `python3`, else one that carries its version in its name.
    pub fn among(abis: &[&str]) -> Option<Interpreter> {
        let named = abis.iter().rev().filter_map(|abi| version_of(abi));
        let fits = |found: &Interpreter| abis.contains(&found.abi.as_str());
        static PLAIN: LazyLock<Option<Interpreter>> = LazyLock::new(|| Interpreter::of("python3"));
        PLAIN.clone().filter(fits).or_else(|| {
            let commands = named.map(|version| format!("python{version}"));
            commands
                .filter_map(|command| Interpreter::of(&command))
                .find(fits)
        })
    }

    /// As [`Interpreter::among`].
    ///
    /// # Errors
    /// There is none; the message says which would do.
    pub fn for_release(release: &str, abis: &[&str]) -> Result<Interpreter, Error> {
        Interpreter::among(abis).ok_or_else(|| {
            let versions = abis.iter().filter_map(|abi| version_of(abi));
            Error::NoFittingPython {
                release: release.to_owned(),
                versions: versions.collect::<Vec<_>>().join(", "),
            }
        })
    }
}

/// `cp311` → `3.11`
pub fn version_of(abi: &str) -> Option<String> {
    let digits = abi.strip_prefix("cp")?;
    let (major, minor) = digits.split_at_checked(1)?;
    Some(format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abi_tag_is_told_as_a_version() {
        assert_eq!(version_of("cp310").as_deref(), Some("3.10"));
        assert_eq!(version_of("abi3"), None);
    }

    #[test]
    fn a_command_that_is_no_python_is_none() {
        assert_eq!(Interpreter::of("true"), None);
        assert_eq!(Interpreter::of("/nonexistent/python3"), None);
    }

    #[test]
    fn a_release_for_no_python_of_this_machine_says_which_it_needs() {
        let refused = Interpreter::for_release("0.9.0", &["cp20", "cp21"]).unwrap_err();
        assert!(
            refused.to_string().contains("needs one of Python 2.0, 2.1"),
            "{refused}"
        );
    }
}
