//! What the end of a hunt says.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use mock_ucx::schedule::Point;

use crate::campaign::{Known, Tally};
use crate::cli::{CANNOT, CLEAN, FOUND, absent, command_on};
use crate::report::findings::FILE_NAME;
use crate::report::{Finding, Findings, terminal};

/// A hunt that is over.
pub(super) struct Outcome<'a> {
    pub(super) findings: &'a Findings,
    pub(super) known: &'a Known,
    pub(super) tally: &'a Tally,
    pub(super) out: &'a Path,
    pub(super) took: Duration,
    /// Somebody said that what is known is no reason to fail.
    pub(super) excused: bool,
}

impl Outcome<'_> {
    /// Who names the known findings is to be woken by new ones only. Who does not asks whether this NIXL has bugs.
    pub(super) fn status(&self) -> u8 {
        if !self.tally.doubts.is_empty() {
            CANNOT
        } else if self.reason().is_some() {
            FOUND
        } else {
            CLEAN
        }
    }

    /// The first finding that is a reason to fail.
    fn reason(&self) -> Option<&Finding> {
        let known = self.findings.iter().filter(|_| !self.excused);
        self.unknown().chain(known).next()
    }

    fn unknown(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.known.is_none())
    }

    /// Prints all.
    pub(super) fn print(&self) {
        for (number, finding) in self.unknown().enumerate() {
            let again = command_on("replay", self.out, &finding.id);
            anstream::println!("{}", terminal::finding(number + 1, finding, &again));
        }
        self.print_known();
        self.print_tally();
        let new = self.unknown().count();
        let families: BTreeSet<_> = self.unknown().map(|finding| &finding.family).collect();
        anstream::println!(
            "{}{} cases, {new} distinct findings in {} families, {} known ones met, {:.0} s; all in {}",
            if self.tally.stopped {
                "stopped early: "
            } else {
                ""
            },
            self.tally.cases,
            families.len(),
            self.findings.len() - new,
            self.took.as_secs_f64(),
            self.out.join(FILE_NAME).display()
        );
        if let Some(first) = self.reason() {
            anstream::println!(
                "exit status {}; see one again with: {}, file it with: {}",
                match self.status() {
                    FOUND if self.excused => "1, because something new was found",
                    FOUND => "1, because something was found",
                    _ => "2, because this result cannot be vouched for",
                },
                command_on("replay", self.out, &first.id),
                command_on("bug", self.out, &first.id)
            );
        }
    }

    fn print_known(&self) {
        if self.known.is_empty() {
            return;
        }
        for name in self.known.names() {
            let met = |finding: &&Finding| finding.known.as_deref() == Some(name);
            let times: u64 = self
                .findings
                .iter()
                .filter(met)
                .map(|finding| finding.count)
                .sum();
            let state = match (self.known.gone().any(|gone| gone == name), times) {
                (true, 0) => "does not show in this NIXL".to_owned(),
                (_, 0) => "still there, not met in the search".to_owned(),
                (_, 1) => "met once".to_owned(),
                (_, times) => format!("met {times} times"),
            };
            anstream::println!("known: {name}: {state}");
        }
        if self.tally.sidestepped > 0 {
            anstream::println!(
                "{} cases were changed to go round a known crash or hang",
                self.tally.sidestepped
            );
        }
    }

    fn print_tally(&self) {
        let tally = self.tally;
        let skipped: u64 = tally.absent.values().sum();
        if skipped > 0 {
            let functions: Vec<&str> = tally.absent.keys().map(String::as_str).collect();
            anstream::println!("{}", absent(skipped, &functions));
        }
        for doubt in &tally.doubts {
            anstream::println!("cannot vouch for this result: {doubt}");
        }
        if tally.drawn > 0 {
            anstream::println!(
                "{} of the cases were drawn; {} of their findings did not show again and are left out",
                tally.drawn,
                tally.not_replayed
            );
        }
        if tally.unconfirmed > 0 {
            anstream::println!(
                "{} hangs did not show again each time, as on a machine that is busy, and are left out",
                tally.unconfirmed
            );
        }
        if tally.not_minimised > 0 {
            anstream::println!(
                "{} findings may become smaller: the time ran out; `{}` goes on",
                tally.not_minimised,
                command_on("minimize", self.out, "ID")
            );
        }
        let of_ucx = Point::all().filter(|point| !point.is_environment());
        let pairs = of_ucx.flat_map(|point| {
            let outcomes = point.outcomes().into_iter().enumerate();
            let permitted = outcomes.filter(|(_, outcome)| !outcome.paranoid);
            permitted.map(move |(index, outcome)| (point, index + 1, outcome.choice))
        });
        let pairs: Vec<_> = pairs.collect();
        let silent: Vec<String> = pairs
            .iter()
            .filter(|(point, outcome, _)| !tally.fired.contains(&(*point, *outcome)))
            .map(|(point, _, choice)| format!("{point}={}", point.words(*choice)))
            .collect();
        if !silent.is_empty() {
            anstream::println!("outcomes that never fired: {}", silent.join(", "));
        }
        let permitted = pairs.len();
        anstream::println!(
            "{} of {permitted} permitted outcomes fired; {} cases left out by time or number; in {} the deviation was not reached",
            permitted - silent.len(),
            tally.left_out,
            tally.unfired
        );
    }
}
