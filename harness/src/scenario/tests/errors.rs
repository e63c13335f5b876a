//! The messages for wrong text, as a user sees them.

use crate::scenario::Scenario;

/// The error of a scenario whose second line is `line`.
fn error_of(line: &str) -> String {
    match Scenario::parse(&format!("name x\n{line}\n")) {
        Ok(_) => panic!("`{line}` was accepted"),
        Err(error) => error.to_string(),
    }
}

/// Compares with the message that is printed for the line.
#[track_caller]
fn check(line: &str, message: &str) {
    assert_eq!(error_of(line), message, "\n{}", error_of(line));
}

#[test]
fn a_misspelt_operation_names_the_nearest() {
    check(
        "  regster a0 r0",
        "line 2, column 3: unknown operation `regster`; expected an operation, `repeat`, `}` or a header (`name`, `about`, `leave`, `misuse`, `growth`, `telemetry_enabled`); did you mean `register`?
 2 |   regster a0 r0
   |   ^^^^^^^",
    );
}

#[test]
fn a_word_like_no_operation_has_no_suggestion() {
    assert!(!error_of("zzzzzzzzzz a0").contains("did you mean"));
}

#[test]
fn a_misspelt_option_names_the_nearest() {
    check(
        "agent a0 progres_thread=off",
        "line 2, column 10: `agent` has no option `progres_thread`; expected `name=`, `progress_thread=`, `listen_thread=`, `listen_port=`, `sync=`, `num_workers=`, `pthr_delay_us=`, `lthr_delay_us=`, `telemetry=`; did you mean `progress_thread`?
 2 | agent a0 progres_thread=off
   |          ^^^^^^^^^^^^^^",
    );
}

#[test]
fn a_misspelt_word_of_a_set_names_the_set() {
    check(
        "agent a0 sync=strct",
        "line 2, column 15: `strct` does not fit here; expected `none`, `strict`, `rw`; did you mean `strict`?
 2 | agent a0 sync=strct
   |               ^^^^^",
    );
}

#[test]
fn a_slot_of_another_kind_is_refused() {
    check(
        "register r0 r1",
        "line 2, column 10: `r0` does not fit here; expected an agent, `a0` to `a255`
 2 | register r0 r1
   |          ^^",
    );
}

#[test]
fn a_slot_number_beyond_the_last_is_refused() {
    check(
        "get_md m0 a256",
        "line 2, column 11: `a256` does not fit here; expected an agent, `a0` to `a255`
 2 | get_md m0 a256
   |           ^^^^",
    );
}

#[test]
fn a_missing_operand_is_named() {
    check(
        "get_md m0   # no agent",
        "line 2, column 23: an agent is missing; expected an agent, `a0` to `a255`
 2 | get_md m0   # no agent
   |                       ^",
    );
}

#[test]
fn a_missing_option_is_named() {
    check(
        "region r0 seed=1",
        "line 2, column 17: `size=` is missing; expected `size=VALUE`
 2 | region r0 seed=1
   |                 ^",
    );
}

#[test]
fn an_option_given_twice_is_refused() {
    check(
        "region r0 size=1 size=2",
        "line 2, column 18: option `size` is given twice; expected each option once
 2 | region r0 size=1 size=2
   |                  ^^^^",
    );
}

#[test]
fn a_number_out_of_range_names_the_range() {
    check(
        "region r0 size=0",
        "line 2, column 16: `0` does not fit here; expected a number from 1 to 4294967295
 2 | region r0 size=0
   |                ^",
    );
}

#[test]
fn a_span_that_runs_backwards_is_refused() {
    check(
        "register a0 r0[8..4]",
        "line 2, column 13: `r0[8..4]` does not fit here; expected a descriptor, `r0` or `r0[0..512]`
 2 | register a0 r0[8..4]
   |             ^^^^^^^^",
    );
}

#[test]
fn a_word_too_many_is_refused() {
    check(
        "post x0 hello",
        "line 2, column 9: `hello` is one word too many; expected an option (`notif=`) or the end of the line
 2 | post x0 hello
   |         ^^^^^",
    );
}

#[test]
fn a_message_without_quotes_is_refused() {
    check(
        "post x0 notif=hello",
        "line 2, column 15: `hello` does not fit here; expected a message in quotes
 2 | post x0 notif=hello
   |               ^^^^^",
    );
}

#[test]
fn a_string_without_end_is_shown_from_its_quote() {
    check(
        "post x0 notif=\"hel",
        "line 2, column 15: this string has no closing quote; expected `\"` at its end
 2 | post x0 notif=\"hel
   |               ^^^^",
    );
}

#[test]
fn an_unknown_escape_is_shown() {
    check(
        "post x0 notif=\"a\\q\"",
        "line 2, column 17: unknown escape `\\q` in a string; expected `\\n`, `\\r`, `\\t`, `\\\\`, `\\\"` or `\\x00`
 2 | post x0 notif=\"a\\q\"
   |                 ^^",
    );
}

#[test]
fn an_unknown_status_names_the_nearest() {
    let message = error_of("wait x0 => not_fond");
    assert!(
        message.starts_with("line 2, column 12: `not_fond` does not fit here"),
        "{message}"
    );
    assert!(message.contains("did you mean `not_found`?"), "{message}");
}

#[test]
fn an_open_repeat_is_shown_at_its_start() {
    check(
        "repeat 3 {\nwait x0",
        "line 2, column 1: this `repeat` is never closed; expected a line with `}`
 2 | repeat 3 {
   | ^^^^^^",
    );
}

#[test]
fn a_repeat_needs_its_brace_on_the_same_line() {
    check(
        "repeat 3",
        "line 2, column 9: `{` is missing; expected `repeat COUNT {` on one line
 2 | repeat 3
   |         ^",
    );
}

#[test]
fn a_brace_without_repeat_is_refused() {
    check(
        "}",
        "line 2, column 1: this `}` closes nothing; expected a `repeat` before it
 2 | }
   | ^",
    );
}

#[test]
fn repeats_that_nest_too_deep_are_refused() {
    let message = error_of(&"repeat 2 {\n".repeat(5));
    assert!(
        message.starts_with("line 6, column 1: `repeat` nests at most 4 deep"),
        "{message}"
    );
}

#[test]
fn too_many_lines_are_refused() {
    let message = error_of(&"wait x0\n".repeat(4096));
    assert!(
        message.starts_with("line 4097, column 1: a scenario has at most 4096 lines"),
        "{message}"
    );
}

#[test]
fn a_scenario_without_a_name_is_refused() {
    let error = Scenario::parse("wait x0\n").expect_err("it has no name");
    assert_eq!(
        error.to_string(),
        "line 1, column 8: the scenario's name is missing; expected `name SOME-NAME`\n 1 | wait x0\n   |        ^"
    );
}

#[test]
fn a_name_with_spaces_is_refused() {
    let error = Scenario::parse("name two agents\n").expect_err("a name is one word");
    assert_eq!(
        error.to_string(),
        "line 1, column 6: `two agents` does not fit here; expected a name of letters, digits, `-` and `_`\n 1 | name two agents\n   |      ^^^^^^^^^^"
    );
}

#[test]
fn a_header_given_twice_is_refused() {
    check(
        "name y",
        "line 2, column 1: `name` is given twice; expected each header once
 2 | name y
   | ^^^^",
    );
}

#[test]
fn the_caret_counts_characters_not_bytes() {
    check(
        "notify a0 a1 \"é→\" bad",
        "line 2, column 19: `bad` is one word too many; expected an option (`backend=`) or the end of the line
 2 | notify a0 a1 \"é→\" bad
   |                   ^^^",
    );
}

#[test]
fn of_a_file_that_is_one_long_line_a_part_is_shown() {
    let at_start = Scenario::parse(&"x".repeat(1_000_000)).unwrap_err();
    let shown = at_start.to_string();
    assert!(shown.len() < 2000, "{} bytes", shown.len());
    assert!(shown.contains("unknown operation `xxx"), "{shown}");
    let far = format!("name far\nagent a0{}rubbish", " ".repeat(1_000_000));
    let far = Scenario::parse(&far).unwrap_err();
    let shown = far.to_string();
    assert!(shown.len() < 2000, "{} bytes", shown.len());
    let lines: Vec<&str> = shown.lines().collect();
    let caret = lines[2].chars().position(|c| c == '^').expect("a caret");
    assert!(
        lines[1]
            .chars()
            .skip(caret)
            .collect::<String>()
            .starts_with("rubbish"),
        "{shown}"
    );
}
