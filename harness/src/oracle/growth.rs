//! Does something grow with each round? What is live is read after a warm-up and then after ever more rounds; what NIXL, UCX or the loader keep
//! once is there by the first reading.
//!
//! Memory counts if it grew from each reading to the next, and at the end at least as fast as the rounds went by, less a half for what comes
//! in pieces: what fills up and stays does not.

use mock_ucx::ledger::Kind;

use super::{Evidence, Observation, Oracle, Subject, Verdict};
use crate::execute::case::{Growth, MemoryGrowth, ObjectGrowth};

/// Bytes a round below which nothing is said: less than a pointer is not forgotten.
const BYTES_MIN: i64 = 8;

/// One verdict for each call stack whose memory grows, and for each kind of object.
pub(super) fn judge(observation: &Observation<'_>) -> Vec<Verdict> {
    let Some(growth) = observation.growth.filter(|_| observation.ended_well()) else {
        return Vec::new();
    };
    let memory = growth.memory.iter().filter_map(|memory| {
        let per_round = slope(&growth.rounds, &memory.bytes)?;
        (per_round >= BYTES_MIN as f64).then(|| of_memory(growth, memory, per_round))
    });
    let objects = growth.objects.iter().filter_map(|objects| {
        let live: Vec<i64> = objects.live.iter().map(|live| *live as i64).collect();
        let per_round = slope(&growth.rounds, &live)?;
        of_objects(growth, objects, per_round)
    });
    memory.chain(objects).collect()
}

/// What is added in each round, if something is in all of them.
fn slope(rounds: &[u32], live: &[i64]) -> Option<f64> {
    let added: Vec<i64> = live.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let played: Vec<i64> = rounds
        .windows(2)
        .map(|pair| i64::from(pair[1]) - i64::from(pair[0]))
        .collect();
    let (first, last) = (*added.first()?, *added.last()?);
    // As many times more as there were more rounds, or at least half of that.
    let keeps_pace = last * played.first()? * 2 >= first * played.last()?;
    if live.len() != rounds.len() || added.iter().any(|added| *added <= 0) || !keeps_pace {
        return None;
    }
    let total: i64 = added.iter().sum();
    Some(total as f64 / played.iter().sum::<i64>() as f64)
}

fn of_memory(growth: &Growth, memory: &MemoryGrowth, per_round: f64) -> Verdict {
    let (rule, words) = match memory.mapped {
        true => ("mapping", "mapped memory"),
        false => ("heap", "memory of the heap"),
    };
    let readings = format!(
        "after {} rounds it was {} bytes in {} blocks",
        list(&growth.rounds),
        list(&memory.bytes),
        list(&memory.blocks)
    );
    Verdict {
        stack: memory.stack.clone(),
        ..verdict(
            rule,
            Subject::Memory,
            format!("{words} grows by {per_round:.0} bytes a round"),
            readings,
        )
    }
}

/// `None` for a kind that this build does not know.
fn of_objects(growth: &Growth, objects: &ObjectGrowth, per_round: f64) -> Option<Verdict> {
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == objects.kind)?;
    let readings = format!(
        "after {} rounds there were {} of them",
        list(&growth.rounds),
        list(&objects.live)
    );
    Some(Verdict {
        stack: objects.stack.clone(),
        objects: vec![objects.youngest],
        operation: Some(objects.operation).filter(|operation| *operation > 0),
        ..verdict(
            "objects",
            Subject::Object(kind),
            format!("there are {per_round:.1} more {kind}s alive after each round"),
            readings,
        )
    })
}

fn verdict(rule: &str, subject: Subject, what: String, readings: String) -> Verdict {
    Verdict {
        oracle: Oracle::Growth,
        rule: Some(rule.to_owned()),
        subject,
        objects: Vec::new(),
        what,
        created: None,
        site: None,
        stack: Vec::new(),
        operation: None,
        operation_otherwise: None,
        cause: None,
        fault: None,
        fault_is_certain: false,
        evidence: vec![Evidence::new(readings)],
    }
}

/// `4, 8, 16`.
fn list<T: ToString>(numbers: &[T]) -> String {
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests;
