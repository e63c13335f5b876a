//! Who decides: the same seed the same, whatever else happens; a fuzzer's bytes one by one; all combinations of a small client.

mod common;
mod schedules;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{memory, worker};
use mock_ucx::schedule::{
    Benign, Bytes, Choice, Decider, Decision, Exhaustive, Move, ObjectName, Point, Question, Seeded,
};
use mock_ucx::{Adversary, Settings, control};
use schedules::exchanged::Exchanged;

/// A question about an endpoint.
fn question(point: Point, path: u64, occurrence: u64, of_object: u64) -> Question {
    Question {
        point,
        object: Some(ObjectName {
            kind: mock_ucx::ledger::Kind::Endpoint,
            ordinal: 1,
        }),
        path,
        occurrence,
        of_object,
        operation: 0,
        thread: 1,
    }
}

const PUT: Point = Point::Move(Move::PutComplete);

#[test]
fn what_happens_with_other_objects_does_not_change_a_seeds_decisions() {
    let deviates = |seed: u64| {
        let seeded = Seeded::new(seed, false);
        let decide = |occurrence, of_object| {
            seeded
                .decide(&question(PUT, 77, occurrence, of_object))
                .choice
        };
        let alone: Vec<Choice> = (1..=50).map(|number| decide(number, number)).collect();
        // The point was reached three times as often, by others.
        let among_others: Vec<Choice> = (1..=50).map(|number| decide(3 * number, number)).collect();
        assert_eq!(alone, among_others, "seed {seed}");
        alone.iter().any(|choice| *choice != Choice::Benign)
    };
    assert!((0..50).filter(|seed| deviates(*seed)).count() > 3);
}

#[test]
fn a_seed_switches_on_some_points_and_leaves_others_alone() {
    let deviating = |seed: u64| {
        let seeded = Seeded::new(seed, false);
        let deviates = |point: &Point| {
            (1..=200).any(|number| {
                seeded.decide(&question(*point, 1, number, number)) != Decision::BENIGN
            })
        };
        Point::all().filter(deviates).count()
    };
    let counts: Vec<usize> = (0..40).map(deviating).collect();
    let all = Point::all().count();
    assert!(counts.iter().all(|count| *count < all / 2), "{counts:?}");
    assert!(counts.iter().any(|count| *count > 3), "{counts:?}");
}

#[test]
fn a_point_that_is_reached_very_often_deviates_no_more() {
    let deviates = |numbers: std::ops::RangeInclusive<u64>| {
        let mut all = (0..50).flat_map(|seed| numbers.clone().map(move |number| (seed, number)));
        all.any(|(seed, number)| {
            let asked = question(PUT, 1, number, number);
            Seeded::new(seed, false).decide(&asked) != Decision::BENIGN
        })
    };
    assert!(deviates(60..=64));
    assert!(!deviates(65..=2000));
}

#[test]
fn each_byte_answers_one_question_and_what_comes_after_them_is_benign() {
    let bytes = Bytes::new(vec![0, 1, 2, 255]);
    let decided: Vec<Choice> = (1..=6)
        .map(|number| bytes.decide(&question(PUT, 1, number, number)).choice)
        .collect();
    let outcomes = PUT.outcomes();
    let (first, second) = (outcomes[0].choice, outcomes[1].choice);
    let benign = Choice::Benign;
    assert_eq!(decided, [benign, first, second, benign, benign, benign]);
}

#[test]
fn every_combination_of_a_small_client_is_played_once_and_comes_to_rest() {
    let exchanged = Arc::new(Exchanged::new(Box::new(Benign)));
    let settings = Settings {
        adversary: Adversary::Own(exchanged.clone()),
        ..Settings::default()
    };
    alone_with(settings, |_| {
        let mut next = Some(Exhaustive::new(DEPTH));
        let mut seen = BTreeSet::new();
        let mut ends = BTreeSet::new();
        while let Some(run) = next {
            let run = Arc::new(run);
            let end = put_once(
                || exchanged.set(Box::new(Shared(run.clone()))),
                || {
                    exchanged.set(Box::new(Benign));
                },
            );
            ends.insert(end.to_string());
            assert!(seen.insert(run.taken()), "a combination came twice");
            assert!(control::reset());
            next = run.next();
        }
        // Whether the call fails (3), when it completes (5), with which status (3), and what has landed if it is not done at once (3).
        assert!(seen.len() >= 2 + 3 * 3 * 5, "{} combinations", seen.len());
        let expected = ["CONNECTION_RESET", "IO_ERROR", "NO_MEMORY", "OK"];
        assert_eq!(
            ends.iter().map(String::as_str).collect::<Vec<_>>(),
            expected
        );
    });
}

/// Decisions that may deviate in one run.
const DEPTH: usize = 4;

/// A client of one put, which alone is up to the adversary; returns the put's end.
fn put_once(adversary: impl FnOnce(), benign: impl FnOnce()) -> UcsStatus {
    let pair = Pair::new();
    let (source, target) = ([7; 64], vec![0_u8; 64]);
    let memh = register(pair.context, &target);
    let rkey = remote_key(pair.context, memh, pair.ep);
    adversary();
    let request = put(pair.ep, &source, target.as_ptr() as u64, rkey, &plain());
    benign();
    control::heal();
    worker::ucp_worker_progress(pair.near);
    let end = if ptr_is_ptr(request) {
        let end = status(request);
        free(request);
        end
    } else {
        ptr_status(request)
    };
    let flushed = flush(pair.ep, &plain());
    if end == UcsStatus::OK {
        assert_eq!((flushed, target[63]), (0, 7));
    }
    if ptr_is_ptr(flushed) {
        free(flushed);
    }
    memory::ucp_rkey_destroy(rkey);
    assert_eq!(memory::ucp_mem_unmap(pair.context, memh), UcsStatus::OK);
    pair.end_forced();
    end
}

/// A decider that is looked at afterwards.
#[derive(Debug)]
struct Shared(Arc<Exhaustive>);

impl Decider for Shared {
    fn decide(&self, question: &Question) -> Decision {
        self.0.decide(question)
    }
}
