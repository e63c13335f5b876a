//! This program as another process, which takes orders as lines of JSON on its standard input and answers in the same way.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a process says when it waits for orders.
pub(crate) const READY: &str = "ready";

/// How long a process may take to die that has closed its pipes.
const DYING_MAX: Duration = Duration::from_secs(2);

/// A process that serves.
pub(crate) struct Server {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    /// Starts one for the NIXL `spec`, and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or it cannot load that NIXL: then the message is its own.
    pub(crate) fn start(mut command: Command, spec: &str) -> anyhow::Result<Server> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Ctrl-C is for the hunt: it lets the case that runs finish.
        command.process_group(0);
        // SAFETY: only two bare system calls are made between fork and exec. Where `personality` is not permitted addresses stay random,
        // which costs repeatability and nothing else.
        unsafe {
            command.pre_exec(|| {
                libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let mut child = command
            .spawn()
            .context("cannot start a process for the cases")?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(answers)) = (orders, answers) else {
            bail!("the process for the cases has no pipes");
        };
        let mut server = Server {
            child,
            orders,
            answers: BufReader::new(answers),
        };
        let mut line = String::new();
        server.answers.read_line(&mut line)?;
        if line.trim() != READY {
            let words = server.last_words();
            match server.child.try_wait().ok().flatten() {
                Some(status) if status.signal().is_some() => {
                    bail!("the NIXL `{spec}` crashes when it is loaded ({status}): {words}")
                }
                _ => bail!("{words}"),
            }
        }
        Ok(server)
    }

    /// Hands over an order and waits for the answer.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn exchange<A: DeserializeOwned>(
        &mut self,
        order: &impl Serialize,
    ) -> anyhow::Result<A> {
        let mut text = serde_json::to_vec(order)?;
        text.push(b'\n');
        self.orders.write_all(&text)?;
        self.orders.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line)
            .with_context(|| format!("the process for the cases answered `{}`", line.trim()))
    }

    /// What it said on standard error before it ended. It has a moment to end by itself, for its status to tell why.
    pub(crate) fn last_words(&mut self) -> String {
        let begun = Instant::now();
        while begun.elapsed() < DYING_MAX && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let mut words = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = BufReader::new(stderr).read_to_string(&mut words);
        }
        let words = words.trim();
        match words.strip_prefix("mock-ucx: ") {
            Some(message) => message.to_owned(),
            None if words.is_empty() => "the process for the cases ended without a word".to_owned(),
            None => words.to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says that this process waits for orders, and answers each that comes until standard input ends.
///
/// # Errors
/// An order cannot be read, or answered.
pub(crate) fn serve<A: Serialize>(
    mut answers: impl Write,
    mut answer: impl FnMut(&str) -> anyhow::Result<A>,
) -> anyhow::Result<()> {
    writeln!(answers, "{READY}")?;
    answers.flush()?;
    for line in io::stdin().lock().lines() {
        let mut text = serde_json::to_vec(&answer(&line?)?)?;
        text.push(b'\n');
        answers.write_all(&text)?;
        answers.flush()?;
    }
    Ok(())
}
