//! What `libmock_ucx.so` exports, held against what the releases of NIXL import and against the mock's own table of functions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use harness::nixl::release::{Package, RELEASES};
use mock_ucx::functions::Function;
use object::{Object, ObjectSymbol};

/// The imports of every release, as read once from the wheels.
const PINNED: &str = include_str!("exports/imports.txt");

/// Functions for tests and tools, which UCX does not have.
const CONTROL_PREFIX: &str = "mock_ucx_";

/// Release to the functions of UCX that it imports.
fn pinned() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut group: Vec<&str> = Vec::new();
    for line in PINNED.lines().filter(|line| !line.starts_with('#')) {
        if let Some(releases) = line.strip_suffix(':') {
            group = releases.split(' ').collect();
        } else if !line.is_empty() {
            for release in &group {
                imports.entry(release).or_default().insert(line.trim());
            }
        }
    }
    imports
}

/// The library that cargo built beside this test.
fn library() -> PathBuf {
    let program = std::env::current_exe().expect("this executable");
    let folder = program.parent().expect("its folder");
    folder.join("libmock_ucx.so")
}

/// Every symbol that the library defines for others.
fn exports() -> BTreeSet<String> {
    let path = library();
    let bytes = std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo build -p mock-ucx` builds it",
            path.display()
        )
    });
    let file = object::File::parse(&*bytes).expect("a shared library");
    let defined = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition());
    defined
        .map(|symbol| symbol.name().expect("a readable name").to_owned())
        .collect()
}

#[test]
fn every_release_finds_all_functions_that_it_imports() {
    let exports = exports();
    for (release, imports) in pinned() {
        let missing: Vec<_> = imports
            .iter()
            .filter(|name| !exports.contains(**name))
            .collect();
        assert!(missing.is_empty(), "nixl-cu12 {release} needs {missing:?}");
        println!(
            "nixl-cu12 {release}: all {} functions are there",
            imports.len()
        );
    }
}

#[test]
fn the_imports_of_every_known_release_are_pinned() {
    let pinned: Vec<_> = pinned().into_keys().collect();
    let mut known: Vec<_> = RELEASES
        .iter()
        .filter(|release| release.package == Package::Cu12)
        .map(|release| release.version)
        .collect();
    known.sort_unstable();
    assert_eq!(pinned, known);
}

#[test]
fn the_pinned_imports_of_the_newest_release_are_those_of_its_wheel() {
    let nixl = harness::nixl::fetch("1.5.1")
        .unwrap_or_else(|error| panic!("{error}; `mock-ucx nixl fetch 1.5.1` fetches it"));
    let imports = nixl.ucx_imports().expect("the plugin is readable");
    let imports: BTreeSet<&str> = imports.iter().map(String::as_str).collect();
    assert_eq!(imports, pinned()["1.5.1"]);
}

#[test]
fn the_library_exports_its_table_of_functions_and_nothing_else() {
    let mut exports = exports();
    // The two ends of a process that skip its exit handlers are there to tell the supervisor first.
    exports.retain(|name| !name.starts_with(CONTROL_PREFIX) && name != "_exit" && name != "_Exit");
    let table = Function::all()
        .map(|function| function.name().to_owned())
        .collect();
    assert_eq!(exports, table);
}
