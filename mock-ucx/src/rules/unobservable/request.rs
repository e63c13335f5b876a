//! Requests and callbacks.

use super::{LACKS, Unobservable};
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-REQ-005",
            statement: "A cancelled put, get or message still runs: its buffers stay in use until it is complete.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_request.c:ucp_request_cancel",
            versions: Versions::ALL,
            hint: "Wait for the request after cancelling it.",
        },
        reason: "the operation stays under way, so that what is done to its memory is seen as UCP-MEM-004, UCP-RKEY-005 and UCP-RMA-002",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-REQ-009",
            statement: "The callback does not run when the call itself returns null or an error: the caller does its work.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_am_send_nbx; ucp.h:ucp_put_nbx",
            versions: Versions::ALL,
            hint: "Do it after the call.",
        },
        reason: "what the client does instead is not seen; what it forgets shows as lost",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-REQ-010",
            statement: "With NO_IMM_CMPL the callback may run before the call returns.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:UCP_OP_ATTR_FLAG_NO_IMM_CMPL",
            versions: Versions::ALL,
            hint: "Do not rely on having stored the request.",
        },
        reason: "what a callback relies on is not seen; it shows as a crash",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-REQ-012",
            statement: "A member without its bit is not read.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_request.inl:ucp_request_param_flags",
            versions: Versions::ALL,
            hint: "Set the bit.",
        },
        reason: "members without their bit are often uninitialised, so nothing can be said of them",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-REQ-013",
            statement: "ucp_request_query is given room for its text and a request that the library owns.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_request.c:ucp_request_query",
            versions: Versions::ALL,
            hint: "See ucp.h.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-REQ-014",
            statement: "The test functions of tag and stream receives are given such requests.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_request.c:ucp_tag_recv_request_test",
            versions: Versions::ALL,
            hint: "Use ucp_request_check_status.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-REQ-015",
            statement: "request_init runs once for each request object, not for each use, and the client's area comes back as it was left.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_worker.c:ucp_worker_create; core/ucp_request.h",
            versions: Versions::ALL,
            hint: "Set the area up anew at each use.",
        },
        reason: "what a client expects of the area is not seen; the mock hands areas out again as UCX does",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-CB-003",
            statement: "A lock that is taken in a callback is never held while UCX is called on that worker.",
            severity: Severity::Race,
            basis: Basis::Code,
            source: "core/ucp_worker.h:UCP_WORKER_THREAD_CS_ENTER_CONDITIONAL",
            versions: Versions::ALL,
            hint: "Do the work outside the callback.",
        },
        reason: "locks of the client are not seen; the deadlock shows as a hang",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-CB-005",
            statement: "A request that was freed in its own callback is not touched afterwards.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_request.inl:ucp_request_complete",
            versions: Versions::ALL,
            hint: "Forget the handle when you free it.",
        },
        reason: "seen as UCP-REQ-002 and UCP-REQ-003",
    },
];
