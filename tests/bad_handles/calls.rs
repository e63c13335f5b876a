//! How each function is called, as data.

use std::ffi::c_void;

use mock_ucx::abi::active_message as am;
use mock_ucx::abi::types::{UCP_OP_ATTR_FIELD_MEMH, UcpDeviceMemListElem, UcpRequestParam};
use mock_ucx::abi::{
    device, endpoint, library, memory, message_data, request, rma, wakeup, worker,
};
use mock_ucx::functions::Function as F;
use mock_ucx::functions::Function;
use mock_ucx::ledger::Kind;
use mock_ucx::status::UcsStatus;

use crate::world::World;

/// What a call answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Status(UcsStatus),
    Pointer(usize),
    Count(u32),
    Nothing,
}

use Reply::{Count, Nothing, Pointer, Status};

/// Makes a call with this value where the handle belongs.
pub(crate) type Call = Box<dyn Fn(&World, u64) -> Reply>;

/// A place where a handle is passed.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) function: Function,
    /// Index of the argument; `None` for a member of a structure.
    pub(crate) argument: Option<u16>,
    pub(crate) kind: Kind,
    /// Calls the function with everything right but this handle.
    pub(crate) call: Call,
}

/// A function, the right arguments for it, and the call.
struct Entry(Function, fn(&World) -> Vec<u64>, unsafe fn(&[u64]) -> Reply);

/// All places: the handle arguments of the mock's table, and the members of structures.
pub(crate) fn places(world: &World) -> Vec<Place> {
    let arguments = Function::all().flat_map(|function| {
        let handles = function.info().handles;
        let entry = ENTRIES.iter().find(|entry| entry.0 == function);
        let entry = entry.or((handles.is_empty()).then_some(&ENTRIES[0]));
        let entry =
            entry.unwrap_or_else(|| panic!("ENTRIES does not say how to call {}", function.name()));
        handles.iter().map(move |handle| Place {
            name: format!(
                "{} argument {} ({})",
                function.name(),
                handle.index,
                handle.kind
            ),
            function,
            argument: Some(handle.index),
            kind: handle.kind,
            call: Box::new(move |world, value| {
                let mut arguments = (entry.1)(world);
                arguments[usize::from(handle.index)] = value;
                // SAFETY: all arguments but the bad handle are right, and no handle is dereferenced.
                unsafe { (entry.2)(&arguments) }
            }),
        })
    });
    let members = MEMBERS.iter().map(|member| Place {
        name: format!("{} member {}", member.function.name(), member.path),
        function: member.function,
        argument: None,
        kind: member.kind,
        call: Box::new(member.call),
    });
    let all: Vec<Place> = arguments.chain(members).collect();
    assert!(all.iter().all(|place| world.live.contains_key(&place.kind)));
    all
}

#[rustfmt::skip]
#[expect(clippy::undocumented_unsafe_blocks, reason = "who calls an entry vouches for all of its arguments")]
static ENTRIES: &[Entry] = &[
    Entry(F::ConfigModify, |w| vec![w.live[&Kind::Config], w.text(), w.text()],
        |a| unsafe { Status(library::ucp_config_modify(a[0], a[1] as _, a[2] as _)) }),
    Entry(F::ConfigRelease, |w| vec![w.live[&Kind::Config]], |a| { library::ucp_config_release(a[0]); Nothing }),
    Entry(F::InitVersion, |w| vec![1, 22, w.at(&*w.params), w.live[&Kind::Config], w.out()],
        |a| unsafe { Status(library::ucp_init_version(a[0] as _, a[1] as _, a[2] as _, a[3], a[4] as _)) }),
    Entry(F::Cleanup, |w| vec![w.live[&Kind::Context]], |a| { library::ucp_cleanup(a[0]); Nothing }),
    Entry(F::ContextQuery, |w| vec![w.live[&Kind::Context], w.at(&*w.context_attr)],
        |a| unsafe { Status(library::ucp_context_query(a[0], a[1] as _)) }),
    Entry(F::WorkerCreate, |w| vec![w.live[&Kind::Context], w.at(&*w.worker_params), w.out()],
        |a| unsafe { Status(worker::ucp_worker_create(a[0], a[1] as _, a[2] as _)) }),
    Entry(F::WorkerDestroy, |w| vec![w.live[&Kind::Worker]], |a| { worker::ucp_worker_destroy(a[0]); Nothing }),
    Entry(F::WorkerQuery, |w| vec![w.live[&Kind::Worker], w.at(&*w.worker_attr)],
        |a| unsafe { Status(worker::ucp_worker_query(a[0], a[1] as _)) }),
    Entry(F::WorkerReleaseAddress, |w| vec![w.live[&Kind::Worker], w.live[&Kind::Address]],
        |a| { worker::ucp_worker_release_address(a[0], a[1]); Nothing }),
    Entry(F::WorkerProgress, |w| vec![w.live[&Kind::Worker]], |a| Count(worker::ucp_worker_progress(a[0]))),
    Entry(F::WorkerGetEfd, |w| vec![w.live[&Kind::Worker], w.out()],
        |a| unsafe { Status(wakeup::ucp_worker_get_efd(a[0], a[1] as _)) }),
    Entry(F::WorkerArm, |w| vec![w.live[&Kind::Worker]], |a| Status(wakeup::ucp_worker_arm(a[0]))),
    Entry(F::WorkerSetAmRecvHandler, |w| vec![w.live[&Kind::Worker], w.at(&*w.handler)],
        |a| unsafe { Status(am::ucp_worker_set_am_recv_handler(a[0], a[1] as _)) }),
    Entry(F::EpCreate, |w| vec![w.live[&Kind::Worker], w.at(&*w.ep_params), w.out()],
        |a| unsafe { Status(endpoint::ucp_ep_create(a[0], a[1] as _, a[2] as _)) }),
    Entry(F::EpCloseNbx, |w| vec![w.live[&Kind::Endpoint], w.at(&*w.plain)],
        |a| unsafe { Pointer(endpoint::ucp_ep_close_nbx(a[0], a[1] as _)) }),
    Entry(F::EpCloseNb, |w| vec![w.live[&Kind::Endpoint], 1], |a| Pointer(endpoint::ucp_ep_close_nb(a[0], a[1] as _))),
    Entry(F::EpFlushNbx, |w| vec![w.live[&Kind::Endpoint], w.at(&*w.plain)],
        |a| unsafe { Pointer(endpoint::ucp_ep_flush_nbx(a[0], a[1] as _)) }),
    Entry(F::EpEvaluatePerf, |w| vec![w.live[&Kind::Endpoint], w.at(&*w.perf_param), w.at(&*w.perf_attr)],
        |a| unsafe { Status(endpoint::ucp_ep_evaluate_perf(a[0], a[1] as _, a[2] as _)) }),
    Entry(F::EpRkeyUnpack, |w| vec![w.live[&Kind::Endpoint], w.live[&Kind::RkeyBuffer], w.out()],
        |a| unsafe { Status(memory::ucp_ep_rkey_unpack(a[0], a[1], a[2] as _)) }),
    Entry(F::RkeyDestroy, |w| vec![w.live[&Kind::Rkey]], |a| { memory::ucp_rkey_destroy(a[0]); Nothing }),
    Entry(F::MemMap, |w| vec![w.live[&Kind::Context], w.at(&*w.map_params), w.out()],
        |a| unsafe { Status(memory::ucp_mem_map(a[0], a[1] as _, a[2] as _)) }),
    Entry(F::MemUnmap, |w| vec![w.live[&Kind::Context], w.live[&Kind::MemoryHandle]],
        |a| Status(memory::ucp_mem_unmap(a[0], a[1]))),
    Entry(F::MemQuery, |w| vec![w.live[&Kind::MemoryHandle], w.at(&*w.mem_attr)],
        |a| unsafe { Status(memory::ucp_mem_query(a[0], a[1] as _)) }),
    Entry(F::RkeyPack, |w| vec![w.live[&Kind::Context], w.live[&Kind::MemoryHandle], w.out(), w.out()],
        |a| unsafe { Status(memory::ucp_rkey_pack(a[0], a[1], a[2] as _, a[3] as _)) }),
    Entry(F::RkeyBufferRelease, |w| vec![w.live[&Kind::RkeyBuffer]], |a| { memory::ucp_rkey_buffer_release(a[0]); Nothing }),
    Entry(F::PutNbx, |w| w.transfer(&w.plain),
        |a| unsafe { Pointer(rma::ucp_put_nbx(a[0], a[1] as _, a[2] as _, a[3], a[4], a[5] as _)) }),
    Entry(F::GetNbx, |w| w.transfer(&w.plain),
        |a| unsafe { Pointer(rma::ucp_get_nbx(a[0], a[1] as _, a[2] as _, a[3], a[4], a[5] as _)) }),
    Entry(F::AmSendNbx, |w| vec![w.live[&Kind::Endpoint], 1, 0, 0, w.buffer(), 8, w.at(&*w.plain)],
        |a| unsafe { Pointer(am::ucp_am_send_nbx(a[0], a[1] as _, a[2] as _, a[3] as _, a[4] as _, a[5] as _, a[6] as _)) }),
    Entry(F::AmRecvDataNbx, |w| vec![w.live[&Kind::Worker], w.live[&Kind::AmData], w.buffer(), 64, w.at(&*w.plain)],
        |a| unsafe { Pointer(message_data::ucp_am_recv_data_nbx(a[0], a[1], a[2] as _, a[3] as _, a[4] as _)) }),
    Entry(F::AmDataRelease, |w| vec![w.live[&Kind::Worker], w.live[&Kind::AmData]],
        |a| { message_data::ucp_am_data_release(a[0], a[1]); Nothing }),
    Entry(F::RequestCheckStatus, |w| vec![w.live[&Kind::Request]], |a| Status(request::ucp_request_check_status(a[0]))),
    Entry(F::RequestFree, |w| vec![w.live[&Kind::Request]], |a| { request::ucp_request_free(a[0]); Nothing }),
    Entry(F::RequestCancel, |w| vec![w.live[&Kind::Worker], w.live[&Kind::Request]],
        |a| { request::ucp_request_cancel(a[0], a[1]); Nothing }),
    Entry(F::DeviceMemListRelease, |w| vec![w.live[&Kind::MemList]], |a| { device::ucp_device_mem_list_release(a[0]); Nothing }),
];

/// A member of a structure that is a handle.
struct Member {
    function: Function,
    path: &'static str,
    kind: Kind,
    call: fn(&World, u64) -> Reply,
}

const fn member(
    function: Function,
    path: &'static str,
    kind: Kind,
    call: fn(&World, u64) -> Reply,
) -> Member {
    Member {
        function,
        path,
        kind,
        call,
    }
}

static MEMBERS: &[Member] = &[
    member(F::PutNbx, "param.memh", Kind::MemoryHandle, |w, value| {
        with_memh(F::PutNbx, w, value)
    }),
    member(F::GetNbx, "param.memh", Kind::MemoryHandle, |w, value| {
        with_memh(F::GetNbx, w, value)
    }),
    member(
        F::AmSendNbx,
        "param.memh",
        Kind::MemoryHandle,
        |w, value| with_memh(F::AmSendNbx, w, value),
    ),
    member(
        F::AmRecvDataNbx,
        "param.memh",
        Kind::MemoryHandle,
        |w, value| with_memh(F::AmRecvDataNbx, w, value),
    ),
    member(F::PutNbx, "sgl.memhs[1]", Kind::MemoryHandle, |w, value| {
        scatter_gather(w, value, w.live[&Kind::Rkey])
    }),
    member(F::PutNbx, "sgl.rkeys[1]", Kind::Rkey, |w, value| {
        scatter_gather(w, w.live[&Kind::MemoryHandle], value)
    }),
    member(
        F::DeviceLocalMemListCreate,
        "worker",
        Kind::Worker,
        |w, value| {
            w.local_list(
                value,
                |_| {},
                |params, list| {
                    // SAFETY: the structure and its elements live until the call returns.
                    Status(unsafe { device::ucp_device_local_mem_list_create(params, list) })
                },
            )
        },
    ),
    member(
        F::DeviceLocalMemListCreate,
        "elements[1].memh",
        Kind::MemoryHandle,
        |w, value| {
            let bad = |element: &mut UcpDeviceMemListElem| element.memh = value as _;
            w.local_list(w.live[&Kind::Worker], bad, |params, list| {
                // SAFETY: as above.
                Status(unsafe { device::ucp_device_local_mem_list_create(params, list) })
            })
        },
    ),
    member(
        F::DeviceRemoteMemListCreate,
        "elements[1].rkey",
        Kind::Rkey,
        |w, value| {
            w.remote_list(
                |element| element.rkey = value as _,
                |params, list| {
                    // SAFETY: as above.
                    Status(unsafe { device::ucp_device_remote_mem_list_create(params, list) })
                },
            )
        },
    ),
    member(
        F::DeviceRemoteMemListCreate,
        "elements[1].ep",
        Kind::Endpoint,
        |w, value| {
            w.remote_list(
                |element| element.ep = value as _,
                |params, list| {
                    // SAFETY: as above.
                    Status(unsafe { device::ucp_device_remote_mem_list_create(params, list) })
                },
            )
        },
    ),
];

/// Calls an operation whose last argument is its parameters, with this registration in them.
fn with_memh(function: Function, world: &World, memh: u64) -> Reply {
    let entry = ENTRIES.iter().find(|entry| entry.0 == function);
    let entry = entry.expect("an entry");
    let param = UcpRequestParam {
        op_attr_mask: UCP_OP_ATTR_FIELD_MEMH,
        memh: memh as _,
        ..*world.plain
    };
    let mut arguments = (entry.1)(world);
    *arguments.last_mut().expect("parameters") = &raw const param as u64;
    // SAFETY: all arguments but the bad handle are right, and no handle is dereferenced.
    unsafe { (entry.2)(&arguments) }
}

/// A put of two pieces, the second with these handles.
fn scatter_gather(world: &World, memh: u64, rkey: u64) -> Reply {
    world.lists(memh, rkey, |local, param| {
        let (remote, no_rkey) = (mock_ucx::abi::types::UCP_REMOTE_ADDR_INVALID, 0);
        let buffer: *const c_void = local;
        // SAFETY: both lists have two elements and live until the call returns.
        Pointer(unsafe {
            rma::ucp_put_nbx(
                world.live[&Kind::Endpoint],
                buffer,
                2,
                remote,
                no_rkey,
                param,
            )
        })
    })
}
