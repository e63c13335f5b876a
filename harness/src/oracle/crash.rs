//! Did the process die? A signal, an exception that nobody caught, or an exit in the middle of an operation.

use mock_ucx::ledger::read::{CopyUnderWay, Snapshot};
use mock_ucx::ledger::{Kind, ObjectState};

use super::{Ended, Evidence, Observation, Oracle, Subject, Verdict, incomplete, object_words};

/// Beginnings of lines by which a C or C++ library says why it aborts.
const LAST_WORDS: [&str; 8] = [
    "terminate called",
    "what():",
    "double free",
    "free():",
    "malloc",
    "corrupted",
    "*** ",
    "fatal runtime error",
];

/// One verdict if it did.
pub(super) fn judge(observation: &Observation<'_>) -> Option<Verdict> {
    if incomplete::limit(observation.ended).is_some() {
        return None;
    }
    let (rule, how) = match (observation.ended, observation.unfinished()) {
        (Ended::Signalled(signal), _) => {
            let name = signal_name(signal);
            (name.clone(), format!("the process died of {name}"))
        }
        (Ended::Exited(status), Some(_)) => (
            "exit".to_owned(),
            format!("the process ended with status {status} in the middle of an operation"),
        ),
        _ => return None,
    };
    let exception = exception(observation.log);
    let rule = match &exception {
        Some(exception) => format!("{rule}:{exception}"),
        None => rule,
    };
    let mut evidence = Vec::new();
    if let Some(note) = observation.unfinished() {
        evidence.push(Evidence::new(format!(
            "it was in operation {} `{}`",
            note.number, note.text
        )));
    }
    evidence.extend(
        last_words(observation.log).map(|line| Evidence::new(format!("it printed: {line}"))),
    );
    if let Some(snapshot) = observation.snapshot {
        evidence.extend(snapshot.copies.iter().map(|copy| under_way(snapshot, copy)));
        if let Some(event) = snapshot.events.last() {
            evidence.push(Evidence::new(format!(
                "the last call of UCX that returned was {}, with {}",
                event.function.name(),
                event.status
            )));
        }
    }
    Some(Verdict {
        oracle: Oracle::Crash,
        rule: Some(rule),
        subject: Subject::Process,
        objects: Vec::new(),
        what: how,
        created: None,
        site: None,
        stack: observation
            .died
            .map_or_else(Vec::new, |died| died.stack.clone()),
        operation: observation.unfinished().map(|note| note.number),
        operation_otherwise: None,
        cause: None,
        fault: None,
        fault_is_certain: false,
        evidence,
    })
}

/// A copy of client memory was under way: say whose memory it was.
fn under_way(snapshot: &Snapshot, copy: &CopyUnderWay) -> Evidence {
    let side = |address: u64| match region(snapshot, address) {
        Some(words) => format!("{address:#x} ({words})"),
        None => format!("{address:#x} (never registered)"),
    };
    Evidence::new(format!(
        "{} was copying {} bytes of the client from {} to {}",
        copy.function.name(),
        copy.length,
        side(copy.source),
        side(copy.target)
    ))
}

/// The registration that holds an address, the latest if there were several.
fn region(snapshot: &Snapshot, address: u64) -> Option<String> {
    let object = snapshot.objects.iter().rev().find(|object| {
        object.kind == Kind::MemoryHandle
            && address.wrapping_sub(object.detail[0]) < object.detail[1]
    })?;
    let state = match object.state {
        ObjectState::Ended => ", unmapped before",
        ObjectState::Orphaned => ", whose context is gone",
        _ => "",
    };
    Some(format!("registered as {}{state}", object_words(object)))
}

/// The type of the exception that ended the process.
fn exception(log: &str) -> Option<String> {
    let after = log
        .rsplit_once("terminate called after throwing an instance of '")?
        .1;
    Some(after.split_once('\'')?.0.to_owned())
}

fn last_words(log: &str) -> impl Iterator<Item = &str> {
    // Two lines are enough to tell an exception's type and text.
    log.lines()
        .map(str::trim)
        .filter(|line| LAST_WORDS.iter().any(|begin| line.starts_with(begin)))
        .take(2)
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGKILL => "SIGKILL",
        libc::SIGTERM => "SIGTERM",
        libc::SIGPIPE => "SIGPIPE",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
