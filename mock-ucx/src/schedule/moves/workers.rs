//! Moves of workers, and of what does not belong to one operation or endpoint.

use crate::ledger::Kind;
use crate::rules::Basis;
use crate::schedule::choice::Choice;
use crate::schedule::moves::{Entry, Move, doubtful, outcome, status, variant};
use crate::schedule::point::PointInfo;
use crate::status::UcsStatus;

/// Their entries, in the order of [`Move`].
pub(super) static ENTRIES: &[Entry] = &[
    (
        Move::ProgressOrder,
        PointInfo {
            name: "progress.order",
            object: Kind::Worker,
            question: "in which order the operations complete that are due in one progress call; messages of one endpoint stay in order",
            variants: &[
                variant("reverse", "the last posted first"),
                variant("rotate", "the first posted last"),
            ],
            outcomes: &[
                outcome(
                    Choice::Variant(0),
                    Basis::Doc,
                    "ucp.h:ucp_worker_fence (without it nothing is ordered)",
                ),
                outcome(
                    Choice::Variant(1),
                    Basis::Doc,
                    "ucp.h:ucp_worker_fence (without it nothing is ordered)",
                ),
            ],
        },
    ),
    (
        Move::ProgressCount,
        PointInfo {
            name: "progress.count",
            object: Kind::Worker,
            question: "what a progress call returns in which nothing visible happened",
            variants: &[variant("busy", "more than 0, at most eight times in a row")],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Doc,
                "ucp.h:ucp_worker_progress (non-zero says that communication was progressed, not that a request completed)",
            )],
        },
    ),
    (
        Move::ArmStatus,
        PointInfo {
            name: "arm.status",
            object: Kind::Worker,
            question: "what ucp_worker_arm answers to a worker that has no events; BUSY at most eight times in a row",
            variants: &[],
            outcomes: &[
                status(
                    UcsStatus::BUSY,
                    Basis::Code,
                    "core/ucp_worker.c:ucp_worker_arm (its own event descriptor and each interface may have events)",
                ),
                status(
                    UcsStatus::IO_ERROR,
                    Basis::Code,
                    "core/ucp_worker.c:ucp_worker_fd_read",
                ),
            ],
        },
    ),
    (
        Move::WakeupSpurious,
        PointInfo {
            name: "wakeup.spurious",
            object: Kind::Worker,
            question: "whether the event descriptor becomes readable although nothing happened",
            variants: &[variant("signal", "it is readable at once")],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Doc,
                "ucp_def.h:ucp_wakeup_event_types (events may come without a message)",
            )],
        },
    ),
    (
        Move::WorkerThreadMode,
        PointInfo {
            name: "worker.thread_mode",
            object: Kind::Context,
            question: "which thread mode a new worker is granted",
            variants: &[variant(
                "single",
                "UCS_THREAD_MODE_SINGLE, whatever was asked",
            )],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Doc,
                "ucp.h:ucp_worker_params_t.thread_mode; core/ucp_worker.c:ucp_worker_create (a build without ENABLE_MT)",
            )],
        },
    ),
    (
        Move::LibraryThreadLevel,
        PointInfo {
            name: "lib.thread_level",
            object: Kind::Context,
            question: "which thread mode ucp_lib_query and ucp_context_query name",
            variants: &[variant(
                "lower",
                "SERIALIZED of the library, SINGLE of a context",
            )],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Code,
                "core/ucp_context.c:ucp_lib_query, ucp_context_query (a build without ENABLE_MT)",
            )],
        },
    ),
    (
        Move::HandleReuse,
        PointInfo {
            name: "handle.reuse",
            object: Kind::Worker,
            question: "whether a new handle has the value of the one of its kind that ended last",
            variants: &[variant("reuse", "the same value again")],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Code,
                "ucs/datastruct/mpool.c:ucs_mpool_put (last in, first out), ucs/datastruct/strided_alloc.c, malloc",
            )],
        },
    ),
    (
        Move::AddressSize,
        PointInfo {
            name: "address.size",
            object: Kind::Worker,
            question: "how long a worker's address is",
            variants: &[variant("long", "4096 bytes longer")],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Code,
                "wireup/address.c:ucp_address_packed_size (grows with devices and lanes)",
            )],
        },
    ),
    (
        Move::RkeySize,
        PointInfo {
            name: "rkey.size",
            object: Kind::MemoryHandle,
            question: "how long a packed remote key is",
            variants: &[variant("long", "512 bytes longer")],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Code,
                "core/ucp_rkey.c:ucp_rkey_packed_size (grows with memory domains and distances)",
            )],
        },
    ),
    (
        Move::PerfTime,
        PointInfo {
            name: "perf.time",
            object: Kind::Endpoint,
            question: "what ucp_ep_evaluate_perf estimates",
            variants: &[variant("zero", "no time at all"), variant("huge", "a day")],
            outcomes: &[
                outcome(
                    Choice::Variant(0),
                    Basis::Code,
                    "core/ucp_ep.c:ucp_ep_evaluate_perf (a sum of what the transports estimate)",
                ),
                outcome(
                    Choice::Variant(1),
                    Basis::Code,
                    "core/ucp_ep.c:ucp_ep_evaluate_perf (a sum of what the transports estimate)",
                ),
            ],
        },
    ),
    (
        Move::DestroyRequests,
        PointInfo {
            name: "destroy.requests",
            object: Kind::Worker,
            question: "what becomes of operations that are under way when their worker is destroyed",
            variants: &[variant(
                "silent",
                "they are never heard of again, instead of completing with CANCELED inside ucp_worker_destroy",
            )],
            // What waits at a transport completes with CANCELED (core/ucp_worker.c:ucp_worker_destroy_eps); what waits for the peer's
            // answer is left in a table that is freed.
            outcomes: &[doubtful(
                Choice::Variant(0),
                "core/ucp_worker.c:ucp_worker_destroy (UCS_PTR_MAP_DESTROY(request): a rendezvous is dropped without a word)",
            )],
        },
    ),
    (
        Move::CancelEffect,
        PointInfo {
            name: "cancel.effect",
            object: Kind::Request,
            question: "whether ucp_request_cancel ends a put, get or active message",
            variants: &[variant(
                "canceled",
                "it completes with CANCELED in the next progress call",
            )],
            outcomes: &[doubtful(
                Choice::Variant(0),
                "ucp.h:ucp_request_cancel (the words; core/ucp_request.c:ucp_request_cancel does so for tag receives only)",
            )],
        },
    ),
];
