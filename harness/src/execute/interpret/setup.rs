//! Agents and backends.

use std::net::{Ipv4Addr, TcpListener};

use super::reply::{Played, Reply, Stop, skip};
use super::world::{HeldAgent, HeldBackend, World, held, held_mut, vacant};
use crate::nixl::capi::{self, Agent, Params};
use crate::scenario::*;

impl World {
    pub(super) fn agent(
        &mut self,
        slot: AgentSlot,
        name: Option<&str>,
        config: Option<&AgentConfig>,
    ) -> Played {
        vacant(&self.agents, slot)?;
        let name = name.map_or_else(|| slot.to_string(), str::to_owned);
        let held = match config {
            // NIXL's default has a progress thread.
            None => HeldAgent {
                agent: Agent::new(self.api, &name)?,
                port: None,
                threaded: true,
            },
            Some(config) => self.configured(&name, config)?,
        };
        self.agents.insert(slot, held);
        self.names.insert(slot, name);
        Ok(Reply::done())
    }

    fn configured(&self, name: &str, config: &AgentConfig) -> Result<HeldAgent, Stop> {
        let port = match config.listen_port {
            0 if config.listen_thread => free_port()?,
            port => port,
        };
        let settings = capi::AgentConfig {
            progress_thread: config.progress_thread,
            listen_thread: config.listen_thread,
            listen_port: port,
            sync: match config.sync {
                Sync::None => capi::ThreadSync::None,
                Sync::Strict => capi::ThreadSync::Strict,
                Sync::ReadWrite => capi::ThreadSync::ReadWrite,
            },
            workers: u32::from(config.num_workers),
            progress_delay_us: u64::from(config.pthr_delay_us),
            listen_delay_us: u64::from(config.lthr_delay_us),
            telemetry: config.telemetry,
        };
        Ok(HeldAgent {
            agent: Agent::with_config(self.api, name, &settings)?,
            port: config.listen_thread.then_some(port),
            threaded: config.has_threads(),
        })
    }

    pub(super) fn destroy_agent(&mut self, slot: AgentSlot) -> Played {
        held(&self.agents, slot)?;
        if !self.lawful {
            self.abandon(slot);
        }
        if let Some((transfer, _)) = self.transfers.iter().find(|(_, one)| one.agent == slot) {
            return skip(format!("{slot} still has {transfer}"));
        }
        if let Some((list, _)) = self.lists.iter().find(|(_, one)| one.agent == slot) {
            return skip(format!("{slot} still has {list}"));
        }
        if let Some((view, _)) = self.views.iter().find(|(_, one)| one.agent == slot) {
            return skip(format!("{slot} still has {view}"));
        }
        // The backends go with their agent: no handle of them may be used from here on.
        self.backends.retain(|_, backend| backend.agent != slot);
        self.registered.retain(|one| one.agent != slot);
        self.loaded.retain(|(agent, _)| *agent != slot);
        // What came to this agent is not for the one that takes its place.
        self.inboxes.retain(|(receiver, _), _| *receiver != slot);
        let Some(held) = self.agents.remove(&slot) else {
            return skip(format!("{slot} is empty"));
        };
        held.agent.destroy()?;
        Ok(Reply::done())
    }

    /// What an agent has is never given back: its handles may not be used once the agent is gone.
    fn abandon(&mut self, slot: AgentSlot) {
        let transfers = self.transfers.extract_if(.., |_, one| one.agent == slot);
        transfers.for_each(std::mem::forget);
        let lists = self.lists.extract_if(.., |_, one| one.agent == slot);
        lists.for_each(std::mem::forget);
        let views = self.views.extract_if(.., |_, one| one.agent == slot);
        views.for_each(std::mem::forget);
    }

    pub(super) fn backend(
        &mut self,
        slot: BackendSlot,
        agent: AgentSlot,
        plugin: &str,
        params: &[Param],
    ) -> Played {
        vacant(&self.backends, slot)?;
        let owner = held_mut(&mut self.agents, agent)?;
        let mut settings = Params::new(self.api)?;
        for param in params {
            settings.add(&param.key, &param.value)?;
        }
        let backend = owner.agent.create_backend(plugin, &settings)?;
        settings.destroy()?;
        owner.threaded |= has_threads(params);
        self.backends.insert(slot, HeldBackend { backend, agent });
        Ok(Reply::done())
    }

    pub(super) fn destroy_backend(&mut self, slot: BackendSlot) -> Played {
        let Some(held) = self.backends.remove(&slot) else {
            return skip(format!("{slot} is empty"));
        };
        held.backend.destroy()?;
        Ok(Reply::done())
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, Stop> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port());
    match port {
        Ok(port) => Ok(port),
        Err(error) => skip(format!("no free port for the listener thread: {error}")),
    }
}
