//! What UCX never does, the mock never does either: one hundred thousand random clients, each with an adversary of its own.

mod common;
mod schedules;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mock_ucx::schedule::{Benign, Seeded};
use mock_ucx::{Adversary, Settings, control};
use schedules::client::play;
use schedules::exchanged::Exchanged;
use schedules::monitor::{Forbidden, Monitor};

/// Schedules that are played.
const SCHEDULES: u64 = 100_000;

/// Plays all schedules, once for all tests of this program.
fn monitor() -> &'static Mutex<Monitor> {
    static MONITOR: OnceLock<Mutex<Monitor>> = OnceLock::new();
    MONITOR.get_or_init(|| {
        let decider = Arc::new(Exchanged::new(Box::new(Benign)));
        control::configure(Settings {
            adversary: Adversary::Own(decider.clone()),
            ..Settings::default()
        });
        let mut monitor = Monitor::default();
        for schedule in 0..SCHEDULES {
            decider.set(Box::new(Seeded::moves_only(schedule)));
            monitor.schedule = schedule;
            monitor = play(schedule, monitor);
            assert!(
                control::reset(),
                "schedule {schedule} left something behind"
            );
        }
        Mutex::new(monitor)
    })
}

fn never(forbidden: Forbidden) {
    let monitor = monitor().lock().unwrap_or_else(PoisonError::into_inner);
    let (looks, seen) = monitor.of(forbidden);
    println!("{forbidden:?}: looked for {looks} times");
    assert!(looks > 1000, "{forbidden:?} was hardly looked for");
    assert!(seen.is_empty(), "{forbidden:?}: {seen:#?}");
}

macro_rules! never {
    ($($name:ident: $forbidden:ident;)*) => {
        $(
            #[test]
            fn $name() {
                never(Forbidden::$forbidden);
            }
        )*
    };
}

never! {
    no_callback_runs_beside_null_or_an_error: CallbackBesideAnswer;
    no_callback_runs_twice: CallbackTwice;
    no_callback_runs_after_its_request_was_freed: CallbackAfterFree;
    no_error_handler_runs_after_close: ErrorAfterClose;
    no_error_handler_runs_twice: ErrorTwice;
    no_error_handler_runs_without_error_handling: ErrorWithoutHandling;
    no_callback_runs_outside_a_call_on_its_worker: CallbackOutside;
    no_operation_completes_inside_the_call_of_another: ForeignCompletion;
    no_final_status_changes: StatusChanged;
    nothing_is_told_to_be_in_progress: InProgressTold;
    no_flush_overtakes_what_it_flushes: FlushOvertakes;
    nothing_is_refused_that_ucx_queues: Unqueued;
    every_operation_of_a_failed_endpoint_ends: NeverEnds;
    no_worker_is_busy_for_ever: BusyForEver;
    no_armed_worker_misses_an_event: LostSignal;
    no_message_has_attributes_that_exclude_each_other: MessageAttributes;
    no_eager_message_becomes_a_rendezvous: EagerTurned;
    no_live_handle_is_given_out_again: HandleTwice;
    flushed_bytes_are_there: BytesWrong;
    messages_of_an_endpoint_stay_in_order: MessagesOutOfOrder;
    after_the_healing_everything_comes_to_rest: NoRest;
}
