//! What a fuzzer sees of a client that is not instrumented.

mod common;

use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

use common::*;
use mock_ucx::Settings;
use mock_ucx::control::{begin_anew, edges};

static COUNTERS: [AtomicU8; 512] = [const { AtomicU8::new(0) }; 512];

/// The counters that a message raises when UCX is like this.
fn raised(faults: &str) -> Vec<usize> {
    assert!(begin_anew(Settings {
        faults: faults.parse().expect("a specification"),
        ..Settings::default()
    }));
    edges::begin();
    for counter in &COUNTERS {
        counter.store(0, Relaxed);
    }
    exchange_a_message();
    let counters = COUNTERS.iter().enumerate();
    counters
        .filter(|(_, counter)| counter.load(Relaxed) > 0)
        .map(|(place, _)| place)
        .collect()
}

#[test]
fn the_same_history_raises_the_same_counters_and_another_one_others() {
    alone(|_| {
        edges::lend(&COUNTERS);
        Pair::new().end();
        let benign = raised("");
        assert!(benign.len() > 10, "{benign:?}");
        assert_eq!(raised(""), benign);
        let late = raised("am.complete=+1");
        assert_ne!(late, benign);
        assert_eq!(raised("am.complete=+1"), late);
        assert_eq!(raised(""), benign);
    });
}
