//! Endpoints.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::EndpointHandle,
        RuleInfo {
            id: "UCP-EP-001",
            statement: "An endpoint argument is a live endpoint, used with objects of its own worker.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_ep_h",
            versions: Versions::ALL,
            hint: "Pass what ucp_ep_create returned with UCS_OK.",
        },
    ),
    (
        Rule::EndpointTarget,
        RuleInfo {
            id: "UCP-EP-002",
            statement: "ucp_ep_create is told a destination.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_create",
            versions: Versions::ALL,
            hint: "Set UCP_EP_PARAM_FIELD_REMOTE_ADDRESS and the address.",
        },
    ),
    (
        Rule::EndpointForce,
        RuleInfo {
            id: "UCP-EP-004",
            statement: "A forced close needs an endpoint with error handling; otherwise the call is refused and the endpoint stays open.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_close_nbx",
            versions: Versions::ALL,
            hint: "Create it with UCP_ERR_HANDLING_MODE_PEER, or close it without FORCE.",
        },
    ),
    (
        Rule::EndpointTwice,
        RuleInfo {
            id: "UCP-EP-005",
            statement: "An endpoint is closed at most once.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_close_nbx",
            versions: Versions::ALL,
            hint: "Forget the handle when you close it.",
        },
    ),
    (
        Rule::EndpointClosed,
        RuleInfo {
            id: "UCP-EP-006",
            statement: "From the call of close on, the endpoint is not used.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_ep_close_nbx",
            versions: Versions::ALL,
            hint: "Finish or cancel what uses it first.",
        },
    ),
    (
        Rule::EndpointCloseForgotten,
        RuleInfo {
            id: "UCP-EP-007",
            statement: "A close request is driven to its end before it is freed: who frees it early never learns when the endpoint is gone.",
            severity: Severity::Hazard,
            basis: Basis::Doc,
            source: "ucp.h:ucp_ep_close_nbx",
            versions: Versions::ALL,
            hint: "Progress until the request is complete.",
        },
    ),
    (
        Rule::EndpointKeys,
        RuleInfo {
            id: "UCP-EP-008",
            statement: "The remote keys of a healthy endpoint are destroyed before it is closed without force.",
            severity: Severity::Hazard,
            basis: Basis::Doc,
            source: "ucp.h:ucp_rkey_destroy (harmless in core/ucp_rkey.c while the worker lives)",
            versions: Versions::ALL,
            hint: "Destroy the keys that were unpacked on it first.",
        },
    ),
    (
        Rule::EndpointArgument,
        RuleInfo {
            id: "UCP-EP-011",
            statement: "An endpoint with user_data and another argument for its error handler gets user_data in the handler.",
            severity: Severity::Hazard,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_err_handler_t",
            versions: Versions::ALL,
            hint: "Set one of the two, or both to the same.",
        },
    ),
    (
        Rule::EndpointSilent,
        RuleInfo {
            id: "UCP-EP-012",
            statement: "An endpoint with error handling has an error callback: without one a failure is only logged.",
            severity: Severity::Hazard,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_set_failed",
            versions: Versions::ALL,
            hint: "Set UCP_EP_PARAM_FIELD_ERR_HANDLER and a callback.",
        },
    ),
    (
        Rule::EndpointForceLater,
        RuleInfo {
            id: "UCP-EP-013",
            statement: "A forced close does not go with UCP_OP_ATTR_FLAG_NO_IMM_CMPL: it always completes inside the call.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_ep_close_flags_t",
            versions: Versions::ALL,
            hint: "Leave the flag out.",
        },
    ),
    (
        Rule::EndpointGentle,
        RuleInfo {
            id: "UCP-EP-014",
            statement: "An endpoint that failed is closed with FORCE: a gentle close may keep an internal endpoint until the worker ends.",
            severity: Severity::Hazard,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_disconnected",
            versions: Versions::ALL,
            hint: "Set UCP_EP_CLOSE_FLAG_FORCE once the error handler has run.",
        },
    ),
    (
        Rule::EndpointPerf,
        RuleInfo {
            id: "UCP-EP-016",
            statement: "ucp_ep_evaluate_perf is asked for the estimated time.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_evaluate_perf",
            versions: Versions::ALL,
            hint: "Set UCP_EP_PERF_ATTR_FIELD_ESTIMATED_TIME.",
        },
    ),
];
