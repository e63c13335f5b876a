//! A process that plays one case after the other: what comes of a case does not depend on those before it.
//!
//! Not run by libtest, whose threads would be lost in the processes that are forked here.

use harness::execute::case::Draw;
use harness::execute::case::{Glance, Task};
use harness::execute::resident::Residents;
use harness::nixl::DEFAULT_SPEC;
use harness::scenario::{Scenario, builtin};

/// Inputs of each scenario.
const INPUTS: u64 = 6;

fn main() {
    // SAFETY: this process has one thread.
    let mut residents = unsafe { Residents::load(DEFAULT_SPEC) }.expect("the default NIXL");
    what_comes_of_a_case_does_not_depend_on_those_before_it(&mut residents);
    a_process_that_dies_of_a_case_or_keeps_something_is_replaced(&mut residents);
    println!("2 tests passed");
}

/// Numbers that look like drawn ones, the same in every run (splitmix64).
fn drawn(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 27
}

/// The order of threads is free, and with it what they ask.
fn has_one_thread(scenario: &Scenario) -> bool {
    let text = scenario.to_string();
    let threads = ["progress_thread=on", "num_threads", "listen", "POSIX"];
    text.contains("progress_thread=off") && threads.iter().all(|thread| !text.contains(thread))
}

fn inputs() -> Vec<Task> {
    let scenarios = builtin().into_iter().filter(has_one_thread);
    let inputs = scenarios.flat_map(|scenario| {
        (0..INPUTS).map(move |seed| Task {
            scenario: scenario.to_string(),
            // Mostly benign, as a fuzzer's inputs are that get far.
            faults: String::new(),
            follow: false,
            draw: Draw::Bytes(
                (0..200)
                    .map(|place| drawn(seed * 1000 + place))
                    .map(|number| {
                        if number % 16 < seed {
                            (number >> 8) as u8 % 6
                        } else {
                            0
                        }
                    })
                    .collect(),
            ),
        })
    });
    inputs.collect()
}

fn what_comes_of_a_case_does_not_depend_on_those_before_it(residents: &mut Residents) {
    let inputs = inputs();
    assert!(inputs.len() > 60, "{} inputs", inputs.len());
    let mut play = |order: &[usize]| {
        let mut glances: Vec<Option<Glance>> = vec![None; inputs.len()];
        for index in order {
            glances[*index] = Some(residents.play(&inputs[*index]).expect("a process"));
        }
        glances
    };
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    let first = play(&order);
    order.sort_by_key(|index| drawn(*index as u64));
    let shuffled = play(&order);
    for (index, input) in inputs.iter().enumerate() {
        assert_eq!(first[index], shuffled[index], "{}", input.scenario);
    }
    let fired = first
        .iter()
        .flatten()
        .filter(|glance| glance.fired.as_ref().is_some_and(|fired| !fired.is_empty()));
    assert!(fired.count() > 30, "most inputs deviate somewhere");
}

fn a_process_that_dies_of_a_case_or_keeps_something_is_replaced(residents: &mut Residents) {
    let case = |name: &str, faults: &str| {
        let scenario = builtin().into_iter().find(|scenario| scenario.name == name);
        Task {
            scenario: scenario
                .expect("a scenario that comes with the program")
                .to_string(),
            faults: faults.to_owned(),
            draw: Draw::Nothing,
            follow: false,
        }
    };
    let benign = case("two-agents-write", "");
    let before = residents.play(&benign).expect("a process");
    let lives = residents.lives();
    let lost = case("two-agents-write", "ucp_rkey_pack@1=NO_MEMORY");
    assert!(residents.play(&lost).expect("a process").suspicious);
    assert_eq!(residents.lives().restless, lives.restless + 1);
    assert_eq!(residents.play(&benign).expect("a process"), before);
    assert_eq!(residents.lives().begun, lives.begun + 1);
}
