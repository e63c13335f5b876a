//! Opaque handles and the functions that clients hand to UCX.
//!
//! A handle is a number to us: it is looked up in the ledger and never dereferenced.

use super::{UcpAmRecvParam, UcpTagRecvInfo, UcsStatus};
use std::ffi::c_void;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident, $handle:ident = $c_name:literal;)*) => {
        $(
            #[doc = concat!("What a `", $c_name, "` points at: nothing that Rust code may look into.")]
            #[repr(C)]
            #[derive(Debug)]
            pub struct $name {
                _opaque: [u8; 0],
            }

            $(#[$doc])*
            pub type $handle = *mut $name;
        )*
    };
}

opaque! {
    /// A context (`ucp_def.h:ucp_context_h`).
    UcpContext, UcpContextH = "ucp_context_h";
    /// A configuration descriptor (`ucp_def.h:ucp_config_t *`).
    UcpConfig, UcpConfigH = "ucp_config_t *";
    /// A worker (`ucp_def.h:ucp_worker_h`).
    UcpWorker, UcpWorkerH = "ucp_worker_h";
    /// A worker address: bytes whose length only UCX knows (`ucp_def.h:ucp_address_t *`).
    UcpAddress, UcpAddressH = "ucp_address_t *";
    /// An endpoint (`ucp_def.h:ucp_ep_h`).
    UcpEp, UcpEpH = "ucp_ep_h";
    /// A connection request (`ucp_def.h:ucp_conn_request_h`).
    UcpConnRequest, UcpConnRequestH = "ucp_conn_request_h";
    /// A listener (`ucp_def.h:ucp_listener_h`).
    UcpListener, UcpListenerH = "ucp_listener_h";
    /// A memory handle (`ucp_def.h:ucp_mem_h`).
    UcpMem, UcpMemH = "ucp_mem_h";
    /// A remote key (`ucp_def.h:ucp_rkey_h`).
    UcpRkey, UcpRkeyH = "ucp_rkey_h";
    /// A device list of local memory (`ucp_def.h:ucp_device_local_mem_list_h`).
    UcpDeviceLocalMemList, UcpDeviceLocalMemListH = "ucp_device_local_mem_list_h";
    /// A device list of remote memory (`ucp_def.h:ucp_device_remote_mem_list_h`).
    UcpDeviceRemoteMemList, UcpDeviceRemoteMemListH = "ucp_device_remote_mem_list_h";
}

/// Null, an error code or a request (`status.h:ucs_status_ptr_t`).
pub type UcsStatusPtr = *mut c_void;

/// Called once for each new request's memory (`ucp_def.h:ucp_request_init_callback_t`).
pub type UcpRequestInitCallback = Option<unsafe extern "C-unwind" fn(request: *mut c_void)>;

/// Called when a request's memory is given back to the system (`ucp_def.h:ucp_request_cleanup_callback_t`).
pub type UcpRequestCleanupCallback = Option<unsafe extern "C-unwind" fn(request: *mut c_void)>;

/// Completion of the older `_nb` calls (`ucp_def.h:ucp_send_callback_t`).
pub type UcpSendCallback =
    Option<unsafe extern "C-unwind" fn(request: *mut c_void, status: UcsStatus)>;

/// Completion of sends, put, get, flush and close (`ucp_def.h:ucp_send_nbx_callback_t`).
pub type UcpSendNbxCallback = Option<
    unsafe extern "C-unwind" fn(request: *mut c_void, status: UcsStatus, user_data: *mut c_void),
>;

/// Completion of a tag receive (`ucp_def.h:ucp_tag_recv_nbx_callback_t`).
pub type UcpTagRecvNbxCallback = Option<
    unsafe extern "C-unwind" fn(
        request: *mut c_void,
        status: UcsStatus,
        tag_info: *const UcpTagRecvInfo,
        user_data: *mut c_void,
    ),
>;

/// Completion of a stream receive (`ucp_def.h:ucp_stream_recv_nbx_callback_t`); `length` in bytes.
pub type UcpStreamRecvNbxCallback = Option<
    unsafe extern "C-unwind" fn(
        request: *mut c_void,
        status: UcsStatus,
        length: usize,
        user_data: *mut c_void,
    ),
>;

/// Completion of `ucp_am_recv_data_nbx` (`ucp_def.h:ucp_am_recv_data_nbx_callback_t`); `length` in bytes.
pub type UcpAmRecvDataNbxCallback = Option<
    unsafe extern "C-unwind" fn(
        request: *mut c_void,
        status: UcsStatus,
        length: usize,
        user_data: *mut c_void,
    ),
>;

/// Arrival of an active message (`ucp_def.h:ucp_am_recv_callback_t`); lengths in bytes.
pub type UcpAmRecvCallback = Option<
    unsafe extern "C-unwind" fn(
        arg: *mut c_void,
        header: *const c_void,
        header_length: usize,
        data: *mut c_void,
        length: usize,
        param: *const UcpAmRecvParam,
    ) -> UcsStatus,
>;

/// An endpoint failed (`ucp_def.h:ucp_err_handler_cb_t`).
pub type UcpErrHandlerCb =
    Option<unsafe extern "C-unwind" fn(arg: *mut c_void, ep: UcpEpH, status: UcsStatus)>;
