//! Registrations and remote keys.

use super::{LACKS, Unobservable};
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-MEM-009",
            statement: "The memory type that is given is the true one.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_mem_map_params_t; ucp.h:ucp_request_param_t",
            versions: Versions::ALL,
            hint: "Leave it out if in doubt.",
        },
        reason: "the mock's machine has host memory only",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-MEM-011",
            statement: "Only those members of ucp_mem_attr_t are read that were asked for.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_mm.c:ucp_mem_query",
            versions: Versions::ALL,
            hint: "Set the bit.",
        },
        reason: "reads of the client's own memory are not seen; members that were not asked for are left as they were",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-MEM-012",
            statement: "ucp_mem_advise is told address, length and advice inside the registration.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_mm.c:ucp_mem_advise",
            versions: Versions::ALL,
            hint: "Set all three.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-MEM-013",
            statement: "An exported memory handle needs UCP_FEATURE_EXPORTED_MEMH, may be unsupported, and is no remote key.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_rkey.c:ucp_memh_pack_internal; core/ucp_mm.c:ucp_memh_import",
            versions: Versions::ALL,
            hint: "Look at the status.",
        },
        reason: "ucp_memh_pack is not modelled; importing is answered UNSUPPORTED, as UCX does without a device for it",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-MEM-014",
            statement: "Memory is not mapped and unmapped for every transfer.",
            severity: Severity::Hazard,
            basis: Basis::Inferred,
            source: "core/ucp_mm.c:ucp_mem_map",
            versions: Versions::ALL,
            hint: "Keep registrations.",
        },
        reason: "how often is too often depends on the transfers",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RKEY-009",
            statement: "Remote keys that are compared are of the same worker.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_rkey.c:ucp_rkey_compare",
            versions: Versions::SINCE_16,
            hint: "Compare keys of one worker.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RKEY-010",
            statement: "A pointer got from a remote key is used only while the key and the peer's registration live.",
            severity: Severity::Undefined,
            basis: Basis::Inferred,
            source: "ucp.h:ucp_rkey_ptr",
            versions: Versions::ALL,
            hint: "Destroy the key last.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RKEY-011",
            statement: "A remote key is packed with ucp_rkey_pack: ucp_memh_pack without EXPORT ends the process.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_rkey.c:ucp_memh_do_pack",
            versions: Versions::SINCE_14,
            hint: "Use ucp_rkey_pack.",
        },
        reason: LACKS,
    },
];
