//! Moves of operations: when they complete, how they end, and what has landed by then.

use crate::ledger::Kind;
use crate::rules::Basis;
use crate::schedule::choice::Choice;
use crate::schedule::moves::{Entry, Move, fails_alone, late, outcome, variant};
use crate::schedule::point::PointInfo;

const PUT_DOC: &str = "ucp.h:ucp_put_nbx (completes at any time; only progress advances it)";
const GET_DOC: &str = "ucp.h:ucp_get_nbx (completes at any time; only progress advances it)";
const ABORT: &str = "proto/proto_single.inl:ucp_proto_single_status_handle, proto/proto_multi.inl:ucp_proto_multi_handle_send_error (the request is aborted, the endpoint stays)";

/// Their entries, in the order of [`Move`].
pub(super) static ENTRIES: &[Entry] = &[
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
];
