//! How each operation is read from its words. One line of the table per operation.

use super::args::{self, Args};
use super::error::ParseError;
use super::op::Op;
use super::operand::*;

/// Reads the operands of one operation.
type Reader = fn(&mut Args<'_>) -> Result<Op, ParseError>;

/// Every operation by the word it starts with.
pub(super) const VERBS: &[(&str, Reader)] = &[
    ("agent", agent),
    ("backend", backend),
    ("destroy_backend", |a| {
        Ok(Op::DestroyBackend { backend: a.slot()? })
    }),
    ("destroy_agent", |a| {
        Ok(Op::DestroyAgent { agent: a.slot()? })
    }),
    ("region", region),
    ("fill", |a| {
        Ok(Op::Fill {
            region: a.slot()?,
            seed: a.required("seed", args::u8)?,
        })
    }),
    ("free", |a| Ok(Op::Free { region: a.slot()? })),
    ("churn", |a| {
        Ok(Op::Churn {
            size: a.required("size", args::positive)?,
            addresses: a.required("addresses", args::keyword)?,
            times: a.option("times", args::u16)?.unwrap_or(1),
        })
    }),
    ("register", |a| {
        memory(a).map(|(agent, descs, backend)| Op::Register {
            agent,
            descs,
            backend,
        })
    }),
    ("deregister", |a| {
        memory(a).map(|(agent, descs, backend)| Op::Deregister {
            agent,
            descs,
            backend,
        })
    }),
    ("query_mem", |a| {
        memory(a).map(|(agent, descs, backend)| Op::QueryMem {
            agent,
            descs,
            backend,
        })
    }),
    ("query_file", |a| {
        let (agent, backend) = (a.slot()?, using(a)?);
        Ok(Op::QueryFile {
            agent,
            backend,
            path: a.next("a path", args::text)?,
        })
    }),
    ("get_md", |a| {
        Ok(Op::GetMd {
            blob: a.slot()?,
            agent: a.slot()?,
        })
    }),
    ("get_partial_md", |a| {
        let (blob, agent, backend) = (a.slot()?, a.slot()?, using(a)?);
        Ok(Op::GetPartialMd {
            blob,
            agent,
            backend,
            descs: a.rest(args::desc)?,
        })
    }),
    ("load_md", |a| {
        Ok(Op::LoadMd {
            agent: a.slot()?,
            blob: a.slot()?,
        })
    }),
    ("cut_md", |a| {
        Ok(Op::CutMd {
            blob: a.slot()?,
            len: a.required("len", args::u32)?,
        })
    }),
    ("change_md", |a| {
        Ok(Op::ChangeMd {
            blob: a.slot()?,
            at: a.required("at", args::u32)?,
            mask: a.required("mask", args::u8)?,
        })
    }),
    ("write_md", |a| {
        Ok(Op::WriteMd {
            blob: a.slot()?,
            at: a.required("at", args::u32)?,
            bytes: a.next("the bytes", args::message)?,
        })
    }),
    ("splice_md", |a| {
        Ok(Op::SpliceMd {
            blob: a.slot()?,
            at: a.required("at", args::u32)?,
            cut: a.required("cut", args::u32)?,
            from: a.required("from", args::slot)?,
            start: a.required("start", args::u32)?,
            count: a.required("count", args::u32)?,
        })
    }),
    ("invalidate", |a| {
        Ok(Op::Invalidate {
            agent: a.slot()?,
            remote: a.slot()?,
        })
    }),
    ("check_md", |a| {
        Ok(Op::CheckMd {
            agent: a.slot()?,
            remote: a.slot()?,
            descs: a.rest(args::desc)?,
        })
    }),
    ("wait_md", |a| {
        Ok(Op::WaitMd {
            agent: a.slot()?,
            remote: a.slot()?,
            gone: a.take_word("gone"),
        })
    }),
    ("send_md", |a| {
        Ok(Op::SendMd {
            agent: a.slot()?,
            to: a.slot()?,
            descs: a.rest(args::desc)?,
        })
    }),
    ("fetch_md", |a| {
        Ok(Op::FetchMd {
            agent: a.slot()?,
            from: a.slot()?,
        })
    }),
    ("invalidate_local_md", |a| {
        Ok(Op::InvalidateLocalMd {
            agent: a.slot()?,
            at: a.slot()?,
        })
    }),
    ("intrude", |a| {
        Ok(Op::Intrude {
            agent: a.slot()?,
            bytes: a.next("the bytes", args::message)?,
        })
    }),
    ("connect", |a| {
        Ok(Op::Connect {
            agent: a.slot()?,
            remote: a.slot()?,
            backend: using(a)?,
        })
    }),
    ("prep", prep),
    ("release_list", |a| Ok(Op::ReleaseList { list: a.slot()? })),
    ("make", make),
    ("create", create),
    ("post", |a| {
        Ok(Op::Post {
            transfer: a.slot()?,
            notif: a.option("notif", args::message)?,
        })
    }),
    ("wait", |a| {
        Ok(Op::Wait {
            transfer: a.slot()?,
        })
    }),
    ("together", |a| {
        Ok(Op::Together {
            lanes: a.some("what a thread does", args::lane)?,
        })
    }),
    ("poll", |a| {
        Ok(Op::Poll {
            transfer: a.slot()?,
        })
    }),
    ("release", |a| {
        Ok(Op::Release {
            transfer: a.slot()?,
        })
    }),
    ("cost", |a| {
        Ok(Op::Cost {
            transfer: a.slot()?,
        })
    }),
    ("transfer_backend", |a| {
        Ok(Op::TransferBackend {
            transfer: a.slot()?,
        })
    }),
    ("telemetry", |a| {
        Ok(Op::Telemetry {
            transfer: a.slot()?,
        })
    }),
    ("notify", |a| {
        let (agent, to, backend) = (a.slot()?, a.slot()?, using(a)?);
        Ok(Op::Notify {
            agent,
            to,
            backend,
            message: a.next("a message", args::message)?,
        })
    }),
    ("notifs", |a| {
        Ok(Op::Notifs {
            agent: a.slot()?,
            times: a.option("times", args::u8)?.unwrap_or(1),
        })
    }),
    ("expect_notif", |a| {
        let (agent, from) = (a.slot()?, a.required("from", args::slot)?);
        Ok(Op::ExpectNotif {
            agent,
            from,
            message: a.next("a message", args::message)?,
        })
    }),
    ("expect_bytes", |a| {
        let (desc, seed) = (
            a.next("a descriptor", args::desc)?,
            a.required("seed", args::u8)?,
        );
        Ok(Op::ExpectBytes {
            desc,
            seed,
            from: a.option("from", args::u32)?.unwrap_or(0),
        })
    }),
    ("local_view", |a| {
        let (view, agent, backend) = (a.slot()?, a.slot()?, using(a)?);
        Ok(Op::LocalView {
            view,
            agent,
            backend,
            descs: a.some("a descriptor", args::desc)?,
        })
    }),
    ("remote_view", |a| {
        let (view, agent, backend) = (a.slot()?, a.slot()?, using(a)?);
        Ok(Op::RemoteView {
            view,
            agent,
            backend,
            descs: a.some("a descriptor", args::remote_desc)?,
        })
    }),
    ("release_view", |a| Ok(Op::ReleaseView { view: a.slot()? })),
    ("plugins", |a| Ok(Op::Plugins { agent: a.slot()? })),
    ("plugin_params", |a| {
        Ok(Op::PluginParams {
            agent: a.slot()?,
            plugin: a.next("a plugin", args::text)?,
        })
    }),
    ("backend_params", |a| {
        Ok(Op::BackendParams { backend: a.slot()? })
    }),
    ("tour_lists", |a| {
        Ok(Op::TourLists {
            descs: a.some("a descriptor", args::desc)?,
        })
    }),
    ("tour_options", |a| {
        Ok(Op::TourOptions { backend: using(a)? })
    }),
    ("tour_notif_map", |_| Ok(Op::TourNotifMap)),
];

fn using(a: &mut Args<'_>) -> Result<Option<BackendSlot>, ParseError> {
    a.option("backend", args::slot)
}

fn agent(a: &mut Args<'_>) -> Result<Op, ParseError> {
    let agent = a.slot()?;
    let name = a.option("name", args::text)?;
    if a.take_word("default") {
        return Ok(Op::Agent {
            agent,
            name,
            config: None,
        });
    }
    let base = AgentConfig::default();
    let config = AgentConfig {
        progress_thread: a
            .option("progress_thread", args::keyword)?
            .unwrap_or(base.progress_thread),
        listen_thread: a
            .option("listen_thread", args::keyword)?
            .unwrap_or(base.listen_thread),
        listen_port: a
            .option("listen_port", args::u16)?
            .unwrap_or(base.listen_port),
        sync: a.option("sync", args::keyword)?.unwrap_or(base.sync),
        num_workers: a
            .option("num_workers", args::u16)?
            .unwrap_or(base.num_workers),
        pthr_delay_us: a
            .option("pthr_delay_us", args::u32)?
            .unwrap_or(base.pthr_delay_us),
        lthr_delay_us: a
            .option("lthr_delay_us", args::u32)?
            .unwrap_or(base.lthr_delay_us),
        telemetry: a
            .option("telemetry", args::keyword)?
            .unwrap_or(base.telemetry),
    };
    Ok(Op::Agent {
        agent,
        name,
        config: Some(config),
    })
}

fn backend(a: &mut Args<'_>) -> Result<Op, ParseError> {
    let (backend, agent) = (a.slot()?, a.slot()?);
    let plugin = a.next("a plugin", args::text)?;
    Ok(Op::Backend {
        backend,
        agent,
        plugin,
        params: a.take_settings(),
    })
}

fn region(a: &mut Args<'_>) -> Result<Op, ParseError> {
    let region = a.slot()?;
    let size = a.required("size", args::positive)?;
    let seed = a.option("seed", args::u8)?.unwrap_or(0);
    let place = match a.option("arena", args::slot)? {
        None => None,
        Some(arena) => Some(Place {
            arena,
            offset: a.option("offset", args::u32)?.unwrap_or(0),
        }),
    };
    Ok(Op::Region {
        region,
        size,
        seed,
        place,
    })
}

fn memory(a: &mut Args<'_>) -> Result<(AgentSlot, Vec<Desc>, Option<BackendSlot>), ParseError> {
    let (agent, backend) = (a.slot()?, using(a)?);
    Ok((agent, a.some("a descriptor", args::desc)?, backend))
}

fn prep(a: &mut Args<'_>) -> Result<Op, ParseError> {
    let (list, agent, backend) = (a.slot()?, a.slot()?, using(a)?);
    let side = match a.option("remote", args::slot)? {
        Some(owner) => Side::Remote(owner),
        None => Side::Local,
    };
    Ok(Op::Prep {
        list,
        agent,
        side,
        descs: a.rest(args::desc)?,
        backend,
    })
}

fn options(a: &mut Args<'_>) -> Result<TransferOptions, ParseError> {
    Ok(TransferOptions {
        backend: using(a)?,
        notif: a.option("notif", args::message)?,
        skip_merge: a.option("skip_merge", args::keyword)?.unwrap_or(false),
        custom: a.option("custom", args::text)?,
    })
}

fn make(a: &mut Args<'_>) -> Result<Op, ParseError> {
    Ok(Op::Make {
        transfer: a.slot()?,
        agent: a.slot()?,
        direction: a.next("a direction", args::keyword)?,
        local: a.required("local", args::slot)?,
        local_indices: a
            .option("local_indices", args::indices)?
            .unwrap_or_default(),
        remote: a.required("remote", args::slot)?,
        remote_indices: a
            .option("remote_indices", args::indices)?
            .unwrap_or_default(),
        options: options(a)?,
    })
}

fn create(a: &mut Args<'_>) -> Result<Op, ParseError> {
    Ok(Op::Create {
        transfer: a.slot()?,
        agent: a.slot()?,
        direction: a.next("a direction", args::keyword)?,
        local: a.required("local", args::descs)?,
        remote_agent: a.required("to", args::slot)?,
        remote: a.required("remote", args::descs)?,
        options: options(a)?,
    })
}
