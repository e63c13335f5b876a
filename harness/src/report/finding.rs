//! A finding: one verdict with everything that a person needs to file it and a program to compare it.

use std::fmt;

use mock_ucx::ledger::read::{Fired, Moment, Snapshot};
use mock_ucx::rules::Rule;
use mock_ucx::schedule::Point;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::frames::{Frame, nixl_frames};
use super::{Certificate, Symbolizer};
use crate::oracle::{Evidence, Observation, Oracle, Verdict};

/// Hex digits of a fingerprint: 128 bits, beyond any accident.
const FINGERPRINT_DIGITS: usize = 32;
/// Hex digits of a family.
const FAMILY_DIGITS: usize = 16;
/// Hex digits of an id, which people type.
const ID_DIGITS: usize = 12;

/// One line of `findings.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The beginning of the fingerprint, for people.
    pub id: String,
    /// What makes two findings the same one: oracle, rule, object, operation, function of the fault, NIXL's frames.
    pub fingerprint: String,
    /// Coarser, the same over releases: oracle, object, function of creation, function of the fault.
    pub family: String,
    /// Who found it.
    pub oracle: Oracle,
    /// The rule that was broken, or what stands for it: a signal, a kind of hang.
    pub rule: Option<String>,
    /// Kind of object.
    pub object: String,
    /// How often it was seen.
    pub count: u64,
    /// Why, strongest first.
    pub evidence: Vec<String>,
    /// Where the object was created, innermost first; for a bad call or a failure without an object: that call.
    pub created: Vec<StackFrame>,
    /// Where the object was ended, innermost first; empty if it was alive.
    #[serde(default)]
    pub ended: Vec<StackFrame>,
    /// The call that broke the rule, or whose failure led to something else than a broken rule, if `created` shows another.
    #[serde(default)]
    pub called: Vec<StackFrame>,
    /// The operation of NIXL that failed or that should have ended the object.
    pub operation: Option<String>,
    /// The scenario, as text.
    pub scenario: String,
    /// What the adversary decided: the faults that fired, in that order.
    pub decisions: Vec<String>,
    /// The fault specification that shows it again; empty for a benign run.
    pub faults: String,
    /// The NIXL it was seen in.
    pub nixl: String,
    /// The UCX that was emulated.
    pub ucx_version: String,
    /// How surely it shows again.
    pub stability: Stability,
    /// A sentence or two to file.
    pub message: String,
    /// Nothing can be left out of its scenario and its faults without losing it.
    #[serde(default)]
    pub minimal: bool,
    /// Its family is sure: nothing else deviated than what led to it, or that is known from the ledger.
    #[serde(default)]
    pub cause_is_certain: bool,
    /// Name of the known finding that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// What came of it on the real UCX; `None`: nobody tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Fingerprints that it would have if another fault of the case, or none, had led to it.
    #[serde(skip)]
    pub(super) otherwise: Vec<String>,
}

/// A frame of a call stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFrame {
    /// File name of the library, without what differs between builds.
    pub module: String,
    /// The function, demangled; unknown: `None`.
    pub function: Option<String>,
    /// It is NIXL's.
    pub nixl: bool,
}

/// `libnixl.so!nixlAgent::registerMem`.
impl fmt::Display for StackFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.function.as_deref().unwrap_or("?");
        write!(f, "{}!{function}", self.module)
    }
}

impl From<&Frame> for StackFrame {
    fn from(frame: &Frame) -> StackFrame {
        StackFrame {
            module: frame.module.clone(),
            function: frame.function.clone(),
            nixl: frame.in_nixl,
        }
    }
}

/// In how many of how many replays it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stability {
    /// It showed.
    pub shown: u32,
    /// It was played.
    pub of: u32,
}

/// What a finding says about the case that a verdict does not know.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The scenario's text, or the command.
    pub scenario: &'a str,
    /// The fault specification that was asked for.
    pub faults: &'a str,
    /// The NIXL.
    pub nixl: &'a str,
}

impl Finding {
    /// The finding that a verdict is. For a doubt there is none: [`Verdict::is_doubt`].
    pub fn new(
        verdict: &Verdict,
        observation: &Observation<'_>,
        case: &Case<'_>,
        symbols: &mut Symbolizer,
    ) -> Finding {
        let mut teller = Teller {
            verdict,
            observation,
            symbols,
        };
        let fault = teller.fired(verdict.fault);
        let fingerprint = teller.fingerprint(fault);
        let mut finding = Finding {
            id: fingerprint[..ID_DIGITS].to_owned(),
            otherwise: match verdict.cause {
                Some(_) => Vec::new(),
                None => teller.other_fingerprints(&fingerprint),
            },
            fingerprint,
            family: teller.family(fault),
            oracle: verdict.oracle,
            rule: verdict.rule.clone(),
            object: verdict.subject.name().to_owned(),
            count: 1,
            evidence: verdict
                .evidence
                .iter()
                .map(|evidence| teller.sentence(evidence))
                .collect(),
            created: teller.created(fault).iter().map(StackFrame::from).collect(),
            ended: teller.ended().iter().map(StackFrame::from).collect(),
            called: teller.called(fault).iter().map(StackFrame::from).collect(),
            operation: teller.operation(fault),
            scenario: case.scenario.to_owned(),
            decisions: observation.snapshot.map(decisions).unwrap_or_default(),
            faults: case.faults.to_owned(),
            nixl: case.nixl.to_owned(),
            ucx_version: observation.snapshot.map(version).unwrap_or_default(),
            stability: Stability { shown: 1, of: 1 },
            message: String::new(),
            minimal: false,
            cause_is_certain: verdict.fault_is_certain,
            known: None,
            certificate: None,
        };
        finding.message = teller.message(fault, &finding);
        finding
    }

    /// The same finding, whatever fault of its case, or none, had led to it.
    pub fn is_same(&self, other: &Finding) -> bool {
        self.goes_by(&other.fingerprint)
    }

    /// This fingerprint is its own, or would be if another fault of its case, or none, had led to it.
    pub fn goes_by(&self, fingerprint: &str) -> bool {
        self.fingerprint == fingerprint || self.otherwise.iter().any(|other| other == fingerprint)
    }

    /// It showed as often in a row as it must: what depends on how busy the machine is does not count if it did not show again. Where there
    /// was no time to play it again nothing speaks against it.
    pub fn is_confirmed(&self) -> bool {
        let Stability { shown, of } = self.stability;
        let repeats = self.oracle.repeats();
        repeats == 1 || shown >= repeats.min(of)
    }

    /// It showed in less than half of its replays: it depends on what threads do at once, and cannot be made small.
    pub fn shows_seldom(&self) -> bool {
        let Stability { shown, of } = self.stability;
        shown * 2 < of
    }

    /// The kind of operation that is to blame: the first word of it.
    pub fn verb(&self) -> Option<&str> {
        self.operation.as_deref()?.split_whitespace().next()
    }

    /// Simpler cases come first: few faults, a short scenario, and the texts, so that the order is always the same.
    pub(super) fn simplicity(&self) -> impl Ord + '_ {
        let faults = self
            .faults
            .split(';')
            .filter(|fault| !fault.trim().is_empty())
            .count();
        (faults, self.scenario.len(), &self.faults, &self.scenario)
    }
}

fn decisions(snapshot: &Snapshot) -> Vec<String> {
    let decision = |fired: &Fired| fired.to_fault().to_string();
    snapshot.fired.iter().map(decision).collect()
}

fn version(snapshot: &Snapshot) -> String {
    let [major, minor, patch] = snapshot.ucx_version;
    format!("{major}.{minor}.{patch}")
}

/// The first digits of the parts' hash; no part can run into the next.
fn hash(parts: &[&str], digits: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hex: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hex[..digits].to_owned()
}

/// Turns a verdict into words.
struct Teller<'a, 'o> {
    verdict: &'a Verdict,
    observation: &'a Observation<'o>,
    symbols: &'a mut Symbolizer,
}

impl<'o> Teller<'_, 'o> {
    fn fired(&self, index: Option<usize>) -> Option<&'o Fired> {
        self.observation.snapshot?.fired.get(index?)
    }

    fn frames(&mut self, at: Option<Moment>) -> Vec<Frame> {
        match (self.observation.snapshot, at) {
            (Some(snapshot), Some(at)) => self
                .symbols
                .frames(&snapshot.modules, &snapshot.stack(at.stack)),
            _ => Vec::new(),
        }
    }

    /// The call stack of the verdict itself, if it has one.
    fn own_frames(&mut self) -> Vec<Frame> {
        let died = self.observation.died.filter(|_| self.is_crash());
        let modules = match (died, self.observation.snapshot) {
            (Some(died), _) => &died.modules,
            (None, Some(snapshot)) => &snapshot.modules,
            (None, None) => return Vec::new(),
        };
        self.symbols.frames(modules, &self.verdict.stack)
    }

    fn is_crash(&self) -> bool {
        self.verdict.oracle == Oracle::Crash
    }

    /// The call whose stack tells the verdict from others.
    fn site(&self, fault: Option<&Fired>) -> Option<Moment> {
        self.verdict.site.or(fault.map(|fault| fault.at))
    }

    /// The object's creation, or the bad call: also where the creation is unknown, in a process that inherited the object.
    fn created(&mut self, fault: Option<&Fired>) -> Vec<Frame> {
        let own = self.own_frames();
        if !own.is_empty() {
            return own;
        }
        match self.frames(self.verdict.created) {
            none if none.is_empty() => self.frames(self.site(fault)),
            frames => frames,
        }
    }

    /// The end of the object that it is about, as far as that led to it.
    fn ended(&mut self) -> Vec<Frame> {
        let object = self.verdict.objects.first();
        let object = object.and_then(|serial| self.observation.snapshot?.object(*serial));
        let broken = self.verdict.site.map_or(0, |site| site.step);
        let before = |end: &Moment| match self.verdict.oracle {
            Oracle::Rule => (1..broken).contains(&end.step),
            _ => end.step > 0,
        };
        self.frames(object.map(|object| object.ended).filter(before))
    }

    /// The call that broke a rule, or the one that failed where that is not plain, if it is not all there is.
    fn called(&mut self, fault: Option<&Fired>) -> Vec<Frame> {
        match self.verdict.oracle {
            Oracle::Rule => {
                let site = self.verdict.site;
                self.frames(site.filter(|_| self.verdict.created.is_some()))
            }
            _ => {
                let fault = fault.filter(|fault| self.is_to_be_placed(fault));
                self.frames(fault.map(|fault| fault.at))
            }
        }
    }

    /// A fault of which it has to be said where it was: another call than the one that the finding is about, and one that is made in many
    /// places.
    fn is_to_be_placed(&self, fault: &Fired) -> bool {
        let elsewhere = !self.verdict.stack.is_empty() || self.verdict.created.is_some();
        (self.is_crash() || fault.asked.point.is_environment()) && elsewhere
    }

    /// Text of the operation to blame.
    fn operation(&self, fault: Option<&Fired>) -> Option<String> {
        let number = self.verdict.blamed(fault)?;
        Some(self.observation.operation(number)?.text.clone())
    }

    fn fingerprint(&mut self, fault: Option<&Fired>) -> String {
        let operation = self
            .verdict
            .blamed(fault)
            .and_then(|number| self.observation.operation(number))
            .map_or("", |note| note.name());
        let rule = self.verdict.rule.as_deref().and_then(Rule::from_id);
        let chance =
            self.verdict.oracle == Oracle::Rule && rule.is_some_and(|rule| !rule.blames_the_call());
        if chance {
            return self.fingerprint_of("", &[], fault);
        }
        let frames = match self.own_frames() {
            none if none.is_empty() => self.frames(self.site(fault)),
            frames => frames,
        };
        let frames: Vec<String> = match nixl_frames(&frames) {
            // A client that is not NIXL is told from others by all its frames.
            none if none.is_empty() => frames.iter().map(ToString::to_string).collect(),
            frames => frames,
        };
        self.fingerprint_of(operation, &frames, fault)
    }

    fn fingerprint_of(&self, operation: &str, frames: &[String], fault: Option<&Fired>) -> String {
        let mut parts = vec![
            self.verdict.oracle.name(),
            self.verdict.rule.as_deref().unwrap_or_default(),
            self.verdict.subject.name(),
            operation,
            fault.map_or("", |fault| fault.asked.point.name()),
        ];
        parts.extend(frames.iter().map(String::as_str));
        hash(&parts, FINGERPRINT_DIGITS)
    }

    fn other_fingerprints(&mut self, own: &str) -> Vec<String> {
        let count = self
            .observation
            .snapshot
            .map_or(0, |snapshot| snapshot.fired.len());
        let causes = std::iter::once(None).chain((0..count).map(Some));
        let mut others: Vec<String> = causes
            .map(|cause| {
                let fault = self.fired(cause);
                self.fingerprint(fault)
            })
            .filter(|other| other != own)
            .collect();
        others.dedup();
        others
    }

    fn family(&mut self, fault: Option<&Fired>) -> String {
        let own = self.own_frames();
        let own = nixl_frames(&own).into_iter().next().unwrap_or_default();
        // What has a call stack of its own, as growth has, has nothing to do with the call at which something failed.
        let function = match function(self.verdict.created) {
            "" if own.is_empty() => function(self.site(fault)),
            "" => own.as_str(),
            function => function,
        };
        let mut parts = vec![
            self.verdict.oracle.name(),
            self.verdict.subject.name(),
            function,
            fault.map_or("", |fault| fault.asked.point.name()),
        ];
        // The system is asked for the same everywhere: by whom tells one place from another.
        let asker = fault.filter(|fault| fault.asked.point.is_environment());
        let asker = asker.and_then(|fault| self.caller(Some(fault.at)));
        parts.extend(asker.as_deref());
        hash(&parts, FAMILY_DIGITS)
    }

    /// Who made a call: NIXL's innermost function, or the innermost of all.
    fn caller(&mut self, at: Option<Moment>) -> Option<String> {
        nearest(&self.frames(at))
    }

    fn sentence(&mut self, evidence: &Evidence) -> String {
        match self.caller(evidence.at) {
            Some(caller) => format!("{}, called by {caller}", evidence.text),
            None => evidence.text.clone(),
        }
    }

    fn message(&mut self, fault: Option<&Fired>, finding: &Finding) -> String {
        let mut message = self.verdict.what.clone();
        if let Some(nearest) = nearest(&self.own_frames()) {
            message += &match self.is_crash() {
                true => format!(" in {nearest}"),
                false => format!(": made by {nearest}"),
            };
        }
        let at = self
            .verdict
            .created
            .filter(|_| self.verdict.oracle == Oracle::Lost)
            .or(self.verdict.site);
        if let Some(at) = at {
            let verb = if self.verdict.oracle == Oracle::Lost {
                "created"
            } else {
                "called"
            };
            let caller = self
                .caller(Some(at))
                .unwrap_or_else(|| "an unknown caller".to_owned());
            message += &format!(": {verb} by {caller}");
            if at.function.is_some() {
                message += &format!(" with {}", function(Some(at)));
            }
        }
        if let Some(operation) = &finding.operation {
            message += &format!(", in `{operation}`");
        }
        if let Some(fault) = fault {
            message += &format!(
                ", after {} {} {}",
                fault.asked.point,
                if matches!(fault.asked.point, Point::Call(_)) {
                    "answered"
                } else {
                    "was"
                },
                fault.asked.point.words(fault.choice)
            );
            let caller = self.caller(Some(fault.at));
            if let Some(caller) = caller.filter(|_| self.is_to_be_placed(fault)) {
                message += &format!(" in {caller}");
            }
        }
        message += ".";
        if let Some(first) = finding.evidence.first() {
            let mut letters = first.chars();
            let capital = letters
                .next()
                .map(|letter| letter.to_uppercase().to_string())
                .unwrap_or_default();
            message += &format!(" {capital}{}.", letters.as_str().trim_end_matches('.'));
        }
        message
    }
}

/// The innermost function of NIXL's, or the innermost of all.
fn nearest(frames: &[Frame]) -> Option<String> {
    let own = frames.iter().find(|frame| frame.is_nixls_own());
    let frame = own.or(frames.first())?;
    Some(frame.function.clone().unwrap_or_else(|| frame.to_string()))
}

fn function(at: Option<Moment>) -> &'static str {
    at.and_then(|at| at.function)
        .map_or("", |function| function.name())
}

#[cfg(test)]
mod tests;
