//! A process that plays one case after the other is replaced when a case leaves something behind, and not otherwise. What is left is planted:
//! a toy takes NIXL's place (`tests/clients/toy`).
//!
//! Not run by libtest, whose threads would be lost in the processes that are forked here.

#[path = "../../tests/toy/folder.rs"]
mod folder;

use folder::Toy;
use harness::execute::case::{Draw, Task};
use harness::execute::resident::{Lives, Residents};

const CASES: u64 = 5;

fn main() {
    let toy = Toy::make();
    // SAFETY: this process has one thread.
    let mut residents = unsafe { Residents::load(toy.spec()) }.expect("the toy");
    cases_that_leave_nothing_share_a_process(&mut residents);
    for bug in ["leave_thread", "leave_descriptor", "lose_memory_handle"] {
        a_process_in_which_something_is_left_is_replaced(&mut residents, bug);
    }
    println!("2 tests passed");
}

fn case(parameter: &str) -> Task {
    Task {
        scenario: format!(
            "name one\nagent a0 progress_thread=off\nbackend b0 a0 UCX {parameter}\nregion r0 size=4096 seed=1\nregister a0 r0\n"
        ),
        faults: String::new(),
        draw: Draw::Nothing,
        follow: false,
    }
}

/// What became of the processes in some cases.
fn play(residents: &mut Residents, parameter: &str) -> Lives {
    let before = residents.lives();
    for _ in 0..CASES {
        let glance = residents.play(&case(parameter)).expect("a process");
        assert!(glance.ended.is_none() && !glance.doubtful, "{glance:?}");
    }
    let after = residents.lives();
    Lives {
        cases: after.cases - before.cases,
        begun: after.begun - before.begun,
        restless: after.restless - before.restless,
        dead: after.dead - before.dead,
    }
}

fn cases_that_leave_nothing_share_a_process(residents: &mut Residents) {
    let lives = play(residents, "");
    assert_eq!((lives.begun, lives.restless, lives.dead), (1, 0, 0));
}

fn a_process_in_which_something_is_left_is_replaced(residents: &mut Residents, bug: &str) {
    let lives = play(residents, &format!("bug={bug}"));
    assert_eq!((lives.restless, lives.dead), (CASES, 0), "{bug}");
    // Those that come after it have a whole process again.
    assert_eq!(play(residents, "").restless, 0, "{bug}");
}
