//! The search on findings that are made up: what shows them is a predicate over the text.

use super::*;
use crate::report::testing::sample;

/// Shows a finding where the predicate over scenario and faults holds.
struct Fake<P> {
    shows: P,
    seen: Vec<String>,
}

impl<P: Fn(&str, &str) -> bool> Replay for Fake<P> {
    fn replay(&mut self, candidate: &Candidate) -> anyhow::Result<Option<Shown>> {
        let (scenario, faults) = (candidate.scenario.to_string(), candidate.faults.to_string());
        self.seen.push(format!("{scenario}{faults}"));
        Ok((self.shows)(&scenario, &faults).then(|| Shown {
            finding: sample("f", ""),
            trail: Trail::default(),
        }))
    }
}

const SCENARIO: &str = "name big
agent a0 name=one progress_thread=on
agent a1
backend b0 a0 UCX num_workers=4
region r0 size=65536
repeat 3 {
  register a0 r0[0..64] r0[64..128]
}
get_md m0 a0
deregister a0 r0
";

fn candidate(faults: &str) -> Candidate {
    Candidate {
        scenario: Scenario::parse(SCENARIO).unwrap(),
        faults: faults.parse().unwrap(),
    }
}

fn run(
    faults: &str,
    replays_max: usize,
    shows: impl Fn(&str, &str) -> bool,
) -> (Option<Minimised>, Vec<String>) {
    let mut fake = Fake {
        shows,
        seen: Vec::new(),
    };
    let result = minimise(candidate(faults), &mut fake, replays_max, &|| true).unwrap();
    (result, fake.seen)
}

fn body(minimised: &Minimised) -> String {
    let text = minimised.candidate.scenario.to_string();
    text.split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn only_what_the_finding_needs_is_left() {
    let needs = |scenario: &str, faults: &str| {
        scenario.contains("agent a0")
            && scenario.contains("register a0 r0")
            && faults.contains("pack")
    };
    let (small, _) = run(
        "ucp_mem_map@7=NO_MEMORY; ucp_rkey_pack@2=NO_MEMORY",
        300,
        needs,
    );
    let small = small.expect("the first candidate shows it");
    assert_eq!(
        body(&small),
        "agent a0 progress_thread=off\nregister a0 r0\n"
    );
    assert_eq!(
        small.candidate.faults.to_string(),
        "ucp_rkey_pack@1=NO_MEMORY"
    );
    assert!(small.complete);
}

#[test]
fn a_repeat_that_is_needed_whole_keeps_its_rounds() {
    let needs = |scenario: &str, _: &str| {
        let scenario = Scenario::parse(scenario).unwrap();
        let is_part = |line: &&crate::scenario::Line| line.op.to_string().contains("r0[0..64]");
        scenario.lines().filter(is_part).count() == 3
    };
    let (small, _) = run("", 300, needs);
    assert_eq!(
        body(&small.expect("it shows when it is unrolled")),
        "register a0 r0[0..64]\n".repeat(3)
    );
}

#[test]
fn what_does_not_show_is_not_minimised() {
    assert!(run("", 300, |_, _| false).0.is_none());
}

#[test]
fn replays_are_bounded_and_the_best_so_far_is_kept() {
    let (small, seen) = run("", 12, |scenario, _| scenario.contains("agent a0"));
    let small = small.expect("it shows");
    assert_eq!((seen.len(), small.replays, small.complete), (12, 12, false));
    assert!(small.candidate.scenario.steps.len() < 8);
}

#[test]
fn what_always_shows_does_not_become_a_matter_of_luck() {
    // Without its `get_md` it shows in every second play.
    let plays = std::cell::Cell::new(0);
    let shows = |scenario: &str, _: &str| {
        plays.set(plays.get() + 1);
        scenario.contains("register") && (scenario.contains("get_md") || plays.get() % 2 == 0)
    };
    let (small, _) = run("", 300, shows);
    let small = small.expect("it shows");
    assert!(body(&small).contains("get_md"), "{}", body(&small));
    assert!(body(&small).contains("register"), "{}", body(&small));
    assert!(!body(&small).contains("backend"), "{}", body(&small));
}

#[test]
fn the_same_finding_takes_the_same_steps() {
    let shows = |scenario: &str, _: &str| scenario.contains("get_md");
    assert_eq!(run("", 300, shows).1, run("", 300, shows).1);
}

#[test]
fn a_repeat_in_which_growth_is_looked_for_stays_and_its_body_becomes_small() {
    let text = "name big\ngrowth\nagent a0\nagent a1\nrepeat 40 {\n  register a0 r0[0..64]\n  get_md m0 a0\n  deregister a0 r0\n}\n";
    let first = Candidate {
        scenario: Scenario::parse(text).unwrap(),
        faults: FaultSpec::default(),
    };
    let mut fake = Fake {
        shows: |scenario: &str, _: &str| {
            let whole = Scenario::parse(scenario).unwrap();
            whole.measured().is_some() && scenario.contains("  register a0 r0")
        },
        seen: Vec::new(),
    };
    let small = minimise(first, &mut fake, REPLAYS_MAX, &|| true).unwrap();
    assert_eq!(body(&small.unwrap()), "repeat 32 {\n  register a0 r0\n}\n");
}
