//! The released NIXL 1.5.1 in two processes, the mock preloaded in UCX's place: writes, reads and notifications between them.
//!
//! Each process is this program again with one agent; metadata and addresses go over a socket between them. Needs the network once, to
//! fetch the release (`mock-ucx nixl fetch 1.5.1` does the same).

#[path = "two_processes/wire.rs"]
mod wire;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::nixl::capi::{
    Agent, AgentConfig, Api, Backend, MemType, NotifMap, OptArgs, Params, RegDlist, Status,
    ThreadSync, XferDlist, XferOp, XferReq,
};
use harness::nixl::{Ucx, fetch, load};
use memmap2::{MmapMut, MmapRaw};
use mock_ucx::functions::Function;
use mock_ucx::ledger::read::Snapshot;
use wire::Wire;

/// Bytes that are written and read.
const LENGTH: usize = (256 << 10) + 123;
/// Writes with a notification each.
const ROUNDS: u8 = 20;
/// Longest wait for the other side, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// `on` for a progress thread in each agent.
const PROGRESS_THREAD: &str = "TWO_NIXL_PROGRESS_THREAD";

/// Memory that NIXL changes behind Rust's back: no reference to it exists.
struct Region(MmapRaw);

impl Region {
    fn address(&self) -> usize {
        self.0.as_mut_ptr() as usize
    }

    fn fill(&self, seed: u8) {
        let bytes = pattern(seed);
        // SAFETY: the mapping has that length.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.as_mut_ptr(), LENGTH) };
    }

    fn holds(&self, seed: u8) -> bool {
        let mut bytes = vec![0; LENGTH];
        // SAFETY: as above.
        unsafe { std::ptr::copy_nonoverlapping(self.0.as_ptr(), bytes.as_mut_ptr(), LENGTH) };
        bytes == pattern(seed)
    }
}

fn pattern(seed: u8) -> Vec<u8> {
    (0..LENGTH).map(|at| (at % 251) as u8 ^ seed).collect()
}

/// One agent with one registered region.
struct Side {
    api: &'static Api,
    agent: Agent,
    backend: Backend,
    region: Region,
    registered: RegDlist,
}

impl Side {
    fn new(name: &str) -> Side {
        let installed = fetch("1.5.1").expect("the release");
        // SAFETY: the only other thread is libtest's, which waits for this one.
        let api = unsafe { load(&installed, Ucx::Real) }.expect("NIXL").api;
        let config = AgentConfig {
            progress_thread: std::env::var(PROGRESS_THREAD).is_ok_and(|value| value == "on"),
            sync: ThreadSync::Strict,
            ..AgentConfig::default()
        };
        let agent = Agent::with_config(api, name, &config).expect("an agent");
        let params = Params::new(api).expect("parameters");
        let backend = agent.create_backend("UCX", &params).expect("a backend");
        let region = Region(MmapMut::map_anon(LENGTH).expect("memory").into());
        let mut registered = RegDlist::new(api, MemType::Dram).expect("a list");
        // SAFETY: the region is unmapped after it is deregistered.
        unsafe { registered.add(region.address(), LENGTH, 0, b"") }.expect("a range");
        let status = agent.register(&registered, None);
        assert_eq!(status, Ok(Status::Success));
        Side {
            api,
            agent,
            backend,
            region,
            registered,
        }
    }

    /// Tells the other side how to reach this one, and hears the same; returns its name and its region's address.
    fn exchange(&self, wire: &Wire) -> (String, usize) {
        wire.tell(&self.agent.local_metadata().expect("metadata"));
        wire.tell(&(self.region.address() as u64).to_le_bytes());
        let metadata = wire.hear();
        let peer = self.agent.load_remote_metadata(&metadata).expect("a peer");
        let address = wire.hear().try_into().expect("an address");
        (peer, u64::from_le_bytes(address) as usize)
    }

    fn request(&self, operation: XferOp, (peer, remote): &(String, usize)) -> XferReq {
        let list = |address| {
            let mut list = XferDlist::new(self.api, MemType::Dram).expect("a list");
            // SAFETY: the local range is the region, which outlives the transfer.
            unsafe { list.add(address, LENGTH, 0) }.expect("a range");
            list
        };
        let (local, remote) = (list(self.region.address()), list(*remote));
        let request = self
            .agent
            .create_request(operation, &local, &remote, peer, None);
        request.expect("a request")
    }

    fn run(&self, request: &mut XferReq, notification: Option<&[u8]>) {
        let args = notification.map(|notification| {
            let mut args = OptArgs::new(self.api).expect("arguments");
            args.set_notification(notification).expect("a notification");
            // Without this NIXL takes no notice of it.
            args.set_has_notification(true).expect("a notification");
            args
        });
        let mut status = request.post(args.as_ref()).expect("a transfer");
        let begin = Instant::now();
        while status == Status::InProgress {
            assert!(begin.elapsed() < PATIENCE, "the transfer does not end");
            status = request.status().expect("a status");
        }
        assert_eq!(status, Status::Success);
    }

    /// The next notifications, in order; all come from the other side.
    fn notifications(&self, peer: &str) -> Vec<Vec<u8>> {
        let mut map = NotifMap::new(self.api).expect("a map");
        let begin = Instant::now();
        while map.is_empty().expect("an answer") {
            assert!(begin.elapsed() < PATIENCE, "no notification comes");
            self.agent.notifications(&mut map, None).expect("a poll");
            std::thread::yield_now();
        }
        let mut entries = map.entries().expect("entries");
        assert_eq!(entries.len(), 1);
        let (from, messages) = entries.remove(0);
        assert_eq!(from, peer);
        messages
    }

    fn end(self, peer: &str) {
        self.agent
            .invalidate_remote_metadata(peer)
            .expect("a peer to forget");
        let status = self.agent.deregister(&self.registered, None);
        assert_eq!(status, Ok(Status::Success));
        drop(self.backend);
        self.agent.destroy().expect("the end of the agent");
    }
}

#[test]
#[ignore = "one of the two processes"]
fn initiator() {
    let wire = Wire::of_process();
    let side = Side::new("initiator");
    let peer = side.exchange(&wire);
    let mut write = side.request(XferOp::Write, &peer);
    for round in 0..ROUNDS {
        side.region.fill(round);
        side.run(&mut write, Some(&[round]));
        assert_eq!(side.notifications(&peer.0), [[round]]);
    }
    // The target has changed its region meanwhile.
    wire.wait();
    let mut read = side.request(XferOp::Read, &peer);
    side.run(&mut read, None);
    assert!(side.region.holds(99), "the bytes are wrong");
    for mut request in [write, read] {
        assert_eq!(request.release(), Ok(Status::Success));
        request
            .destroy()
            .map_err(|(error, _)| error)
            .expect("its end");
    }
    wire.go();
    wire.wait();
    side.end(&peer.0);
}

#[test]
#[ignore = "one of the two processes"]
fn target() {
    let wire = Wire::of_process();
    let side = Side::new("target");
    let (peer, _) = side.exchange(&wire);
    for round in 0..ROUNDS {
        assert_eq!(side.notifications(&peer), [[round]]);
        assert!(side.region.holds(round), "the bytes are wrong");
        side.agent.notify(&peer, &[round], None).expect("an answer");
    }
    side.region.fill(99);
    wire.go();
    let begin = Instant::now();
    let mut rest = NotifMap::new(side.api).expect("a map");
    while !wire.is_ready() {
        assert!(begin.elapsed() < PATIENCE, "the initiator does not end");
        side.agent.notifications(&mut rest, None).expect("a poll");
    }
    wire.wait();
    wire.go();
    side.end(&peer);
}

/// Starts one of the two, with the mock in UCX's place.
fn start(test: &str, end: UnixStream, progress_thread: &str, ledgers: &Path) -> Child {
    let program = std::env::current_exe().expect("this executable");
    let mock = program.with_file_name("libmock_ucx.so");
    assert!(mock.exists(), "cargo builds {}", mock.display());
    Command::new(&program)
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("LD_PRELOAD", mock)
        .env("MOCK_UCX_LEDGER_DIR", ledgers)
        .env(PROGRESS_THREAD, progress_thread)
        .stdin(Stdio::from(OwnedFd::from(end)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// The ledger of the one process that used the mock.
fn ledger(folder: &Path) -> Snapshot {
    let files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "ledger")
        })
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    Snapshot::open(&files[0]).expect("a ledger")
}

fn play(progress_thread: &str) {
    fetch("1.5.1")
        .unwrap_or_else(|error| panic!("{error}; `mock-ucx nixl fetch 1.5.1` fetches it"));
    let (one, other) = UnixStream::pair().expect("a socket");
    let tests = [("initiator", one), ("target", other)];
    let sides = tests.map(|(test, end)| {
        let ledgers = tempfile::tempdir().expect("a folder");
        (
            test,
            start(test, end, progress_thread, ledgers.path()),
            ledgers,
        )
    });
    for (test, child, ledgers) in sides {
        let output = child.wait_with_output().expect("its end");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{test}: {log}");
        let ledger = ledger(ledgers.path());
        let puts = ledger.calls[Function::PutNbx as usize];
        assert_eq!(puts > 0, test == "initiator", "the mock served it");
        let left: Vec<_> = ledger.left().map(|object| object.kind).collect();
        assert!(left.is_empty(), "{test} left {left:?}");
        assert!(ledger.findings.is_empty(), "{test}: {}", ledger.summary());
    }
}

#[test]
fn agents_of_two_processes_write_read_and_notify() {
    play("off");
}

#[test]
fn agents_with_progress_threads_do_so_too() {
    play("on");
}
