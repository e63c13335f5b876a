//! Writes the text form. What is printed parses to what was printed.

use std::fmt::{self, Display, Formatter, Write};

use super::lex::needs_quotes;
use super::op::Op;
use super::operand::*;
use super::{Line, Scenario, Step};

impl Display for Scenario {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "name {}", self.name)?;
        if !self.about.is_empty() {
            writeln!(f, "about {}", self.about)?;
        }
        if self.leave {
            writeln!(f, "leave")?;
        }
        if self.misuse {
            writeln!(f, "misuse")?;
        }
        if self.growth {
            writeln!(f, "growth")?;
        }
        if self.telemetry {
            writeln!(f, "telemetry_enabled")?;
        }
        writeln!(f)?;
        steps(f, &self.steps, 0)
    }
}

fn steps(f: &mut Formatter<'_>, all: &[Step], depth: usize) -> fmt::Result {
    let indent = "  ".repeat(depth);
    for step in all {
        match step {
            Step::Line(line) => writeln!(f, "{indent}{line}")?,
            Step::Repeat { count, body } => {
                writeln!(f, "{indent}repeat {count} {{")?;
                steps(f, body, depth + 1)?;
                writeln!(f, "{indent}}}")?;
            }
        }
    }
    Ok(())
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.op)?;
        match self.expect {
            Some(expect) => write!(f, " => {}", word_of(expect)),
            None => Ok(()),
        }
    }
}

/// Text as a word: bare where it can be, else in quotes.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() || self.0.contains(needs_quotes) {
            quoted(f, self.0.as_bytes())
        } else {
            f.write_str(self.0)
        }
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        quoted(f, &self.0)
    }
}

fn quoted(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", c as u32)?,
                c => f.write_char(c)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_char('"')
}

impl Display for Desc {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.region)?;
        match self.span {
            // The text form names the end, which must be a number of 32 bits as well.
            Some(Span { offset, len }) => write!(f, "[{offset}..{}]", offset.saturating_add(len)),
            None => Ok(()),
        }
    }
}

impl Display for RemoteDesc {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.agent {
            Some(agent) => write!(f, "{agent}:{}", self.desc),
            None => write!(f, "none:{}", self.desc),
        }
    }
}

impl Display for Lane {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer(transfer) => write!(f, "{transfer}"),
            Self::Notifs(agent) => write!(f, "{agent}"),
            Self::Register(agent, desc) => write!(f, "{agent}:{desc}"),
        }
    }
}

/// Words with a space before each.
fn spaced<T: Display>(f: &mut Formatter<'_>, all: &[T]) -> fmt::Result {
    all.iter().try_for_each(|one| write!(f, " {one}"))
}

/// Words with commas between them.
struct Commas<'a, T>(&'a [T]);

impl<T: Display> Display for Commas<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, one) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{one}")?;
        }
        Ok(())
    }
}

/// ` key=value`, or nothing.
fn option<T: Display>(f: &mut Formatter<'_>, key: &str, value: Option<T>) -> fmt::Result {
    match value {
        Some(value) => write!(f, " {key}={value}"),
        None => Ok(()),
    }
}

/// ` key=value` where the value is not the usual one.
fn unless<T: PartialEq + Display>(
    f: &mut Formatter<'_>,
    key: &str,
    value: T,
    usual: T,
) -> fmt::Result {
    option(f, key, (value != usual).then_some(value))
}

fn config(f: &mut Formatter<'_>, config: &AgentConfig) -> fmt::Result {
    let usual = AgentConfig::default();
    // Always printed: whether there is a progress thread decides how everything else runs.
    write!(f, " progress_thread={}", word_of(config.progress_thread))?;
    unless(
        f,
        "listen_thread",
        word_of(config.listen_thread),
        word_of(usual.listen_thread),
    )?;
    unless(f, "listen_port", config.listen_port, usual.listen_port)?;
    unless(f, "sync", word_of(config.sync), word_of(usual.sync))?;
    unless(f, "num_workers", config.num_workers, usual.num_workers)?;
    unless(
        f,
        "pthr_delay_us",
        config.pthr_delay_us,
        usual.pthr_delay_us,
    )?;
    unless(
        f,
        "lthr_delay_us",
        config.lthr_delay_us,
        usual.lthr_delay_us,
    )?;
    unless(
        f,
        "telemetry",
        word_of(config.telemetry),
        word_of(usual.telemetry),
    )
}

fn transfer_options(f: &mut Formatter<'_>, options: &TransferOptions) -> fmt::Result {
    option(f, "notif", options.notif.as_ref())?;
    unless(f, "skip_merge", word_of(options.skip_merge), word_of(false))?;
    option(f, "custom", options.custom.as_deref().map(Text))?;
    option(f, "backend", options.backend)
}

/// ` agent desc desc... backend=b0`
fn memory(
    f: &mut Formatter<'_>,
    agent: AgentSlot,
    descs: &[Desc],
    backend: Option<BackendSlot>,
) -> fmt::Result {
    write!(f, " {agent}")?;
    spaced(f, descs)?;
    option(f, "backend", backend)
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())?;
        match self {
            Self::Agent {
                agent,
                name,
                config: settings,
            } => {
                write!(f, " {agent}")?;
                option(f, "name", name.as_deref().map(Text))?;
                match settings {
                    Some(settings) => config(f, settings),
                    None => f.write_str(" default"),
                }
            }
            Self::Backend {
                backend,
                agent,
                plugin,
                params,
            } => {
                write!(f, " {backend} {agent} {}", Text(plugin))?;
                params
                    .iter()
                    .try_for_each(|p| write!(f, " {}={}", p.key, Text(&p.value)))
            }
            Self::DestroyBackend { backend } | Self::BackendParams { backend } => {
                write!(f, " {backend}")
            }
            Self::DestroyAgent { agent } | Self::Plugins { agent } => write!(f, " {agent}"),
            Self::Region {
                region,
                size,
                seed,
                place,
            } => {
                write!(f, " {region} size={size} seed={seed}")?;
                match place {
                    Some(place) => write!(f, " arena={} offset={}", place.arena, place.offset),
                    None => Ok(()),
                }
            }
            Self::Fill { region, seed } => write!(f, " {region} seed={seed}"),
            Self::Free { region } => write!(f, " {region}"),
            Self::Churn {
                size,
                addresses,
                times,
            } => {
                write!(f, " size={size} addresses={}", word_of(*addresses))?;
                unless(f, "times", *times, 1)
            }
            Self::Register {
                agent,
                descs,
                backend,
            }
            | Self::Deregister {
                agent,
                descs,
                backend,
            }
            | Self::QueryMem {
                agent,
                descs,
                backend,
            } => memory(f, *agent, descs, *backend),
            Self::QueryFile {
                agent,
                path,
                backend,
            } => {
                write!(f, " {agent} {}", Text(path))?;
                option(f, "backend", *backend)
            }
            Self::PluginParams { agent, plugin } => write!(f, " {agent} {}", Text(plugin)),
            Self::TourLists { descs } => spaced(f, descs),
            Self::TourOptions { backend } => option(f, "backend", *backend),
            Self::TourNotifMap => Ok(()),
            _ => self.fmt_exchange(f),
        }
    }
}

impl Op {
    /// Metadata, notifications, checks.
    fn fmt_exchange(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::GetMd { blob, agent } => write!(f, " {blob} {agent}"),
            Self::GetPartialMd {
                blob,
                agent,
                descs,
                backend,
            } => {
                write!(f, " {blob}")?;
                memory(f, *agent, descs, *backend)
            }
            Self::LoadMd { agent, blob } => write!(f, " {agent} {blob}"),
            Self::CutMd { blob, len } => write!(f, " {blob} len={len}"),
            Self::ChangeMd { blob, at, mask } => write!(f, " {blob} at={at} mask={mask}"),
            Self::WriteMd { blob, at, bytes } => write!(f, " {blob} at={at} {bytes}"),
            Self::SpliceMd {
                blob,
                at,
                cut,
                from,
                start,
                count,
            } => write!(
                f,
                " {blob} at={at} cut={cut} from={from} start={start} count={count}"
            ),
            Self::Intrude { agent, bytes } => write!(f, " {agent} {bytes}"),
            Self::Invalidate { agent, remote } => write!(f, " {agent} {remote}"),
            Self::CheckMd {
                agent,
                remote,
                descs,
            }
            | Self::SendMd {
                agent,
                to: remote,
                descs,
            } => {
                write!(f, " {agent} {remote}")?;
                spaced(f, descs)
            }
            Self::WaitMd {
                agent,
                remote,
                gone,
            } => {
                write!(f, " {agent} {remote}{}", if *gone { " gone" } else { "" })
            }
            Self::FetchMd { agent, from } => write!(f, " {agent} {from}"),
            Self::InvalidateLocalMd { agent, at } => write!(f, " {agent} {at}"),
            Self::Connect {
                agent,
                remote,
                backend,
            } => {
                write!(f, " {agent} {remote}")?;
                option(f, "backend", *backend)
            }
            Self::Notify {
                agent,
                to,
                message,
                backend,
            } => {
                write!(f, " {agent} {to} {message}")?;
                option(f, "backend", *backend)
            }
            Self::Notifs { agent, times } => {
                write!(f, " {agent}")?;
                unless(f, "times", *times, 1)
            }
            Self::ExpectNotif {
                agent,
                from,
                message,
            } => write!(f, " {agent} {message} from={from}"),
            Self::ExpectBytes { desc, seed, from } => {
                write!(f, " {desc} seed={seed}")?;
                unless(f, "from", *from, 0)
            }
            _ => self.fmt_transfer(f),
        }
    }

    /// Lists, transfers, views.
    fn fmt_transfer(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prep {
                list,
                agent,
                side,
                descs,
                backend,
            } => {
                write!(f, " {list} {agent}")?;
                if let Side::Remote(owner) = side {
                    write!(f, " remote={owner}")?;
                }
                spaced(f, descs)?;
                option(f, "backend", *backend)
            }
            Self::ReleaseList { list } => write!(f, " {list}"),
            Self::Make {
                transfer,
                agent,
                direction,
                local,
                local_indices,
                remote,
                remote_indices,
                options,
            } => {
                write!(
                    f,
                    " {transfer} {agent} {} local={local} remote={remote}",
                    word_of(*direction)
                )?;
                let indices = |all: &Vec<u16>| (!all.is_empty()).then(|| Commas(all).to_string());
                option(f, "local_indices", indices(local_indices))?;
                option(f, "remote_indices", indices(remote_indices))?;
                transfer_options(f, options)
            }
            Self::Create {
                transfer,
                agent,
                direction,
                local,
                remote_agent,
                remote,
                options,
            } => {
                write!(
                    f,
                    " {transfer} {agent} {} local={}",
                    word_of(*direction),
                    Commas(local)
                )?;
                write!(f, " to={remote_agent} remote={}", Commas(remote))?;
                transfer_options(f, options)
            }
            Self::Post { transfer, notif } => {
                write!(f, " {transfer}")?;
                option(f, "notif", notif.as_ref())
            }
            Self::Together { lanes } => spaced(f, lanes),
            Self::Wait { transfer }
            | Self::Poll { transfer }
            | Self::Release { transfer }
            | Self::Cost { transfer }
            | Self::TransferBackend { transfer }
            | Self::Telemetry { transfer } => write!(f, " {transfer}"),
            Self::LocalView {
                view,
                agent,
                descs,
                backend,
            } => {
                write!(f, " {view}")?;
                memory(f, *agent, descs, *backend)
            }
            Self::RemoteView {
                view,
                agent,
                descs,
                backend,
            } => {
                write!(f, " {view} {agent}")?;
                spaced(f, descs)?;
                option(f, "backend", *backend)
            }
            Self::ReleaseView { view } => write!(f, " {view}"),
            _ => Ok(()),
        }
    }
}
