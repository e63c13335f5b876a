//! Endpoints: parameters, queries, closing.

use super::layout::{Constant, Field, Minor, StructLayout, c_constants, c_structs};
use super::{UCP_ENTITY_NAME_MAX, UcpAddress, UcpConnRequestH, UcpErrHandlerCb};
use libc::{sockaddr, sockaddr_storage, socklen_t};
use std::ffi::{c_char, c_void};

c_constants! {
    /// Members of [`UcpEpParams`].
    UCP_EP_PARAMS_FIELD = "ucp_ep_params_field": u64 {
        UCP_EP_PARAM_FIELD_REMOTE_ADDRESS = 1 << 0, since 13, "`address` is set.";
        UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE = 1 << 1, since 13, "`err_mode` is set.";
        UCP_EP_PARAM_FIELD_ERR_HANDLER = 1 << 2, since 13, "`err_handler` is set.";
        UCP_EP_PARAM_FIELD_USER_DATA = 1 << 3, since 13, "`user_data` is set.";
        UCP_EP_PARAM_FIELD_SOCK_ADDR = 1 << 4, since 13, "`sockaddr` is set.";
        UCP_EP_PARAM_FIELD_FLAGS = 1 << 5, since 13, "`flags` is set.";
        UCP_EP_PARAM_FIELD_CONN_REQUEST = 1 << 6, since 13, "`conn_request` is set.";
        UCP_EP_PARAM_FIELD_NAME = 1 << 7, since 13, "`name` is set.";
        UCP_EP_PARAM_FIELD_LOCAL_SOCK_ADDR = 1 << 8, since 13, "`local_sockaddr` is set.";
    }

    /// Flags of endpoint creation.
    UCP_EP_PARAMS_FLAGS = "ucp_ep_params_flags_field": u32 {
        UCP_EP_PARAMS_FLAGS_CLIENT_SERVER = 1 << 0, since 13, "Connect to the listener at `sockaddr`.";
        UCP_EP_PARAMS_FLAGS_NO_LOOPBACK = 1 << 1, since 13, "Do not connect a worker to itself in one endpoint.";
        UCP_EP_PARAMS_FLAGS_SEND_CLIENT_ID = 1 << 2, since 13, "Send the worker's client id.";
    }

    /// What happens when the peer fails (`ucp_def.h:ucp_err_handling_mode_t`).
    UCP_ERR_HANDLING_MODE = "ucp_err_handling_mode_t": u32 {
        UCP_ERR_HANDLING_MODE_NONE = 0, since 13, "Nothing is promised.";
        UCP_ERR_HANDLING_MODE_PEER = 1, since 13, "Sends complete and the error handler is called.";
        UCP_ERR_HANDLING_MODE_FAILOVER = 2, since 21, "As for the peer, and other lanes take over.";
    }

    /// Flags of `ucp_ep_close_nbx`.
    UCP_EP_CLOSE_FLAGS = "ucp_ep_close_flags_t": u32 {
        UCP_EP_CLOSE_FLAG_FORCE = 1 << 0, since 13, "Without telling the peer; needs peer error handling.";
    }

    /// Modes of the older `ucp_ep_close_nb` (`ucp_compat.h`).
    UCP_EP_CLOSE_MODE = "ucp_ep_close_mode": u32 {
        UCP_EP_CLOSE_MODE_FORCE = 0, since 13, "Without telling the peer.";
        UCP_EP_CLOSE_MODE_FLUSH = 1, since 13, "After a flush.";
    }

    /// Members of [`UcpEpEvaluatePerfParam`].
    UCP_EP_PERF_PARAM_FIELD = "ucp_ep_perf_param_field": u64 {
        UCP_EP_PERF_PARAM_FIELD_MESSAGE_SIZE = 1 << 0, since 13, "`message_size` is set.";
    }

    /// Members of [`UcpEpEvaluatePerfAttr`].
    UCP_EP_PERF_ATTR_FIELD = "ucp_ep_perf_attr_field": u64 {
        UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME = 1 << 0, since 13, "`estimated_time` is wanted.";
    }

    /// Members of [`UcpEpAttr`].
    UCP_EP_ATTR_FIELD = "ucp_ep_attr_field": u64 {
        UCP_EP_ATTR_FIELD_NAME = 1 << 0, since 13, "`name` is wanted.";
        UCP_EP_ATTR_FIELD_LOCAL_SOCKADDR = 1 << 1, since 13, "`local_sockaddr` is wanted.";
        UCP_EP_ATTR_FIELD_REMOTE_SOCKADDR = 1 << 2, since 13, "`remote_sockaddr` is wanted.";
        UCP_EP_ATTR_FIELD_TRANSPORTS = 1 << 3, since 14, "`transports` is wanted.";
        UCP_EP_ATTR_FIELD_USER_DATA = 1 << 4, since 18, "`user_data` is wanted.";
    }
}

c_structs! {
    /// A socket address with its length (`config/types.h:ucs_sock_addr_t`).
    UcsSockAddr = "ucs_sock_addr_t" {
        addr: *const sockaddr, since 13, "The address.";
        addrlen: socklen_t, since 13, "Its length in bytes.";
    }

    /// A function to call when an endpoint fails (`ucp_def.h:ucp_err_handler_t`).
    UcpErrHandler = "ucp_err_handler_t" {
        cb: UcpErrHandlerCb, since 13, "The function.";
        arg: *mut c_void, since 13, "Its first argument, unless the endpoint has user data.";
    }

    /// How to make an endpoint (`ucp_def.h:ucp_ep_params_t`).
    UcpEpParams = "ucp_ep_params_t" {
        field_mask: u64, since 13, "Which members are set ([`UCP_EP_PARAMS_FIELD`]).";
        address: *const UcpAddress, since 13, "The peer worker's address.";
        err_mode: u32, since 13, "[`UCP_ERR_HANDLING_MODE`].";
        err_handler: UcpErrHandler, since 13, "Called when the endpoint fails.";
        user_data: *mut c_void, since 13, "The error handler's first argument, and more.";
        flags: u32, since 13, "[`UCP_EP_PARAMS_FLAGS`].";
        sockaddr: UcsSockAddr, since 13, "The listener to connect to.";
        conn_request: UcpConnRequestH, since 13, "The connection request to accept.";
        name: *const c_char, since 13, "Name for traces; needed during the call only.";
        local_sockaddr: UcsSockAddr, since 13, "The address to connect from.";
    }

    /// What to estimate (`ucp.h:ucp_ep_evaluate_perf_param_t`).
    UcpEpEvaluatePerfParam = "ucp_ep_evaluate_perf_param_t" {
        field_mask: u64, since 13, "Which members are set ([`UCP_EP_PERF_PARAM_FIELD`]).";
        message_size: usize, since 13, "Length of the message in bytes.";
    }

    /// An estimate (`ucp.h:ucp_ep_evaluate_perf_attr_t`).
    UcpEpEvaluatePerfAttr = "ucp_ep_evaluate_perf_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_EP_PERF_ATTR_FIELD`]).";
        estimated_time: f64, since 13, "Time of the message in seconds.";
    }

    /// One transport on one device (`ucp_def.h:ucp_transport_entry_t`).
    UcpTransportEntry = "ucp_transport_entry_t" {
        transport_name: *const c_char, since 14, "The transport's name; lives as long as the endpoint.";
        device_name: *const c_char, since 14, "The device's name; lives as long as the endpoint.";
    }

    /// The client's array of transports (`ucp_def.h:ucp_transports_t`).
    UcpTransports = "ucp_transports_t" {
        entries: *mut UcpTransportEntry, since 14, "The client's array.";
        num_entries: u32, since 14, "Room in the array, then how many are filled.";
        entry_size: usize, since 14, "The client's size of one entry, in bytes.";
    }

    /// What an endpoint is (`ucp.h:ucp_ep_attr_t`).
    UcpEpAttr = "ucp_ep_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_EP_ATTR_FIELD`]).";
        name: [c_char; UCP_ENTITY_NAME_MAX], since 13, "The endpoint's name, terminated.";
        local_sockaddr: sockaddr_storage, since 13, "This end's socket address.";
        remote_sockaddr: sockaddr_storage, since 13, "The peer's socket address.";
        transports: UcpTransports, since 14, "The transports in use.";
        user_data: *mut c_void, since 18, "What was given at creation.";
    }
}
