//! Registrations and remote keys.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::MemoryHandle,
        RuleInfo {
            id: "UCP-MEM-001",
            statement: "A memory handle argument is live and belongs to the context of the call.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_mem_unmap",
            versions: Versions::ALL,
            hint: "Pass what ucp_mem_map returned on that context.",
        },
    ),
    (
        Rule::MemoryLength,
        RuleInfo {
            id: "UCP-MEM-002",
            statement: "ucp_mem_map is told a length.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_mm.c:ucp_mem_map",
            versions: Versions::ALL,
            hint: "Set UCP_MEM_MAP_PARAM_FIELD_LENGTH.",
        },
    ),
    (
        Rule::MemoryFlags,
        RuleInfo {
            id: "UCP-MEM-003",
            statement: "A null address with a length needs UCP_MEM_MAP_ALLOCATE, FIXED needs ALLOCATE and a page-aligned address, NONBLOCK excludes LOCK, and an exported buffer excludes ALLOCATE.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_mem_map",
            versions: Versions::ALL,
            hint: "See the table at ucp_mem_map in ucp.h.",
        },
    ),
    (
        Rule::MemoryTwice,
        RuleInfo {
            id: "UCP-MEM-006",
            statement: "A memory handle is unmapped exactly once.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_mm.c:ucp_mem_unmap",
            versions: Versions::ALL,
            hint: "Forget the handle when you unmap it.",
        },
    ),
    (
        Rule::MemoryRange,
        RuleInfo {
            id: "UCP-MEM-008",
            statement: "A buffer given with a memory handle lies inside the range that was mapped.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "dt/datatype_iter.c:ucp_datatype_iter_is_user_memh_valid",
            versions: Versions::ALL,
            hint: "Pass the handle of the registration that holds the buffer.",
        },
    ),
    (
        Rule::MemoryProtection,
        RuleInfo {
            id: "UCP-MEM-010",
            statement: "What is done with a registration is among the accesses that were given at ucp_mem_map.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_mem_map_params_t.prot",
            versions: Versions::ALL,
            hint: "Name every access in prot, or leave the member out: then all are allowed.",
        },
    ),
    (
        Rule::RkeyBuffer,
        RuleInfo {
            id: "UCP-RKEY-001",
            statement: "A packed remote key is released once, with ucp_rkey_buffer_release.",
            severity: Severity::Leak,
            basis: Basis::Doc,
            source: "ucp_compat.h:ucp_rkey_buffer_release",
            versions: Versions::ALL,
            hint: "Release it after it was sent or copied.",
        },
    ),
    (
        Rule::RkeyBlob,
        RuleInfo {
            id: "UCP-RKEY-002",
            statement: "The buffer given to unpack is a whole, unmodified result of pack.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_ep_rkey_unpack",
            versions: Versions::ALL,
            hint: "Send all the bytes that ucp_rkey_pack returned.",
        },
    ),
    (
        Rule::RkeyEndpoint,
        RuleInfo {
            id: "UCP-RKEY-003",
            statement: "A remote key is used only on the endpoint on which it was unpacked.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_ep_rkey_unpack",
            versions: Versions::ALL,
            hint: "Unpack it once for each endpoint.",
        },
    ),
    (
        Rule::RkeyHandle,
        RuleInfo {
            id: "UCP-RKEY-004",
            statement: "A remote key argument is live, came from unpack, and is destroyed once.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_rkey_destroy",
            versions: Versions::ALL,
            hint: "Destroy it once, after the last transfer.",
        },
    ),
    (
        Rule::RkeyWorker,
        RuleInfo {
            id: "UCP-RKEY-006",
            statement: "All remote keys are destroyed before their worker.",
            severity: Severity::Leak,
            basis: Basis::Code,
            source: "core/ucp_rkey.c:ucp_rkey_destroy",
            versions: Versions::ALL,
            hint: "Destroy the keys of an endpoint before you close it.",
        },
    ),
    (
        Rule::RkeyUnmapped,
        RuleInfo {
            id: "UCP-RKEY-007",
            statement: "Once the peer has unmapped the memory, the remote key may only be destroyed.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_mem_unmap",
            versions: Versions::ALL,
            hint: "Tell the peer before you unmap.",
        },
    ),
    (
        Rule::RkeyContext,
        RuleInfo {
            id: "UCP-RKEY-008",
            statement: "A remote key is packed with the context on which the memory was mapped.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp_compat.h:ucp_rkey_pack",
            versions: Versions::ALL,
            hint: "Pass that context.",
        },
    ),
];
