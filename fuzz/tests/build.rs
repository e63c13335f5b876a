//! `fuzz/build` under what OSS-Fuzz and ClusterFuzzLite set (infra/base-images/base-builder/compile of google/oss-fuzz): what it has cargo do,
//! with which flags, and what it puts into the folder. Cargo is played by a script that writes down how it was called.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Makes what the real one would: the targets, and a NIXL.
const CARGO: &str = r#"#!/bin/sh
echo "SANITIZER=${SANITIZER-} RUSTFLAGS=${RUSTFLAGS-} CFLAGS=${CFLAGS-} cargo $*" >>"$PLACE/calls"
case $1 in
fuzz)
    built=$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release
    mkdir -p "$built"
    for source in fuzz/fuzz_targets/*.rs; do echo built >"$built/$(basename "$source" .rs)"; done
    ;;
run)
    mkdir -p "$PLACE/nixl"
    echo "folder  $PLACE/nixl"
    ;;
esac
"#;

struct Image {
    place: TempDir,
}

impl Image {
    fn new() -> Image {
        let place = tempfile::tempdir().expect("a folder");
        let cargo = place.path().join("cargo");
        fs::write(&cargo, CARGO).expect("it is written");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("it may be run");
        Image { place }
    }

    fn out(&self) -> PathBuf {
        self.place.path().join("out")
    }

    fn build(&self, variables: &[(&str, &str)]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("build");
        let path = std::env::var("PATH").expect("a path");
        let place = self.place.path();
        Command::new(script)
            .arg(self.out())
            .env("PATH", format!("{}:{path}", place.display()))
            .env("PLACE", place)
            .env("CARGO_TARGET_DIR", place.join("target"))
            .envs(variables.iter().copied())
            .output()
            .expect("the script starts")
    }

    /// How cargo was called.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.place.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

#[test]
fn each_sanitizer_of_the_image_is_one_that_cargo_fuzz_has() {
    for (sanitizer, taken) in [
        ("address", "address"),
        ("undefined", "none"),
        ("coverage", "none"),
        ("none", "none"),
        ("introspector", "address"),
    ] {
        let image = Image::new();
        let output = image.build(&[("SANITIZER", sanitizer), ("FUZZING_ENGINE", "libfuzzer")]);
        assert!(output.status.success(), "{sanitizer}: {output:?}");
        let built = &image.calls()[0];
        assert!(
            built.ends_with(&format!("cargo fuzz build --release --sanitizer {taken}")),
            "{sanitizer}: {built}"
        );
    }
}

#[test]
fn the_flags_of_the_image_are_for_the_targets_and_not_for_the_program_that_fetches() {
    let image = Image::new();
    let flags = "--cfg fuzzing -Cinstrument-coverage";
    let output = image.build(&[
        ("SANITIZER", "coverage"),
        ("RUSTFLAGS", flags),
        ("CFLAGS", "-fsanitize=address"),
    ]);
    assert!(output.status.success(), "{output:?}");
    let calls = image.calls();
    let [built, fetched] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    // The image's cargo is a script that builds otherwise for coverage, by the variable.
    let begin = format!("SANITIZER=coverage RUSTFLAGS={flags} CFLAGS=-fsanitize=address ");
    assert!(built.starts_with(&begin), "{built}");
    assert_eq!(
        fetched,
        "SANITIZER= RUSTFLAGS= CFLAGS= cargo run --quiet -- nixl fetch 1.5.1"
    );
}

#[test]
fn the_folder_has_each_target_with_its_seeds_and_what_it_needs() {
    let image = Image::new();
    assert!(image.build(&[("SANITIZER", "address")]).status.success());
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    for source in fs::read_dir(targets).expect("the targets") {
        let name = source.expect("a file").path();
        let name = name
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        for file in [name.clone(), format!("{name}_seed_corpus.zip")] {
            assert!(image.out().join(&file).is_file(), "{file}");
        }
    }
    for file in ["lifecycle.dict", "lifecycle.options", "fault_spec.dict"] {
        assert!(image.out().join(file).is_file(), "{file}");
    }
    assert!(image.out().join("nixl").is_dir() && image.out().join("findings").is_dir());
}

#[test]
fn another_engine_or_sanitizer_is_refused_before_anything_is_built() {
    for (variable, value) in [
        ("FUZZING_ENGINE", "afl"),
        ("FUZZING_ENGINE", "honggfuzz"),
        ("FUZZING_ENGINE", "centipede"),
        ("SANITIZER", "memory"),
    ] {
        let image = Image::new();
        let output = image.build(&[(variable, value)]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(&format!("{variable}={value}")), "{told}");
        assert_eq!(image.calls(), Vec::<String>::new());
        assert!(!image.out().exists());
    }
}
