//! Plays a scenario on a loaded NIXL, one operation after the other, and gives everything back at the end.
//!
//! Nothing here judges NIXL beyond what a scenario's line says: a failed operation is recorded and
//! the play goes on; what cannot be done then is skipped. The order of all calls follows from the
//! scenario alone.

mod ask;
mod churn;
mod functions;
mod judge;
mod memory;
mod metadata;
mod notify;
mod reply;
mod setup;
mod teardown;
mod together;
mod transfer;
mod wait;
mod world;

use super::transcript::{Counts, Outcome, Phase, Record, Transcript, Verdict};
use crate::nixl::capi::{Api, Status};
use crate::scenario::model::{Model, Seen};
use crate::scenario::{Line, Lines, Op, ROUNDS, Scenario, Step};
use reply::Played;
use world::World;

pub use functions::functions_of;
pub use wait::Patience;

/// At most this many operations are played of one scenario, whatever its repeats multiply to.
pub const OPERATIONS_MAX: usize = 10_000_000;

/// Is told what is about to happen and what happened.
pub trait Observer {
    /// The operation with this number is about to be played.
    fn before_op(&mut self, _index: usize, _op: &Op) {}
    /// It was played.
    fn after_op(&mut self, _index: usize, _op: &Op, _outcome: &Outcome) {}
    /// All operations from this number on belong to the teardown.
    fn teardown(&mut self, _index: usize) {}
    /// So many rounds were played of what growth is looked for in.
    fn round(&mut self, _rounds: u32) {}
}

/// Watches nothing.
impl Observer for () {}

/// Plays `scenario` on `api`.
pub fn play(
    api: &'static Api,
    scenario: &Scenario,
    patience: Patience,
    observer: &mut dyn Observer,
) -> Transcript {
    let mut transcript = Transcript {
        scenario: scenario.name.clone(),
        records: Vec::new(),
        counts: Counts::default(),
    };
    let whole = scenario.growth && scenario.measured().is_none();
    for round in 1..=if whole { ROUNDS } else { 1 } {
        let player = Player {
            world: World::new(api, patience, !scenario.misuse),
            // Whether something is made to fail is not known here, so nothing is taken for certain.
            model: Model::new(false),
            judge: judge::Judge::default(),
            observer: &mut *observer,
            transcript,
            next: 0,
        };
        transcript = player.play(scenario);
        if whole {
            observer.round(round);
        }
    }
    transcript
}

struct Player<'a> {
    world: World,
    model: Model,
    judge: judge::Judge,
    observer: &'a mut dyn Observer,
    transcript: Transcript,
    next: usize,
}

impl Player<'_> {
    /// Plays the whole scenario, once.
    fn play(mut self, scenario: &Scenario) -> Transcript {
        match scenario.measured().filter(|_| scenario.growth) {
            Some(measured) => self.play_measured(&scenario.steps, measured),
            None => self.play_lines(scenario.lines()),
        }
        self.finish(scenario.leave)
    }

    fn play_lines(&mut self, lines: Lines<'_>) {
        for line in lines {
            if self.next >= OPERATIONS_MAX {
                return;
            }
            self.step(Phase::Scenario, line);
        }
    }

    /// Plays steps of which one is a repeat whose rounds are told.
    fn play_measured(&mut self, steps: &[Step], measured: usize) {
        self.play_lines(Lines::of(&steps[..measured]));
        if let Step::Repeat { count, body } = &steps[measured] {
            for round in 1..=*count {
                self.play_lines(Lines::of(body));
                self.observer.round(round);
            }
        }
        self.play_lines(Lines::of(&steps[measured + 1..]));
    }

    fn step(&mut self, phase: Phase, line: &Line) {
        let index = self.next;
        self.next += 1;
        self.observer.before_op(index, &line.op);
        let outcome = match self.model.permits(&line.op) {
            _ if self.model.is_in_vain(&line.op) => reply::outcome(reply::skip(
                "no such notification was sent, or it came already",
            )),
            Err(forbidden) if self.world.lawful && phase == Phase::Scenario => {
                reply::outcome(reply::skip(forbidden.to_string()))
            }
            _ => reply::outcome(self.world.play(&line.op)),
        };
        self.model.apply(&line.op, seen(&outcome));
        self.observer.after_op(index, &line.op, &outcome);
        let expected = self.judge.is_expected(line.expect, &outcome.verdict);
        self.transcript.push(Record {
            index,
            phase,
            op: line.to_string(),
            outcome,
            expected,
        });
    }

    fn finish(mut self, leave: bool) -> Transcript {
        if leave {
            // The objects live on in this process, so they must not be dropped.
            std::mem::forget(self.world);
            return self.transcript;
        }
        self.observer.teardown(self.next);
        while let Some(line) = self.world.next_to_release() {
            self.step(Phase::Teardown, &line);
        }
        self.transcript
    }
}

/// What came of an operation, as the model takes it in.
fn seen(outcome: &Outcome) -> Seen<'_> {
    match &outcome.verdict {
        Verdict::Done { status } if *status == Status::InProgress => Seen::Begun,
        Verdict::Done { .. } => Seen::Done(&outcome.answer),
        Verdict::Refused { .. } => Seen::Refused,
        Verdict::Skipped { .. } | Verdict::Absent { .. } => Seen::Skipped,
        Verdict::TimedOut { .. } | Verdict::Wrong { .. } => Seen::Broken,
    }
}

impl World {
    /// Plays one operation.
    #[rustfmt::skip]
    fn play(&mut self, op: &Op) -> Played {
        match op {
            Op::Agent { agent, name, config } => self.agent(*agent, name.as_deref(), config.as_ref()),
            Op::Backend { backend, agent, plugin, params } => self.backend(*backend, *agent, plugin, params),
            Op::DestroyBackend { backend } => self.destroy_backend(*backend),
            Op::DestroyAgent { agent } => self.destroy_agent(*agent),
            Op::Region { region, size, seed, place } => self.region(*region, *size, *seed, *place),
            Op::Fill { region, seed } => self.fill(*region, *seed),
            Op::Free { region } => self.free(*region),
            Op::Churn { size, addresses, times } => self.churn(*size, *addresses, *times),
            Op::Register { agent, descs, backend } => self.register(*agent, descs, *backend),
            Op::Deregister { agent, descs, backend } => self.deregister(*agent, descs, *backend),
            Op::QueryMem { agent, descs, backend } => self.query_mem(*agent, descs, *backend),
            Op::QueryFile { agent, path, backend } => self.query_file(*agent, path, *backend),
            Op::GetMd { blob, agent } => self.get_md(*blob, *agent),
            Op::GetPartialMd { blob, agent, descs, backend } => self.get_partial_md(*blob, *agent, descs, *backend),
            Op::LoadMd { agent, blob } => self.load_md(*agent, *blob),
            Op::CutMd { blob, len } => self.cut_md(*blob, *len),
            Op::ChangeMd { blob, at, mask } => self.change_md(*blob, *at, *mask),
            Op::WriteMd { blob, at, bytes } => self.write_md(*blob, *at, bytes),
            Op::SpliceMd { blob, at, cut, from, start, count } => self.splice_md(*blob, *at, *cut, *from, *start, *count),
            Op::Intrude { agent, bytes } => self.intrude(*agent, bytes),
            Op::Invalidate { agent, remote } => self.invalidate(*agent, *remote),
            Op::CheckMd { agent, remote, descs } => self.check_md(*agent, *remote, descs),
            Op::WaitMd { agent, remote, gone } => self.wait_md(*agent, *remote, *gone),
            Op::SendMd { agent, to, descs } => self.send_md(*agent, *to, descs),
            Op::FetchMd { agent, from } => self.fetch_md(*agent, *from),
            Op::InvalidateLocalMd { agent, at } => self.invalidate_local_md(*agent, *at),
            Op::Connect { agent, remote, backend } => self.connect(*agent, *remote, *backend),
            Op::Prep { list, agent, side, descs, backend } => self.prep(*list, *agent, *side, descs, *backend),
            Op::ReleaseList { list } => self.release_list(*list),
            Op::Make { transfer, agent, direction, local, local_indices, remote, remote_indices, options } => {
                let (local, remote) = ((*local, local_indices.as_slice()), (*remote, remote_indices.as_slice()));
                self.make(*transfer, *agent, *direction, local, remote, options)
            }
            Op::Create { transfer, agent, direction, local, remote_agent, remote, options } => {
                self.create(*transfer, *agent, *direction, local, (*remote_agent, remote), options)
            }
            Op::Post { transfer, notif } => self.post(*transfer, notif.as_ref()),
            Op::Wait { transfer } => self.wait(*transfer),
            Op::Together { lanes } => self.together(lanes),
            Op::Poll { transfer } => self.poll(*transfer),
            Op::Release { transfer } => self.release(*transfer),
            Op::Cost { transfer } => self.cost(*transfer),
            Op::TransferBackend { transfer } => self.transfer_backend(*transfer),
            Op::Telemetry { transfer } => self.telemetry(*transfer),
            Op::Notify { agent, to, message, backend } => self.notify(*agent, *to, message, *backend),
            Op::Notifs { agent, times } => self.notifs(*agent, *times),
            Op::ExpectNotif { agent, from, message } => self.expect_notif(*agent, *from, message),
            Op::ExpectBytes { desc, seed, from } => self.expect_bytes(*desc, *seed, *from),
            Op::LocalView { view, agent, descs, backend } => self.local_view(*view, *agent, descs, *backend),
            Op::RemoteView { view, agent, descs, backend } => self.remote_view(*view, *agent, descs, *backend),
            Op::ReleaseView { view } => self.release_view(*view),
            Op::Plugins { agent } => self.plugins(*agent),
            Op::PluginParams { agent, plugin } => self.plugin_params(*agent, plugin),
            Op::BackendParams { backend } => self.backend_params(*backend),
            Op::TourLists { descs } => self.tour_lists(descs),
            Op::TourOptions { backend } => self.tour_options(*backend),
            Op::TourNotifMap => self.tour_notif_map(),
        }
    }
}
