//! What a rule is.

use std::fmt;

use super::book;
use crate::abi::types::Minor;

/// How bad it is to break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Undefined behaviour in a release build of UCX.
    Undefined,
    /// Something is never given back.
    Leak,
    /// Two threads where UCX expects one.
    Race,
    /// The call is refused or means nothing.
    Contract,
    /// It works, but slowly, or not for long.
    Hazard,
}

impl Severity {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Undefined => "undefined behaviour",
            Severity::Leak => "leak",
            Severity::Race => "race",
            Severity::Contract => "contract",
            Severity::Hazard => "hazard",
        }
    }
}

/// What a rule rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Said in UCX's headers.
    Doc,
    /// Read in UCX's code.
    Code,
    /// One of UCX's own tests relies on it.
    Test,
    /// Follows from these, though nobody says it.
    Inferred,
}

impl Basis {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Doc => "doc",
            Basis::Code => "code",
            Basis::Test => "test",
            Basis::Inferred => "inferred",
        }
    }
}

/// The releases 1.x in which a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The first one; `None`: 1.13 or older.
    pub from: Option<Minor>,
    /// The last one; `None`: it still holds.
    pub to: Option<Minor>,
}

impl Versions {
    /// All releases.
    pub const ALL: Versions = Versions {
        from: None,
        to: None,
    };
    /// Since packed memory handles.
    pub const SINCE_14: Versions = Versions::since(14);
    /// Since remote keys can be compared.
    pub const SINCE_16: Versions = Versions::since(16);
    /// Since device memory lists in their present form.
    pub const SINCE_21: Versions = Versions::since(21);
    /// Since scatter-gather lists.
    pub const SINCE_22: Versions = Versions::since(22);

    const fn since(minor: Minor) -> Versions {
        Versions {
            from: Some(minor),
            to: None,
        }
    }
}

/// `all`, `1.21 and newer`, `1.14 to 1.20`.
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (None, None) => write!(f, "all"),
            (Some(from), None) => write!(f, "1.{from} and newer"),
            (None, Some(to)) => write!(f, "up to 1.{to}"),
            (Some(from), Some(to)) => write!(f, "1.{from} to 1.{to}"),
        }
    }
}

/// What is known about a rule.
#[derive(Debug)]
pub struct RuleInfo {
    /// Stable id.
    pub id: &'static str,
    /// What holds, as a sentence.
    pub statement: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it rests on.
    pub basis: Basis,
    /// UCX file and function (v1.22).
    pub source: &'static str,
    /// Where it holds.
    pub versions: Versions,
    /// What to do about it.
    pub hint: &'static str,
}

impl RuleInfo {
    /// Whether breaking it is a finding. What UCX itself neither says nor does is a note, and so is what only costs time.
    pub fn is_finding(&self) -> bool {
        self.severity != Severity::Hazard && matches!(self.basis, Basis::Doc | Basis::Code)
    }
}

/// A rule that the mock can see broken.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is described by its entry in the book")]
pub enum Rule {
    ArgumentNull,
    UnknownBits,
    MemoryType,
    ConfigLeak,
    ConfigHandle,
    ConfigPrefix,
    ConfigGlobal,
    ContextHandle,
    ContextFeatures,
    ContextWorkers,
    ContextMemory,
    ContextLists,
    ContextStale,
    ContextFeature,
    Inherited,
    WorkerHandle,
    WorkerTwice,
    WorkerEndpoints,
    WorkerRequests,
    WorkerUnflushed,
    AddressRelease,
    AddressBlob,
    WakeupFeature,
    WakeupExternal,
    ArmBusy,
    DescriptorGone,
    EndpointHandle,
    EndpointTarget,
    EndpointForce,
    EndpointTwice,
    EndpointClosed,
    EndpointCloseForgotten,
    EndpointKeys,
    EndpointArgument,
    EndpointSilent,
    EndpointForceLater,
    EndpointGentle,
    EndpointPerf,
    MemoryHandle,
    MemoryLength,
    MemoryFlags,
    MemoryInUse,
    MemoryInRemoteUse,
    MemoryTwice,
    MemoryRange,
    MemoryProtection,
    RkeyBuffer,
    RkeyBlob,
    RkeyEndpoint,
    RkeyHandle,
    RkeyInUse,
    RkeyWorker,
    RkeyUnmapped,
    RkeyContext,
    RmaRange,
    RmaBusyBuffer,
    SglArguments,
    SglGet,
    RmaBuffer,
    OperationFlags,
    RmaOverlap,
    RequestHandle,
    RequestTwice,
    RequestFreed,
    RequestCallbackLost,
    RequestWorker,
    RequestMemory,
    RequestPolled,
    RequestCallback,
    CallbackProgress,
    CallbackCleanup,
    CallbackUnwinds,
    AmId,
    AmHandler,
    AmUnheard,
    AmHeader,
    AmFlags,
    AmReturn,
    AmData,
    AmReceive,
    AmReply,
    ThreadSingle,
    ThreadSerialized,
    ThreadContext,
    ListHandle,
    ListElements,
    ListOutlives,
    MemoryGone,
    MemoryReplaced,
    MemoryStale,
}

impl Rule {
    /// The rule with this number.
    pub fn from_number(number: u16) -> Option<Rule> {
        book::all()
            .map(|(rule, _)| *rule)
            .find(|rule| *rule as u16 == number)
    }

    /// The rule with this id.
    pub fn from_id(id: &str) -> Option<Rule> {
        book::all()
            .find(|(_, info)| info.id == id)
            .map(|(rule, _)| *rule)
    }

    /// What is known about it.
    pub fn info(self) -> &'static RuleInfo {
        let entry = book::all().find(|(rule, _)| *rule == self);
        &entry.expect("every rule has its entry, as a test holds").1
    }

    /// Whether the call in which a breach shows is the one that is wrong. Of threads that meet, any may be the second; and a message that
    /// nobody hears shows in whatever call progresses its worker.
    pub fn blames_the_call(self) -> bool {
        self.info().severity != Severity::Race && self != Rule::AmUnheard
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        self.info().id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ucx_says_or_does_is_a_finding() {
        let info = |severity, basis| RuleInfo {
            id: "",
            statement: "",
            severity,
            basis,
            source: "",
            versions: Versions::ALL,
            hint: "",
        };
        assert!(info(Severity::Leak, Basis::Doc).is_finding());
        assert!(info(Severity::Contract, Basis::Code).is_finding());
        assert!(!info(Severity::Undefined, Basis::Inferred).is_finding());
        assert!(!info(Severity::Race, Basis::Test).is_finding());
        assert!(!info(Severity::Hazard, Basis::Doc).is_finding());
    }

    #[test]
    fn versions_read_as_a_sentence_goes_on() {
        assert_eq!(Versions::ALL.to_string(), "all");
        assert_eq!(Versions::SINCE_22.to_string(), "1.22 and newer");
        let range = Versions {
            to: Some(20),
            ..Versions::SINCE_14
        };
        assert_eq!(range.to_string(), "1.14 to 1.20");
    }
}
