//! Workloads: what serving engines do with NIXL, as scenarios that are made from a few numbers.
//!
//! `decode` and `decode:requests=1000,churn=scattered` name one; `harness/workloads` has each with its usual numbers as a file.

mod decode;
mod offload;
mod push;
mod text;

use crate::scenario::{Addresses, Scenario};

/// What a workload is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Blocks of the cache, in each layer.
    pub blocks: u16,
    /// Layers, each a region of its own.
    pub layers: u16,
    /// Bytes of a block in a layer.
    pub block_bytes: u32,
    /// Requests that are served.
    pub requests: u32,
    /// Memory blocks that come and go beside NIXL's, for each request.
    pub unmaps: u16,
    /// Bytes of such a block.
    pub unmap_bytes: u32,
    /// How they lie to each other; `None`: in all ways, a scenario each.
    pub churn: Option<Addresses>,
    /// Whether the peer ends in the middle, and another takes its place.
    pub restart: bool,
}

impl Default for Parameters {
    /// A small model on a busy machine: enough requests to tell growth from a warm-up, few enough to be played in half a second.
    fn default() -> Parameters {
        Parameters {
            blocks: 16,
            layers: 2,
            block_bytes: 4096,
            requests: 240,
            unmaps: 4,
            unmap_bytes: 65536,
            churn: None,
            restart: true,
        }
    }
}

/// A workload's name, and what makes its scenario.
type Maker = fn(&Parameters, Addresses) -> String;

const WORKLOADS: [(&str, Maker); 3] = [
    ("decode", decode::text),
    ("push", push::text),
    ("offload", offload::text),
];

/// The ways in which memory blocks lie to each other, by name.
const PATTERNS: [(&str, Addresses); 4] = [
    ("reused", Addresses::Reused),
    ("adjacent", Addresses::Adjacent),
    ("scattered", Addresses::Scattered),
    ("random", Addresses::Random),
];

/// What is wrong with the name of a workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// There is none of this name.
    #[error("there is no workload `{0}`: choose one of decode, push, offload")]
    Unknown(String),
    /// A setting that no workload has.
    #[error(
        "`{0}` is no setting of a workload: choose among blocks, layers, block_bytes, requests, unmaps, unmap_bytes, churn, restart"
    )]
    Setting(String),
    /// A value that does not fit its setting.
    #[error("{setting}={value}: {right}")]
    Value {
        /// The setting.
        setting: String,
        /// What was given.
        value: String,
        /// What would be right.
        right: &'static str,
    },
}

/// A workload with its numbers.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    name: &'static str,
    make: Maker,
    parameters: Parameters,
}

impl Workload {
    /// Reads `decode` or `decode:requests=1000,churn=scattered`.
    ///
    /// # Errors
    /// Nothing has that name, or a setting is not known or does not fit.
    pub fn parse(text: &str) -> Result<Workload, WorkloadError> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let known = WORKLOADS.iter().find(|known| known.0 == name);
        let (name, make) = *known.ok_or_else(|| WorkloadError::Unknown(name.to_owned()))?;
        let mut parameters = Parameters::default();
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            parameters.set(key, value)?;
        }
        Ok(Workload {
            name,
            make,
            parameters,
        })
    }

    /// All of them, with their usual numbers.
    pub fn all() -> impl Iterator<Item = Workload> {
        WORKLOADS.iter().map(|(name, make)| Workload {
            name,
            make: *make,
            parameters: Parameters::default(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its scenarios: one for each way in which memory blocks lie to each other, or the one that was asked for.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let asked_for = |pattern: &&(&str, Addresses)| {
            let churn = self.parameters.churn;
            churn.is_none_or(|churn| churn == pattern.1)
        };
        PATTERNS
            .iter()
            .filter(asked_for)
            .map(|(_, addresses)| read(self.name, &(self.make)(&self.parameters, *addresses)))
            .collect()
    }

    /// The scenario of its file under `harness/workloads`.
    pub fn file(&self) -> String {
        (self.make)(&self.parameters, Addresses::Scattered)
    }
}

fn read(name: &str, text: &str) -> Scenario {
    match Scenario::parse(text) {
        Ok(scenario) => scenario,
        Err(error) => panic!("the workload `{name}`: {error}"),
    }
}

impl Parameters {
    fn set(&mut self, key: &str, value: &str) -> Result<(), WorkloadError> {
        let wrong = |right| WorkloadError::Value {
            setting: key.to_owned(),
            value: value.to_owned(),
            right,
        };
        // Descriptor indices have 16 bits, and a list of them is a line of the scenario.
        let small = |max: u16| {
            let number = value.parse().ok();
            number
                .filter(|number| (1..=max).contains(number))
                .ok_or_else(|| wrong("a number from 1 to 256 is right"))
        };
        let number = |max: u32| {
            let number = value.parse().ok();
            number
                .filter(|number| (1..=max).contains(number))
                .ok_or_else(|| wrong("a number from 1 to 1000000 is right"))
        };
        match key {
            "blocks" => self.blocks = small(256)?,
            "layers" => self.layers = small(256)?,
            "unmaps" => self.unmaps = small(256)?,
            "block_bytes" => self.block_bytes = number(1_000_000)?,
            "unmap_bytes" => self.unmap_bytes = number(1_000_000)?,
            "requests" => self.requests = number(1_000_000)?,
            "churn" => {
                let known = PATTERNS.iter().find(|pattern| pattern.0 == value);
                let known =
                    known.ok_or_else(|| wrong("reused, adjacent, scattered or random is right"))?;
                self.churn = Some(known.1);
            }
            "restart" => {
                self.restart = match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(wrong("on or off is right")),
                }
            }
            _ => return Err(WorkloadError::Setting(key.to_owned())),
        }
        Ok(())
    }

    /// Bytes of a layer's cache.
    fn layer_bytes(&self) -> u32 {
        u32::from(self.blocks) * self.block_bytes
    }

    /// Blocks that one request moves: a quarter of the cache, so that requests lie side by side.
    fn request_blocks(&self) -> u16 {
        (self.blocks / 4).max(1)
    }
}

#[cfg(test)]
mod tests;
