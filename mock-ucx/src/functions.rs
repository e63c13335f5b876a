//! Every exported function of UCX that the mock has, as data: its name, its handle arguments, and how it may fail.

use crate::ledger::Kind;
use crate::status::UcsStatus;

/// What a function answers, which says how a failure is told to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `ucs_status_t`.
    Status,
    /// `ucs_status_ptr_t`: null, a request, or an error pointer.
    StatusPointer,
    /// Nothing.
    Void,
    /// Something that cannot carry an error (a count, a string).
    Plain,
}

/// An argument that is a handle, or a pointer to memory that UCX owns.
#[derive(Clone, Copy, Debug)]
pub struct HandleArgument {
    /// Position, from 0.
    pub index: u16,
    /// Kind of object that it must be.
    pub kind: Kind,
}

/// One exported function.
#[derive(Debug)]
pub struct FunctionInfo {
    /// Exported symbol.
    pub name: &'static str,
    /// How it answers.
    pub answer: Answer,
    /// Its handle arguments.
    pub handles: &'static [HandleArgument],
    /// Statuses it may fail with although the caller did everything right, most likely first; empty: it cannot fail.
    pub failures: &'static [UcsStatus],
    /// Where UCX (v1.22) makes these failures.
    pub failure_source: &'static str,
}

/// An exported function; the number is the index into [`FUNCTIONS`].
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "each is the UCX function of that name, documented in ucp.h"
)]
pub enum Function {
    GetVersion,
    GetVersionString,
    LibQuery,
    ConfigRead,
    ConfigModify,
    ConfigRelease,
    InitVersion,
    Cleanup,
    ContextQuery,
    WorkerCreate,
    WorkerDestroy,
    WorkerQuery,
    WorkerReleaseAddress,
    WorkerProgress,
    WorkerGetEfd,
    WorkerArm,
    WorkerSetAmRecvHandler,
    EpCreate,
    EpCloseNbx,
    EpCloseNb,
    EpFlushNbx,
    EpEvaluatePerf,
    EpRkeyUnpack,
    RkeyDestroy,
    MemMap,
    MemUnmap,
    MemQuery,
    RkeyPack,
    RkeyBufferRelease,
    PutNbx,
    GetNbx,
    AmSendNbx,
    AmRecvDataNbx,
    AmDataRelease,
    RequestCheckStatus,
    RequestFree,
    RequestCancel,
    DeviceLocalMemListCreate,
    DeviceRemoteMemListCreate,
    DeviceMemListRelease,
    StatusString,
}

/// Number of functions.
pub const FUNCTION_COUNT: usize = Function::StatusString as usize + 1;

impl Function {
    /// The function with this number.
    pub fn from_number(number: u16) -> Option<Function> {
        FUNCTIONS
            .get(usize::from(number))
            .map(|(function, _)| *function)
    }

    /// The function of this name.
    pub fn from_name(name: &str) -> Option<Function> {
        FUNCTIONS
            .iter()
            .find(|(_, info)| info.name == name)
            .map(|(function, _)| *function)
    }

    /// What is known about it.
    pub fn info(self) -> &'static FunctionInfo {
        &FUNCTIONS[self as usize].1
    }

    /// Its exported name.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// All functions, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Function> {
        FUNCTIONS.iter().map(|(function, _)| *function)
    }
}

const fn at(index: u16, kind: Kind) -> HandleArgument {
    HandleArgument { index, kind }
}

const fn entry(
    name: &'static str,
    answer: Answer,
    handles: &'static [HandleArgument],
    failures: &'static [UcsStatus],
    failure_source: &'static str,
) -> FunctionInfo {
    FunctionInfo {
        name,
        answer,
        handles,
        failures,
        failure_source,
    }
}

use Answer::{Plain, Status, StatusPointer, Void};
use Kind::{
    Address, AmData, Config, Context, Endpoint, MemList, MemoryHandle, Request, Rkey, RkeyBuffer,
    Worker,
};

/// All functions. The order is that of [`Function`]; a test holds both together.
pub static FUNCTIONS: [(Function, FunctionInfo); FUNCTION_COUNT] = [
    (
        Function::GetVersion,
        entry("ucp_get_version", Void, &[], &[], ""),
    ),
    (
        Function::GetVersionString,
        entry("ucp_get_version_string", Plain, &[], &[], ""),
    ),
    (
        Function::LibQuery,
        entry("ucp_lib_query", Status, &[], &[], ""),
    ),
    (
        Function::ConfigRead,
        entry(
            "ucp_config_read",
            Status,
            &[],
            &[UcsStatus::NO_MEMORY],
            "core/ucp_context.c:ucp_config_read (ucs_malloc of the descriptor, ucs_strdup of the prefix)",
        ),
    ),
    (
        Function::ConfigModify,
        entry("ucp_config_modify", Status, &[at(0, Config)], &[], ""),
    ),
    (
        Function::ConfigRelease,
        entry("ucp_config_release", Void, &[at(0, Config)], &[], ""),
    ),
    (
        Function::InitVersion,
        entry(
            "ucp_init_version",
            Status,
            &[at(3, Config)],
            &[
                UcsStatus::NO_MEMORY,
                UcsStatus::NO_DEVICE,
                UcsStatus::EXCEEDS_LIMIT,
            ],
            "core/ucp_context.c:ucp_init_version (calloc), ucp_check_resources (no usable device), ucp_fill_resources (too many)",
        ),
    ),
    (
        Function::Cleanup,
        entry("ucp_cleanup", Void, &[at(0, Context)], &[], ""),
    ),
    (
        Function::ContextQuery,
        entry("ucp_context_query", Status, &[at(0, Context)], &[], ""),
    ),
    (
        Function::WorkerCreate,
        entry(
            "ucp_worker_create",
            Status,
            &[at(0, Context)],
            &[UcsStatus::NO_MEMORY, UcsStatus::IO_ERROR],
            "core/ucp_worker.c:ucp_worker_create (calloc), ucp_worker_wakeup_init (event set), interface open",
        ),
    ),
    (
        Function::WorkerDestroy,
        entry("ucp_worker_destroy", Void, &[at(0, Worker)], &[], ""),
    ),
    (
        Function::WorkerQuery,
        entry(
            "ucp_worker_query",
            Status,
            &[at(0, Worker)],
            &[UcsStatus::NO_MEMORY],
            "wireup/address.c:ucp_address_pack (ucs_calloc of devices and of the buffer)",
        ),
    ),
    (
        Function::WorkerReleaseAddress,
        entry(
            "ucp_worker_release_address",
            Void,
            &[at(0, Worker), at(1, Address)],
            &[],
            "",
        ),
    ),
    (
        Function::WorkerProgress,
        entry("ucp_worker_progress", Plain, &[at(0, Worker)], &[], ""),
    ),
    (
        Function::WorkerGetEfd,
        entry("ucp_worker_get_efd", Status, &[at(0, Worker)], &[], ""),
    ),
    (
        Function::WorkerArm,
        entry("ucp_worker_arm", Status, &[at(0, Worker)], &[], ""),
    ),
    (
        Function::WorkerSetAmRecvHandler,
        entry(
            "ucp_worker_set_am_recv_handler",
            Status,
            &[at(0, Worker)],
            &[UcsStatus::NO_MEMORY],
            "core/ucp_am.c:ucp_worker_set_am_handler_common (ucs_array_resize of the handlers)",
        ),
    ),
    (
        Function::EpCreate,
        entry(
            "ucp_ep_create",
            Status,
            &[at(0, Worker)],
            &[
                UcsStatus::NO_MEMORY,
                UcsStatus::UNREACHABLE,
                UcsStatus::EXCEEDS_LIMIT,
            ],
            "core/ucp_ep.c:ucp_ep_create_base (ucs_strided_alloc_get), wireup/select.c (no lane), ucp_worker_get_ep_config",
        ),
    ),
    (
        Function::EpCloseNbx,
        entry(
            "ucp_ep_close_nbx",
            StatusPointer,
            &[at(0, Endpoint)],
            &[UcsStatus::NO_MEMORY],
            "rma/flush.c:ucp_ep_flush_internal (ucp_request_get_param); the endpoint is gone all the same",
        ),
    ),
    (
        Function::EpCloseNb,
        entry(
            "ucp_ep_close_nb",
            StatusPointer,
            &[at(0, Endpoint)],
            &[UcsStatus::NO_MEMORY],
            "as ucp_ep_close_nbx",
        ),
    ),
    (
        Function::EpFlushNbx,
        entry(
            "ucp_ep_flush_nbx",
            StatusPointer,
            &[at(0, Endpoint)],
            &[UcsStatus::NO_MEMORY, UcsStatus::CONNECTION_RESET],
            "rma/flush.c:ucp_ep_flush_internal (ucp_request_get_param); a lane that failed, with which the endpoint fails",
        ),
    ),
    (
        Function::EpEvaluatePerf,
        entry("ucp_ep_evaluate_perf", Status, &[at(0, Endpoint)], &[], ""),
    ),
    (
        Function::EpRkeyUnpack,
        entry(
            "ucp_ep_rkey_unpack",
            Status,
            &[at(0, Endpoint)],
            &[
                UcsStatus::NO_MEMORY,
                UcsStatus::EXCEEDS_LIMIT,
                UcsStatus::IO_ERROR,
            ],
            "core/ucp_rkey.c:ucp_ep_rkey_unpack_internal (rkey allocation), ucp_worker_add_rkey_config (too many), uct_rkey_unpack",
        ),
    ),
    (
        Function::RkeyDestroy,
        entry("ucp_rkey_destroy", Void, &[at(0, Rkey)], &[], ""),
    ),
    (
        Function::MemMap,
        entry(
            "ucp_mem_map",
            Status,
            &[at(0, Context)],
            &[
                UcsStatus::NO_MEMORY,
                UcsStatus::IO_ERROR,
                UcsStatus::UNSUPPORTED,
            ],
            "core/ucp_mm.c:ucp_memh_create (ucs_calloc), uct_md_mem_reg of a device (locked-memory limit; memory it cannot pin)",
        ),
    ),
    (
        Function::MemUnmap,
        entry(
            "ucp_mem_unmap",
            Status,
            &[at(0, Context), at(1, MemoryHandle)],
            &[],
            "",
        ),
    ),
    (
        Function::MemQuery,
        entry("ucp_mem_query", Status, &[at(0, MemoryHandle)], &[], ""),
    ),
    (
        Function::RkeyPack,
        entry(
            "ucp_rkey_pack",
            Status,
            &[at(0, Context), at(1, MemoryHandle)],
            &[UcsStatus::NO_MEMORY],
            "core/ucp_rkey.c:ucp_memh_do_pack (ucs_malloc of the buffer)",
        ),
    ),
    (
        Function::RkeyBufferRelease,
        entry(
            "ucp_rkey_buffer_release",
            Void,
            &[at(0, RkeyBuffer)],
            &[],
            "",
        ),
    ),
    (
        Function::PutNbx,
        entry(
            "ucp_put_nbx",
            StatusPointer,
            &[at(0, Endpoint), at(4, Rkey)],
            &[UcsStatus::NO_MEMORY, UcsStatus::CONNECTION_RESET],
            "rma/rma_send.c:ucp_put_nbx (ucp_request_get_param); a lane that failed, with which the endpoint fails",
        ),
    ),
    (
        Function::GetNbx,
        entry(
            "ucp_get_nbx",
            StatusPointer,
            &[at(0, Endpoint), at(4, Rkey)],
            &[UcsStatus::NO_MEMORY, UcsStatus::CONNECTION_RESET],
            "rma/rma_send.c:ucp_get_nbx (ucp_request_get_param); a lane that failed, with which the endpoint fails",
        ),
    ),
    (
        Function::AmSendNbx,
        entry(
            "ucp_am_send_nbx",
            StatusPointer,
            &[at(0, Endpoint)],
            &[UcsStatus::NO_MEMORY, UcsStatus::CONNECTION_RESET],
            "core/ucp_am.c:ucp_am_send_nbx (ucp_request_get_param); a lane that failed, with which the endpoint fails",
        ),
    ),
    (
        Function::AmRecvDataNbx,
        entry(
            "ucp_am_recv_data_nbx",
            StatusPointer,
            &[at(0, Worker), at(1, AmData)],
            &[UcsStatus::NO_MEMORY],
            "core/ucp_am.c:ucp_am_recv_data_nbx (ucp_request_get_param)",
        ),
    ),
    (
        Function::AmDataRelease,
        entry(
            "ucp_am_data_release",
            Void,
            &[at(0, Worker), at(1, AmData)],
            &[],
            "",
        ),
    ),
    (
        Function::RequestCheckStatus,
        entry(
            "ucp_request_check_status",
            Status,
            &[at(0, Request)],
            &[],
            "",
        ),
    ),
    (
        Function::RequestFree,
        entry("ucp_request_free", Void, &[at(0, Request)], &[], ""),
    ),
    (
        Function::RequestCancel,
        entry(
            "ucp_request_cancel",
            Void,
            &[at(0, Worker), at(1, Request)],
            &[],
            "",
        ),
    ),
    (
        Function::DeviceLocalMemListCreate,
        entry(
            "ucp_device_local_mem_list_create",
            Status,
            &[],
            &[UcsStatus::NO_MEMORY, UcsStatus::UNSUPPORTED],
            "core/ucp_device.c (allocation of the element array; no device lane)",
        ),
    ),
    (
        Function::DeviceRemoteMemListCreate,
        entry(
            "ucp_device_remote_mem_list_create",
            Status,
            &[],
            &[
                UcsStatus::NO_MEMORY,
                UcsStatus::UNSUPPORTED,
                UcsStatus::NOT_CONNECTED,
            ],
            "core/ucp_device.c (allocation; no device lane; wire-up not finished)",
        ),
    ),
    (
        Function::DeviceMemListRelease,
        entry(
            "ucp_device_mem_list_release",
            Void,
            &[at(0, MemList)],
            &[],
            "",
        ),
    ),
    (
        Function::StatusString,
        entry("ucs_status_string", Plain, &[], &[], ""),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_stands_at_its_own_number() {
        for (index, (function, _)) in FUNCTIONS.iter().enumerate() {
            assert_eq!(*function as usize, index, "{function:?}");
        }
    }

    #[test]
    fn a_name_is_found_and_a_wrong_one_is_not() {
        assert_eq!(
            Function::from_name("ucp_rkey_pack"),
            Some(Function::RkeyPack)
        );
        assert_eq!(Function::from_name("ucp_rkey_packs"), None);
    }

    #[test]
    fn what_can_fail_says_where_ucx_fails() {
        for (_, info) in &FUNCTIONS {
            assert_eq!(
                info.failures.is_empty(),
                info.failure_source.is_empty(),
                "{}",
                info.name
            );
        }
    }
}
