//! Active messages.

use super::{LACKS, Unobservable};
use crate::rules::{Basis, RuleInfo, Severity, Versions};

pub(super) static RULES: &[Unobservable] = &[
    Unobservable {
        info: RuleInfo {
            id: "UCP-AM-004",
            statement: "The argument of a handler stays valid as long as the handler.",
            severity: Severity::Undefined,
            basis: Basis::Inferred,
            source: "ucp.h:ucp_am_handler_param_t",
            versions: Versions::ALL,
            hint: "Take the handler away first.",
        },
        reason: "the lifetime of the client's own memory is not seen; a late message shows it as a crash",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-AM-006",
            statement: "The data of a message is not changed before the send is complete.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp.h:ucp_am_send_nbx",
            versions: Versions::ALL,
            hint: "Wait for the request.",
        },
        reason: "the data of a message is copied when it is sent, or when a rendezvous fetches it; it is not compared with what it was",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-AM-010",
            statement: "Data that was not kept, and every header, is gone when the receive callback returns.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_am_recv_callback_t",
            versions: Versions::ALL,
            hint: "Copy it.",
        },
        reason: "reads of that memory are not seen; it is freed, so that AddressSanitizer and Valgrind see them",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-AM-011",
            statement: "The data of a rendezvous is a descriptor and not read, nor is the header when its length is zero.",
            severity: Severity::Undefined,
            basis: Basis::Doc,
            source: "ucp_def.h:ucp_am_recv_callback_t",
            versions: Versions::ALL,
            hint: "Look at recv_attr first.",
        },
        reason: "reads are not seen; the descriptor lies where nothing can be read, so that they crash",
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-AM-014",
            statement: "ucp_am_send_nbx goes with handlers set by ucp_worker_set_am_recv_handler.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_worker_set_am_recv_handler",
            versions: Versions::ALL,
            hint: "Do not mix the old and the new calls.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-TAG-001",
            statement: "A message that was removed by a probe is received exactly once.",
            severity: Severity::Leak,
            basis: Basis::Doc,
            source: "ucp.h:ucp_tag_probe_nb",
            versions: Versions::ALL,
            hint: "Receive it.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-TAG-002",
            statement: "Synchronous tag sends do not go with peer error handling.",
            severity: Severity::Contract,
            basis: Basis::Doc,
            source: "ucp.h:ucp_tag_send_sync_nbx",
            versions: Versions::ALL,
            hint: "Use a plain send.",
        },
        reason: LACKS,
    },
    Unobservable {
        info: RuleInfo {
            id: "UCP-STR-001",
            statement: "Stream data is released once, on its endpoint, before that is closed.",
            severity: Severity::Leak,
            basis: Basis::Doc,
            source: "ucp.h:ucp_stream_data_release",
            versions: Versions::ALL,
            hint: "Release it.",
        },
        reason: LACKS,
    },
];
