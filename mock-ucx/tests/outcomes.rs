//! Each outcome of each decision point happens to a client that gives it the occasion, and the client comes to rest all the same.

mod common;
mod schedules;

use std::sync::Arc;

use common::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{endpoint, library, worker};
use mock_ucx::schedule::{Benign, Choice, Fault, FaultSpec, Move, Occurrences, Point, Script};
use mock_ucx::{Adversary, Settings, control};
use schedules::client::play;
use schedules::exchanged::Exchanged;
use schedules::monitor::Monitor;

/// Random clients that are tried before an outcome counts as out of reach.
const CLIENTS_MAX: u64 = 400;

#[test]
fn each_outcome_of_each_move_happens_and_the_client_comes_to_rest() {
    let decider = Arc::new(Exchanged::new(Box::new(Benign)));
    let settings = Settings {
        adversary: Adversary::Own(decider.clone()),
        ..Settings::default()
    };
    alone_with(settings, |mock| {
        corners();
        assert!(control::reset());
        let moves = Point::all().filter(|point| matches!(point, Point::Move(_)));
        for point in moves {
            for outcome in point.outcomes() {
                let number = point
                    .outcome_number(outcome.choice)
                    .expect("it is permitted");
                decider.set(Box::new(always(point, outcome.choice)));
                let mut clients = 0;
                while mock.snapshot().outcomes[point.number()][number] == 0 {
                    assert!(
                        clients < CLIENTS_MAX,
                        "{point}={} never happened",
                        point.words(outcome.choice)
                    );
                    for seed in clients..clients + 20 {
                        play(seed, Monitor::default());
                        assert!(control::reset(), "{point}: client {seed} left something");
                    }
                    clients += 20;
                    corners();
                    assert!(control::reset(), "{point}: the corners left something");
                }
            }
        }
    });
}

/// Moves that are made with operations that are under way, of which there are none if all is benign.
const NEED_OPERATIONS: [Move; 5] = [
    Move::TransferPartial,
    Move::ProgressOrder,
    Move::CloseForce,
    Move::DestroyRequests,
    Move::CancelEffect,
];

/// This choice each time, and operations under way where it needs some.
fn always(point: Point, choice: Choice) -> Script {
    let each_time = |point, choice| Fault {
        occurrences: Occurrences::ALL,
        ..Fault::at(point, 1, choice)
    };
    let mut faults = vec![each_time(point, choice)];
    if NEED_OPERATIONS
        .iter()
        .any(|which| point == Point::Move(*which))
    {
        let late = [Move::PutComplete, Move::GetComplete, Move::AmComplete];
        faults.extend(late.map(|which| each_time(Point::Move(which), Choice::After(5))));
    }
    Script::new(FaultSpec { faults }, 0, Arc::new(Benign))
}

/// What the random clients do not do: questions, a peer that goes, a worker that goes with operations under way.
fn corners() {
    let mut lib = UcpLibAttr {
        field_mask: UCP_LIB_ATTR_FIELD_MAX_THREAD_LEVEL,
        ..zeroed()
    };
    // SAFETY: the structure is right.
    let status = unsafe { library::ucp_lib_query(&raw mut lib) };
    assert_eq!(status, UcsStatus::OK);
    let pair = Pair::new();
    let costs = UcpEpEvaluatePerfParam {
        field_mask: UCP_EP_PERF_PARAM_FIELD_MESSAGE_SIZE,
        message_size: 4096,
    };
    let mut estimate = UcpEpEvaluatePerfAttr {
        field_mask: UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME,
        ..zeroed()
    };
    // SAFETY: the structures are right.
    let status =
        unsafe { endpoint::ucp_ep_evaluate_perf(pair.ep, &raw const costs, &raw mut estimate) };
    assert_eq!(status, UcsStatus::OK);
    // A peer that goes.
    let peer = worker(pair.context, UCS_THREAD_MODE_SINGLE);
    let ep = connect(pair.near, peer, UCP_ERR_HANDLING_MODE_PEER, None);
    worker::ucp_worker_destroy(peer);
    for _ in 0..10 {
        worker::ucp_worker_progress(pair.near);
    }
    let closing = close(ep, UCP_EP_CLOSE_FLAG_FORCE);
    // A worker that goes with a message under way.
    let leaving = worker(pair.context, UCS_THREAD_MODE_SINGLE);
    let ep = connect(leaving, pair.far, UCP_ERR_HANDLING_MODE_PEER, None);
    let sending = send(ep, 1, &[], &[1; 64], &plain());
    let leaving_close = close(ep, 0);
    for request in [closing, sending, leaving_close] {
        if ptr_is_ptr(request) {
            free(request);
        }
    }
    worker::ucp_worker_destroy(leaving);
    control::heal();
    let closing = close(pair.ep, UCP_EP_CLOSE_FLAG_FORCE);
    worker::ucp_worker_progress(pair.near);
    if ptr_is_ptr(closing) {
        free(closing);
    }
    worker::ucp_worker_destroy(pair.near);
    worker::ucp_worker_destroy(pair.far);
    library::ucp_cleanup(pair.context);
}
