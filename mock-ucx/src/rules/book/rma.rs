//! Put and get.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::RmaRange,
        RuleInfo {
            id: "UCP-RMA-001",
            statement: "A remote access lies inside the region for which the remote key was packed.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_put_nbx",
            versions: Versions::ALL,
            hint: "Check the remote address and length against the registration.",
        },
    ),
    (
        Rule::RmaBusyBuffer,
        RuleInfo {
            id: "UCP-RMA-002",
            statement: "The buffers of a transfer stay as they are, and stay mapped, until it completes.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_put_nbx, ucp_get_nbx",
            versions: Versions::ALL,
            hint: "Free or reuse the buffer after the completion, not after the request was freed or cancelled.",
        },
    ),
    (
        Rule::SglArguments,
        RuleInfo {
            id: "UCP-RMA-007",
            statement: "A scatter-gather put passes both lists, equal lengths, and UCP_REMOTE_ADDR_INVALID and UCP_RKEY_INVALID.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "rma/rma_send.c:UCP_PUT_SGL_CHECK_PARAMS",
            versions: Versions::SINCE_22,
            hint: "See ucp_dt_local_sgl_t in ucp.h.",
        },
    ),
    (
        Rule::SglGet,
        RuleInfo {
            id: "UCP-RMA-008",
            statement: "Scatter-gather lists are for put only.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "rma/rma_send.c:ucp_get_nbx",
            versions: Versions::SINCE_22,
            hint: "Get each piece by itself.",
        },
    ),
    (
        Rule::RmaBuffer,
        RuleInfo {
            id: "UCP-RMA-010",
            statement: "A transfer of more than zero bytes has a buffer.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "rma/rma_send.c:UCP_RMA_CHECK_PTR",
            versions: Versions::ALL,
            hint: "Pass the buffer.",
        },
    ),
    (
        Rule::OperationFlags,
        RuleInfo {
            id: "UCP-RMA-011",
            statement: "UCP_OP_ATTR_FLAG_FAST_CMPL and UCP_OP_ATTR_FLAG_MULTI_SEND exclude each other.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_op_attr_t",
            versions: Versions::ALL,
            hint: "Set one of them, or none.",
        },
    ),
    (
        Rule::RmaOverlap,
        RuleInfo {
            id: "UCP-RMA-013",
            statement: "No two operations under way write the same local bytes, and none reads what another writes.",
            severity: Severity::Race,
            basis: Basis::Inferred,
            source: "ucp.h:ucp_put_nbx; ucp.h:ucp_get_nbx",
            versions: Versions::ALL,
            hint: "Wait for the first.",
        },
    ),
];
