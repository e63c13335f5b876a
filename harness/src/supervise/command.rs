//! The command to run: where it is, and whether a library can be preloaded into it at all.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::executable::{self, Unfit};

/// Interpreters of scripts that are followed, as in the kernel.
const INTERPRETERS_MAX: usize = 4;
/// Bytes of a script's first line that count, as in the kernel.
const FIRST_LINE_MAX: usize = 256;

/// Why a command cannot be run, or not with the mock.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It is not there.
    #[error("`{name}` is not found: no such file{}", in_path(name))]
    NotFound {
        /// It, as it was given.
        name: String,
    },
    /// It may not be executed.
    #[error("{} is not executable: {reason}", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Nothing can be preloaded into it.
    #[error("nothing can be preloaded into {}: {reason}", path.display())]
    NoPreload {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
}

fn in_path(name: &str) -> &'static str {
    if name.contains('/') {
        ""
    } else {
        " in any folder of PATH"
    }
}

/// A command that can be run with the mock.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file to execute.
    pub path: PathBuf,
    /// Shared libraries that its executable names itself.
    pub needed: Vec<String>,
}

impl Program {
    /// Finds a command as a shell does, and looks whether the mock can be preloaded into it.
    ///
    /// # Errors
    /// It is not there, may not be executed, or takes no preloaded library.
    pub fn find(command: &OsStr, path_variable: Option<&OsStr>) -> Result<Program, CommandError> {
        let path = locate(command, path_variable)?;
        let mut file = path.clone();
        // Of a script it is the interpreter that is executed; past the bound the kernel refuses by itself.
        for _ in 0..INTERPRETERS_MAX {
            check_privileges(&file)?;
            match interpreter(&file)? {
                Some(interpreter) => file = locate(&interpreter, path_variable)?,
                None => break,
            }
        }
        match executable::needed_libraries(&file) {
            Ok(needed) => Ok(Program { path, needed }),
            Err(Unfit::NoProgram(reason)) => {
                Err(CommandError::NotExecutable { path: file, reason })
            }
            Err(Unfit::NoPreload(reason)) => Err(no_preload(&file, reason)),
        }
    }
}

fn locate(command: &OsStr, path_variable: Option<&OsStr>) -> Result<PathBuf, CommandError> {
    let not_found = || CommandError::NotFound {
        name: command.to_string_lossy().into_owned(),
    };
    if command.as_bytes().contains(&b'/') {
        let path = PathBuf::from(command);
        let metadata = fs::metadata(&path).map_err(|_| not_found())?;
        return may_execute(&path, &metadata).map(|()| path);
    }
    if command.is_empty() {
        return Err(not_found());
    }
    let mut refused = None;
    for folder in std::env::split_paths(path_variable.unwrap_or_default()) {
        let path = folder.join(command);
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        match may_execute(&path, &metadata) {
            Ok(()) => return Ok(path),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    Err(refused.unwrap_or_else(not_found))
}

fn may_execute(path: &Path, metadata: &Metadata) -> Result<(), CommandError> {
    let not_executable = |reason: &str| CommandError::NotExecutable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    if metadata.is_dir() {
        return Err(not_executable("it is a folder"));
    }
    let c_path = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
    // SAFETY: a terminated string.
    let allowed = unsafe { libc::access(c_path.as_ptr(), libc::X_OK) } == 0;
    if !allowed {
        return Err(not_executable(
            "you may not execute it; `chmod +x` allows it if it is yours",
        ));
    }
    Ok(())
}

fn no_preload(path: &Path, reason: impl Into<String>) -> CommandError {
    CommandError::NoPreload {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// The loader ignores preloaded libraries in a program that gains privileges.
fn check_privileges(path: &Path) -> Result<(), CommandError> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    // SAFETY: always safe.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    match gained(&metadata, user, group).or_else(|| capabilities(path)) {
        Some(what) => Err(no_preload(
            path,
            format!(
                "it is {what}, and the loader ignores LD_PRELOAD there; run a copy without that"
            ),
        )),
        None => Ok(()),
    }
}

fn gained(metadata: &Metadata, user: u32, group: u32) -> Option<&'static str> {
    let mode = metadata.permissions().mode();
    if mode & libc::S_ISUID != 0 && metadata.uid() != user {
        return Some("set-user-id");
    }
    // Without the execute bit for the group the bit means mandatory locking.
    let group_bits = libc::S_ISGID | libc::S_IXGRP;
    (mode & group_bits == group_bits && metadata.gid() != group).then_some("set-group-id")
}

fn capabilities(path: &Path) -> Option<&'static str> {
    // SAFETY: always safe.
    if unsafe { libc::geteuid() } == 0 {
        return None;
    }
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: terminated strings; no value is written because the size is 0.
    let length = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            std::ptr::null_mut(),
            0,
        )
    };
    (length > 0).then_some("given file capabilities")
}

/// The interpreter that a script names in its first line.
fn interpreter(path: &Path) -> Result<Option<OsString>, CommandError> {
    let mut first = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FIRST_LINE_MAX as u64).read_to_end(&mut first))
        .map_err(|error| CommandError::NotExecutable {
            path: path.to_owned(),
            reason: format!("it cannot be read ({error})"),
        })?;
    let Some(line) = first.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line
        .split(u8::is_ascii_whitespace)
        .find(|word| !word.is_empty());
    Ok(name.map(|name| OsString::from_vec(name.to_vec())))
}

#[cfg(test)]
#[path = "command/tests.rs"]
mod tests;
