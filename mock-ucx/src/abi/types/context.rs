//! Library and context: parameters and queries.

use super::layout::{Constant, Field, Minor, StructLayout, c_constants, c_structs};
use super::{UcpRequestCleanupCallback, UcpRequestInitCallback};
use std::ffi::{c_char, c_int};

/// Room for an entity's name with its terminator, in bytes (`ucp_def.h:UCP_ENTITY_NAME_MAX`).
pub const UCP_ENTITY_NAME_MAX: usize = 32;

c_constants! {
    /// Members of [`UcpParams`].
    UCP_PARAMS_FIELD = "ucp_params_field": u64 {
        UCP_PARAM_FIELD_FEATURES = 1 << 0, since 13, "`features` is set.";
        UCP_PARAM_FIELD_REQUEST_SIZE = 1 << 1, since 13, "`request_size` is set.";
        UCP_PARAM_FIELD_REQUEST_INIT = 1 << 2, since 13, "`request_init` is set.";
        UCP_PARAM_FIELD_REQUEST_CLEANUP = 1 << 3, since 13, "`request_cleanup` is set.";
        UCP_PARAM_FIELD_TAG_SENDER_MASK = 1 << 4, since 13, "`tag_sender_mask` is set.";
        UCP_PARAM_FIELD_MT_WORKERS_SHARED = 1 << 5, since 13, "`mt_workers_shared` is set.";
        UCP_PARAM_FIELD_ESTIMATED_NUM_EPS = 1 << 6, since 13, "`estimated_num_eps` is set.";
        UCP_PARAM_FIELD_ESTIMATED_NUM_PPN = 1 << 7, since 13, "`estimated_num_ppn` is set.";
        UCP_PARAM_FIELD_NAME = 1 << 8, since 13, "`name` is set.";
        UCP_PARAM_FIELD_NODE_LOCAL_ID = 1 << 9, since 20, "`node_local_id` is set.";
    }

    /// What a context is wanted for.
    UCP_FEATURE = "ucp_feature": u64 {
        UCP_FEATURE_TAG = 1 << 0, since 13, "Tag matching.";
        UCP_FEATURE_RMA = 1 << 1, since 13, "Put and get.";
        UCP_FEATURE_AMO32 = 1 << 2, since 13, "Atomics on 4 bytes.";
        UCP_FEATURE_AMO64 = 1 << 3, since 13, "Atomics on 8 bytes.";
        UCP_FEATURE_WAKEUP = 1 << 4, since 13, "Waiting for events.";
        UCP_FEATURE_STREAM = 1 << 5, since 13, "Streams.";
        UCP_FEATURE_AM = 1 << 6, since 13, "Active messages.";
        UCP_FEATURE_EXPORTED_MEMH = 1 << 7, since 14, "Memory handles for other processes.";
        UCP_FEATURE_DEVICE = 1 << 8, since 20, "Calls from a GPU.";
    }

    /// Members of [`UcpLibAttr`].
    UCP_LIB_ATTR_FIELD = "ucp_lib_attr_field": u64 {
        UCP_LIB_ATTR_FIELD_MAX_THREAD_LEVEL = 1 << 0, since 13, "`max_thread_level` is wanted.";
    }

    /// Members of [`UcpContextAttr`].
    UCP_CONTEXT_ATTR_FIELD = "ucp_context_attr_field": u64 {
        UCP_ATTR_FIELD_REQUEST_SIZE = 1 << 0, since 13, "`request_size` is wanted.";
        UCP_ATTR_FIELD_THREAD_MODE = 1 << 1, since 13, "`thread_mode` is wanted.";
        UCP_ATTR_FIELD_MEMORY_TYPES = 1 << 2, since 13, "`memory_types` is wanted.";
        UCP_ATTR_FIELD_NAME = 1 << 3, since 13, "`name` is wanted.";
        UCP_ATTR_FIELD_DEVICE_COUNTER_SIZE = 1 << 4, since 20, "`device_counter_size` is wanted.";
    }

    /// Who may call a worker (`thread_mode.h:ucs_thread_mode_t`).
    UCS_THREAD_MODE = "ucs_thread_mode_t": u32 {
        UCS_THREAD_MODE_SINGLE = 0, since 13, "Only the thread that made it.";
        UCS_THREAD_MODE_SERIALIZED = 1, since 13, "One thread at a time.";
        UCS_THREAD_MODE_MULTI = 2, since 13, "Any thread at any time.";
        UCS_THREAD_MODE_LAST = 3, since 13, "The number of modes.";
    }
}

c_structs! {
    /// How to make a context (`ucp.h:ucp_params_t`).
    UcpParams = "ucp_params_t" {
        field_mask: u64, since 13, "Which members are set ([`UCP_PARAMS_FIELD`]).";
        features: u64, since 13, "What the context is wanted for ([`UCP_FEATURE`]).";
        request_size: usize, since 13, "Room at each request for the client, in bytes.";
        request_init: UcpRequestInitCallback, since 13, "Runs once on each request's memory.";
        request_cleanup: UcpRequestCleanupCallback, since 13, "Runs before a request's memory goes away.";
        tag_sender_mask: u64, since 13, "Bits of a tag that name the sender.";
        mt_workers_shared: c_int, since 13, "Not 0: threads share the context's workers.";
        estimated_num_eps: usize, since 13, "How many endpoints will be made: a hint.";
        estimated_num_ppn: usize, since 13, "How many processes run on the node: a hint.";
        name: *const c_char, since 13, "Name for traces; needed during the call only.";
        node_local_id: usize, since 20, "This process's number on its node.";
    }

    /// What the library can do (`ucp.h:ucp_lib_attr_t`).
    UcpLibAttr = "ucp_lib_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_LIB_ATTR_FIELD`]).";
        max_thread_level: u32, since 13, "Highest thread mode ([`UCS_THREAD_MODE`]).";
    }

    /// What a context is (`ucp.h:ucp_context_attr_t`).
    UcpContextAttr = "ucp_context_attr_t" {
        field_mask: u64, since 13, "Which members are wanted ([`UCP_CONTEXT_ATTR_FIELD`]).";
        request_size: usize, since 13, "Bytes before the pointer of a request that the client owns.";
        thread_mode: u32, since 13, "The context's thread mode ([`UCS_THREAD_MODE`]).";
        memory_types: u64, since 13, "Bit n: memory type n is supported.";
        name: [c_char; UCP_ENTITY_NAME_MAX], since 13, "The context's name, terminated.";
        device_counter_size: usize, since 20, "Bytes of a counter on a GPU.";
    }
}
