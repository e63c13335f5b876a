//! Put and get.

use super::{LACKS, Unobservable};
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-RMA-003",
            statement: "That a put is complete says only that its source may be used again: the data is there when a later flush is complete.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_put_nbx",
            versions: Versions::ALL,
            hint: "Flush before you tell the peer.",
        },
        reason: "what a client concludes from a completion is not seen; bytes that come late show it",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RMA-004",
            statement: "A flush covers what was posted before it on its endpoint.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_ep_flush_nbx",
            versions: Versions::ALL,
            hint: "Flush after the last operation.",
        },
        reason: "what a client concludes from a completion is not seen; bytes that come late show it",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RMA-005",
            statement: "Operations may complete in any order.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_fence",
            versions: Versions::ALL,
            hint: "Use a fence or a flush.",
        },
        reason: "what a client concludes from an order is not seen; another order shows it",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RMA-006",
            statement: "A fence gives order, not completion.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_fence",
            versions: Versions::ALL,
            hint: "Flush.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RMA-009",
            statement: "The arrays of a list stay valid until the operation is complete.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_dt_local_sgl_t; ucp.h:ucp_dt_iov_t",
            versions: Versions::ALL,
            hint: "Free them after it.",
        },
        reason: "lists are read when the operation is posted",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RMA-012",
            statement: "Who frees the request of an unfinished operation never learns that it failed: a later flush may be OK.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_request.c:ucp_request_free; rma/flush.c",
            versions: Versions::ALL,
            hint: "Keep the request until it is complete.",
        },
        reason: "who frees a request may not want to know, as ucp_put_nbi in UCX does not; bytes that are missing show it",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-RMA-014",
            statement: "A worker's flush is OK even if an endpoint failed.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "rma/flush.c:ucp_worker_flush_progress",
            versions: Versions::ALL,
            hint: "Flush each endpoint.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-AMO-001",
            statement: "An atomic has one aligned element of 4 or 8 bytes, its feature, and a reply buffer where it fetches.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_atomic_op_nbx",
            versions: Versions::ALL,
            hint: "See ucp.h.",
        },
        reason: LACKS,
    },
];
