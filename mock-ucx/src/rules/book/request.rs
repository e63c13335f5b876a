//! Requests and callbacks.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::RequestHandle,
        RuleInfo {
            id: "UCP-REQ-001",
            statement: "A request argument is a handle: neither null nor an error pointer nor anything else.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "ucs/type/status.h:UCS_PTR_IS_PTR",
            versions: Versions::ALL,
            hint: "Look at UCS_PTR_IS_PTR before you use what a call returned.",
        },
    ),
    (
        Rule::RequestTwice,
        RuleInfo {
            id: "UCP-REQ-002",
            statement: "Each request handle is released exactly once.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_request_free",
            versions: Versions::ALL,
            hint: "Forget the handle when you free it.",
        },
    ),
    (
        Rule::RequestFreed,
        RuleInfo {
            id: "UCP-REQ-003",
            statement: "A request is not looked at after it was freed.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_request_free",
            versions: Versions::ALL,
            hint: "Look at its status before you free it.",
        },
    ),
    (
        Rule::RequestCallbackLost,
        RuleInfo {
            id: "UCP-REQ-004",
            statement: "A request with a callback is freed when it is complete: the callback of one that is freed earlier never runs.",
            severity: Severity::Hazard,
            basis: Basis::Doc,
            source: "ucp.h:ucp_request_free",
            versions: Versions::ALL,
            hint: "Keep the request, or release without the callback what it was to release.",
        },
    ),
    (
        Rule::RequestWorker,
        RuleInfo {
            id: "UCP-REQ-006",
            statement: "A request is cancelled on the worker that owns it.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_request.c:ucp_request_cancel",
            versions: Versions::ALL,
            hint: "Pass that worker.",
        },
    ),
    (
        Rule::RequestMemory,
        RuleInfo {
            id: "UCP-REQ-007",
            statement: "A request in the client's memory is never given to ucp_request_free, and its memory serves no second operation before the first is complete.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_request.c:ucp_request_release_common",
            versions: Versions::ALL,
            hint: "Keep a request of your own for each operation, and free it as you made it.",
        },
    ),
    (
        Rule::RequestPolled,
        RuleInfo {
            id: "UCP-REQ-008",
            statement: "Who waits for a request progresses its worker: asking for the status moves nothing.",
            severity: Severity::Hazard,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_progress",
            versions: Versions::ALL,
            hint: "Call ucp_worker_progress in the loop that polls.",
        },
    ),
    (
        Rule::RequestCallback,
        RuleInfo {
            id: "UCP-REQ-011",
            statement: "An operation attribute that says a member is set comes with a member that is not null.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_request.inl:ucp_request_cb_param",
            versions: Versions::ALL,
            hint: "Set the member or clear its bit.",
        },
    ),
    (
        Rule::CallbackProgress,
        RuleInfo {
            id: "UCP-CB-001",
            statement: "A callback of a worker does not progress that worker.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_am_recv_callback_t; core/ucp_worker.c:ucp_worker_progress",
            versions: Versions::ALL,
            hint: "Leave the progress to the caller.",
        },
    ),
    (
        Rule::CallbackCleanup,
        RuleInfo {
            id: "UCP-CB-002",
            statement: "A callback does not clean up the context of the worker that runs it.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_worker.c:ucp_worker_progress (goes on with the worker and its context after the callback)",
            versions: Versions::ALL,
            hint: "Clean up from outside, after the progress call has returned.",
        },
    ),
    (
        Rule::CallbackUnwinds,
        RuleInfo {
            id: "UCP-CB-004",
            statement: "No exception leaves a callback.",
            severity: Severity::Undefined,
            basis: Basis::Inferred,
            source: "ucp_def.h:ucp_send_nbx_callback_t",
            versions: Versions::ALL,
            hint: "Catch it inside.",
        },
    ),
];
