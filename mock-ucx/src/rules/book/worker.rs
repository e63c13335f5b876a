//! Workers, their addresses, and waking up.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::WorkerHandle,
        RuleInfo {
            id: "UCP-WRK-001",
            statement: "A worker argument is a live worker, used with objects of its own tree.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_destroy",
            versions: Versions::ALL,
            hint: "Pass what ucp_worker_create returned with UCS_OK.",
        },
    ),
    (
        Rule::WorkerTwice,
        RuleInfo {
            id: "UCP-WRK-002",
            statement: "A worker is destroyed once, and never from inside a callback that it runs.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_destroy",
            versions: Versions::ALL,
            hint: "Destroy it once, from outside.",
        },
    ),
    (
        Rule::WorkerEndpoints,
        RuleInfo {
            id: "UCP-WRK-003",
            statement: "Endpoints are closed before their worker is destroyed: it disconnects what is left, its peers see resets, and pending data can be lost.",
            severity: Severity::Leak,
            basis: Basis::Inferred,
            source: "core/ucp_worker.c:ucp_worker_destroy_eps",
            versions: Versions::ALL,
            hint: "Close each endpoint and drive the close request to its end.",
        },
    ),
    (
        Rule::WorkerRequests,
        RuleInfo {
            id: "UCP-WRK-004",
            statement: "Every request handle is released before its worker is destroyed.",
            severity: Severity::Leak,
            basis: Basis::Code,
            source: "core/ucp_request.c:ucp_request_free",
            versions: Versions::ALL,
            hint: "Free each request that a call returned, also when it failed or was cancelled.",
        },
    ),
    (
        Rule::WorkerUnflushed,
        RuleInfo {
            id: "UCP-WRK-005",
            statement: "No put or get is under way when its worker is destroyed: it ends as cancelled or is never heard of again.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_worker.c:ucp_worker_destroy",
            versions: Versions::ALL,
            hint: "Flush the endpoints, or drive every request to its end, first.",
        },
    ),
    (
        Rule::AddressRelease,
        RuleInfo {
            id: "UCP-ADDR-001",
            statement: "Each address got from a worker is released once, by ucp_worker_release_address with that worker.",
            severity: Severity::Leak,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_release_address",
            versions: Versions::ALL,
            hint: "Release it after it was sent or copied.",
        },
    ),
    (
        Rule::AddressBlob,
        RuleInfo {
            id: "UCP-ADDR-003",
            statement: "The address given to ucp_ep_create is a complete, unmodified worker address.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_ep.c:ucp_ep_create_api_to_worker_addr",
            versions: Versions::ALL,
            hint: "Send all address_length bytes and nothing else.",
        },
    ),
    (
        Rule::WakeupFeature,
        RuleInfo {
            id: "UCP-WAK-001",
            statement: "Event descriptor, arm, wait and signal need UCP_FEATURE_WAKEUP.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_worker.c:ucp_worker_get_efd",
            versions: Versions::ALL,
            hint: "Request the feature at ucp_init.",
        },
    ),
    (
        Rule::WakeupExternal,
        RuleInfo {
            id: "UCP-WAK-002",
            statement: "A worker that was made on the client's own event descriptor has no other one to give.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_worker.c:ucp_worker_get_efd",
            versions: Versions::ALL,
            hint: "Wait on the descriptor that was passed as ucp_worker_params_t.event_fd.",
        },
    ),
    (
        Rule::ArmBusy,
        RuleInfo {
            id: "UCP-WAK-004",
            statement: "When ucp_worker_arm answers BUSY the worker is progressed before it is armed again: only that removes the events.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_arm",
            versions: Versions::ALL,
            hint: "Call ucp_worker_progress until it returns 0, then arm again.",
        },
    ),
    (
        Rule::DescriptorGone,
        RuleInfo {
            id: "UCP-WAK-007",
            statement: "The event descriptor belongs to the worker: the client does not close it.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_get_efd; core/ucp_worker.c:ucp_worker_wakeup_cleanup",
            versions: Versions::ALL,
            hint: "Take it out of your epoll set and leave it open; it ends with the worker.",
        },
    ),
];
