//! What can be chosen before the first call.

use std::path::PathBuf;
use std::sync::Arc;

use crate::counts::OfProcess;
use crate::schedule::{Benign, Bytes, Decider, Environment, FaultSpec, Point, Script, Seeded};
use crate::version::UcxVersion;

/// A client that polls a healthy network so often for nothing has waited for some ten milliseconds, longer than any operation takes.
const HEAL_AFTER: u64 = 100_000;

/// Who decides where no fault of the specification applies.
#[derive(Clone, Debug, Default)]
pub enum Adversary {
    /// Nobody: all is as on a healthy network.
    #[default]
    Benign,
    /// A swarm drawn from the seed.
    Swarm,
    /// A fuzzer's bytes.
    Bytes(Vec<u8>),
    /// A decider of the program that links the mock.
    Own(Arc<dyn Decider>),
}

/// What can be chosen before the first call.
#[derive(Clone, Debug)]
pub struct Settings {
    /// File for the ledger; `None` keeps it in memory of the process.
    pub ledger: Option<PathBuf>,
    /// Faults to make happen.
    pub faults: FaultSpec,
    /// Seed of whatever is drawn.
    pub seed: u64,
    /// Who decides where no fault applies.
    pub adversary: Adversary,
    /// Whether a swarm makes moves, too, whose permission is doubtful.
    pub paranoid: bool,
    /// Progress calls of a worker without anything to do, while something is withheld, after which the adversary heals.
    pub heal_after: u64,
    /// Whether a trace is written beside the ledger.
    pub trace: bool,
    /// Whether every question is recorded in the ledger, for a search that goes through them.
    pub record_questions: bool,
    /// Whether a swarm fails what the system does for the client, too, and questions of that are recorded.
    pub environment: bool,
    /// Version of UCX to be.
    pub version: UcxVersion,
    /// Whether the machine has a GPU that memory lists can be made for.
    pub device_api: bool,
    /// Whether contexts have registration caches, which hear of every unmap of the process.
    pub watch_unmaps: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ledger: None,
            faults: FaultSpec::default(),
            seed: 0,
            adversary: Adversary::Benign,
            paranoid: false,
            heal_after: HEAL_AFTER,
            trace: false,
            record_questions: false,
            environment: false,
            version: UcxVersion::NEWEST,
            device_api: false,
            watch_unmaps: false,
        }
    }
}

impl Settings {
    /// What is counted for `decider` from now on.
    pub(crate) fn counts(&self, decider: &dyn Decider) -> OfProcess {
        let counts = OfProcess::new(|point| {
            let recorded = self.record_questions && (self.environment || !point.is_environment());
            recorded || decider.may_deviate_at(point)
        });
        for which in Environment::all() {
            which.ask_for(counts.is_asked_for(Point::Environment(which)));
        }
        counts
    }

    /// Who decides.
    pub(crate) fn decider(&self) -> Arc<dyn Decider> {
        let adversary: Arc<dyn Decider> = match &self.adversary {
            Adversary::Benign => Arc::new(Benign),
            Adversary::Swarm if self.environment => {
                Arc::new(Seeded::new(self.seed, self.paranoid).with_environment())
            }
            Adversary::Swarm => Arc::new(Seeded::new(self.seed, self.paranoid)),
            Adversary::Bytes(bytes) => Arc::new(Bytes::new(bytes.clone())),
            Adversary::Own(decider) => decider.clone(),
        };
        if self.faults.is_empty() {
            return adversary;
        }
        Arc::new(Script::new(self.faults.clone(), self.seed, adversary))
    }
}
