//! Programs of others.

use std::process::{Command, Output, Stdio};

use super::Health;
use crate::nixl::cache::State;
use crate::nixl::{DEFAULT_SPEC, Fetcher, Spec};

/// The first pip that knows the wheels' platform tag `manylinux_2_28` (PEP 600).
const PIP_MIN: (u32, u32) = (20, 3);
/// The first Python that such a pip runs on.
const PYTHON_MIN: (u32, u32) = (3, 6);

const INSTALL_PYTHON: &str = "install Python 3 with pip (Debian: `apt install python3-pip`), or give hunts a folder with `--nixl DIR`";

pub(super) fn python() -> Health {
    let Some(text) = answer("python3", &["--version"]) else {
        return unfetched("there is no python3", INSTALL_PYTHON);
    };
    match version(&text) {
        Some(found) if found >= PYTHON_MIN => Health::well(text),
        _ => unfetched(
            &format!("{text} is too old for a pip that knows NIXL's wheels"),
            INSTALL_PYTHON,
        ),
    }
}

pub(super) fn pip() -> Health {
    let Some(text) = answer("python3", &["-m", "pip", "--version"]) else {
        return unfetched("python3 has no pip", INSTALL_PYTHON);
    };
    // "pip 24.0 from /usr/lib/python3/dist-packages/pip (python 3.11)"
    let short = text.split(" from ").next().unwrap_or(&text).to_owned();
    match version(&short) {
        Some(found) if found >= PIP_MIN => Health::well(short),
        _ => unfetched(
            &format!("{short} does not know NIXL's wheels"),
            "`python3 -m pip install --upgrade pip`, in a virtual environment where the system's is managed",
        ),
    }
}

pub(super) fn venv() -> Health {
    match answer("python3", &["-c", "import venv, ensurepip; print('there')"]) {
        Some(text) => Health::well(text),
        None => Health::weak(
            "python3 makes no virtual environments, which programs for `run` often live in",
            "Debian: `apt install python3-venv`",
        ),
    }
}

pub(super) fn c_compiler() -> Health {
    match answer("cc", &["--version"]) {
        Some(text) => Health::well(text),
        None => Health::weak(
            "there is no cc; tests and benchmarks need it, hunts and runs do not",
            "Debian: `apt install gcc libc6-dev`",
        ),
    }
}

/// What is missing for fetching, which matters only while the default release was not fetched.
fn unfetched(what: &str, mend: &str) -> Health {
    let cached = Fetcher::of_user().is_ok_and(|fetcher| {
        matches!(Spec::parse(DEFAULT_SPEC), Ok(Spec::Release(release)) if fetcher.state(release) == State::Whole)
    });
    if cached {
        let what = format!("{what}; NIXL {DEFAULT_SPEC} is in the cache, others cannot be fetched");
        return Health::weak(what, mend);
    }
    Health::ill(format!("{what}, and NIXL is fetched with pip"), mend)
}

/// The first line that a program answers with.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let Output { status, stdout, .. } = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&stdout);
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    (status.success() && !line.is_empty()).then_some(line)
}

/// The version in a text like `Python 3.11.2`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_behind_the_name() {
        assert_eq!(version("Python 3.11.2"), Some((3, 11)));
        assert_eq!(version("pip 24.0"), Some((24, 0)));
        assert_eq!(version("pip"), None);
    }

    #[test]
    fn a_program_that_is_not_there_or_fails_answers_nothing() {
        assert_eq!(answer("no-such-program-x", &[]), None);
        assert_eq!(answer("false", &[]), None);
        assert_eq!(answer("echo", &["hello"]).as_deref(), Some("hello"));
    }
}
