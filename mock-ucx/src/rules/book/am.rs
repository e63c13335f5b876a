//! Active messages.

use crate::rules::{Basis, Rule, RuleInfo, Severity, Versions};

pub(super) static RULES: &[(Rule, RuleInfo)] = &[
    (
        Rule::AmId,
        RuleInfo {
            id: "UCP-AM-001",
            statement: "The id of an active message is at most 65535.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_am.c:ucp_am_check_id",
            versions: Versions::ALL,
            hint: "Use a smaller id.",
        },
    ),
    (
        Rule::AmHandler,
        RuleInfo {
            id: "UCP-AM-002",
            statement: "A handler is registered with its id and callback.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_am.c:ucp_worker_set_am_recv_handler",
            versions: Versions::ALL,
            hint: "Set UCP_AM_HANDLER_PARAM_FIELD_ID and _CB.",
        },
    ),
    (
        Rule::AmUnheard,
        RuleInfo {
            id: "UCP-AM-003",
            statement: "A handler is registered before a peer can send to its id, and stays while one can: a message without a handler is dropped.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_am.c:ucp_am_recv_check_id",
            versions: Versions::ALL,
            hint: "Set all handlers before the worker's address is given away.",
        },
    ),
    (
        Rule::AmHeader,
        RuleInfo {
            id: "UCP-AM-005",
            statement: "The header of an active message is null exactly if its length is zero, and no longer than max_am_header.",
            severity: Severity::Contract,
            basis: Basis::Code,
            source: "core/ucp_am.c:ucp_am_send_nbx_check_header_length",
            versions: Versions::ALL,
            hint: "Ask ucp_worker_query for the limit.",
        },
    ),
    (
        Rule::AmFlags,
        RuleInfo {
            id: "UCP-AM-007",
            statement: "EAGER and RNDV exclude each other.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_send_am_flags",
            versions: Versions::ALL,
            hint: "Set one of them, or none.",
        },
    ),
    (
        Rule::AmReturn,
        RuleInfo {
            id: "UCP-AM-008",
            statement: "A receive callback returns INPROGRESS only if it may keep the data, and an error only for a rendezvous.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_am.c:ucp_am_handler_common",
            versions: Versions::ALL,
            hint: "Look at recv_attr first.",
        },
    ),
    (
        Rule::AmData,
        RuleInfo {
            id: "UCP-AM-009",
            statement: "Data that a receive callback kept is given back exactly once, on its worker, before that is destroyed.",
            severity: Severity::Leak,
            basis: Basis::Doc,
            source: "ucp.h:ucp_am_data_release",
            versions: Versions::ALL,
            hint: "Call ucp_am_data_release, or ucp_am_recv_data_nbx.",
        },
    ),
    (
        Rule::AmReceive,
        RuleInfo {
            id: "UCP-AM-012",
            statement: "The receive buffer of a rendezvous holds the announced length.",
            severity: Severity::Undefined,
            basis: Basis::Code,
            source: "core/ucp_am.c:ucp_am_recv_data_nbx",
            versions: Versions::ALL,
            hint: "Allocate what the callback's length says.",
        },
    ),
    (
        Rule::AmReply,
        RuleInfo {
            id: "UCP-AM-013",
            statement: "The reply endpoint of a message is borrowed: the receiver does not close it.",
            severity: Severity::Undefined,
            basis: Basis::Inferred,
            source: "ucp.h:ucp_am_recv_attr_t",
            versions: Versions::ALL,
            hint: "Answer on it and leave it to the library.",
        },
    ),
];
