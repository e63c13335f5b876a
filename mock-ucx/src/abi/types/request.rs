//! Requests: parameters of every operation, queries.

use super::layout::{Constant, Field, Minor, StructLayout, c_constants, c_structs};
use super::{
    UcpAmRecvDataNbxCallback, UcpMemH, UcpSendNbxCallback, UcpStreamRecvNbxCallback,
    UcpTagRecvNbxCallback, UcsStatus,
};
use std::ffi::{c_char, c_void};
use std::fmt;

c_constants! {
    /// Members of [`UcpRequestParam`], and flags that share its mask (`ucp.h:ucp_op_attr_t`).
    UCP_OP_ATTR = "ucp_op_attr_t": u32 {
        UCP_OP_ATTR_FIELD_REQUEST = 1 << 0, since 13, "`request` is set.";
        UCP_OP_ATTR_FIELD_CALLBACK = 1 << 1, since 13, "`cb` is set.";
        UCP_OP_ATTR_FIELD_USER_DATA = 1 << 2, since 13, "`user_data` is set.";
        UCP_OP_ATTR_FIELD_DATATYPE = 1 << 3, since 13, "`datatype` is set.";
        UCP_OP_ATTR_FIELD_FLAGS = 1 << 4, since 13, "`flags` is set.";
        UCP_OP_ATTR_FIELD_REPLY_BUFFER = 1 << 5, since 13, "`reply_buffer` is set.";
        UCP_OP_ATTR_FIELD_MEMORY_TYPE = 1 << 6, since 13, "`memory_type` is set.";
        UCP_OP_ATTR_FIELD_RECV_INFO = 1 << 7, since 13, "`recv_info` is set.";
        UCP_OP_ATTR_FIELD_MEMH = 1 << 8, since 13, "`memh` is set.";
        UCP_OP_ATTR_FIELD_REMOTE_DATATYPE = 1 << 9, since 22, "`remote_datatype` is set.";
        UCP_OP_ATTR_FIELD_REMOTE = 1 << 10, since 22, "`remote` is set.";
        UCP_OP_ATTR_FIELD_REMOTE_COUNT = 1 << 11, since 22, "`remote_count` is set.";
        UCP_OP_ATTR_FLAG_NO_IMM_CMPL = 1 << 16, since 13, "Never complete inside the call.";
        UCP_OP_ATTR_FLAG_FAST_CMPL = 1 << 17, since 13, "Complete locally as soon as possible.";
        UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL = 1 << 18, since 13, "Complete inside the call or fail.";
        UCP_OP_ATTR_FLAG_MULTI_SEND = 1 << 19, since 13, "One of many sends: favour bandwidth.";
    }

    /// Flags of `ucp_am_send_nbx`.
    UCP_AM_SEND_FLAGS = "ucp_send_am_flags": u32 {
        UCP_AM_SEND_FLAG_REPLY = 1 << 0, since 13, "The receiver is told an endpoint back.";
        UCP_AM_SEND_FLAG_EAGER = 1 << 1, since 13, "The data goes with the message.";
        UCP_AM_SEND_FLAG_RNDV = 1 << 2, since 13, "The receiver fetches the data.";
        UCP_AM_SEND_FLAG_COPY_HEADER = 1 << 3, since 14, "The header may be reused after the call.";
    }

    /// Members of [`UcpRequestAttr`].
    UCP_REQUEST_ATTR_FIELD = "ucp_req_attr_field": u64 {
        UCP_REQUEST_ATTR_FIELD_INFO_STRING = 1 << 0, since 13, "`debug_string` is wanted.";
        UCP_REQUEST_ATTR_FIELD_INFO_STRING_SIZE = 1 << 1, since 13, "`debug_string_size` is set.";
        UCP_REQUEST_ATTR_FIELD_STATUS = 1 << 2, since 13, "`status` is wanted.";
        UCP_REQUEST_ATTR_FIELD_MEM_TYPE = 1 << 3, since 13, "`mem_type` is wanted.";
    }
}

/// The completion function of an operation: which member counts depends on the operation.
#[repr(C)]
#[derive(Clone, Copy)]
pub union UcpRequestCallback {
    /// Sends, put, get, flush, close.
    pub send: UcpSendNbxCallback,
    /// Tag receives.
    pub recv: UcpTagRecvNbxCallback,
    /// Stream receives.
    pub recv_stream: UcpStreamRecvNbxCallback,
    /// Receives of active-message data.
    pub recv_am: UcpAmRecvDataNbxCallback,
}

impl fmt::Debug for UcpRequestCallback {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: each member is a nullable function pointer, so any bits that one holds are valid for the others.
        write!(out, "{:?}", unsafe { self.send })
    }
}

/// Where a receive that finishes inside the call puts what it learnt.
#[repr(C)]
#[derive(Clone, Copy)]
pub union UcpRecvInfo {
    /// Streams and active messages: the length in bytes.
    pub length: *mut usize,
    /// Tag receives.
    pub tag_info: *mut UcpTagRecvInfo,
}

impl fmt::Debug for UcpRecvInfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: both members are raw pointers, so any bits that one holds are valid for the other.
        write!(out, "{:?}", unsafe { self.length })
    }
}

c_structs! {
    /// What a tag receive matched (`ucp.h:ucp_tag_recv_info_t`).
    UcpTagRecvInfo = "ucp_tag_recv_info_t" {
        sender_tag: u64, since 13, "The sender's tag.";
        length: usize, since 13, "Length of the data in bytes.";
    }

    /// How to do an operation (`ucp.h:ucp_request_param_t`).
    UcpRequestParam = "ucp_request_param_t" {
        op_attr_mask: u32, since 13, "Which members are set, and flags ([`UCP_OP_ATTR`]).";
        flags: u32, since 13, "The operation's own flags.";
        request: *mut c_void, since 13, "Memory of the client for the request.";
        cb: UcpRequestCallback, since 13, "Called on completion, unless the call itself tells.";
        datatype: u64, since 13, "What `count` counts; bytes if not set.";
        user_data: *mut c_void, since 13, "The completion function's last argument.";
        reply_buffer: *mut c_void, since 13, "Where an atomic puts the old value.";
        memory_type: u32, since 13, "Kind of the buffer's memory; found out if not set.";
        recv_info: UcpRecvInfo, since 13, "Where a receive inside the call puts what it learnt.";
        memh: UcpMemH, since 13, "The buffer's registration.";
        remote_datatype: u64, since 22, "Datatype of the remote side.";
        remote: *const c_void, since 22, "The remote side's [`UcpDtRemoteSgl`](super::UcpDtRemoteSgl).";
        remote_count: usize, since 22, "Elements of the remote side; as the local one if not set.";
    }

    /// What a request is (`ucp.h:ucp_request_attr_t`).
    UcpRequestAttr = "ucp_request_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_REQUEST_ATTR_FIELD`]).";
        debug_string: *mut c_char, since 13, "The client's room for a text.";
        debug_string_size: usize, since 13, "That room in bytes: an input.";
        status: UcsStatus, since 13, "The request's status.";
        mem_type: u32, since 13, "Kind of the buffer's memory.";
    }
}
