//! The environment of the command: the mock preloaded, its settings, and a memory that a scan can be trusted in.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use allocation_hooks::FOLDER_VARIABLE;
use mock_ucx::control::settings::{self, Given};

use crate::oracle::ownership;

/// Variable with the libraries to preload.
const LD_PRELOAD: &str = "LD_PRELOAD";
/// Variable that has NIXL bind its own UCX past every preloaded library, if it is anything but 0.
const DEEPBIND: &str = "NIXL_UCX_DEEPBIND";
/// Variable with glibc's tunables, several separated by colons.
const TUNABLES: &str = "GLIBC_TUNABLES";

/// Libraries in `LD_PRELOAD` that cannot work together with the mock: how the file name begins, and why.
const CONFLICTS: [(&str, &str); 7] = [
    (
        "libmock_ucx",
        "two copies of the mock keep two ledgers; `mock-ucx run` preloads its own",
    ),
    ("libucp", "a UCX in LD_PRELOAD is used instead of the mock"),
    ("libucs", "a UCX in LD_PRELOAD is used instead of the mock"),
    ("libuct", "a UCX in LD_PRELOAD is used beside the mock"),
    ("libucm", "a UCX in LD_PRELOAD is used beside the mock"),
    (
        "libtsan",
        "ThreadSanitizer reserves the addresses that the mock's handles lie in",
    ),
    (
        "vgpreload",
        "Valgrind runs the command itself; put `mock-ucx run` inside of no other tool",
    ),
];

/// Sanitizers' run-time libraries that must be the first library of a process.
const MUST_BE_FIRST: [&str; 2] = ["libasan.so", "libhwasan.so"];

/// Why the mock cannot be preloaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreloadError {
    /// Another library in the way.
    #[error("LD_PRELOAD already names {library}: {reason}; unset it for this run")]
    Conflict {
        /// It.
        library: String,
        /// Why it is in the way.
        reason: &'static str,
    },
    /// A sanitizer in the command that cannot work.
    #[error(
        "the command is built with ThreadSanitizer, which reserves the addresses that the mock's handles lie in; run a build without it"
    )]
    ThreadSanitizer,
    /// A sanitizer that must come first.
    #[error(
        "the command is built with a sanitizer whose {library} must come before the mock: set LD_PRELOAD=$(cc -print-file-name={library}) for this run"
    )]
    Sanitizer {
        /// Its library.
        library: String,
    },
}

/// What the command's environment gets besides what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    /// To be set.
    pub(super) set: Vec<(&'static str, OsString)>,
    /// To be taken out.
    pub(super) remove: Vec<&'static str>,
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// The mock.
    pub(super) library: &'a Path,
    /// Where ledgers go.
    pub(super) folder: &'a Path,
    /// What the library is told.
    pub(super) given: &'a Given,
    /// Have freed memory overwritten.
    pub(super) perturb: bool,
    /// Libraries that the command's executable names.
    pub(super) needed: &'a [String],
}

impl Environment {
    /// The environment for a wish; `inherited` tells a variable that is set already.
    ///
    /// # Errors
    /// Something preloaded cannot work together with the mock.
    pub(super) fn new(
        wish: &Wish<'_>,
        inherited: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Environment, PreloadError> {
        let preloaded = inherited(LD_PRELOAD).unwrap_or_default();
        check_preloaded(&preloaded)?;
        check_sanitizer(&preloaded, wish.needed)?;
        let mut environment = Environment::default();
        // The others keep their places: some insist on being first, and none defines what UCX does.
        environment.put(LD_PRELOAD, joined(&preloaded, wish.library.as_os_str()));
        environment.put(settings::LEDGER_FOLDER, wish.folder.into());
        for (name, value) in wish.given.variables() {
            match value {
                None => environment.remove.push(name),
                Some(value) => environment.put(name, value.into()),
            }
        }
        // NIXL binds its own UCX past every preloaded library if this is anything but 0.
        environment.put(DEEPBIND, "0".into());
        if wish.perturb {
            environment.perturb(inherited);
        }
        Ok(environment)
    }

    /// Has allocations counted, into files in `folder`: before all else that is preloaded, for others may bring a `malloc`.
    pub(super) fn count_allocations(
        &mut self,
        hooks: &Path,
        folder: &Path,
        inherited: impl Fn(&str) -> Option<OsString>,
    ) {
        let set = self.set.iter().position(|(name, _)| *name == LD_PRELOAD);
        let others = match set {
            Some(at) => self.set.remove(at).1,
            None => inherited(LD_PRELOAD).unwrap_or_default(),
        };
        let all = match others.is_empty() {
            true => hooks.into(),
            false => joined(hooks.as_os_str(), &others),
        };
        self.put(LD_PRELOAD, all);
        self.put(FOLDER_VARIABLE, folder.into());
        // What NIXL binds past every preloaded library cannot be counted.
        self.set.retain(|(name, _)| *name != DEEPBIND);
        self.put(DEEPBIND, "0".into());
    }

    fn put(&mut self, name: &'static str, value: OsString) {
        self.set.push((name, value));
    }

    fn perturb(&mut self, inherited: impl Fn(&str) -> Option<OsString>) {
        for (name, value) in ownership::ENVIRONMENT {
            match inherited(name) {
                Some(tunables) if name == TUNABLES => {
                    self.put(name, joined(&tunables, OsStr::new(value)));
                }
                // The user's own choice overwrites freed memory just as well.
                Some(_) => {}
                None => self.put(name, value.into()),
            }
        }
    }
}

fn joined(first: &OsStr, second: &OsStr) -> OsString {
    let mut both = first.to_owned();
    if !both.is_empty() {
        both.push(":");
    }
    both.push(second);
    both
}

/// File names of the libraries in `LD_PRELOAD`, which colons or blanks separate.
fn names(preloaded: &OsStr) -> impl Iterator<Item = String> {
    preloaded
        .as_bytes()
        .split(|byte| matches!(byte, b':' | b' '))
        .filter(|path| !path.is_empty())
        .map(|path| path.rsplit(|byte| *byte == b'/').next().unwrap_or(path))
        .map(|name| String::from_utf8_lossy(name).into_owned())
}

/// Looks for libraries in a value of `LD_PRELOAD` that cannot work together with the mock.
///
/// # Errors
/// There is one.
pub fn check_preloaded(preloaded: &OsStr) -> Result<(), PreloadError> {
    for library in names(preloaded) {
        let conflict = CONFLICTS
            .iter()
            .find(|(begin, _)| library.starts_with(begin));
        if let Some((_, reason)) = conflict {
            return Err(PreloadError::Conflict { library, reason });
        }
    }
    Ok(())
}

fn check_sanitizer(preloaded: &OsStr, needed: &[String]) -> Result<(), PreloadError> {
    let first = names(preloaded).next().unwrap_or_default();
    let is_sanitizer = |name: &str| MUST_BE_FIRST.iter().any(|begin| name.starts_with(begin));
    if needed.iter().any(|name| name.starts_with("libtsan.so")) {
        return Err(PreloadError::ThreadSanitizer);
    }
    match needed.iter().find(|name| is_sanitizer(name)) {
        Some(library) if !is_sanitizer(&first) => Err(PreloadError::Sanitizer {
            library: library.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Given = Given {
        faults: None,
        seed: None,
        heal_after: None,
        paranoid: false,
        trace: false,
        version: None,
        device_api: false,
        unmaps_unseen: false,
    };

    fn wish<'a>(needed: &'a [String]) -> Wish<'a> {
        Wish {
            library: Path::new("/m/libmock_ucx.so"),
            folder: Path::new("/l"),
            given: &NOTHING,
            perturb: true,
            needed,
        }
    }

    fn with(variables: &[(&str, &str)]) -> Result<Environment, PreloadError> {
        Environment::new(&wish(&[]), |name| {
            let found = variables.iter().find(|variable| variable.0 == name);
            found.map(|variable| variable.1.into())
        })
    }

    fn value<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
        let found = environment.set.iter().find(|variable| variable.0 == name);
        found.and_then(|variable| variable.1.to_str())
    }

    #[test]
    fn what_is_preloaded_already_keeps_its_place() {
        let environment = with(&[("LD_PRELOAD", "/a/libx.so /b/liby.so")]).unwrap();
        assert_eq!(
            value(&environment, "LD_PRELOAD"),
            Some("/a/libx.so /b/liby.so:/m/libmock_ucx.so")
        );
        let alone = with(&[]).unwrap();
        assert_eq!(value(&alone, "LD_PRELOAD"), Some("/m/libmock_ucx.so"));
        assert_eq!(value(&alone, "NIXL_UCX_DEEPBIND"), Some("0"));
    }

    #[test]
    fn a_ucx_and_tools_that_cannot_work_are_refused_and_others_are_not() {
        for library in [
            "/u/libucp.so.0",
            "libucs-14c218c5.so.0.0.0",
            "/x/libmock_ucx.so",
            "libtsan.so.2",
        ] {
            let refused = with(&[("LD_PRELOAD", library)]).unwrap_err().to_string();
            assert!(
                refused.starts_with("LD_PRELOAD already names lib"),
                "{refused}"
            );
        }
        assert!(with(&[("LD_PRELOAD", "/u/libucp/libjemalloc.so")]).is_ok());
    }

    #[test]
    fn a_sanitizer_that_must_be_first_is_asked_for_unless_it_is_first() {
        let needed = ["libasan.so.8".to_owned(), "libc.so.6".to_owned()];
        let refused = Environment::new(&wish(&needed), |_| None).unwrap_err();
        assert!(refused.to_string().contains("libasan.so.8"), "{refused}");
        let first = |name: &str| (name == "LD_PRELOAD").then(|| "/g/libasan.so.8".into());
        assert!(Environment::new(&wish(&needed), first).is_ok());
        let needed = ["libtsan.so.2".to_owned()];
        let refused = Environment::new(&wish(&needed), |_| None).unwrap_err();
        assert_eq!(refused, PreloadError::ThreadSanitizer);
    }

    #[test]
    fn freed_memory_is_overwritten_and_the_users_tunables_stay() {
        let plain = with(&[]).unwrap();
        assert_eq!(value(&plain, "MALLOC_PERTURB_"), Some("165"));
        let own = with(&[("GLIBC_TUNABLES", "a.b=1"), ("MALLOC_PERTURB_", "7")]).unwrap();
        assert_eq!(value(&own, "MALLOC_PERTURB_"), None);
        assert_eq!(
            value(&own, "GLIBC_TUNABLES"),
            Some("a.b=1:glibc.malloc.tcache_count=0")
        );
    }

    #[test]
    fn settings_of_an_outer_run_are_taken_out() {
        let names = NOTHING.variables().map(|(name, _)| name);
        assert_eq!(with(&[]).unwrap().remove, names);
    }
}
