//! Moves of endpoints: when they fail, and in which order it is told.

use crate::ledger::Kind;
use crate::rules::Basis;
use crate::schedule::choice::Choice;
use crate::schedule::moves::{Entry, Move, outcome, status, variant};
use crate::schedule::point::PointInfo;
use crate::status::UcsStatus;

/// Their entries, in the order of [`Move`].
pub(super) static ENTRIES: &[Entry] = &[
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
];
