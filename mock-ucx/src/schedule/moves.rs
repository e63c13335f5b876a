//! The moves that the adversary has besides failing a call, as data: each with what UCX permits and where.

use crate::ledger::Kind;
use crate::rules::Basis;
use crate::schedule::choice::{Choice, Variant};
use crate::schedule::point::{OutcomeInfo, PointInfo};
use crate::status::UcsStatus;

/// A move; the number is the index into [`MOVES`].
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is described by its entry in MOVES")]
pub enum Move {
    PutComplete,
    PutStatus,
    PutLand,
    GetComplete,
    GetStatus,
    TransferPartial,
    AmComplete,
    AmStatus,
    AmDeliver,
    AmProtocol,
    ReceiveComplete,
    FlushComplete,
    CloseComplete,
    CloseForce,
    EndpointFail,
    EndpointEarly,
    EndpointHandler,
    PeerNotice,
    ProgressOrder,
    ProgressCount,
    ArmStatus,
    WakeupSpurious,
    WorkerThreadMode,
    LibraryThreadLevel,
    HandleReuse,
    AddressSize,
    RkeySize,
    PerfTime,
    DestroyRequests,
    CancelEffect,
}

impl Move {
    /// What is known of it.
    pub fn info(self) -> &'static PointInfo {
        &MOVES[self as usize].1
    }
}

const fn outcome(choice: Choice, basis: Basis, source: &'static str) -> OutcomeInfo {
    OutcomeInfo {
        choice,
        basis,
        source,
        paranoid: false,
    }
}

const fn doubtful(choice: Choice, source: &'static str) -> OutcomeInfo {
    OutcomeInfo {
        choice,
        basis: Basis::Inferred,
        source,
        paranoid: true,
    }
}

const fn variant(name: &'static str, meaning: &'static str) -> Variant {
    Variant { name, meaning }
}

const fn status(status: UcsStatus, basis: Basis, source: &'static str) -> OutcomeInfo {
    outcome(Choice::Status(status), basis, source)
}

/// An operation that is not complete when its call returns: at the next progress call, later, much later, or not before the healing.
const fn late(source: &'static str) -> [OutcomeInfo; 4] {
    [
        outcome(Choice::After(1), Basis::Doc, source),
        outcome(Choice::After(5), Basis::Doc, source),
        outcome(Choice::After(200), Basis::Doc, source),
        outcome(Choice::Withheld, Basis::Doc, source),
    ]
}

/// An operation that fails alone: the endpoint stays healthy, and a later flush says OK (rma/flush.c looks at lanes, not at requests).
const fn fails_alone(source: &'static str) -> [OutcomeInfo; 2] {
    [
        status(UcsStatus::NO_MEMORY, Basis::Code, source),
        status(UcsStatus::IO_ERROR, Basis::Code, source),
    ]
}

const PUT_DOC: &str = "ucp.h:ucp_put_nbx (completes at any time; only progress advances it)";
const GET_DOC: &str = "ucp.h:ucp_get_nbx (completes at any time; only progress advances it)";
const ABORT: &str = "proto/proto_single.inl:ucp_proto_single_status_handle, proto/proto_multi.inl:ucp_proto_multi_handle_send_error (the request is aborted, the endpoint stays)";

/// All moves. The order is that of [`Move`]; a test holds both together.
pub static MOVES: &[(Move, PointInfo)] = &[
    (
        Move::PutComplete,
        PointInfo {
            name: "put.complete",
            object: Kind::Endpoint,
            question: "when a put completes, and its bytes land",
            variants: &[],
            outcomes: &late(PUT_DOC),
        },
    ),
    (
        Move::PutStatus,
        PointInfo {
            name: "put.status",
            object: Kind::Endpoint,
            question: "with which status a put completes while its endpoint stays healthy",
            variants: &[],
            outcomes: &fails_alone(ABORT),
        },
    ),
    (
        Move::PutLand,
        PointInfo {
            name: "put.land",
            object: Kind::Endpoint,
            question: "when the bytes of a put that is complete at its source reach the target; a flush brings them there",
            variants: &[],
            outcomes: &[
                outcome(
                    Choice::After(3),
                    Basis::Doc,
                    "ucp.h:ucp_put_nbx (the note on remote completion)",
                ),
                outcome(
                    Choice::Withheld,
                    Basis::Doc,
                    "ucp.h:ucp_put_nbx (the note on remote completion)",
                ),
            ],
        },
    ),
    (
        Move::GetComplete,
        PointInfo {
            name: "get.complete",
            object: Kind::Endpoint,
            question: "when a get completes, and its bytes land",
            variants: &[],
            outcomes: &late(GET_DOC),
        },
    ),
    (
        Move::GetStatus,
        PointInfo {
            name: "get.status",
            object: Kind::Endpoint,
            question: "with which status a get completes while its endpoint stays healthy",
            variants: &[],
            outcomes: &fails_alone(ABORT),
        },
    ),
    (
        Move::TransferPartial,
        PointInfo {
            name: "transfer.partial",
            object: Kind::Endpoint,
            question: "which bytes of a put or get have landed when it fails",
            variants: &[
                variant("half", "the first half"),
                variant("all", "all of them"),
            ],
            outcomes: &[
                outcome(
                    Choice::Variant(0),
                    Basis::Code,
                    "proto/proto_multi.inl (fragments of one operation complete one by one)",
                ),
                outcome(
                    Choice::Variant(1),
                    Basis::Code,
                    "uct/ib/mlx5/ib_mlx5_log.c:uct_ib_mlx5_completion_with_err (what is reported as flushed may have been executed)",
                ),
            ],
        },
    ),
    (
        Move::AmComplete,
        PointInfo {
            name: "am.complete",
            object: Kind::Endpoint,
            question: "when the send of an active message completes",
            variants: &[],
            outcomes: &late(
                "ucp.h:ucp_am_send_nbx (completes at any time; only progress advances it)",
            ),
        },
    ),
    (
        Move::AmStatus,
        PointInfo {
            name: "am.status",
            object: Kind::Endpoint,
            question: "with which status the send of an active message completes, undelivered, while its endpoint stays healthy",
            variants: &[],
            outcomes: &fails_alone(ABORT),
        },
    ),
    (
        Move::AmDeliver,
        PointInfo {
            name: "am.deliver",
            object: Kind::Endpoint,
            question: "when an active message reaches the receiver's handler; those of one endpoint stay in order",
            variants: &[],
            outcomes: &late(
                "ucp_def.h:ucp_am_recv_callback_t (called from any progress of the receiver)",
            ),
        },
    ),
    (
        Move::AmProtocol,
        PointInfo {
            name: "am.protocol",
            object: Kind::Endpoint,
            question: "whether a message whose sender left the choice is sent eagerly or by rendezvous",
            variants: &[variant("other", "the other one of the two")],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Doc,
                "ucp.h:ucp_send_am_flags (EAGER and RNDV force it; else it depends on the transport: proto/proto_select.c)",
            )],
        },
    ),
    (
        Move::ReceiveComplete,
        PointInfo {
            name: "receive.complete",
            object: Kind::Worker,
            question: "when ucp_am_recv_data_nbx completes, and its bytes land",
            variants: &[],
            outcomes: &late(
                "ucp.h:ucp_am_recv_data_nbx (completes at any time; only progress advances it)",
            ),
        },
    ),
    (
        Move::FlushComplete,
        PointInfo {
            name: "flush.complete",
            object: Kind::Endpoint,
            question: "when a flush completes, once all before it has",
            variants: &[],
            outcomes: &late("ucp.h:ucp_ep_flush_nbx"),
        },
    ),
    (
        Move::CloseComplete,
        PointInfo {
            name: "close.complete",
            object: Kind::Endpoint,
            question: "when a close completes, once all before it has",
            variants: &[],
            outcomes: &late("ucp.h:ucp_ep_close_nbx"),
        },
    ),
    (
        Move::CloseForce,
        PointInfo {
            name: "close.force",
            object: Kind::Endpoint,
            question: "how a forced close ends what is under way",
            variants: &[
                variant("inline", "the callbacks run inside the call"),
                variant("ok", "it completes with OK, not CANCELED"),
            ],
            outcomes: &[
                outcome(
                    Choice::Variant(0),
                    Basis::Code,
                    "core/ucp_ep.c:ucp_ep_close_nbx, ucp_ep_reqs_purge (completes queued requests at once)",
                ),
                outcome(
                    Choice::Variant(1),
                    Basis::Code,
                    "core/ucp_ep.c:ucp_ep_discard_lanes (what the transport has finished meanwhile completes as usual)",
                ),
            ],
        },
    ),
    (
        Move::EndpointFail,
        PointInfo {
            name: "ep.fail",
            object: Kind::Endpoint,
            question: "whether an endpoint with error handling fails in this progress call of its worker, counted from its creation",
            variants: &[],
            outcomes: &[
                status(
                    UcsStatus::CONNECTION_RESET,
                    Basis::Test,
                    "test/gtest/ucp/test_ucp_peer_failure.cc; uct/ib/mlx5/ib_mlx5_log.c:uct_ib_mlx5_completion_with_err",
                ),
                status(
                    UcsStatus::ENDPOINT_TIMEOUT,
                    Basis::Test,
                    "test/gtest/ucp/test_ucp_peer_failure.cc; uct/ib/mlx5/ib_mlx5_log.c:uct_ib_mlx5_completion_with_err",
                ),
                status(
                    UcsStatus::IO_ERROR,
                    Basis::Code,
                    "uct/ib/mlx5/ib_mlx5_log.c:uct_ib_mlx5_completion_with_err (any other completion error)",
                ),
            ],
        },
    ),
    (
        Move::EndpointEarly,
        PointInfo {
            name: "ep.early",
            object: Kind::Endpoint,
            question: "whether an endpoint fails before ucp_ep_create has returned",
            variants: &[],
            outcomes: &[status(
                UcsStatus::CONNECTION_RESET,
                Basis::Code,
                "core/ucp_ep.c:ucp_ep_create (the handle is written, then the worker's lock is released, before it returns)",
            )],
        },
    ),
    (
        Move::EndpointHandler,
        PointInfo {
            name: "ep.handler",
            object: Kind::Endpoint,
            question: "whether the error handler of an endpoint runs after its requests have failed, or before",
            variants: &[variant(
                "first",
                "the handler runs first, the requests fail in later progress calls",
            )],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Code,
                "core/ucp_ep.c:ucp_ep_set_lanes_failed (lanes are discarded asynchronously; the handler does not wait for them)",
            )],
        },
    ),
    (
        Move::PeerNotice,
        PointInfo {
            name: "peer.notice",
            object: Kind::Endpoint,
            question: "when an endpoint notices that its peer is gone",
            variants: &[],
            outcomes: &[
                outcome(
                    Choice::After(5),
                    Basis::Code,
                    "core/ucp_worker.c:ucp_worker_keepalive_progress (a silent peer is noticed by keep-alive rounds)",
                ),
                outcome(
                    Choice::Withheld,
                    Basis::Code,
                    "core/ucp_worker.c:ucp_worker_keepalive_progress (UCX_KEEPALIVE_INTERVAL is 20 s, and may be off)",
                ),
            ],
        },
    ),
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
                "callbacks",
                "they complete with CANCELED inside ucp_worker_destroy, callbacks included",
            )],
            outcomes: &[outcome(
                Choice::Variant(0),
                Basis::Code,
                "core/ucp_worker.c:ucp_worker_destroy_eps, core/ucp_ep.c:ucp_ep_reqs_purge",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_move_stands_at_its_own_number() {
        for (index, (which, _)) in MOVES.iter().enumerate() {
            assert_eq!(*which as usize, index, "{which:?}");
        }
    }
}
