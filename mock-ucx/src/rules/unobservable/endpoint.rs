//! Endpoints.

use super::{LACKS, Unobservable};
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-EP-003",
            statement: "Both sides of a connection use the same error handling mode.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_config_err_mode_check_mismatch",
            versions: Versions::ALL,
            hint: "Create both endpoints with the same err_mode.",
        },
        reason: "an endpoint of the mock leads one way and is not paired with one of the peer's",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-EP-009",
            statement: "Nothing is posted on an endpoint whose error callback has run.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_err_handler_cb_t",
            versions: Versions::ALL,
            hint: "Close it and create another one.",
        },
        reason: "posting and handling the error is legal; an endpoint that failed and is never closed is seen as UCP-WRK-003",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-EP-010",
            statement: "The argument of the error callback stays valid until the endpoint is closed.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_invoke_err_cb",
            versions: Versions::ALL,
            hint: "Free it after ucp_ep_close_nbx.",
        },
        reason: "the lifetime of the client's own memory is not seen; a late callback shows it as a crash",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-EP-015",
            statement: "After a forced close the buffers of unfinished operations stay in use until each request is complete.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_discard_lanes",
            versions: Versions::ALL,
            hint: "Drive the requests to their end first.",
        },
        reason: "the operations stay under way, so that what is done to their memory is seen as UCP-MEM-004, UCP-RKEY-005 and UCP-RMA-002",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-EP-017",
            statement: "Names returned by ucp_ep_query are read only while the endpoint is open.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_transport_entry_t",
            versions: Versions::ALL,
            hint: "Copy them.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-EP-018",
            statement: "With several workers, endpoint and remote key of a transfer are of the same worker.",
            severity: Severity::Undefined,
            basis: Basis::Inferred,
            source: "ucp.h:ucp_ep_rkey_unpack",
            versions: Versions::ALL,
            hint: "Keep them together.",
        },
        reason: "seen as UCP-RKEY-003",
    },
];
