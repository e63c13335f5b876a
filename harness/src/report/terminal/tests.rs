//! A finding as it looks on paper.

use super::*;
use crate::report::testing::sample;

fn plain(text: &impl Display) -> String {
    anstream::adapter::strip_str(&text.to_string()).to_string()
}

#[test]
fn a_finding_reads_from_the_loss_to_the_command_that_shows_it_again() {
    let sample = sample("0123456789ab", "ucp_rkey_pack@2=NO_MEMORY");
    let shown = finding(1, &sample, "mock-ucx replay 0123456789ab");
    let expected = "\
[1] memory_handle lost  UCP-CTX-004, once, NIXL 1.5.1, UCX 1.22.0, id 0123456789ab
    memory_handle #2 is lost.
  stack    libplugin_UCX.so!nixlUcxContext::memReg
           libnixl.so!nixlAgent::registerMem
           ... 3 frames in mock-ucx, libc.so
  injected ucp_rkey_pack@2=NO_MEMORY
  evidence context #1, which it belongs to, ended
  scenario
    name lost
    agent a0
  replay   mock-ucx replay 0123456789ab
";
    assert_eq!(plain(&shown), expected);
    assert!(shown.to_string().contains(&format!("{NIXL}libnixl.so")));
}

#[test]
fn a_broken_rule_shows_the_call_and_both_ends_of_the_object() {
    let mut misuse = sample("a", "");
    misuse.oracle = Oracle::Rule;
    let frames = |function: &str| {
        vec![StackFrame {
            function: Some(function.to_owned()),
            ..misuse.created[0].clone()
        }]
    };
    let (called, created, ended) = (frames("use"), frames("make"), frames("end"));
    (misuse.called, misuse.created, misuse.ended) = (called, created, ended);
    let text = plain(&finding(1, &misuse, "again"));
    let stacks = "
  called   libplugin_UCX.so!use
  created  libplugin_UCX.so!make
  ended    libplugin_UCX.so!end
";
    assert!(text.contains(stacks), "{text}");
    misuse.oracle = Oracle::Crash;
    misuse.ended.clear();
    let text = plain(&finding(1, &misuse, "again"));
    let stacks = "
  failed   libplugin_UCX.so!use
  died     libplugin_UCX.so!make
";
    assert!(text.contains(stacks), "{text}");
}

#[test]
fn a_long_stack_is_cut_and_a_benign_finding_has_no_fault() {
    let mut long = sample("a", "");
    let frame = |number| StackFrame {
        function: Some(format!("f{number}")),
        ..long.created[0].clone()
    };
    long.created = (0..20).map(frame).collect();
    let text = plain(&finding(2, &long, "again"));
    assert!(text.contains("!f11\n           ... 8 more\n"), "{text}");
    assert!(!text.contains("injected"), "{text}");
}

#[test]
fn a_finding_that_does_not_always_show_says_how_often() {
    let mut rare = sample("a", "");
    assert!(!plain(&finding(1, &rare, "again")).contains("showed"));
    rare.stability = crate::report::Stability { shown: 2, of: 3 };
    assert!(plain(&finding(1, &rare, "again")).contains("  showed   in 2 of 3 runs\n"));
}

#[test]
fn the_end_says_three_numbers_and_what_to_do_next() {
    let text = plain(&summary(
        120,
        3,
        7.4,
        "see one again with: mock-ucx replay a",
    ));
    assert_eq!(
        text,
        "120 cases, 3 distinct findings, 7 s\nsee one again with: mock-ucx replay a"
    );
}
