//! Finds the library that belongs to this program, and refuses one of another build.
//!
//! Cargo refreshes `target/<profile>/deps/libmock_ucx.so` with the program, but the copy beside the program only when the library's own
//! package is built: that one goes stale, so `deps/` comes first.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use mock_ucx::control::build::{BUILD_ID, BUILD_ID_LENGTH, BUILD_ID_SYMBOL};
use object::{Object, ObjectSection, ObjectSymbol};

/// The file name of the mock.
const MOCK: &str = "libmock_ucx.so";
/// The file name of the library that drives NIXL from within a process of Python; it has the mock inside.
const DRIVER: &str = "libharness.so";

/// The file name of the library that counts allocations.
const HOOKS: &str = "liballocation_hooks.so";

/// Why there is no library to preload.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// It is nowhere.
    #[error("{} is nowhere; `cargo build` makes it, and an installed program needs it beside it or in ../lib", list(.0))]
    Missing(Vec<PathBuf>),
    /// Another build.
    #[error("{} is of another build ({found}) than this program ({BUILD_ID}); {}", path.display(), mend(path))]
    OtherBuild {
        /// The library.
        path: PathBuf,
        /// Its id.
        found: String,
    },
    /// The place of this program is unknown.
    #[error("cannot tell where this program lies: {0}")]
    NoPlace(io::Error),
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

/// What makes a library fit: a build of cargo's if it lies in a folder of cargo's, else a copy.
fn mend(path: &Path) -> &'static str {
    let has = |name: &str| path.components().any(|part| part.as_os_str() == name);
    match (has("target"), has("release")) {
        (true, true) => "`cargo build --release` builds both anew",
        (true, false) => "`cargo build` builds both anew",
        (false, _) => {
            "copy all out of one build: target/release/mock-ucx, target/release/deps/libmock_ucx.so and target/release/deps/libharness.so"
        }
    }
}

/// The mock of this program's build.
///
/// # Errors
/// There is none in any of the places, or those there are of other builds.
pub fn find() -> Result<PathBuf, LibraryError> {
    find_named(MOCK)
}

/// The library, of this program's build, that drives NIXL from within a process of Python.
///
/// # Errors
/// As [`find`].
pub fn find_driver() -> Result<PathBuf, LibraryError> {
    find_named(DRIVER)
}

/// The library that counts allocations. Whether it fits is seen by the files that it writes.
///
/// # Errors
/// There is none in any of the places.
pub fn find_hooks() -> Result<PathBuf, LibraryError> {
    let program = std::env::current_exe().map_err(LibraryError::NoPlace)?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let places = ["deps", "", "../lib"].map(|place| folder.join(place).join(HOOKS));
    let found = places.iter().find_map(|path| path.canonicalize().ok());
    found.ok_or_else(|| LibraryError::Missing(places.to_vec()))
}

fn find_named(name: &str) -> Result<PathBuf, LibraryError> {
    let program = std::env::current_exe().map_err(LibraryError::NoPlace)?;
    find_from(program.parent().unwrap_or(Path::new("/")), name)
}

fn find_from(folder: &Path, name: &str) -> Result<PathBuf, LibraryError> {
    let places = ["deps", "", "../lib"].map(|place| folder.join(place).join(name));
    let mut refused = None;
    for path in &places {
        match build_id(path) {
            Ok(found) if found == BUILD_ID => {
                return Ok(path.canonicalize().unwrap_or_else(|_| path.clone()));
            }
            Ok(found) => {
                let other = || LibraryError::OtherBuild {
                    path: path.clone(),
                    found,
                };
                refused.get_or_insert_with(other);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let other = || LibraryError::OtherBuild {
                    path: path.clone(),
                    found: error.to_string(),
                };
                refused.get_or_insert_with(other);
            }
        }
    }
    Err(refused.unwrap_or(LibraryError::Missing(places.to_vec())))
}

/// The build id in a library's file, which is not loaded for that.
fn build_id(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // SAFETY: cargo replaces the file rather than writing into it; a torn file is refused as another build.
    let bytes = unsafe { Mmap::map(&file) }?;
    Ok(read_build_id(&bytes).unwrap_or_else(|| "without an id".to_owned()))
}

fn read_build_id(bytes: &[u8]) -> Option<String> {
    let elf = object::File::parse(bytes).ok()?;
    let symbol = elf
        .dynamic_symbols()
        .find(|symbol| symbol.name() == Ok(BUILD_ID_SYMBOL))?;
    let section = elf.section_by_index(symbol.section_index()?).ok()?;
    let id = section
        .data_range(symbol.address(), BUILD_ID_LENGTH as u64)
        .ok()??;
    String::from_utf8(id.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> PathBuf {
        find().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_library_beside_this_test_is_of_its_build() {
        assert_eq!(build_id(&library()).unwrap(), BUILD_ID);
    }

    #[test]
    fn a_library_is_found_in_deps_beside_the_program_and_in_lib_in_this_order() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        let mut places = ["lib", "bin", "bin/deps"].map(|place| root.path().join(place));
        for place in places.iter().rev() {
            std::fs::create_dir_all(place).unwrap();
        }
        for place in &mut places {
            place.push(MOCK);
            std::fs::copy(library(), &place).unwrap();
            assert_eq!(
                find_from(&bin, MOCK).unwrap(),
                place.canonicalize().unwrap()
            );
        }
    }

    #[test]
    fn a_library_of_another_build_is_refused_with_what_mends_it() {
        let root = tempfile::tempdir().unwrap();
        let mut bytes = std::fs::read(library()).unwrap();
        let at = bytes
            .windows(BUILD_ID_LENGTH)
            .position(|window| window == BUILD_ID.as_bytes())
            .unwrap();
        bytes[at..at + BUILD_ID_LENGTH].fill(b'0');
        std::fs::write(root.path().join(MOCK), bytes).unwrap();
        let refused = find_from(root.path(), MOCK).unwrap_err().to_string();
        assert!(refused.contains("another build (0000"), "{refused}");
        assert!(refused.contains("copy all out of one build"), "{refused}");
    }

    #[test]
    fn a_missing_library_is_told_with_the_places() {
        let root = tempfile::tempdir().unwrap();
        let missing = find_from(root.path(), MOCK).unwrap_err().to_string();
        assert!(missing.contains("deps/libmock_ucx.so"), "{missing}");
        assert!(missing.contains("cargo build"), "{missing}");
    }
}
