//! What is live is counted by who allocated it, in a process into which the counting is preloaded: in all its threads and in its children.

use std::path::{Path, PathBuf};
use std::process::Command;

use allocation_hooks::{FILE_EXTENSION, FOLDER_VARIABLE};
use allocations::{Kind, Reader, Reading};

/// The library beside this test.
fn library() -> PathBuf {
    let own = std::env::current_exe().expect("this program's own file");
    own.with_file_name("liballocation_hooks.so")
}

fn compile(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/allocating.c");
    let program = folder.join("allocating");
    let status = Command::new("cc")
        .args(["-g", "-O0", "-Wall", "-Werror", "-pthread", "-o"])
        .arg(&program)
        .arg(source)
        .status()
        .expect("a C compiler");
    assert!(status.success());
    program
}

/// What was counted of each process that ran, the first one first.
fn run(left: u32) -> Vec<Reading> {
    let folder = tempfile::tempdir().expect("a folder");
    let counts = folder.path().join("counts");
    std::fs::create_dir(&counts).expect("a folder");
    let output = Command::new(compile(folder.path()))
        .arg(left.to_string())
        .env("LD_PRELOAD", library())
        .env(FOLDER_VARIABLE, &counts)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&counts)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert!(
        files
            .iter()
            .all(|file| file.extension().is_some_and(|end| end == FILE_EXTENSION))
    );
    files.sort_by_key(|file| number(file));
    files
        .iter()
        .map(|file| Reader::open(file).expect("a whole file").read())
        .collect()
}

/// The process that wrote a file.
fn number(file: &Path) -> u32 {
    let stem = file.file_stem().expect("a name").to_string_lossy();
    let (pid, _) = stem.split_once('-').expect("PID-NUMBER");
    pid.parse().expect("a number")
}

/// Live bytes and blocks of the sites with so many blocks of so many bytes each.
fn live(reading: &Reading, kind: Kind, bytes: i64) -> Vec<(i64, usize)> {
    let sites = reading.sites.iter();
    sites
        .filter(|site| site.kind == kind && site.live_count > 0)
        .filter(|site| site.live_bytes == site.live_count * bytes)
        .map(|site| (site.live_count, site.frames.len()))
        .collect()
}

#[test]
fn what_is_left_is_counted_by_its_call_stack_and_what_was_given_back_is_not() {
    let processes = run(300);
    let parent = &processes[0];
    assert_eq!(parent.dropped, 0);
    let [(count, frames)] = live(parent, Kind::Heap, 77)[..] else {
        panic!("{parent:?}");
    };
    assert!(count == 300 && frames >= 2);
    let [(count, _)] = live(parent, Kind::Mapping, 8192)[..] else {
        panic!("{parent:?}");
    };
    assert_eq!(count, 300);
    let others = parent.sites.iter().filter(|site| {
        site.kind != Kind::Unmap && site.live_count != 300 && site.total_count >= 300
    });
    for site in others {
        assert_eq!((site.live_bytes, site.live_count), (0, 0), "{site:?}");
    }
}

#[test]
fn a_child_counts_for_itself() {
    let processes = run(0);
    assert_eq!(processes.len(), 6);
    for child in &processes[1..] {
        assert_eq!(
            live(child, Kind::Heap, 50),
            [(10, live(child, Kind::Heap, 50)[0].1)]
        );
    }
    assert!(live(&processes[0], Kind::Heap, 50).is_empty());
}

#[test]
fn unmaps_are_counted_with_their_time() {
    let parent = &run(0)[0];
    let unmaps = parent.sites.iter().filter(|site| site.kind == Kind::Unmap);
    let (count, nanoseconds) = unmaps.fold((0, 0), |(count, time), site| {
        (count + site.total_count, time + site.total_ns)
    });
    assert_eq!(count, 4 * 300 * 4);
    assert!(nanoseconds > count * 10);
}
