//! A census: how many objects of each kind came, went, are open and are lost, and where those that are left were created.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mock_ucx::ledger::Kind;
use mock_ucx::ledger::read::{Object, Snapshot};

use super::Symbolizer;
use crate::oracle::{Oracle, Verdict};

/// Origins that are printed: the largest ones.
const ORIGINS_MAX: usize = 20;

/// The census of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// By kind; kinds that never occurred are left out.
    pub kinds: BTreeMap<Kind, Count>,
    /// What is left, by kind and by the innermost frame that created it.
    pub origins: BTreeMap<(Kind, String), Left>,
    /// Objects for which the ledger had no room: they are in no number here.
    pub dropped: u64,
}

/// Objects of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Given to the client.
    pub created: u64,
    /// Given back.
    pub ended: u64,
    /// Alive, and nothing wrong with that.
    pub open: u64,
    /// They can never be given back.
    pub lost: u64,
}

/// Objects of one origin that are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Alive, and nothing wrong with that.
    pub open: u64,
    /// They can never be given back.
    pub lost: u64,
}

impl Census {
    /// Counts, given what the oracles found to be lost.
    pub fn new(snapshot: &Snapshot, verdicts: &[Verdict], symbols: &mut Symbolizer) -> Census {
        let lost: BTreeSet<u64> = verdicts
            .iter()
            .filter(|verdict| verdict.oracle == Oracle::Lost)
            .flat_map(|verdict| &verdict.objects)
            .copied()
            .collect();
        let mut census = Census {
            dropped: snapshot.objects_dropped,
            ..Census::default()
        };
        for kind in Kind::ALL {
            let (created, live) = (
                snapshot.created[kind as usize],
                snapshot.live[kind as usize],
            );
            if created > 0 {
                let count = Count {
                    created,
                    ended: created.saturating_sub(live),
                    open: live,
                    lost: 0,
                };
                census.kinds.insert(kind, count);
            }
        }
        // Stacks are few, objects may be a million: each stack is named once.
        let mut named: BTreeMap<u32, String> = BTreeMap::new();
        for object in snapshot.left() {
            let is_lost = lost.contains(&object.serial);
            if let Some(count) = census.kinds.get_mut(&object.kind).filter(|_| is_lost) {
                count.lost += 1;
                count.open = count.open.saturating_sub(1);
            }
            let origin = named
                .entry(object.created.stack)
                .or_insert_with(|| origin(snapshot, object, symbols))
                .clone();
            let left = census.origins.entry((object.kind, origin)).or_default();
            *(if is_lost {
                &mut left.lost
            } else {
                &mut left.open
            }) += 1;
        }
        census
    }

    /// Objects of all kinds that are lost.
    pub fn lost(&self) -> u64 {
        self.kinds.values().map(|count| count.lost).sum()
    }
}

/// Who created it: NIXL's innermost frame if there is one, else the innermost.
fn origin(snapshot: &Snapshot, object: &Object, symbols: &mut Symbolizer) -> String {
    let frames = symbols.frames(&snapshot.modules, &snapshot.stack(object.created.stack));
    let frame = frames.iter().find(|frame| frame.in_nixl).or(frames.first());
    frame.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14} {:>9} {:>9} {:>9} {:>9}",
            "kind", "created", "ended", "open", "lost"
        )?;
        for (kind, count) in &self.kinds {
            let Count {
                created,
                ended,
                open,
                lost,
            } = count;
            writeln!(
                f,
                "{:<14} {created:>9} {ended:>9} {open:>9} {lost:>9}",
                kind.name()
            )?;
        }
        if self.dropped > 0 {
            writeln!(f, "{} more found no room in the ledger", self.dropped)?;
        }
        if self.origins.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{:>9} {:>9}  left over, by origin", "open", "lost")?;
        let mut origins: Vec<_> = self.origins.iter().collect();
        origins.sort_by_key(|(_, left)| std::cmp::Reverse((left.lost, left.open)));
        for ((kind, origin), left) in origins.iter().take(ORIGINS_MAX) {
            writeln!(f, "{:>9} {:>9}  {kind} from {origin}", left.open, left.lost)?;
        }
        match origins.len().saturating_sub(ORIGINS_MAX) {
            0 => Ok(()),
            more => writeln!(f, "{:>21}... and {more} more origins", ""),
        }
    }
}

#[cfg(test)]
mod tests;
