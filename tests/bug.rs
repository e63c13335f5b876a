//! `mock-ucx bug`: what it prints for the bugs that are kept can be filed, and shows the bug again.

use std::path::Path;
use std::process::{Command, Output};

fn mock_ucx(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-ucx"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The file that a report tells its reader to write.
fn embedded(report: &str) -> &str {
    let after = report
        .split_once("<<'END'\n")
        .expect("a file is embedded")
        .1;
    after.split_once("END\n").expect("it has an end").0
}

/// What a report says of the real UCX: it tells no broken rules and does not count what is live, a callback or a write cannot be put off, the system
/// does not fail there, a hang is no different from a slow answer, a byte of metadata has another place, and a region that is registered
/// anew has the key that it had. All else is shown there.
fn on_the_real_ucx(kept: &str) -> &'static str {
    let untried = [
        "UCP-AM-003",
        "UCP-MEM-00",
        "UCP-RKEY-005",
        "UCP-THR-001",
        "am.complete",
        "put.complete=+",
        "put.land",
        "oracle: growth",
        "faults: system.",
        "rule: spinning",
    ];
    if untried.iter().any(|key| kept.contains(key)) {
        "Cannot be tried on the real UCX, because "
    } else if kept.contains("name reload-after-refused-load")
        || kept.contains("name metadata-memory-type")
    {
        "Not shown on the real UCX: "
    } else {
        "Shown on the real UCX too: "
    }
}

#[test]
fn the_report_of_each_kept_finding_tells_all_that_is_known_and_shows_it_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/findings");
    let scratch = tempfile::tempdir().unwrap();
    let mut reports = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let kept = std::fs::read_to_string(&file).unwrap();
        let output = mock_ucx(&["bug", file.to_str().unwrap()]);
        let report = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        for key in ["at", "fix"] {
            let begin = format!("#! {key}: ");
            let known = kept.lines().find_map(|line| line.strip_prefix(&begin));
            let known = known.unwrap_or_else(|| panic!("{} has no `{key}`", file.display()));
            assert!(report.contains(&format!("\n{known}\n")), "{report}");
        }
        assert!(report.starts_with("# UCX backend: "), "{report}");
        assert!(report.contains("(SHA-256 `"), "{report}");
        let told = report.lines().last().unwrap();
        let begins = on_the_real_ucx(&kept);
        assert!(told.starts_with(begins), "{}: {told}", file.display());
        let again = scratch.path().join("bug.scenario");
        std::fs::write(&again, embedded(&report)).unwrap();
        // A hang takes some ten seconds each time.
        let times = if kept.contains("rule: spinning") {
            "1"
        } else {
            "5"
        };
        let replay = mock_ucx(&["replay", "--times", times, again.to_str().unwrap()]);
        assert_eq!(replay.status.code(), Some(1), "{}", text(&replay.stdout));
        reports += 1;
    }
    assert!(reports >= 4);
}

#[test]
fn what_shows_nothing_is_not_reported() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("clean.scenario");
    std::fs::write(&file, "name clean\nagent a0 progress_thread=off\n").unwrap();
    let output = mock_ucx(&["bug", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(
        text(&output.stderr).contains("nothing to report"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_report_of_a_crash_shows_where_it_dies_and_what_failed_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/findings");
    let report = |name: &str| {
        let file = folder.join(name).with_extension("scenario");
        text(&mock_ucx(&["bug", file.to_str().unwrap()]).stdout)
    };
    // The part of a report below a heading.
    let below = |report: &str, heading: &str| {
        let after = report.split_once(&format!("## {heading}\n"));
        let after = after.unwrap_or_else(|| panic!("no `{heading}` in {report}"));
        after.1.split("\n## ").next().unwrap().to_owned()
    };
    let twice = report("registered-twice");
    assert!(below(&twice, "Where it dies").contains("!nixlUcxEngine::unloadMD"));
    assert!(!twice.contains("## The call that failed before"), "{twice}");
    if cfg!(target_arch = "x86_64") {
        let refused = report("thread-refused");
        assert!(below(&refused, "Where it dies").contains("nixlUcxThread"));
        let failed = below(&refused, "The call that failed before");
        assert!(failed.contains("nixlUcxThread::start"), "{failed}");
    }
}
