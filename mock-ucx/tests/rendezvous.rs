//! Active messages by rendezvous: the receiver fetches the data, and the sender learns what came of it.

mod common;
#[path = "messages/inbox.rs"]
mod inbox;

use common::*;
use inbox::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::worker;
use mock_ucx::ledger::{Kind, ObjectState};
use mock_ucx::rules::Rule;

#[test]
fn a_rendezvous_completes_when_its_data_was_fetched_and_not_before() {
    alone(|_| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, 0);
        let data = vec![8; 1 << 20];
        let (request, arrival) = rendezvous(&pair, &inbox, &data);
        drain(pair.near);
        assert_eq!(status(request), UcsStatus::INPROGRESS);
        let mut buffer = vec![0; 1 << 20];
        let fetched = receive(pair.far, arrival.pointer, &mut buffer, &plain());
        assert_eq!(status(fetched), UcsStatus::OK, "it is always a request");
        free(fetched);
        assert_eq!(buffer, data);
        assert_eq!(
            status(request),
            UcsStatus::INPROGRESS,
            "nobody progressed the sender"
        );
        drain(pair.near);
        assert_eq!(status(request), UcsStatus::OK);
        free(request);
        pair.end();
    });
}

#[test]
fn a_rendezvous_sender_gets_the_handlers_error_and_ok_if_the_data_is_dropped() {
    alone(|_| {
        for answer in [UcsStatus::OK, UcsStatus::IO_ERROR] {
            let pair = Pair::new();
            let inbox = Inbox::answering(answer);
            inbox.listen(pair.far, 0);
            let data = [8; 64];
            let (request, _) = rendezvous(&pair, &inbox, &data);
            drain(pair.near);
            assert_eq!(status(request), answer);
            free(request);
            pair.end();
        }
    });
}

#[test]
fn a_long_message_goes_by_rendezvous_unless_the_sender_forbids_it() {
    alone(|_| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        inbox.listen(pair.far, 0);
        let data = vec![8; 1 << 20];
        let request = send(pair.ep, ID, &[], &data, &plain());
        assert!(ptr_is_ptr(request));
        let arrival = inbox.one(pair.far);
        assert_eq!(arrival.attributes, UCP_AM_RECV_ATTR_FLAG_RNDV);
        free(request);
        let eager = flagged(UCP_AM_SEND_FLAG_EAGER);
        assert_eq!(send(pair.ep, ID, &[], &data, &eager), 0);
        assert_eq!(inbox.one(pair.far).data, data);
        pair.end();
    });
}

#[test]
fn data_that_went_with_its_sender_is_not_fetched() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, 0);
        let data = vec![8; 64];
        let (request, arrival) = rendezvous(&pair, &inbox, &data);
        assert_eq!(close(pair.ep, UCP_EP_CLOSE_FLAG_FORCE), 0);
        drain(pair.near);
        assert_eq!(status(request), UcsStatus::CANCELED);
        drop(data);
        let mut buffer = [0; 64];
        let refused = receive(pair.far, arrival.pointer, &mut buffer, &plain());
        assert_eq!(refused, UcsStatus::CONNECTION_RESET.to_ptr());
        assert_eq!((buffer, mock.live(Kind::AmData)), ([0; 64], 0));
        drain(pair.near);
        assert_eq!(status(request), UcsStatus::CANCELED, "a final status stays");
        free(request);
        let ep = connect(pair.near, pair.far, UCP_ERR_HANDLING_MODE_NONE, None);
        Pair { ep, ..pair }.end();
    });
}

#[test]
fn a_rendezvous_ends_with_an_error_when_the_receiver_is_destroyed() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, 0);
        let data = [8; 64];
        let (kept, _) = rendezvous(&pair, &inbox, &data);
        let waiting = send(pair.ep, ID, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        worker::ucp_worker_destroy(pair.far);
        mock.breaks(Rule::AmData);
        drain(pair.near);
        for request in [kept, waiting] {
            assert_eq!(status(request), UcsStatus::CONNECTION_RESET);
            free(request);
        }
        let orphans: Vec<_> = mock.snapshot().left().map(|o| (o.kind, o.state)).collect();
        assert!(
            orphans.contains(&(Kind::AmData, ObjectState::Orphaned)),
            "{orphans:?}"
        );
        mock.leaves(Kind::AmData, 1);
        let far = worker(pair.context, UCS_THREAD_MODE_SINGLE);
        Pair { far, ..pair }.end_failed();
    });
}
