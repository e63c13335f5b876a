//! Which kinds of operations there are, how often each comes, and what comes instead of one that is not possible.

use super::draft::{Draft, pick};
use super::tracker::Tracker;
use super::{Class, Record, exchange, memory, transfers};
use crate::scenario::model::Progress;
use crate::scenario::*;

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wait,
    ExpectBytes,
    ExpectNotif,
    Post,
    Poll,
    Together,
    Release,
    Cost,
    TransferBackend,
    Telemetry,
    Make,
    Prep,
    ReleaseList,
    Create,
    Notify,
    View,
    ReleaseView,
    Connect,
    CheckMd,
    LoadMd,
    DamageMd,
    GetMd,
    Listener,
    Invalidate,
    Deregister,
    Register,
    Fill,
    Free,
    Region,
    Query,
    Backend,
    DestroyBackend,
    DestroyAgent,
    Agent,
    Ask,
    Notifs,
}

/// All kinds with their shares of 256. What is not possible is replaced by the next one that is, so each stands before what it needs.
const KINDS: [(Kind, u16); 36] = [
    (Kind::Wait, 24),
    (Kind::ExpectBytes, 10),
    (Kind::ExpectNotif, 8),
    (Kind::Post, 32),
    (Kind::Poll, 6),
    (Kind::Together, 4),
    (Kind::Release, 10),
    (Kind::Cost, 3),
    (Kind::TransferBackend, 2),
    (Kind::Telemetry, 4),
    (Kind::Make, 12),
    (Kind::Prep, 16),
    (Kind::ReleaseList, 4),
    (Kind::Create, 24),
    (Kind::Notify, 10),
    (Kind::View, 4),
    (Kind::ReleaseView, 3),
    (Kind::Connect, 3),
    (Kind::CheckMd, 4),
    (Kind::LoadMd, 10),
    (Kind::DamageMd, 2),
    (Kind::GetMd, 8),
    (Kind::Listener, 5),
    (Kind::Invalidate, 5),
    (Kind::Deregister, 6),
    (Kind::Register, 8),
    (Kind::Fill, 3),
    (Kind::Free, 2),
    (Kind::Region, 3),
    (Kind::Query, 2),
    (Kind::Backend, 3),
    (Kind::DestroyBackend, 2),
    (Kind::DestroyAgent, 4),
    (Kind::Agent, 4),
    (Kind::Ask, 2),
    (Kind::Notifs, 4),
];

/// The place of the kind that a byte means.
fn place(byte: u8) -> usize {
    let mut left = u16::from(byte);
    for (place, (_, share)) in KINDS.iter().enumerate() {
        match left.checked_sub(*share) {
            None => return place,
            Some(rest) => left = rest,
        }
    }
    KINDS.len() - 1
}

/// The first byte of a record that is to make this operation; `None`: no record makes it.
pub(super) fn byte_of(op: &Op) -> Option<u8> {
    let kind = kind_of(op)?;
    let before = KINDS.iter().take_while(|(one, _)| *one != kind);
    Some(before.map(|(_, share)| *share as u8).sum())
}

#[rustfmt::skip]
fn kind_of(op: &Op) -> Option<Kind> {
    Some(match op {
        Op::Wait { .. } => Kind::Wait,
        Op::ExpectBytes { .. } => Kind::ExpectBytes,
        Op::ExpectNotif { .. } => Kind::ExpectNotif,
        Op::Post { .. } => Kind::Post,
        Op::Poll { .. } => Kind::Poll,
        Op::Together { .. } => Kind::Together,
        Op::Release { .. } => Kind::Release,
        Op::Cost { .. } => Kind::Cost,
        Op::TransferBackend { .. } => Kind::TransferBackend,
        Op::Telemetry { .. } => Kind::Telemetry,
        Op::Make { .. } => Kind::Make,
        Op::Prep { .. } => Kind::Prep,
        Op::ReleaseList { .. } => Kind::ReleaseList,
        Op::Create { .. } => Kind::Create,
        Op::Notify { .. } => Kind::Notify,
        Op::LocalView { .. } | Op::RemoteView { .. } => Kind::View,
        Op::ReleaseView { .. } => Kind::ReleaseView,
        Op::Connect { .. } => Kind::Connect,
        Op::CheckMd { .. } => Kind::CheckMd,
        Op::LoadMd { .. } => Kind::LoadMd,
        Op::CutMd { .. } | Op::ChangeMd { .. } | Op::WriteMd { .. } | Op::SpliceMd { .. } => Kind::DamageMd,
        Op::GetMd { .. } | Op::GetPartialMd { .. } => Kind::GetMd,
        Op::SendMd { .. } | Op::FetchMd { .. } | Op::InvalidateLocalMd { .. } | Op::WaitMd { .. }
        | Op::Intrude { .. } => Kind::Listener,
        Op::Invalidate { .. } => Kind::Invalidate,
        Op::Deregister { .. } => Kind::Deregister,
        Op::Register { .. } => Kind::Register,
        Op::Fill { .. } => Kind::Fill,
        Op::Free { .. } => Kind::Free,
        Op::Region { .. } => Kind::Region,
        Op::QueryMem { .. } | Op::QueryFile { .. } => Kind::Query,
        Op::Backend { .. } => Kind::Backend,
        Op::DestroyBackend { .. } => Kind::DestroyBackend,
        Op::DestroyAgent { .. } => Kind::DestroyAgent,
        Op::Agent { .. } => Kind::Agent,
        Op::Plugins { .. } | Op::PluginParams { .. } | Op::BackendParams { .. } | Op::TourLists { .. }
        | Op::TourOptions { .. } | Op::TourNotifMap => Kind::Ask,
        Op::Notifs { .. } => Kind::Notifs,
        Op::Churn { .. } => return None,
    })
}

/// The operations that a record means, unless another kind takes its place.
pub(super) fn draft_of(tracker: &Tracker, index: usize, record: &Record) -> Draft {
    let (kind, _) = KINDS[place(record[0])];
    let ops = draft(tracker, kind, index, record)?;
    let accepted = ops.first().is_some_and(|op| tracker.accepts(op));
    accepted.then_some(ops)
}

/// Plays a record: the first operation is accepted by the contract, or another kind takes its place.
pub(super) fn play(tracker: &mut Tracker, index: usize, record: &Record) {
    let start = place(record[0]);
    // In the misuse class every second record asks nobody.
    tracker.lawless = tracker.class == Class::Misuse && record[7].is_multiple_of(2);
    for offset in 0..KINDS.len() {
        let (kind, _) = KINDS[(start + offset) % KINDS.len()];
        let Some(ops) = draft(tracker, kind, index, record) else {
            continue;
        };
        if !ops.first().is_some_and(|op| tracker.accepts(op)) {
            continue;
        }
        for op in ops {
            // What belongs to the first one may have become impossible by it.
            if tracker.accepts(&op) {
                tracker.push(op);
            }
        }
        return;
    }
}

#[rustfmt::skip]
fn draft(tracker: &Tracker, kind: Kind, index: usize, r: &Record) -> Draft {
    let done = |progress| progress == Progress::Done;
    let any = |_| true;
    match kind {
        Kind::Wait => transfers::wait(tracker, r),
        Kind::ExpectBytes => memory::expect_bytes(tracker, r),
        Kind::ExpectNotif => transfers::expect_notif(tracker, r),
        Kind::Post => transfers::post(tracker, index, r),
        Kind::Poll => transfers::poll(tracker, r),
        Kind::Together => transfers::together(tracker, r),
        Kind::Release => transfers::ask(tracker, r, any, |transfer| Op::Release { transfer }),
        Kind::Cost => transfers::ask(tracker, r, any, |transfer| Op::Cost { transfer }),
        Kind::TransferBackend => transfers::ask(tracker, r, any, |transfer| Op::TransferBackend { transfer }),
        Kind::Telemetry => transfers::ask(tracker, r, done, |transfer| Op::Telemetry { transfer }),
        Kind::Make => transfers::make(tracker, index, r),
        Kind::Prep => transfers::prep(tracker, r),
        Kind::ReleaseList => transfers::release_list(tracker, r),
        Kind::Create => transfers::create(tracker, index, r),
        Kind::Notify => transfers::notify(tracker, index, r),
        Kind::View => transfers::view(tracker, r),
        Kind::ReleaseView => transfers::release_view(tracker, r),
        Kind::Connect => exchange::connect(tracker, r),
        Kind::CheckMd => exchange::check_md(tracker, r),
        Kind::LoadMd => exchange::load_md(tracker, r),
        Kind::DamageMd => exchange::damage_md(tracker, r),
        Kind::GetMd => exchange::get_md(tracker, r),
        Kind::Listener => exchange::listener(tracker, r),
        Kind::Invalidate => exchange::invalidate(tracker, r),
        Kind::Deregister => memory::deregister(tracker, r),
        Kind::Register => memory::register(tracker, r),
        Kind::Fill => memory::fill(tracker, r),
        Kind::Free => memory::free(tracker, r),
        Kind::Region => memory::make_region(tracker, r),
        Kind::Query => memory::query(tracker, r),
        Kind::Backend => exchange::backend(tracker, r),
        Kind::DestroyBackend => exchange::destroy_backend(tracker, r),
        Kind::DestroyAgent => exchange::destroy_agent(tracker, r),
        Kind::Agent => exchange::agent(tracker, r),
        Kind::Ask => ask(tracker, r),
        Kind::Notifs => transfers::notifs(tracker, r),
    }
}

/// What can be asked of NIXL without changing anything.
fn ask(tracker: &Tracker, r: &Record) -> Draft {
    let agent = pick(tracker.agents(), r[1])?;
    let backend = pick(tracker.model.backends.keys().copied(), r[2]);
    let region = pick(tracker.model.regions.keys().copied(), r[2]);
    let op = match (r[3] % 6, backend, region) {
        (0, Some(backend), _) => Op::BackendParams { backend },
        (1, _, _) => Op::PluginParams {
            agent,
            plugin: ["UCX", "POSIX", "none"][usize::from(r[4] % 3)].to_owned(),
        },
        (2, _, _) => Op::TourOptions { backend },
        (3, _, Some(region)) => Op::TourLists {
            descs: vec![Desc { region, span: None }],
        },
        (4, _, _) => Op::TourNotifMap,
        _ => Op::Plugins { agent },
    };
    Some(vec![op])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_kinds_make_up_a_byte() {
        let sum: u16 = KINDS.iter().map(|(_, share)| *share).sum();
        assert_eq!(sum, 256);
        assert_eq!(KINDS[place(0)].0, Kind::Wait);
        assert_eq!(KINDS[place(255)].0, Kind::Notifs);
    }
}
