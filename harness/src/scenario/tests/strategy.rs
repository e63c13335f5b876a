//! Any scenario, for property tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::scenario::*;

fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_.-]{1,12}"
}

/// Text with everything that needs care: quotes, comments, escapes, spaces, other scripts.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![word(), "[a-z \"#\\\\=\t\n{}é→\u{7f}]{1,12}"]
}

fn message() -> impl Strategy<Value = Message> {
    vec(any::<u8>(), 0..24).prop_map(Message)
}

fn agent() -> impl Strategy<Value = AgentSlot> {
    any::<u8>().prop_map(AgentSlot)
}

fn backend() -> impl Strategy<Value = BackendSlot> {
    any::<u8>().prop_map(BackendSlot)
}

fn using() -> impl Strategy<Value = Option<BackendSlot>> {
    option::of(backend())
}

fn region() -> impl Strategy<Value = RegionSlot> {
    any::<u16>().prop_map(RegionSlot)
}

fn list() -> impl Strategy<Value = ListSlot> {
    any::<u8>().prop_map(ListSlot)
}

fn transfer() -> impl Strategy<Value = TransferSlot> {
    any::<u16>().prop_map(TransferSlot)
}

fn blob() -> impl Strategy<Value = BlobSlot> {
    any::<u8>().prop_map(BlobSlot)
}

fn view() -> impl Strategy<Value = ViewSlot> {
    any::<u8>().prop_map(ViewSlot)
}

fn desc() -> impl Strategy<Value = Desc> {
    let span = (0..1u32 << 31, 0..1u32 << 31).prop_map(|(offset, len)| Span { offset, len });
    (region(), option::of(span)).prop_map(|(region, span)| Desc { region, span })
}

fn descs() -> impl Strategy<Value = Vec<Desc>> {
    vec(desc(), 0..4)
}

fn some_descs() -> impl Strategy<Value = Vec<Desc>> {
    vec(desc(), 1..4)
}

fn remote_descs() -> impl Strategy<Value = Vec<RemoteDesc>> {
    let one = (option::of(agent()), desc()).prop_map(|(agent, desc)| RemoteDesc { agent, desc });
    vec(one, 1..4)
}

fn params() -> impl Strategy<Value = Vec<Param>> {
    proptest::collection::btree_map(word(), text(), 0..4).prop_map(|all| {
        all.into_iter()
            .map(|(key, value)| Param { key, value })
            .collect()
    })
}

fn sync() -> impl Strategy<Value = Sync> {
    prop_oneof![Just(Sync::None), Just(Sync::Strict), Just(Sync::ReadWrite)]
}

fn addresses() -> impl Strategy<Value = Addresses> {
    prop_oneof![
        Just(Addresses::Reused),
        Just(Addresses::Adjacent),
        Just(Addresses::Scattered),
        Just(Addresses::Random)
    ]
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Read), Just(Direction::Write)]
}

fn config() -> impl Strategy<Value = AgentConfig> {
    let numbers = (any::<u16>(), any::<u16>(), any::<u32>(), any::<u32>());
    (any::<[bool; 3]>(), sync(), numbers).prop_map(|(flags, sync, numbers)| AgentConfig {
        progress_thread: flags[0],
        listen_thread: flags[1],
        telemetry: flags[2],
        sync,
        listen_port: numbers.0,
        num_workers: numbers.1,
        pthr_delay_us: numbers.2,
        lthr_delay_us: numbers.3,
    })
}

fn options() -> impl Strategy<Value = TransferOptions> {
    (
        using(),
        option::of(message()),
        any::<bool>(),
        option::of(text()),
    )
        .prop_map(|(backend, notif, skip_merge, custom)| TransferOptions {
            backend,
            notif,
            skip_merge,
            custom,
        })
}

fn place() -> impl Strategy<Value = Place> {
    (any::<u8>(), any::<u32>()).prop_map(|(arena, offset)| Place {
        arena: ArenaSlot(arena),
        offset,
    })
}

fn setup_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (agent(), option::of(text()), option::of(config())).prop_map(|(agent, name, config)| {
            Op::Agent {
                agent,
                name,
                config,
            }
        }),
        (backend(), agent(), text(), params()).prop_map(|(backend, agent, plugin, params)| {
            Op::Backend {
                backend,
                agent,
                plugin,
                params,
            }
        }),
        backend().prop_map(|backend| Op::DestroyBackend { backend }),
        agent().prop_map(|agent| Op::DestroyAgent { agent }),
        (region(), 1..=u32::MAX, any::<u8>(), option::of(place())).prop_map(
            |(region, size, seed, place)| Op::Region {
                region,
                size,
                seed,
                place
            }
        ),
        (region(), any::<u8>()).prop_map(|(region, seed)| Op::Fill { region, seed }),
        (1_u32..1 << 20, addresses(), any::<u16>()).prop_map(|(size, addresses, times)| {
            Op::Churn {
                size,
                addresses,
                times,
            }
        }),
        region().prop_map(|region| Op::Free { region }),
        (agent(), some_descs(), using()).prop_map(|(agent, descs, backend)| Op::Register {
            agent,
            descs,
            backend
        }),
        (agent(), some_descs(), using()).prop_map(|(agent, descs, backend)| Op::Deregister {
            agent,
            descs,
            backend
        }),
        (agent(), some_descs(), using()).prop_map(|(agent, descs, backend)| Op::QueryMem {
            agent,
            descs,
            backend
        }),
        (agent(), text(), using()).prop_map(|(agent, path, backend)| Op::QueryFile {
            agent,
            path,
            backend
        }),
        agent().prop_map(|agent| Op::Plugins { agent }),
        (agent(), text()).prop_map(|(agent, plugin)| Op::PluginParams { agent, plugin }),
        backend().prop_map(|backend| Op::BackendParams { backend }),
        some_descs().prop_map(|descs| Op::TourLists { descs }),
        using().prop_map(|backend| Op::TourOptions { backend }),
        Just(Op::TourNotifMap),
    ]
}

fn exchange_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (blob(), agent()).prop_map(|(blob, agent)| Op::GetMd { blob, agent }),
        (blob(), agent(), descs(), using()).prop_map(|(blob, agent, descs, backend)| {
            Op::GetPartialMd {
                blob,
                agent,
                descs,
                backend,
            }
        }),
        (agent(), blob()).prop_map(|(agent, blob)| Op::LoadMd { agent, blob }),
        (blob(), any::<u32>()).prop_map(|(blob, len)| Op::CutMd { blob, len }),
        (blob(), any::<u32>(), any::<u8>()).prop_map(|(blob, at, mask)| Op::ChangeMd {
            blob,
            at,
            mask
        }),
        (blob(), any::<u32>(), message()).prop_map(|(blob, at, bytes)| Op::WriteMd {
            blob,
            at,
            bytes
        }),
        (
            (blob(), any::<u32>(), any::<u32>()),
            (blob(), any::<u32>(), any::<u32>())
        )
            .prop_map(|((blob, at, cut), (from, start, count))| Op::SpliceMd {
                blob,
                at,
                cut,
                from,
                start,
                count
            }),
        (agent(), message()).prop_map(|(agent, bytes)| Op::Intrude { agent, bytes }),
        (agent(), agent()).prop_map(|(agent, remote)| Op::Invalidate { agent, remote }),
        (agent(), agent(), descs()).prop_map(|(agent, remote, descs)| Op::CheckMd {
            agent,
            remote,
            descs
        }),
        (agent(), agent(), any::<bool>()).prop_map(|(agent, remote, gone)| Op::WaitMd {
            agent,
            remote,
            gone
        }),
        (agent(), agent(), descs()).prop_map(|(agent, to, descs)| Op::SendMd { agent, to, descs }),
        (agent(), agent()).prop_map(|(agent, from)| Op::FetchMd { agent, from }),
        (agent(), agent()).prop_map(|(agent, at)| Op::InvalidateLocalMd { agent, at }),
        (agent(), agent(), using()).prop_map(|(agent, remote, backend)| Op::Connect {
            agent,
            remote,
            backend
        }),
        (agent(), agent(), message(), using()).prop_map(|(agent, to, message, backend)| {
            Op::Notify {
                agent,
                to,
                message,
                backend,
            }
        }),
        (agent(), any::<u8>()).prop_map(|(agent, times)| Op::Notifs { agent, times }),
        (agent(), agent(), message()).prop_map(|(agent, from, message)| Op::ExpectNotif {
            agent,
            from,
            message
        }),
        (desc(), any::<u8>(), any::<u32>()).prop_map(|(desc, seed, from)| Op::ExpectBytes {
            desc,
            seed,
            from
        }),
    ]
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![
        transfer().prop_map(Lane::Transfer),
        agent().prop_map(Lane::Notifs),
        (agent(), desc()).prop_map(|(agent, desc)| Lane::Register(agent, desc)),
    ]
}

fn transfer_op() -> impl Strategy<Value = Op> {
    let side = prop_oneof![Just(Side::Local), agent().prop_map(Side::Remote)];
    let indices = || vec(any::<u16>(), 0..4);
    prop_oneof![
        (list(), agent(), side, descs(), using()).prop_map(
            |(list, agent, side, descs, backend)| {
                Op::Prep {
                    list,
                    agent,
                    side,
                    descs,
                    backend,
                }
            }
        ),
        list().prop_map(|list| Op::ReleaseList { list }),
        (
            (transfer(), agent(), direction()),
            list(),
            indices(),
            list(),
            indices(),
            options()
        )
            .prop_map(
                |(
                    (transfer, agent, direction),
                    local,
                    local_indices,
                    remote,
                    remote_indices,
                    options,
                )| {
                    Op::Make {
                        transfer,
                        agent,
                        direction,
                        local,
                        local_indices,
                        remote,
                        remote_indices,
                        options,
                    }
                }
            ),
        (
            transfer(),
            agent(),
            direction(),
            descs(),
            agent(),
            descs(),
            options()
        )
            .prop_map(
                |(transfer, agent, direction, local, remote_agent, remote, options)| {
                    Op::Create {
                        transfer,
                        agent,
                        direction,
                        local,
                        remote_agent,
                        remote,
                        options,
                    }
                }
            ),
        (transfer(), option::of(message()))
            .prop_map(|(transfer, notif)| Op::Post { transfer, notif }),
        transfer().prop_map(|transfer| Op::Wait { transfer }),
        vec(lane(), 1..4).prop_map(|lanes| Op::Together { lanes }),
        transfer().prop_map(|transfer| Op::Poll { transfer }),
        transfer().prop_map(|transfer| Op::Release { transfer }),
        transfer().prop_map(|transfer| Op::Cost { transfer }),
        transfer().prop_map(|transfer| Op::TransferBackend { transfer }),
        transfer().prop_map(|transfer| Op::Telemetry { transfer }),
        (view(), agent(), some_descs(), using()).prop_map(|(view, agent, descs, backend)| {
            Op::LocalView {
                view,
                agent,
                descs,
                backend,
            }
        }),
        (view(), agent(), remote_descs(), using()).prop_map(|(view, agent, descs, backend)| {
            Op::RemoteView {
                view,
                agent,
                descs,
                backend,
            }
        }),
        view().prop_map(|view| Op::ReleaseView { view }),
    ]
}

fn expect() -> impl Strategy<Value = Option<Expect>> {
    option::of(
        prop::sample::select(<Expect as operand::Keyword>::WORDS).prop_map(|(_, value)| value),
    )
}

fn line() -> impl Strategy<Value = Step> {
    let op = prop_oneof![setup_op(), exchange_op(), transfer_op()];
    (op, expect()).prop_map(|(op, expect)| Step::Line(Line { op, expect }))
}

fn step() -> impl Strategy<Value = Step> {
    line().prop_recursive(DEPTH_MAX as u32, 24, 4, |inner| {
        (0..=REPEAT_MAX, vec(inner, 0..4)).prop_map(|(count, body)| Step::Repeat { count, body })
    })
}

/// Any scenario that has a text form.
pub(super) fn scenario() -> impl Strategy<Value = Scenario> {
    (
        "[A-Za-z0-9_-]{1,16}",
        "([a-z0-9#\"][ a-z0-9#\"]{0,20}[a-z0-9#\"])?",
        any::<[bool; 4]>(),
        vec(step(), 0..12),
    )
        .prop_map(
            |(name, about, [leave, misuse, growth, telemetry], steps)| Scenario {
                name,
                about,
                leave,
                misuse,
                growth,
                telemetry,
                steps,
            },
        )
}
