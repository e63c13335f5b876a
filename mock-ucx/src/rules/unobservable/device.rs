//! Device memory lists.

use super::Unobservable;
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-DEV-003",
            statement: "NOT_CONNECTED from ucp_device_remote_mem_list_create is answered with progress and another try, until the endpoint fails.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_device.c:ucp_device_remote_mem_list_params_check",
            versions: Versions::SINCE_21,
            hint: "Progress and try again.",
        },
        reason: "the mock's endpoints are connected at once",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-STAT-001",
            statement: "A status is one signed byte.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "ucs/type/status.h",
            versions: Versions::ALL,
            hint: "Use ucs_status_t.",
        },
        reason: "how a client reads a register is not seen; the mock's own layouts are held against the headers",
    },
];
