//! The mock between two processes of one host: every test starts two, which are this program again, and each plays one side.
//!
//! `_forbidden` are the same with processes that the kernel keeps from touching each other's memory, and from ringing.

#[path = "two_processes/launch.rs"]
mod launch;
#[path = "two_processes/memory.rs"]
mod memory;
#[path = "two_processes/roles.rs"]
mod roles;
#[path = "two_processes/ucx.rs"]
mod ucx;
#[path = "two_processes/wire.rs"]
mod wire;

use std::os::unix::process::ExitStatusExt;

use launch::Pair;

/// No test: the two sides come in here.
#[test]
fn plays_its_part_if_it_has_one() {
    if let Some((scenario, side)) = launch::part() {
        roles::play(&scenario, &side);
    }
}

#[test]
fn put_and_get_reach_the_other_process_in_their_calls() {
    Pair::start("transfers").end_well();
}

#[test]
fn where_the_kernel_forbids_it_the_owner_copies_and_flush_waits() {
    Pair::start("transfers_forbidden").end_well();
}

#[test]
fn close_waits_for_what_runs_and_a_forced_one_cancels_it() {
    Pair::start("close_while_busy_forbidden").end_well();
}

#[test]
fn an_access_to_what_is_not_offered_fails_and_is_a_finding() {
    for scenario in ["bad_access", "bad_access_forbidden"] {
        let [first, second] = Pair::start(scenario).end();
        first.assert_well(0);
        second.assert_well(1);
        assert_eq!(first.rules(), ["UCP-RMA-001", "UCP-RKEY-007"], "{scenario}");
        assert!(second.rules().is_empty(), "{scenario}");
    }
}

#[test]
fn messages_of_all_kinds_arrive_whole() {
    Pair::start("messages").end_well();
}

#[test]
fn messages_of_all_kinds_arrive_whole_through_the_senders_progress() {
    Pair::start("messages_forbidden").end_well();
}

#[test]
fn a_message_wakes_who_sleeps_on_the_descriptor() {
    Pair::start("sleep").end_well();
}

#[test]
fn a_message_wakes_who_cannot_be_rung() {
    Pair::start("sleep_forbidden").end_well();
}

#[test]
fn ten_thousand_messages_that_find_no_room_arrive_in_order() {
    Pair::start("many").end_well();
}

#[test]
fn two_pairs_do_not_disturb_each_other() {
    let pairs = ["many", "transfers", "sleep"].map(Pair::start);
    for pair in pairs {
        pair.end_well();
    }
}

#[test]
fn the_end_of_a_killed_peer_fails_its_endpoints_which_close_cleanly() {
    for scenario in ["killed", "killed_asleep", "killed_while_asked_forbidden"] {
        let [first, second] = Pair::start(scenario).end();
        first.assert_well(0);
        assert_eq!(second.output.status.signal(), Some(libc::SIGKILL));
        assert_eq!(first.ledger.left().count(), 0, "{scenario}");
        assert!(first.rules().is_empty(), "{scenario}: {:?}", first.rules());
    }
}

#[test]
fn the_end_of_a_worker_fails_the_endpoints_that_lead_to_it() {
    Pair::start("worker_ends").end_well();
}

#[test]
fn a_forked_child_reaches_its_parent_by_address() {
    Pair::start("fork").end_well();
}
