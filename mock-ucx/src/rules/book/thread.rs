//! Threads.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::ThreadSingle,
        RuleInfo {
            id: "UCP-THR-001",
            statement: "A worker in single-thread mode, and everything that belongs to it, is used only by the thread that made the worker.",
            severity: Severity::Race,
            basis: Basis::Doc,
            source: "ucs/type/thread_mode.h; core/ucp_worker.h:UCP_WORKER_THREAD_CS_ENTER_CONDITIONAL",
            versions: Versions::ALL,
            hint: "Ask for UCS_THREAD_MODE_SERIALIZED with a lock of your own, or for UCS_THREAD_MODE_MULTI.",
        },
    ),
    (
        Rule::ThreadSerialized,
        RuleInfo {
            id: "UCP-THR-002",
            statement: "Two threads are never inside calls on the same worker in serialized mode.",
            severity: Severity::Race,
            basis: Basis::Doc,
            source: "ucs/type/thread_mode.h",
            versions: Versions::ALL,
            hint: "Hold one lock round every call on the worker, its progress too, or ask for UCS_THREAD_MODE_MULTI.",
        },
    ),
    (
        Rule::ThreadContext,
        RuleInfo {
            id: "UCP-THR-004",
            statement: "Two threads call a context at once only if it was made with mt_workers_shared.",
            severity: Severity::Race,
            basis: Basis::Code,
            source: "ucp.h:ucp_params_t.mt_workers_shared; core/ucp_mm.c:ucp_mem_map",
            versions: Versions::ALL,
            hint: "Set UCP_PARAM_FIELD_MT_WORKERS_SHARED and mt_workers_shared = 1.",
        },
    ),
];
