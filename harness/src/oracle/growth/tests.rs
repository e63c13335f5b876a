//! Growth is told from what fills up, what comes and goes, and what is not measured.

use super::*;
use crate::oracle::judge;
use crate::oracle::testing::empty;
use crate::scenario::READ_AFTER;

/// What is told of memory that was live like this.
fn told(bytes: [i64; 4]) -> Vec<String> {
    let memory = MemoryGrowth {
        mapped: false,
        stack: vec![1],
        bytes: bytes.to_vec(),
        blocks: vec![1; 4],
    };
    verdicts(Growth {
        rounds: READ_AFTER.to_vec(),
        memory: vec![memory],
        ..Growth::default()
    })
}

fn verdicts(growth: Growth) -> Vec<String> {
    let snapshot = empty();
    let observation = Observation {
        growth: Some(&growth),
        ..Observation::of(&snapshot)
    };
    let verdicts = judge(&observation).into_iter();
    verdicts.map(|verdict| verdict.what).collect()
}

#[test]
fn what_grows_in_each_round_is_told_with_how_much() {
    assert_eq!(
        told([480, 960, 1920, 3840]),
        ["memory of the heap grows by 120 bytes a round"]
    );
}

#[test]
fn a_vector_that_doubles_while_it_grows_is_told() {
    assert_eq!(told([512, 1024, 2048, 4096]).len(), 1);
    assert_eq!(told([100, 400, 800, 1600]).len(), 1);
}

#[test]
fn what_fills_up_comes_and_goes_or_is_there_from_the_start_is_not_told() {
    for silent in [
        [4096, 4096, 4096, 4096],
        [480, 960, 1440, 1450],
        [480, 960, 960, 1920],
        [100, 300, 200, 900],
        [0, 1, 2, 40],
        [0, 4096, 4200, 4300],
    ] {
        assert_eq!(told(silent), Vec::<String>::new(), "{silent:?}");
    }
}

#[test]
fn objects_of_ucx_that_grow_are_told_by_their_kind() {
    let objects = |live: [u64; 4]| {
        verdicts(Growth {
            rounds: READ_AFTER.to_vec(),
            objects: vec![ObjectGrowth {
                kind: "rkey".to_owned(),
                live: live.to_vec(),
                youngest: 1,
                stack: vec![1],
                operation: 3,
            }],
            ..Growth::default()
        })
    };
    assert_eq!(
        objects([4, 8, 16, 32]),
        ["there are 1.0 more rkeys alive after each round"]
    );
    assert_eq!(objects([4, 5, 6, 7]), Vec::<String>::new());
}
