//! The seeds that a program makes are those in `fuzz/corpus`.

use std::path::Path;

use fuzz::seeds::{self, Seeds};

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Compares the files of a folder with what they should be, or makes them so.
fn check(target: &str, seeds: &Seeds) {
    let folder = seeds::folder(target);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for file in seeds::files(target) {
            std::fs::remove_file(file).unwrap();
        }
        for (name, bytes) in seeds {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
    let advice = "BLESS=1 cargo test -p fuzz --test seeds makes them anew";
    for (name, bytes) in seeds {
        let there = std::fs::read(folder.join(name));
        let same = there.is_ok_and(|there| there == *bytes);
        assert!(same, "corpus/{target}/{name} is missing or old: {advice}");
    }
    for file in seeds::files(target) {
        let name = name(&file);
        assert!(
            seeds.contains_key(&name),
            "corpus/{target}/{name} is no seed any more: {advice}"
        );
    }
}

#[test]
fn seeds_of_changed_metadata_are_current() {
    check("metadata", &seeds::metadata());
}

#[test]
fn seeds_of_life_cycles_and_their_dictionary_are_current() {
    let seeds = seeds::lifecycle();
    check("lifecycle", &seeds);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries/lifecycle.dict");
    let wanted = seeds::dictionary(&seeds);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == wanted,
        "{} is old: BLESS=1 makes it anew",
        file.display()
    );
}
