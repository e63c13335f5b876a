//! Does what UCX remembers of unmapped memory grow for ever? A client that registers once and then only unmaps makes its registration cache
//! grow with each unmap, until it registers again or a limit is reached - and by default there is none.
//!
//! How many entries were pending is noted all along ([`mock_ucx::ledger::CachePoint`]). The first quarter of a client's life is its
//! warm-up; what comes after it is growth only if it goes on: in each third of the rest, about as fast as on the whole. A client that is at
//! rest, one that unmaps once, however much, and one that registers now and then are not told of.
//!
//! A life is measured in calls of UCX. With a progress thread they say nothing: it makes millions before the first request comes. So a life
//! is measured in mappings, too, of which one that unmaps again and again has made as many. One that sets up and then rests is told from it
//! by the time since; where operations are played it is by the calls since, so that the verdict is the same on each machine.

use mock_ucx::ledger::CachePoint;
use mock_ucx::ledger::read::{Caches, Moment, Snapshot, UnmapSite};

use super::{Evidence, Observation, Oracle, Subject, Verdict};

/// The share of the calls that is left out as warm-up: one in this many.
const WARM_UP: u64 = 4;
/// Parts of the rest, in each of which there must be growth.
const PARTS: u64 = 3;
/// Calls of UCX in each part below which nothing is said.
const CALLS_MIN: u64 = 30;
/// Mappings in each part below which nothing is said: a process that starts makes some hundreds.
const MAPPINGS_MIN: u64 = 1000;
/// Entries that are added after the warm-up, below which nothing is said: what a client unmaps while it sets itself up is less.
const ENTRIES_MIN: u64 = 200;
/// How many times more nodes a search must look at in the last part than in the first to be called ever slower.
const SLOWER: f64 = 1.5;
/// Call stacks that are named.
const SITES_MAX: usize = 3;

/// At most one verdict: all unmaps of a process go into the same caches.
pub(super) fn judge(observation: &Observation<'_>) -> Vec<Verdict> {
    let Some(snapshot) = observation.snapshot else {
        return Vec::new();
    };
    let end = CachePoint {
        at_ns: snapshot.ending.at_ns,
        step: snapshot.ending.step,
        ..CachePoint::default()
    };
    let rests_by: Clock = match observation.operations {
        [] => |point| point.at_ns,
        _ => |point| point.step,
    };
    let growth = Growth::of(&snapshot.caches.points, &end, rests_by);
    growth
        .map(|growth| verdict(observation, snapshot, &growth))
        .into_iter()
        .collect()
}

/// What one measures a life by.
type Clock = fn(&CachePoint) -> u64;

/// Entries that came between two moments.
fn added(before: &CachePoint, after: &CachePoint) -> u64 {
    after.entries.saturating_sub(before.entries)
}

/// A client's life since its first unmap, by what one counts of it.
struct Life<'a> {
    points: &'a [CachePoint],
    clock: Clock,
    /// Where the warm-up ends.
    warm: u64,
    end: u64,
}

impl<'a> Life<'a> {
    fn new(points: &'a [CachePoint], clock: Clock, end: &CachePoint) -> Option<Life<'a>> {
        let (begin, end) = (clock(points.first()?), clock(end));
        let warm = begin + end.checked_sub(begin)? / WARM_UP;
        Some(Life {
            points,
            clock,
            warm,
            end,
        })
    }

    /// How long each part is.
    fn part(&self) -> u64 {
        (self.end - self.warm) / PARTS
    }

    /// How things stood at the end of the warm-up, between the parts, and at the end.
    fn edges(&self) -> Option<[CachePoint; PARTS as usize + 1]> {
        let mut edges = [CachePoint::default(); PARTS as usize + 1];
        for (part, edge) in (0..).zip(&mut edges) {
            let moment = match part {
                PARTS => self.end,
                _ => self.warm + part * self.part(),
            };
            // The state at a moment is the last that was noted before it.
            let mut before = self.points.iter().rev();
            *edge = *before.find(|point| (self.clock)(point) <= moment)?;
        }
        Some(edges)
    }
}

/// What was added after the warm-up.
struct Growth {
    first: CachePoint,
    last: CachePoint,
    /// Nodes that a search looked at on average, in each part.
    visited: Vec<f64>,
}

impl Growth {
    /// Of a client that came to this end, also when it did not unmap any more.
    fn of(points: &[CachePoint], end: &CachePoint, rests_by: Clock) -> Option<Growth> {
        let calls = Life::new(points, |point| point.step, end)?;
        if calls.part() >= CALLS_MIN
            && let Some(growth) = Growth::over(&calls)
        {
            return Some(growth);
        }
        let (first, last) = (points.first()?, points.last()?);
        let mappings = Life::new(points, |point| point.mappings, last)?;
        let since = |point| rests_by(point).saturating_sub(rests_by(first));
        if mappings.part() < MAPPINGS_MIN || since(last) * 2 < since(end) {
            return None;
        }
        Growth::over(&mappings)
    }

    fn over(life: &Life<'_>) -> Option<Growth> {
        let edges = life.edges()?;
        let (first, last) = (edges[0], edges[PARTS as usize]);
        let grown = added(&first, &last);
        let goes_on = |pair: &[CachePoint]| added(&pair[0], &pair[1]) * PARTS * 2 >= grown;
        if grown < ENTRIES_MIN || !edges.windows(2).all(goes_on) {
            return None;
        }
        let looked_at = |pair: &[CachePoint]| {
            let unmaps = (pair[1].unmaps - pair[0].unmaps).max(1);
            (pair[1].visited - pair[0].visited) as f64 / unmaps as f64
        };
        Some(Growth {
            first,
            last,
            visited: edges.windows(2).map(looked_at).collect(),
        })
    }

    fn entries(&self) -> u64 {
        added(&self.first, &self.last)
    }

    /// Entries for each of so many.
    fn for_each(&self, count: u64) -> f64 {
        self.entries() as f64 / count.max(1) as f64
    }
}

fn verdict(observation: &Observation<'_>, snapshot: &Snapshot, growth: &Growth) -> Verdict {
    let caches = &snapshot.caches;
    let sites = busiest(caches);
    let culprit = sites.first().map(|site| moment(growth, site));
    Verdict {
        oracle: Oracle::Growth,
        rule: Some("registration_cache".to_owned()),
        subject: Subject::Memory,
        objects: Vec::new(),
        what: what(observation, growth),
        created: None,
        site: culprit,
        stack: Vec::new(),
        operation: None,
        operation_otherwise: None,
        cause: None,
        fault: None,
        fault_is_certain: false,
        evidence: evidence(caches, growth, &sites),
    }
}

fn what(observation: &Observation<'_>, growth: &Growth) -> String {
    let unmaps = growth.last.unmaps - growth.first.unmaps;
    let mut what = format!(
        "UCX's registration cache grows by {:.2} entries with each unmap",
        growth.for_each(unmaps)
    );
    let operations = growth.last.operation.saturating_sub(growth.first.operation);
    if operations > 0 && !observation.operations.is_empty() {
        what += &format!(", {:.2} with each operation", growth.for_each(operations));
    }
    what
}

fn evidence(caches: &Caches, growth: &Growth, sites: &[&UnmapSite]) -> Vec<Evidence> {
    let (first, last) = (growth.first, growth.last);
    let mut evidence = vec![Evidence::new(format!(
        "{} entries were pending after {} unmaps, and {} after {} ({} bytes in the real UCX); they are gone through when memory is \
         registered, or when they are more than RCACHE_MAX_UNRELEASED, which is infinite unless it is set",
        first.entries,
        first.unmaps,
        last.entries,
        last.unmaps,
        Caches::bytes_of(last.entries)
    ))];
    if let [begin, .., end] = growth.visited[..]
        && end > begin * SLOWER
    {
        evidence.push(Evidence::new(format!(
            "each unmap gets slower: a search looked at {begin:.0} nodes of the tree on average, and at {end:.0} later"
        )));
    }
    let samples: u64 = caches.sites.iter().map(|site| site.samples).sum();
    evidence.extend(sites.iter().map(|site| Evidence {
        text: format!(
            "of {samples} unmaps that were looked at {} came from {}",
            site.samples, site.function
        ),
        at: Some(moment(growth, site)),
    }));
    let hint = "what to do: set a limit, by UCX_RCACHE_MAX_UNRELEASED=1024 or with ucp_config_modify before ucp_init";
    evidence.push(Evidence::new(hint));
    evidence
}

/// The call stacks from which most was unmapped.
fn busiest(caches: &Caches) -> Vec<&UnmapSite> {
    let mut sites: Vec<&UnmapSite> = caches.sites.iter().collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.samples));
    let most = sites.first().map_or(0, |site| site.samples);
    sites.retain(|site| site.samples * 4 >= most);
    sites.truncate(SITES_MAX);
    sites
}

/// When and where the last of the unmaps came from a site.
fn moment(growth: &Growth, site: &UnmapSite) -> Moment {
    Moment {
        step: growth.last.step,
        function: None,
        operation: 0,
        stack: site.stack,
    }
}

#[cfg(test)]
mod tests;
