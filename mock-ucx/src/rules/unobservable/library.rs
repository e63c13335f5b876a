//! The library, its settings and contexts.

use super::Unobservable;
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-VER-001",
            statement: "A client built for a newer minor release than the one that runs is only warned: it looks at ucp_get_version itself before it uses what is new.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_context.c:ucp_version_check",
            versions: Versions::ALL,
            hint: "Compare ucp_get_version with UCP_API_VERSION.",
        },
        reason: "what such a client loses is seen as UCP-VER-002 when it uses it",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-CFG-003",
            statement: "The status of ucp_config_modify is looked at.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_context.c:ucp_config_modify",
            versions: Versions::ALL,
            hint: "Stop, or say which setting was refused.",
        },
        reason: "whether a client looked at a status cannot be seen, and to ignore a refused name on purpose is legal",
    },
];
