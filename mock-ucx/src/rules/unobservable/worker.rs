//! Workers, their addresses, and waking up.

use super::{LACKS, Unobservable};
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-WRK-006",
            statement: "Listeners are destroyed before their worker.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_listener.c:ucp_listener_destroy",
            versions: Versions::ALL,
            hint: "Destroy the listeners first.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-WRK-007",
            statement: "A worker on which something was posted is progressed by somebody.",
            severity: Severity::Hazard,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_progress",
            versions: Versions::ALL,
            hint: "Call ucp_worker_progress.",
        },
        reason: "a client that only waits makes no call; one that polls the request is seen as UCP-REQ-008",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-ADDR-002",
            statement: "Address and length are read only if the query succeeded and their bit was set.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_attr_t",
            versions: Versions::ALL,
            hint: "Look at the status first.",
        },
        reason: "reads of the client's own memory are not seen; outputs that were not asked for are left as they were",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-WAK-003",
            statement: "A client sleeps on the event descriptor only after the last ucp_worker_arm answered OK.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_arm",
            versions: Versions::ALL,
            hint: "Progress and arm again until it does.",
        },
        reason: "to sleep is a system call of the client's; a client that sleeps for ever shows as a hang",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-WAK-005",
            statement: "Events are drained before the worker is armed, and each wake-up needs another arm.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_arm",
            versions: Versions::ALL,
            hint: "Call ucp_worker_progress until it returns 0 before each arm.",
        },
        reason: "arming too early is answered BUSY, which is legal; sleeping without an arm is not seen (UCP-WAK-003)",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-WAK-006",
            statement: "An answer of ucp_worker_arm other than OK and BUSY means that the worker is not armed.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_arm",
            versions: Versions::ALL,
            hint: "Treat it as an error.",
        },
        reason: "what the client does with the answer shows only as a hang",
    },
];
