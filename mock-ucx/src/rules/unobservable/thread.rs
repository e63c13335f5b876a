//! Threads.

use super::{LACKS, Unobservable};
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-THR-003",
            statement: "The thread mode of a worker is read back: it may be lower than the one that was asked for.",
            severity: Severity::Race,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_params_t.thread_mode; core/ucp_worker.c:ucp_worker_create",
            versions: Versions::ALL,
            hint: "Ask ucp_worker_query.",
        },
        reason: "a client that does not ask is seen as UCP-THR-001 or UCP-THR-002 if it got less; the mock grants what is asked",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-THR-005",
            statement: "Of all calls only ucp_worker_signal is safe from any thread in any mode.",
            severity: Severity::Race,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_signal",
            versions: Versions::ALL,
            hint: "Use it to wake another thread.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-THR-006",
            statement: "In multi-thread mode too, nothing is ended by one thread while another uses it.",
            severity: Severity::Undefined,
            basis: Basis::Inferred,
            source: "ucs/type/thread_mode.h",
            versions: Versions::ALL,
            hint: "Join first.",
        },
        reason: "seen as the use of a handle that has ended, when it comes to that",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-THR-007",
            statement: "No two threads wait on one worker's event descriptor.",
            severity: Severity::Hazard,
            basis: Basis::Code,
            source: "core/ucp_worker.c:ucp_worker_wait",
            versions: Versions::ALL,
            hint: "Let one wait.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-LSN-001",
            statement: "A listener has an address and one of the two handlers.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_listener.c:ucp_listener_create",
            versions: Versions::ALL,
            hint: "See ucp.h.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-LSN-002",
            statement: "Each connection request is accepted or rejected once.",
            severity: Severity::Leak,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_listener_conn_callback_t",
            versions: Versions::ALL,
            hint: "Reject what is not wanted.",
        },
        reason: LACKS,
    },
];
