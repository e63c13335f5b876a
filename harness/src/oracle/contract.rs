//! Holds what NIXL answered against the reference model, operation after operation. What each breach is called is for others to say.

use mock_ucx::functions::Function;
use mock_ucx::ledger::read::{Fired, Moment, Snapshot};
use mock_ucx::schedule::{Choice, Point};

use super::{
    Evidence, Observation, OperationNote, Oracle, Outcome, Subject, Verdict, kept, object_words,
};
use crate::scenario::model::{Answer, Model, Pattern, Seen};
use crate::scenario::{Op, Scenario, StatusWord};

/// An answer that the model does not allow.
pub(super) struct Breach<'a> {
    pub(super) note: &'a OperationNote,
    pub(super) kind: Kind,
    /// What is wrong.
    pub(super) what: String,
    /// Why it is.
    pub(super) why: &'static str,
    /// What UCX would not do before, though nothing of that may be left.
    pub(super) cause: Option<Moment>,
}

/// What an answer is wrong about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its status.
    Status,
    /// What memory holds.
    Bytes,
    /// A notification that must have come.
    Lost,
    /// A notification that must not come, or not again.
    Unsent,
    /// Endpoints that nothing used any more.
    Kept,
}

/// All breaches of a case, in the order in which they happened.
pub(super) fn breaches<'a>(observation: &Observation<'a>) -> Vec<Breach<'a>> {
    let mut model = Model::new(is_as_healthy(observation));
    let mut breaches = Vec::new();
    let mut cause = None;
    for note in observation.operations {
        // The text of an operation is what the interpreter printed: it can be read.
        let Some(op) = read(&note.text) else {
            continue;
        };
        if model.is_healthy()
            && let Some(refused) = refused_registration(observation, note)
        {
            cause = Some(refused);
            model.apply(&op, seen(note));
            continue;
        }
        let allowed = model.allowed(&op);
        let mut tell = |kind, what, why| {
            breaches.push(Breach {
                note,
                kind,
                what,
                why,
                cause,
            });
        };
        match (&note.outcome, allowed.answer) {
            (Outcome::Done, Answer::Error(_)) => {
                tell(Kind::Status, "it succeeded".to_owned(), allowed.why);
            }
            (Outcome::Failed(text), Answer::Success) => {
                tell(Kind::Status, text.clone(), allowed.why);
            }
            (Outcome::Failed(text), Answer::Error(words)) if !fits(text, words) => {
                tell(Kind::Status, text.clone(), allowed.why);
            }
            (Outcome::TimedOut(what), _) if !model.is_threaded() => {
                if allowed.is_success() {
                    tell(Kind::Status, format!("it never came: {what}"), allowed.why);
                } else if let Op::ExpectNotif {
                    agent,
                    from,
                    message,
                } = &op
                    && model.is_due(*agent, *from, message)
                {
                    let what = format!("{message} from {from} never came");
                    tell(Kind::Lost, what, "it was sent, and nothing failed");
                }
            }
            (Outcome::Wrong(what), _) => match &op {
                Op::ExpectBytes { desc, seed, from } => {
                    let pattern = Pattern {
                        seed: *seed,
                        from: u64::from(*from),
                    };
                    if model.must_hold(*desc, pattern) {
                        let why =
                            "NIXL reported that all operations succeeded that make these bytes";
                        tell(Kind::Bytes, what.clone(), why);
                    }
                }
                _ => tell(
                    Kind::Bytes,
                    what.clone(),
                    "it was set to something else before",
                ),
            },
            _ => {}
        }
        if let Op::Release { transfer } = &op
            && model.is_over(*transfer)
            && !model.is_threaded()
            && let Some(endpoint) = kept::closed_in(observation, note).next()
        {
            let what = format!("{} is closed", object_words(endpoint));
            tell(Kind::Kept, what, "the transfer had ended well");
        }
        model.apply(&op, seen(note));
        if model.is_misled() {
            break;
        }
        if let Some(unsent) = model.unsent() {
            let what = format!("{unsent} came");
            tell(Kind::Unsent, what, "it was not sent, or came before");
        }
        // The teardown takes the last ones; what an adversary delays may come later still.
        if let (Op::Notifs { agent, .. }, Outcome::Done) = (&op, &note.outcome)
            && note.teardown
            && observation.benign
            && let Some(due) = model.due(*agent)
        {
            let what = format!("{due} never came");
            tell(Kind::Lost, what, "it was sent, and nothing failed");
        }
    }
    breaches
}

/// A verdict about a breach.
pub(super) fn verdict(breach: &Breach<'_>, oracle: Oracle, subject: Subject) -> Verdict {
    let note = breach.note;
    Verdict {
        oracle,
        rule: Some(note.name().to_owned()),
        subject,
        objects: Vec::new(),
        what: format!("`{}` is answered wrongly: {}", note.name(), breach.what),
        created: None,
        site: None,
        stack: Vec::new(),
        operation: Some(note.number),
        operation_otherwise: None,
        cause: breach.cause,
        fault: None,
        fault_is_certain: false,
        evidence: vec![
            Evidence::new(format!(
                "operation {} `{}`: {}",
                note.number, note.text, breach.what
            )),
            Evidence::new(breach.why),
        ],
    }
}

/// Whether NIXL must hold and answer what it does on a healthy network, but for registrations that were [refused](refused_registration):
/// whatever deviated only came later than it would have come, or refused a registration.
fn is_as_healthy(observation: &Observation<'_>) -> bool {
    let harmless = |fired: &Fired| match fired.choice {
        Choice::After(_) | Choice::Withheld => true,
        _ => observation
            .operation(fired.at.operation)
            .is_some_and(|note| refuses_registration(fired, note)),
    };
    let all =
        |snapshot: &Snapshot| snapshot.fired_dropped == 0 && snapshot.fired.iter().all(harmless);
    observation.benign || observation.snapshot.is_some_and(all)
}

/// When UCX refused a part of this registration, so that it failed.
fn refused_registration(observation: &Observation<'_>, note: &OperationNote) -> Option<Moment> {
    let mut fired = observation.snapshot?.fired.iter();
    let refusal =
        fired.find(|fired| fired.at.operation == note.number && refuses_registration(fired, note));
    refusal.map(|fired| fired.at)
}

/// Whether UCX would not do a part of a registration, and NIXL said so: then all is as it was before. `registerMem` answers an error "if
/// call was not successful" (`src/api/cpp/nixl.h`), and memory that is not registered has no part in what other agents may know.
fn refuses_registration(fired: &Fired, note: &OperationNote) -> bool {
    let part = matches!(
        fired.asked.point,
        Point::Call(Function::MemMap | Function::RkeyPack)
    );
    part && note.name() == "register" && matches!(note.outcome, Outcome::Failed(_))
}

/// Whether a refusal (`function answered STATUS`) is one of these; any is, if none is named.
fn fits(text: &str, words: &[StatusWord]) -> bool {
    let answered = text.rsplit(' ').next().unwrap_or_default();
    let named = |word: &StatusWord| match word {
        StatusWord::NotFound => "NOT_FOUND",
        StatusWord::Backend => "BACKEND",
        StatusWord::InvalidParam => "INVALID_PARAM",
        StatusWord::InvalidState => "INVALID_STATE",
        StatusWord::Exception => "EXCEPTION",
        StatusWord::NoTelemetry => "NO_TELEMETRY",
        StatusWord::InProgress => "IN_PROG",
    };
    words.is_empty() || words.iter().any(|word| named(word) == answered)
}

fn seen(note: &OperationNote) -> Seen<'_> {
    match note.outcome {
        Outcome::Done if note.begun => Seen::Begun,
        Outcome::Done => Seen::Done(&note.answers),
        Outcome::Failed(_) => Seen::Refused,
        Outcome::Skipped => Seen::Skipped,
        Outcome::TimedOut(_) | Outcome::Wrong(_) | Outcome::Unfinished => Seen::Broken,
    }
}

fn read(text: &str) -> Option<Op> {
    let scenario = Scenario::parse(&format!("name one\n{text}")).ok()?;
    scenario.lines().next().map(|line| line.op.clone())
}
