//! What belongs to the program itself: its library, and the releases that it fetched.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use super::Health;
use crate::nixl::cache::{Cache, State};
use crate::nixl::{Fetcher, Machine, RELEASES};
use crate::supervise::{check_preloaded, find_library};

pub(super) fn library() -> Health {
    match find_library() {
        Ok(path) => Health::well(format!("{}, of this build", path.display())),
        Err(error) => Health::ill(error.to_string(), ""),
    }
}

/// Whether the loader takes the library into another program.
pub(super) fn preload() -> Health {
    let set = std::env::var_os("LD_PRELOAD").unwrap_or_default();
    if let Err(error) = check_preloaded(&set) {
        return Health::ill(error.to_string(), "");
    }
    let Ok(library) = find_library() else {
        return Health::ill("there is no library to preload", "mend the library first");
    };
    match mapped_with(&library, set) {
        Ok(()) => Health::well("the loader takes the library into other programs"),
        Err(why) => Health::ill(
            format!("the loader does not take {}: {why}", library.display()),
            "put the program and its library on a file system that is not mounted `noexec`, in a path without blanks and colons",
        ),
    }
}

fn mapped_with(library: &Path, mut preloaded: OsString) -> Result<(), String> {
    if !preloaded.is_empty() {
        preloaded.push(":");
    }
    preloaded.push(library);
    let output = Command::new("cat")
        .arg("/proc/self/maps")
        .env("LD_PRELOAD", preloaded)
        .output()
        .map_err(|error| format!("`cat` cannot be started ({error})"))?;
    let maps = String::from_utf8_lossy(&output.stdout);
    if maps.lines().any(|line| Path::new(file_of(line)) == library) {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(words.lines().next().unwrap_or("it says nothing").to_owned())
}

/// The path at the end of a line of `/proc/PID/maps`.
fn file_of(line: &str) -> &str {
    line.find('/').map_or("", |at| &line[at..])
}

/// Whether the cache can be written, and has what it should.
pub(super) fn cache() -> Health {
    let (cache, fetcher) = match (Cache::of_user(), Fetcher::of_user()) {
        (Ok(cache), Ok(fetcher)) => (cache, fetcher),
        (Err(error), _) | (_, Err(error)) => {
            return Health::ill(error.to_string(), "");
        }
    };
    if let Err(error) = cache.check_writable() {
        return Health::ill(error.to_string(), "");
    }
    let mut whole = 0;
    for release in &RELEASES {
        match fetcher.state(release) {
            State::Missing => {}
            State::Whole => whole += 1,
            State::Damaged(damage) => {
                return Health::ill(
                    format!("{}: {damage}", fetcher.folder(release).display()),
                    format!("`mock-ucx nixl fetch {}` fetches it again", release.spec()),
                );
            }
        }
    }
    let machine = Machine::here().map_or("an unknown machine", Machine::name);
    Health::well(format!(
        "writable, with {whole} whole releases for {machine}"
    ))
}
