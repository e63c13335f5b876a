//! An agent: its life, its plugins and its metadata.

use std::ffi::{CStr, c_int};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::args::opt;
use super::owned::{c_string, take_malloced};
use super::raw::{RawAgent, RawAgentConfig};
use super::{
    Answer, Api, Backend, MemList, OptArgs, Params, RegDlist, Status, StringList, XferDlist,
};

/// How an agent guards itself against concurrent callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ThreadSync {
    /// Not at all: one caller at a time.
    #[default]
    None,
    /// One lock.
    Strict,
    /// A lock for readers and writers.
    ReadWrite,
}

impl ThreadSync {
    fn code(self) -> c_int {
        match self {
            ThreadSync::None => 0,
            ThreadSync::Strict => 1,
            ThreadSync::ReadWrite => 2,
        }
    }
}

/// The configuration of an agent. The default is quiet: no thread of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentConfig {
    /// Whether a thread drives progress.
    pub progress_thread: bool,
    /// Whether a thread serves metadata over a socket.
    pub listen_thread: bool,
    /// The port of that thread.
    pub listen_port: u16,
    /// Locking.
    pub sync: ThreadSync,
    /// Number of workers. No known release looks at it: the backend parameter counts.
    pub workers: u32,
    /// Pause of the progress thread.
    pub progress_delay_us: u64,
    /// Pause of the listening thread.
    pub listen_delay_us: u64,
    /// Whether transfers are measured.
    pub telemetry: bool,
}

/// An agent. Calls from several threads at once are for agents with a [`ThreadSync`] only.
///
/// Requests, prepared lists and views remember their agent; after its end they pass null. No other
/// thread may use one of them while the agent is being destroyed.
pub struct Agent {
    pub(super) api: &'static Api,
    pub(super) slot: AgentSlot,
}

/// Where an agent is, or null after its end; shared with all objects that need it.
pub(super) type AgentSlot = Arc<AtomicPtr<RawAgent>>;

impl Agent {
    /// `nixl_capi_create_agent`: an agent with NIXL's defaults, which include a progress thread.
    pub fn new(api: &'static Api, name: &str) -> Answer<Agent> {
        let name = c_string(name)?;
        let mut raw = ptr::null_mut();
        // SAFETY: the name is copied and `raw` a place for the new object.
        unsafe { api.create_agent(name.as_ptr(), &mut raw) }?;
        Ok(Agent {
            api,
            slot: Arc::new(AtomicPtr::new(raw)),
        })
    }

    /// `nixl_capi_create_configured_agent`.
    pub fn with_config(api: &'static Api, name: &str, config: &AgentConfig) -> Answer<Agent> {
        let name = c_string(name)?;
        let config = RawAgentConfig {
            enable_prog_thread: config.progress_thread,
            enable_listen_thread: config.listen_thread,
            listen_port: c_int::from(config.listen_port),
            thread_sync: config.sync.code(),
            num_workers: config.workers,
            pthr_delay_us: config.progress_delay_us,
            lthr_delay_us: config.listen_delay_us,
            capture_telemetry: config.telemetry,
        };
        let mut raw = ptr::null_mut();
        // SAFETY: name and configuration are copied and `raw` is a place for the new object.
        unsafe { api.create_configured_agent(name.as_ptr(), &config, &mut raw) }?;
        Ok(Agent {
            api,
            slot: Arc::new(AtomicPtr::new(raw)),
        })
    }

    pub(super) fn raw(&self) -> *mut RawAgent {
        self.slot.load(Ordering::Acquire)
    }

    /// `nixl_capi_destroy_agent`, with whatever is still registered or under way.
    pub fn destroy(self) -> Answer<()> {
        self.end()
    }

    fn end(&self) -> Answer<()> {
        let raw = self.slot.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: the agent is alive, and from now on nobody finds it in the slot.
        unsafe { self.api.destroy_agent(raw) }.map(drop)
    }

    /// Names of the plugins that NIXL found.
    pub fn plugins(&self) -> Answer<StringList> {
        let mut raw = ptr::null_mut();
        // SAFETY: the agent is alive and `raw` a place for the list.
        unsafe { self.api.get_available_plugins(self.raw(), &mut raw) }?;
        Ok(StringList { api: self.api, raw })
    }

    /// What a plugin supports, and its parameters with their defaults.
    pub fn plugin_params(&self, plugin: &str) -> Answer<(MemList, Params)> {
        let plugin = c_string(plugin)?;
        let (mut mems, mut params) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the agent is alive, the name a string, the others places for the answers.
        unsafe {
            self.api
                .get_plugin_params(self.raw(), plugin.as_ptr(), &mut mems, &mut params)
        }?;
        Ok((
            MemList {
                api: self.api,
                raw: mems,
            },
            Params {
                api: self.api,
                raw: params,
            },
        ))
    }

    /// Starts a backend. Every failure is `BACKEND`, whatever NIXL's own status was.
    pub fn create_backend(&self, plugin: &str, params: &Params) -> Answer<Backend> {
        let plugin = c_string(plugin)?;
        let mut raw = ptr::null_mut();
        // SAFETY: agent and parameters are alive, the name a string, `raw` a place for the handle.
        unsafe {
            self.api
                .create_backend(self.raw(), plugin.as_ptr(), params.raw, &mut raw)
        }?;
        Ok(Backend { api: self.api, raw })
    }

    /// What a backend supports, and the parameters it runs with.
    pub fn backend_params(&self, backend: &Backend) -> Answer<(MemList, Params)> {
        let (mut mems, mut params) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: agent and backend are alive, the others places for the answers.
        unsafe {
            self.api
                .get_backend_params(self.raw(), backend.raw, &mut mems, &mut params)
        }?;
        Ok((
            MemList {
                api: self.api,
                raw: mems,
            },
            Params {
                api: self.api,
                raw: params,
            },
        ))
    }

    /// The metadata that a peer needs to reach this agent.
    pub fn local_metadata(&self) -> Answer<Vec<u8>> {
        let (mut data, mut len) = (ptr::null_mut(), 0);
        // SAFETY: the agent is alive; the others are places for the answers.
        unsafe { self.api.get_local_md(self.raw(), &mut data, &mut len) }?;
        // SAFETY: NIXL returns a `malloc`ed copy.
        Ok(unsafe { take_malloced(data, len) })
    }

    /// The same for some registrations only.
    pub fn local_partial_metadata(
        &self,
        descriptors: &RegDlist,
        args: Option<&OptArgs>,
    ) -> Answer<Vec<u8>> {
        let (mut data, mut len) = (ptr::null_mut(), 0);
        // SAFETY: agent, list and arguments are alive; the others are places for the answers.
        unsafe {
            self.api.get_local_partial_md(
                self.raw(),
                descriptors.raw,
                &mut data,
                &mut len,
                opt(args),
            )
        }?;
        // SAFETY: NIXL returns a `malloc`ed copy.
        Ok(unsafe { take_malloced(data, len) })
    }

    /// Loads a peer's metadata and returns the peer's name. After a peer disconnected, 1.5.0 and
    /// newer want [`Agent::invalidate_remote_metadata`] first; up to 1.4.1 loading again worked.
    pub fn load_remote_metadata(&self, metadata: &[u8]) -> Answer<String> {
        let mut name = ptr::null_mut();
        let (data, len) = (metadata.as_ptr().cast(), metadata.len());
        // SAFETY: the agent is alive; the bytes are copied; `name` is a place for the answer.
        unsafe { self.api.load_remote_md(self.raw(), data, len, &mut name) }?;
        // SAFETY: on success it is a `malloc`ed string.
        let text = unsafe { CStr::from_ptr(name) }
            .to_string_lossy()
            .into_owned();
        // SAFETY: the string is ours.
        unsafe { libc::free(name.cast()) };
        Ok(text)
    }

    /// Forgets a peer.
    pub fn invalidate_remote_metadata(&self, remote: &str) -> Answer<Status> {
        let remote = c_string(remote)?;
        // SAFETY: the agent is alive and the name a string.
        unsafe { self.api.invalidate_remote_md(self.raw(), remote.as_ptr()) }
    }

    /// Whether a peer's metadata is loaded and covers `descriptors`.
    pub fn check_remote_metadata(
        &self,
        remote: &str,
        descriptors: Option<&XferDlist>,
    ) -> Answer<Status> {
        let remote = c_string(remote)?;
        let descriptors = descriptors.map_or(ptr::null_mut(), |list| list.raw);
        // SAFETY: agent and list are alive (null means an empty list) and the name is a string.
        unsafe {
            self.api
                .check_remote_md(self.raw(), remote.as_ptr(), descriptors)
        }
    }

    /// Publishes the metadata, to a socket or a store.
    pub fn send_local_metadata(&self, args: Option<&OptArgs>) -> Answer<Status> {
        // SAFETY: agent and arguments are alive.
        unsafe { self.api.send_local_md(self.raw(), opt(args)) }
    }

    /// The same for some registrations only.
    pub fn send_local_partial_metadata(
        &self,
        descriptors: &RegDlist,
        args: Option<&OptArgs>,
    ) -> Answer<Status> {
        // SAFETY: agent, list and arguments are alive.
        unsafe {
            self.api
                .send_local_partial_md(self.raw(), descriptors.raw, opt(args))
        }
    }

    /// Fetches a peer's metadata, from a socket or a store.
    pub fn fetch_remote_metadata(&self, remote: &str, args: Option<&OptArgs>) -> Answer<Status> {
        let remote = c_string(remote)?;
        // SAFETY: agent and arguments are alive and the name is a string.
        unsafe {
            self.api
                .fetch_remote_md(self.raw(), remote.as_ptr(), opt(args))
        }
    }

    /// Withdraws what was published.
    pub fn invalidate_local_metadata(&self, args: Option<&OptArgs>) -> Answer<Status> {
        // SAFETY: agent and arguments are alive.
        unsafe { self.api.invalidate_local_md(self.raw(), opt(args)) }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if !self.raw().is_null() {
            // A failure cannot be told to anyone.
            let _ = self.end();
        }
    }
}
