//! What there is at the start: agents, backends, memory, and what they know of each other. Most scenarios have all of it, so that their
//! operations find something to work on.

use super::memory::{Relation, region};
use super::switches::Switches;
use super::tracker::Tracker;
use super::{SETUP_BYTES, exchange};
use crate::scenario::*;

/// Agents by the operand: mostly two.
const AGENTS: [u8; 8] = [2, 2, 2, 1, 2, 3, 3, 4];
/// A byte for each number of agents.
pub(super) const EACH_NUMBER: [u8; 4] = [3, 0, 5, 7];
/// How far a start goes: agents, backends, regions, registrations, metadata.
pub(super) const DEPTHS: std::ops::RangeInclusive<u8> = 1..=5;
const NAMES: [&str; 4] = ["ann", "bob", "cid", "dan"];
/// Agents at a time.
pub(super) const AGENTS_MAX: u8 = NAMES.len() as u8;
/// Where the bytes of an agent and of a region begin, and how many they are.
const AGENT_AT: usize = 8;
const AGENT_BYTES: usize = 3;
pub(super) const REGION_AT: usize = AGENT_AT + AGENT_BYTES * NAMES.len();
const REGION_BYTES: usize = 2;
const REGIONS: usize = (SETUP_BYTES - REGION_AT) / REGION_BYTES;

const THREADS: (&str, &[&str]) = ("num_threads", &["2", "1", "4", "0"]);
/// A batch size means nothing without threads.
const BATCH: (&str, &[&str]) = ("split_batch_size", &["2", "1", "1024", "4294967295", "0"]);
/// Parameters of the UCX backend with ordinary and boundary values (NIXL: src/plugins/ucx/ucx_backend.cpp, nixlUcxEngine).
const PARAMS: [(&str, &[&str]); 7] = [
    ("num_workers", &["2", "1", "4", "0"]),
    THREADS,
    BATCH,
    ("ucx_error_handling_mode", &["peer", "none"]),
    ("ucx_ep_close_force", &["true", "false"]),
    ("engine_config", &["RNDV_THRESH=1024", "", "NO_SUCH_KEY=1"]),
    ("ucx_num_device_channels", &["4", "1", "64"]),
];

/// Plays the start.
pub(super) fn play(tracker: &mut Tracker, setup: &[u8; SETUP_BYTES]) {
    let agents = agents_of(setup);
    // How far the start goes; beyond the last step it is whole.
    let depth = match setup[3] % 16 {
        depth @ 1..=4 => depth,
        _ => 5,
    };
    for number in 0..agents {
        let bytes = agent_bytes(setup, number);
        let op = agent(AgentSlot(number), tracker.switches, bytes[0]);
        tracker.push(op);
    }
    if depth >= 2 {
        for number in 0..agents {
            let bytes = agent_bytes(setup, number);
            let op = ucx(
                (BackendSlot(number), AgentSlot(number)),
                tracker.switches,
                (bytes[1], bytes[2]),
            );
            tracker.push(op);
        }
    }
    if depth >= 3 {
        let regions = (usize::from(agents) + 2).min(REGIONS);
        for number in 0..regions {
            let at = REGION_AT + number * REGION_BYTES;
            let relation = Relation::from_byte(setup[at + 1]);
            let slot = RegionSlot(number as u16);
            tracker.push(region(tracker, slot, setup[at], relation));
        }
        if depth >= 4 {
            register(tracker, agents, setup[5]);
        }
    }
    if depth >= 5 {
        exchange::at_the_start(tracker, agents, setup[4]);
    }
}

/// How many agents there are.
pub(super) fn agents_of(setup: &[u8; SETUP_BYTES]) -> u8 {
    AGENTS[usize::from(setup[1]) % AGENTS.len()]
}

/// Where the bytes of an agent begin.
pub(super) fn agent_at(number: u8) -> usize {
    AGENT_AT + usize::from(number) * AGENT_BYTES
}

fn agent_bytes(setup: &[u8; SETUP_BYTES], number: u8) -> &[u8] {
    let at = agent_at(number);
    &setup[at..at + AGENT_BYTES]
}

/// An agent under the name of its slot: the next one there has the same.
pub(super) fn agent(slot: AgentSlot, switches: Switches, bits: u8) -> Op {
    let sync = match bits >> 2 & 3 {
        2 => Sync::Strict,
        3 => Sync::ReadWrite,
        _ => Sync::None,
    };
    let progresses = switches.threads && bits & 3 == 3;
    let listens = switches.listeners && bits >> 4 & 3 != 0;
    let config = AgentConfig {
        progress_thread: progresses,
        // With NIXL's own pause of zero its progress threads never sleep, and take the time of all others on a small machine.
        pthr_delay_us: if progresses { 1_000 } else { 0 },
        listen_thread: listens,
        // A tenth of NIXL's own pause, or each exchange would take a tenth of a second.
        lthr_delay_us: if listens {
            1_000
        } else {
            AgentConfig::default().lthr_delay_us
        },
        sync,
        telemetry: switches.telemetry && bits >> 6 & 1 == 1,
        ..AgentConfig::default()
    };
    Op::Agent {
        agent: slot,
        name: Some(NAMES[usize::from(slot.0) % NAMES.len()].to_owned()),
        // NIXL's default has a progress thread.
        config: (!switches.threads || bits & 0x8f != 0x8f).then_some(config),
    }
}

/// A UCX backend. Half of them have the usual parameters, or a pool of threads.
pub(super) fn ucx(
    (backend, agent): (BackendSlot, AgentSlot),
    switches: Switches,
    (which, value): (u8, u8),
) -> Op {
    let mut params = Vec::new();
    let which = which % 16;
    // Where there are threads, half of the backends have a pool of them.
    if switches.threads && which < 9 {
        params.push(param(THREADS, value >> 4));
        if which % 4 != 0 {
            params.push(param(BATCH, value));
        }
    } else if let Some(index) = usize::from(which).checked_sub(9) {
        params.push(match PARAMS[index % PARAMS.len()] {
            (key, _) if key == THREADS.0 => param((key, &["0"]), value),
            chosen => param(chosen, value),
        });
    }
    Op::Backend {
        backend,
        agent,
        plugin: "UCX".to_owned(),
        params,
    }
}

fn param((key, values): (&str, &[&str]), value: u8) -> Param {
    Param {
        key: key.to_owned(),
        value: values[usize::from(value) % values.len()].to_owned(),
    }
}

/// Region `n` is registered with agent `n` modulo their number, each agent's in one call or singly.
fn register(tracker: &mut Tracker, agents: u8, bits: u8) {
    let regions: Vec<RegionSlot> = tracker.model.regions.keys().copied().collect();
    for number in 0..agents {
        let own = regions
            .iter()
            .filter(|slot| slot.0 % u16::from(agents) == u16::from(number));
        let descs: Vec<Desc> = own
            .map(|region| Desc {
                region: *region,
                span: None,
            })
            .collect();
        let singly = bits >> number & 1 == 0;
        let size = if singly { 1 } else { descs.len().max(1) };
        for some in descs.chunks(size) {
            let op = Op::Register {
                agent: AgentSlot(number),
                descs: some.to_vec(),
                backend: None,
            };
            if tracker.accepts(&op) {
                tracker.push(op);
            }
        }
    }
}
