//! Device memory lists.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::ListHandle,
        RuleInfo {
            id: "UCP-DEV-001",
            statement: "A device memory list is live and released exactly once.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_device.c:ucp_device_mem_list_release",
            versions: Versions::SINCE_21,
            hint: "Release what create returned, once.",
        },
    ),
    (
        Rule::ListElements,
        RuleInfo {
            id: "UCP-DEV-002",
            statement: "A device memory list is told its elements, their size and number, and the handles of each.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_device.c:ucp_device_local_mem_list_params_check, ucp_device_remote_mem_list_params_check",
            versions: Versions::SINCE_21,
            hint: "See ucp_host.h.",
        },
    ),
    (
        Rule::ListOutlives,
        RuleInfo {
            id: "UCP-DEV-004",
            statement: "A device memory list is released before the registrations, remote keys, endpoints and workers it was made of.",
            severity: Severity::Undefined,
            basis: Basis::Inferred,
            source: "core/ucp_device.c:ucp_device_remote_mem_list_create_handle",
            versions: Versions::SINCE_21,
            hint: "Release the list first.",
        },
    ),
];
