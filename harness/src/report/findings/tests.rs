//! Collections of findings, and their file.

use super::*;
use crate::oracle::Oracle;
use crate::report::testing::sample;

const ONE: &str = "ucp_rkey_pack@2=NO_MEMORY";
const TWO: &str = "ucp_rkey_pack@2=NO_MEMORY; ucp_mem_map@3=NO_MEMORY";

fn all(findings: &Findings) -> Vec<(&str, u64, &str)> {
    findings
        .iter()
        .map(|finding| {
            (
                finding.fingerprint.as_str(),
                finding.count,
                finding.faults.as_str(),
            )
        })
        .collect()
}

#[test]
fn equal_fingerprints_are_counted_and_the_simplest_case_is_kept_in_any_order() {
    for order in [[ONE, TWO], [TWO, ONE]] {
        let mut findings = Findings::default();
        assert!(findings.insert(sample("a", order[0])));
        assert!(!findings.insert(sample("a", order[1])));
        assert_eq!(all(&findings), [("a", 2, ONE)]);
    }
}

#[test]
fn different_fingerprints_stand_in_one_order() {
    let mut findings = Findings::default();
    let crash = Finding {
        oracle: Oracle::Crash,
        ..sample("0", ONE)
    };
    for finding in [crash, sample("b", ONE), sample("a", ONE)] {
        assert!(findings.insert(finding));
    }
    let order: Vec<_> = all(&findings)
        .iter()
        .map(|finding| finding.0.to_owned())
        .collect();
    assert_eq!(order, ["a", "b", "0"]);
}

#[test]
fn what_a_known_cause_accounts_for_is_counted_there() {
    let mut findings = Findings::default();
    findings.insert(sample("a", ""));
    let explained = Finding {
        otherwise: vec!["a".to_owned()],
        ..sample("b", ONE)
    };
    assert!(!findings.insert(explained));
    assert_eq!(all(&findings), [("a", 2, "")]);
    assert!(findings.insert(Finding {
        otherwise: vec!["x".to_owned()],
        ..sample("b", ONE)
    }));
}

#[test]
fn the_file_is_read_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut findings = Findings::default();
    findings.insert(sample("a", ONE));
    findings.insert(sample("b", TWO));
    findings.insert(sample("b", TWO));
    let path = findings.write(&folder.path().join("out")).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    assert_eq!(Findings::read(path.parent().unwrap()).unwrap(), findings);
    // Nothing but the file is left in the folder, and a second time replaces it.
    Findings::default().write(path.parent().unwrap()).unwrap();
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1
    );
    assert!(Findings::read(path.parent().unwrap()).unwrap().is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = prepare_folder(&file.join("out")).unwrap_err().to_string();
    assert!(
        error.contains(&file.display().to_string()) && error.contains("--out"),
        "{error}"
    );
    assert!(Findings::default().write(&file).is_err());
    prepare_folder(&folder.path().join("new")).unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path().join("new"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_line_that_is_no_finding_is_named_and_so_is_a_file_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Findings::read(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("mock-ucx hunt"), "{missing}");
    let mut text = serde_json::to_string(&sample("a", ONE)).unwrap();
    text += "\n{}\n";
    std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
    let malformed = Findings::read(folder.path()).unwrap_err().to_string();
    assert!(malformed.contains("line 2"), "{malformed}");
}
