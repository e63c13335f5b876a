//! What the model knows after some operations, and what it lets a client do next.

use super::*;

/// The world after these operations, all of which were done.
fn after(text: &str) -> Model {
    let mut model = Model::new(true);
    for line in lines(text) {
        model.apply(&line, Seen::Done(&[]));
    }
    model
}

fn lines(text: &str) -> Vec<Op> {
    let scenario = Scenario::parse(&format!("name test\n{text}")).unwrap();
    scenario.lines().map(|line| line.op.clone()).collect()
}

fn op(text: &str) -> Op {
    lines(text).remove(0)
}

const PAIR: &str = "agent a0 progress_thread=off
agent a1 progress_thread=off
backend b0 a0 UCX
backend b1 a1 UCX
region r0 size=64 seed=1
region r1 size=64 seed=2
register a0 r0
register a1 r1
get_md m1 a1
load_md a0 m1
";

const POSTED: &str = "create x0 a0 write local=r0 to=a1 remote=r1 notif=\"done\"\npost x0\n";

fn pair(more: &str) -> Model {
    after(&format!("{PAIR}{more}"))
}

#[track_caller]
fn permits(model: &Model, text: &str) {
    assert_eq!(model.permits(&op(text)), Ok(()), "{text}");
}

#[track_caller]
fn forbids(model: &Model, text: &str) {
    assert!(model.permits(&op(text)).is_err(), "{text}");
}

#[test]
fn memory_is_not_given_back_while_a_transfer_uses_it() {
    let posted = pair(POSTED);
    forbids(&posted, "deregister a0 r0");
    forbids(&posted, "deregister a1 r1");
    let done = pair(&format!("{POSTED}wait x0"));
    permits(&done, "deregister a0 r0");
    permits(&done, "deregister a1 r1");
}

#[test]
fn a_transfer_is_not_posted_over_memory_that_was_given_back() {
    let made = format!("{POSTED}wait x0\n");
    permits(&pair(&made), "post x0");
    forbids(&pair(&format!("{made}deregister a1 r1")), "post x0");
    // The same memory registered again is another registration.
    forbids(
        &pair(&format!("{made}deregister a0 r0\nregister a0 r0")),
        "post x0",
    );
    forbids(&pair(&format!("{made}deregister a0 r0")), "cost x0");
}

#[test]
fn a_peer_that_died_may_still_be_written_to() {
    permits(
        &pair(&format!("{POSTED}wait x0\ndestroy_agent a1")),
        "post x0",
    );
}

#[test]
fn two_agents_do_not_have_one_name_at_a_time() {
    forbids(&pair(""), "agent a2 name=a1 progress_thread=off");
    permits(
        &pair("destroy_agent a1"),
        "agent a2 name=a1 progress_thread=off",
    );
}

#[test]
fn a_list_that_outlives_what_it_was_prepared_from_is_seen() {
    let lists = "prep d0 a0 r0\nprep d1 a0 remote=a1 r1\n";
    let make = "make x0 a0 write local=d0 remote=d1";
    let answer = |more: &str| pair(&format!("{lists}{more}")).allowed(&op(make)).answer;
    assert_eq!(answer(""), Answer::Success);
    assert_eq!(
        answer("invalidate a0 a1\nload_md a0 m1"),
        Answer::Error(&[])
    );
    forbids(&pair(&format!("{lists}deregister a0 r0")), make);
    // NIXL sees that the peer is not there.
    let forgotten = pair(&format!("{lists}invalidate a0 a1"));
    permits(&forgotten, make);
    assert!(forgotten.allowed(&op(make)).is_error());
}

#[test]
fn memory_registered_twice_is_a_known_hazard() {
    assert_eq!(
        pair("").hazard(&op("register a0 r0")),
        Some(Hazard::RegisteredTwice)
    );
    assert_eq!(pair("").hazard(&op("register a0 r1")), None);
}

#[test]
fn bytes_go_where_a_transfer_brings_them_and_not_before_it_has_ended() {
    let desc = Desc {
        region: RegionSlot(1),
        span: None,
    };
    let pattern = |seed| Pattern { seed, from: 0 };
    assert!(pair("").must_hold(desc, pattern(2)));
    let posted = pair(POSTED);
    assert!(!posted.must_hold(desc, pattern(1)) && !posted.must_hold(desc, pattern(2)));
    assert!(pair(&format!("{POSTED}wait x0")).must_hold(desc, pattern(1)));
}

#[test]
fn a_notification_is_due_when_its_transfer_has_ended() {
    let message = Message(b"done".to_vec());
    let due = |model: &Model| model.is_due(AgentSlot(1), AgentSlot(0), &message);
    assert!(!due(&pair(POSTED)));
    let done = pair(&format!("{POSTED}wait x0\n"));
    assert!(due(&done));
    assert_eq!(done.due(AgentSlot(1)), Some("\"done\" from a0".to_owned()));
    assert!(!due(&pair(&format!(
        "{POSTED}wait x0\nexpect_notif a1 \"done\" from=a0"
    ))));
}

#[test]
fn a_notification_of_a_refused_post_may_come_now_or_with_the_next_post() {
    let mut model = pair(POSTED);
    model.apply(&op("post x0 notif=\"more\""), Seen::Refused);
    let wait = op("expect_notif a1 \"more\" from=a0");
    assert!(!model.is_in_vain(&wait));
    model.apply(&wait, Seen::Done(&[]));
    assert!(model.is_in_vain(&wait));
    model.apply(&op("wait x0"), Seen::Done(&[]));
    // Which of the two it is that comes is not known.
    assert_eq!(model.due(AgentSlot(1)), None);
    model.apply(&op("post x0"), Seen::Done(&[]));
    assert!(!model.is_in_vain(&wait));
    model.apply(&op("post x0 notif=\"last\""), Seen::Done(&[]));
    model.apply(&wait, Seen::Done(&[]));
    assert!(model.is_in_vain(&wait));
}

#[test]
fn a_refused_post_without_a_notification_of_its_own_may_repeat_the_last_one() {
    let mut model = pair(POSTED);
    let wait = op("expect_notif a1 \"done\" from=a0");
    model.apply(&op("post x0"), Seen::Refused);
    for _ in 0..2 {
        assert!(!model.is_in_vain(&wait));
        model.apply(&wait, Seen::Done(&[]));
    }
    assert!(model.is_in_vain(&wait));
}

#[test]
fn a_refused_post_says_nothing_of_the_bytes_though_the_post_before_it_has_succeeded() {
    let read = "create x0 a0 read local=r0 to=a1 remote=r1\npost x0\nwait x0\n";
    let mut model = pair(&format!("{read}invalidate a0 a1\nfill r1 seed=9\n"));
    model.apply(&op("post x0"), Seen::Refused);
    // What NIXL tells of it is the end of the post before, if the refused one has not begun.
    model.apply(&op("wait x0"), Seen::Done(&[]));
    let desc = Desc {
        region: RegionSlot(0),
        span: None,
    };
    for seed in [2, 9] {
        assert!(!model.must_hold(desc, Pattern { seed, from: 0 }), "{seed}");
    }
}

#[test]
fn an_agent_without_a_backend_has_no_connection_information_to_tell() {
    let agents = "agent a0 progress_thread=off\nagent a1 progress_thread=off\n";
    let model = after(&format!(
        "{agents}get_md m1 a1\nload_md a0 m1\nload_md a0 m1\n"
    ));
    assert!(model.allowed(&op("connect a0 a1")).is_error());
    assert!(pair("").allowed(&op("connect a0 a1")).is_success());
}

#[test]
fn a_notification_that_nobody_sent_is_waited_for_in_vain() {
    let wait = op("expect_notif a1 \"done\" from=a0");
    assert!(pair("").is_in_vain(&wait));
    assert!(!pair(POSTED).is_in_vain(&wait));
    let come = "expect_notif a1 \"done\" from=a0";
    assert!(pair(&format!("{POSTED}wait x0\n{come}")).is_in_vain(&wait));
}

#[test]
fn a_long_play_is_remembered_no_longer_than_a_short_one() {
    let model = pair("repeat 5000 {\nderegister a0 r0\nregister a0 r0\n}");
    assert!(model.given_back.len() <= 257, "{}", model.given_back.len());
    // What rests on one of them is still seen to.
    let made = format!("{POSTED}wait x0\nrepeat 5000 {{\nderegister a0 r0\nregister a0 r0\n}}");
    forbids(&pair(&made), "post x0");
}

#[test]
fn a_peer_is_loaded_until_it_is_forgotten() {
    let check = op("check_md a0 a1");
    assert!(pair("").allowed(&check).is_success());
    assert!(pair("invalidate a0 a1").allowed(&check).is_error());
    assert_eq!(pair("destroy_agent a1").allowed(&check).answer, Answer::Any);
    let own = op("load_md a1 m1");
    assert!(pair("").allowed(&own).is_error());
}

#[test]
fn registrations_in_each_other_are_found_or_not() {
    let prep = op("prep d0 a0 r0[32..48]");
    let known = |more: &str| pair(more).allowed(&prep).answer;
    assert_eq!(known(""), Answer::Success);
    assert_eq!(known("register a0 r0[0..16]"), Answer::Any);
    assert_eq!(
        pair("").allowed(&op("prep d0 a0 r1")).answer,
        Answer::Error(&[])
    );
}

/// The world after these operations, something failing in it; what is marked was refused.
fn ill(text: &str) -> Model {
    let mut model = Model::new(false);
    for line in text.lines() {
        let (line, seen) = match line.strip_suffix(" refused") {
            Some(line) => (line, Seen::Refused),
            None => (line, Seen::Done(&[])),
        };
        model.apply(&op(line), seen);
    }
    model
}

#[test]
fn what_becomes_of_a_transfer_to_a_peer_of_before_says_nothing_of_what_is_loaded_now() {
    let begun = format!("{PAIR}{POSTED}");
    let answer = |text: &str| ill(text).allowed(&op("check_md a0 a1")).answer;
    let again = format!("{begun}invalidate a0 a1\nload_md a0 m1\n");
    assert_eq!(answer(&again), Answer::Success);
    assert_eq!(answer(&format!("{again}poll x0 refused")), Answer::Success);
    // A peer that disconnects is dropped.
    assert_eq!(answer(&format!("{begun}poll x0 refused")), Answer::Any);
    let anew = format!("{again}create x1 a0 write local=r0 to=a1 remote=r1\npost x1\n");
    assert_eq!(answer(&format!("{anew}poll x1 refused")), Answer::Any);
}

#[test]
fn what_was_made_of_metadata_that_was_forgotten_is_refused_though_they_are_loaded_again() {
    let lists = format!("{PAIR}prep d0 a0 r0\nprep d1 a0 remote=a1 r1\n");
    let made = "make x0 a0 write local=d0 remote=d1\n";
    let answer = |before: &str, asked: &str| after(before).allowed(&op(asked)).answer;
    let refused = Answer::Error(&[]);
    let again = "invalidate a0 a1\nload_md a0 m1\n";
    assert_eq!(answer(&lists, made), Answer::Success);
    assert_eq!(answer(&format!("{lists}{again}"), made), refused);
    assert_eq!(
        answer(&format!("{lists}{made}"), "post x0"),
        Answer::Success
    );
    assert_eq!(answer(&format!("{lists}{made}{again}"), "post x0"), refused);
    let forgotten = format!("{lists}{made}invalidate a0 a1\n");
    assert_eq!(answer(&forgotten, "post x0"), refused);
    // Something fails: nothing is sure.
    let failing = format!("{lists}{made}{again}");
    assert_eq!(ill(&failing).allowed(&op("post x0")).answer, Answer::Any);
}

#[test]
fn the_end_of_metadata_is_waited_for_only_if_none_is_on_its_way() {
    let asked = pair("invalidate a0 a1\nfetch_md a0 a1\ninvalidate_local_md a1 a0\n");
    forbids(&asked, "wait_md a0 a1 gone");
    permits(&asked, "wait_md a0 a1");
    let answered = pair("fetch_md a0 a1\nwait_md a0 a1\ninvalidate_local_md a1 a0\n");
    permits(&answered, "wait_md a0 a1 gone");
    // What the peer sends by itself comes in the order in which it sends it.
    let sent = pair("send_md a1 a0\ninvalidate_local_md a1 a0\n");
    permits(&sent, "wait_md a0 a1 gone");
}
