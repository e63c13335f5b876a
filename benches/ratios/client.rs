//! Two agents of NIXL in one process, and what is timed of them. All arms run exactly this.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use harness::execute::Mapping;
use harness::nixl::capi::{
    Agent, AgentConfig, Api, Backend, MemType, NotifMap, OptArgs, Params, RegDlist, Status,
    XferDlist, XferOp, XferReq,
};

/// Processor time of this process, all its threads together. On a machine that others use too it is the time that counts, and without
/// other threads nothing here sleeps.
pub(crate) struct ProcessorTime(Duration);

impl ProcessorTime {
    pub(crate) fn now() -> ProcessorTime {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a valid timespec.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
        ProcessorTime(Duration::new(
            time.tv_sec.cast_unsigned(),
            time.tv_nsec as u32,
        ))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        ProcessorTime::now().0.saturating_sub(self.0)
    }
}

/// Polls after which a transfer or a notification counts as lost. Real UCX connects within some hundred.
const POLLS_MAX: u32 = 10_000_000;
const MESSAGE: &[u8] = b"written";
const TARGET: &str = "target";

/// What is timed. The number in brackets of a table is its repeats in one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Measure {
    /// Two agents, backends, register, exchange metadata, 4 KiB WRITE with notification, release, deregister, destroy.
    Lifecycle,
    /// A new request: 4 KiB WRITE with notification, until the target has it; release.
    Write,
    /// The same request of 4 KiB posted again, without notification, until it is complete.
    Repost,
    /// The same request of 1 MiB posted again, without notification, until it is complete.
    Large,
}

impl Measure {
    fn bytes(self) -> usize {
        match self {
            Measure::Large => 1 << 20,
            _ => 4096,
        }
    }

    /// Processor time of `count` repeats. What they have in common is set up before, and the bytes are compared after.
    pub(crate) fn run(self, api: &'static Api, count: u32) -> anyhow::Result<Duration> {
        let bytes = self.bytes();
        let memory = Memory::new(bytes)?;
        if self == Measure::Lifecycle {
            let begun = ProcessorTime::now();
            for _ in 0..count {
                let pair = Pair::new(api, &memory)?;
                pair.write()?;
                pair.end()?;
            }
            let elapsed = begun.elapsed();
            memory.compare()?;
            return Ok(elapsed);
        }
        let pair = Pair::new(api, &memory)?;
        // Connected, and all of it warm.
        pair.write()?;
        let elapsed = if self == Measure::Write {
            let begun = ProcessorTime::now();
            for _ in 0..count {
                pair.write()?;
            }
            begun.elapsed()
        } else {
            let mut request = pair.request(None)?;
            let mut received = NotifMap::new(api)?;
            pair.complete(&mut request, &mut received)?;
            let begun = ProcessorTime::now();
            for _ in 0..count {
                pair.complete(&mut request, &mut received)?;
            }
            let elapsed = begun.elapsed();
            end_request(request)?;
            elapsed
        };
        pair.end()?;
        memory.compare()?;
        Ok(elapsed)
    }
}

/// Source and target of the writes.
struct Memory {
    source: Mapping,
    target: Mapping,
    bytes: usize,
}

impl Memory {
    fn new(bytes: usize) -> anyhow::Result<Memory> {
        let memory = Memory {
            source: Mapping::new(bytes)?,
            target: Mapping::new(bytes)?,
            bytes,
        };
        memory.source.fill(0, bytes, 1);
        memory.target.fill(0, bytes, 2);
        Ok(memory)
    }

    /// That the writes took place: an arm that writes nothing would be fast.
    fn compare(&self) -> anyhow::Result<()> {
        let difference = self.target.first_difference(0, self.bytes, 1, 0);
        ensure!(
            difference.is_none(),
            "the target has other bytes: {difference:?}"
        );
        Ok(())
    }
}

/// One agent with its backend and its registration.
struct Side {
    agent: Agent,
    backend: Backend,
    registration: RegDlist,
    list: XferDlist,
}

impl Side {
    fn new(api: &'static Api, name: &str, memory: &Mapping, bytes: usize) -> anyhow::Result<Side> {
        let agent = Agent::with_config(api, name, &AgentConfig::default())?;
        let backend = agent.create_backend("UCX", &Params::new(api)?)?;
        let mut registration = RegDlist::new(api, MemType::Dram)?;
        let mut list = XferDlist::new(api, MemType::Dram)?;
        // SAFETY: the mapping outlives the agents, and only NIXL touches its bytes meanwhile.
        unsafe {
            registration.add(memory.address(0), bytes, 0, &[])?;
            list.add(memory.address(0), bytes, 0)?;
        }
        agent.register(&registration, None)?;
        Ok(Side {
            agent,
            backend,
            registration,
            list,
        })
    }

    fn end(self) -> anyhow::Result<()> {
        self.agent.deregister(&self.registration, None)?;
        self.backend.destroy()?;
        self.agent.destroy()?;
        Ok(())
    }
}

/// Both sides, connected.
struct Pair {
    api: &'static Api,
    initiator: Side,
    target: Side,
}

impl Pair {
    fn new(api: &'static Api, memory: &Memory) -> anyhow::Result<Pair> {
        let initiator = Side::new(api, "initiator", &memory.source, memory.bytes)?;
        let target = Side::new(api, TARGET, &memory.target, memory.bytes)?;
        let metadata = target.agent.local_metadata()?;
        initiator.agent.load_remote_metadata(&metadata)?;
        Ok(Pair {
            api,
            initiator,
            target,
        })
    }

    fn request(&self, arguments: Option<&OptArgs>) -> anyhow::Result<XferReq> {
        let (local, remote) = (&self.initiator.list, &self.target.list);
        let agent = &self.initiator.agent;
        Ok(agent.create_request(XferOp::Write, local, remote, TARGET, arguments)?)
    }

    /// A write with a notification by a new request, until the target has both.
    fn write(&self) -> anyhow::Result<()> {
        let mut arguments = OptArgs::new(self.api)?;
        arguments.set_notification(MESSAGE)?;
        arguments.set_has_notification(true)?;
        let mut request = self.request(Some(&arguments))?;
        let mut received = NotifMap::new(self.api)?;
        self.complete(&mut request, &mut received)?;
        for _ in 0..POLLS_MAX {
            if !received.is_empty()? {
                return end_request(request);
            }
            self.target.agent.notifications(&mut received, None)?;
            // What was sent last may still need the sender's progress.
            request.status()?;
        }
        bail!("the notification never came")
    }

    /// Posts the request and waits for its end; the target is polled too, because real UCX connects by progress of both.
    fn complete(&self, request: &mut XferReq, received: &mut NotifMap) -> anyhow::Result<()> {
        let mut status = request.post(None)?;
        let mut polls = 0;
        while status == Status::InProgress {
            status = request.status()?;
            polls += 1;
            if polls % 16 == 0 {
                self.target.agent.notifications(received, None)?;
            }
            ensure!(polls < POLLS_MAX, "the transfer never ended");
        }
        Ok(())
    }

    fn end(self) -> anyhow::Result<()> {
        self.initiator.agent.invalidate_remote_metadata(TARGET)?;
        self.initiator.end().context("the initiator")?;
        self.target.end().context("the target")
    }
}

fn end_request(mut request: XferReq) -> anyhow::Result<()> {
    request.release()?;
    request.destroy().map_err(|(error, request)| {
        request.forget();
        error
    })?;
    Ok(())
}
