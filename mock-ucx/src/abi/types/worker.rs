//! Workers: parameters, queries, events, active-message handlers.

use super::layout::{Constant, Field, Minor, StructLayout, c_constants, c_structs};
use super::{UCP_ENTITY_NAME_MAX, UcpAddressH, UcpAmRecvCallback, UcpEpH};
use std::ffi::{c_char, c_int, c_ulong, c_void};

c_constants! {
    /// Members of [`UcpWorkerParams`].
    UCP_WORKER_PARAMS_FIELD = "ucp_worker_params_field": u64 {
        UCP_WORKER_PARAM_FIELD_THREAD_MODE = 1 << 0, since 13, "`thread_mode` is set.";
        UCP_WORKER_PARAM_FIELD_CPU_MASK = 1 << 1, since 13, "`cpu_mask` is set.";
        UCP_WORKER_PARAM_FIELD_EVENTS = 1 << 2, since 13, "`events` is set.";
        UCP_WORKER_PARAM_FIELD_USER_DATA = 1 << 3, since 13, "`user_data` is set.";
        UCP_WORKER_PARAM_FIELD_EVENT_FD = 1 << 4, since 13, "`event_fd` is set.";
        UCP_WORKER_PARAM_FIELD_FLAGS = 1 << 5, since 13, "`flags` is set.";
        UCP_WORKER_PARAM_FIELD_NAME = 1 << 6, since 13, "`name` is set.";
        UCP_WORKER_PARAM_FIELD_AM_ALIGNMENT = 1 << 7, since 13, "`am_alignment` is set.";
        UCP_WORKER_PARAM_FIELD_CLIENT_ID = 1 << 8, since 13, "`client_id` is set.";
    }

    /// Flags of a worker.
    UCP_WORKER_FLAGS = "ucp_worker_flags_t": u64 {
        UCP_WORKER_FLAG_IGNORE_REQUEST_LEAK = 1 << 0, since 13, "Unreleased requests are no reason to warn.";
    }

    /// Members of [`UcpWorkerAttr`].
    UCP_WORKER_ATTR_FIELD = "ucp_worker_attr_field": u64 {
        UCP_WORKER_ATTR_FIELD_THREAD_MODE = 1 << 0, since 13, "`thread_mode` is wanted.";
        UCP_WORKER_ATTR_FIELD_ADDRESS = 1 << 1, since 13, "`address` and `address_length` are wanted.";
        UCP_WORKER_ATTR_FIELD_ADDRESS_FLAGS = 1 << 2, since 13, "`address_flags` is set: an input.";
        UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER = 1 << 3, since 13, "`max_am_header` is wanted.";
        UCP_WORKER_ATTR_FIELD_NAME = 1 << 4, since 13, "`name` is wanted.";
        UCP_WORKER_ATTR_FIELD_MAX_INFO_STRING = 1 << 5, since 13, "`max_debug_string` is wanted.";
    }

    /// Which parts of a worker's address are wanted.
    UCP_WORKER_ADDRESS_FLAGS = "ucp_worker_address_flags_t": u32 {
        UCP_WORKER_ADDRESS_FLAG_NET_ONLY = 1 << 0, since 13, "Only transports between hosts.";
    }

    /// Members of [`UcpWorkerAddressAttr`].
    UCP_WORKER_ADDRESS_ATTR_FIELD = "ucp_worker_address_attr_field": u64 {
        UCP_WORKER_ADDRESS_ATTR_FIELD_UID = 1 << 0, since 13, "`worker_uid` is wanted.";
    }

    /// Events that the wake-up descriptor tells of (`ucp_def.h:ucp_wakeup_event_t`).
    UCP_WAKEUP = "ucp_wakeup_event_types": u32 {
        UCP_WAKEUP_RMA = 1 << 0, since 13, "Put and get.";
        UCP_WAKEUP_AMO = 1 << 1, since 13, "Atomics.";
        UCP_WAKEUP_TAG_SEND = 1 << 2, since 13, "Tag sends.";
        UCP_WAKEUP_TAG_RECV = 1 << 3, since 13, "Tag receives.";
        UCP_WAKEUP_TX = 1 << 10, since 13, "Anything sent.";
        UCP_WAKEUP_RX = 1 << 11, since 13, "Anything received.";
        UCP_WAKEUP_EDGE = 1 << 16, since 13, "Edge-triggered descriptor: no `arm` needed.";
    }

    /// Members of [`UcpAmHandlerParam`].
    UCP_AM_HANDLER_PARAM_FIELD = "ucp_am_handler_param_field": u64 {
        UCP_AM_HANDLER_PARAM_FIELD_ID = 1 << 0, since 13, "`id` is set.";
        UCP_AM_HANDLER_PARAM_FIELD_FLAGS = 1 << 1, since 13, "`flags` is set.";
        UCP_AM_HANDLER_PARAM_FIELD_CB = 1 << 2, since 13, "`cb` is set.";
        UCP_AM_HANDLER_PARAM_FIELD_ARG = 1 << 3, since 13, "`arg` is set.";
    }

    /// Flags of an active-message handler.
    UCP_AM_CB_FLAGS = "ucp_am_cb_flags": u32 {
        UCP_AM_FLAG_WHOLE_MSG = 1 << 0, since 13, "Called once for each whole message.";
        UCP_AM_FLAG_PERSISTENT_DATA = 1 << 1, since 13, "Data may always be kept after the handler returned.";
    }

    /// Bits of [`UcpAmRecvParam::recv_attr`].
    UCP_AM_RECV_ATTR = "ucp_am_recv_attr_t": u64 {
        UCP_AM_RECV_ATTR_FIELD_REPLY_EP = 1 << 0, since 13, "`reply_ep` is set.";
        UCP_AM_RECV_ATTR_FLAG_DATA = 1 << 16, since 13, "The data may be kept after the handler returned.";
        UCP_AM_RECV_ATTR_FLAG_RNDV = 1 << 17, since 13, "`data` is a descriptor: the data is still at the sender.";
    }
}

/// Words of [`UcsCpuSet`].
const CPU_SET_WORDS: usize = 1024 / c_ulong::BITS as usize;

c_structs! {
    /// A set of 1024 CPUs (`cpu_set.h:ucs_cpu_set_t`).
    UcsCpuSet = "ucs_cpu_set_t" {
        ucs_bits: [c_ulong; CPU_SET_WORDS], since 13, "Bit n: CPU n.";
    }

    /// How to make a worker (`ucp.h:ucp_worker_params_t`).
    UcpWorkerParams = "ucp_worker_params_t" {
        field_mask: u64, since 13, "Which members are set ([`UCP_WORKER_PARAMS_FIELD`]).";
        thread_mode: u32, since 13, "Who may call the worker ([`UCS_THREAD_MODE`](super::UCS_THREAD_MODE)).";
        cpu_mask: UcsCpuSet, since 13, "CPUs on which resources are preferred; empty: any.";
        events: u32, since 13, "Events that wake the worker ([`UCP_WAKEUP`]).";
        user_data: *mut c_void, since 13, "Added to `event_fd` as its epoll data.";
        event_fd: c_int, since 13, "The client's epoll descriptor.";
        flags: u64, since 13, "[`UCP_WORKER_FLAGS`].";
        name: *const c_char, since 13, "Name for traces; needed during the call only.";
        am_alignment: usize, since 13, "Alignment of received active-message data, in bytes; a power of two.";
        client_id: u64, since 13, "Sent to servers that are connected to.";
    }

    /// What a worker is (`ucp.h:ucp_worker_attr_t`).
    UcpWorkerAttr = "ucp_worker_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_WORKER_ATTR_FIELD`]).";
        thread_mode: u32, since 13, "The worker's thread mode ([`UCS_THREAD_MODE`](super::UCS_THREAD_MODE)).";
        address_flags: u32, since 13, "An input: which parts of the address ([`UCP_WORKER_ADDRESS_FLAGS`]).";
        address: UcpAddressH, since 13, "The address, to be given back with `ucp_worker_release_address`.";
        address_length: usize, since 13, "Length of the address in bytes.";
        max_am_header: usize, since 13, "Longest header of an active message, in bytes.";
        name: [c_char; UCP_ENTITY_NAME_MAX], since 13, "The worker's name, terminated.";
        max_debug_string: usize, since 13, "Longest text of `ucp_request_query`, in bytes.";
    }

    /// What is known about a worker's address (`ucp.h:ucp_worker_address_attr_t`).
    UcpWorkerAddressAttr = "ucp_worker_address_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_WORKER_ADDRESS_ATTR_FIELD`]).";
        worker_uid: u64, since 13, "The worker's unique number.";
    }

    /// An active-message handler (`ucp.h:ucp_am_handler_param_t`).
    UcpAmHandlerParam = "ucp_am_handler_param_t" {
        field_mask: u64, since 13, "Which members are set ([`UCP_AM_HANDLER_PARAM_FIELD`]).";
        id: u32, since 13, "Message id, up to 65535.";
        flags: u32, since 13, "[`UCP_AM_CB_FLAGS`].";
        cb: UcpAmRecvCallback, since 13, "The handler; null takes the present one away.";
        arg: *mut c_void, since 13, "The handler's first argument.";
    }

    /// What a handler is told about a message (`ucp.h:ucp_am_recv_param_t`).
    UcpAmRecvParam = "ucp_am_recv_param_t" {
        recv_attr: u64, since 13, "[`UCP_AM_RECV_ATTR`].";
        reply_ep: UcpEpH, since 13, "An endpoint to the sender, if its bit is set.";
    }
}
