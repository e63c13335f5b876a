//! Active messages: how they arrive, what the handler may keep, how the sender learns of it.

mod common;
#[path = "messages/inbox.rs"]
mod inbox;

use std::ptr;

use common::*;
use inbox::*;
use mock_ucx::abi::types::*;
use mock_ucx::abi::{active_message, message_data};
use mock_ucx::ledger::Kind;
use mock_ucx::rules::Rule;

#[test]
fn an_eager_message_arrives_with_copies_of_header_and_data() {
    alone(|_| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        inbox.listen(pair.far, 0);
        let (mut header, mut data) = ([1_u8; 8], [2_u8; 100]);
        assert_eq!(send(pair.ep, ID, &header, &data, &plain()), 0);
        (header, data) = ([9; 8], [9; 100]);
        let arrival = inbox.one(pair.far);
        assert_eq!((arrival.header, arrival.data), (vec![1; 8], vec![2; 100]));
        assert_eq!((arrival.attributes, header[0], data[0]), (0, 9, 9));
        pair.end();
    });
}

#[test]
fn a_message_of_nothing_arrives_too_and_messages_keep_their_order() {
    alone(|_| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        inbox.listen(pair.far, 0);
        for number in 0..3_u8 {
            assert_eq!(send(pair.ep, ID, &[number], &[], &plain()), 0);
        }
        assert_eq!(send(pair.ep, ID, &[], &[], &plain()), 0);
        drain(pair.far);
        let headers: Vec<_> = inbox.arrived.take().into_iter().map(|a| a.header).collect();
        assert_eq!(headers, [vec![0], vec![1], vec![2], vec![]]);
        pair.end();
    });
}

#[test]
fn a_message_for_an_id_without_a_handler_is_dropped_and_only_a_rendezvous_sender_learns_it() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        inbox.listen(pair.far, 0);
        assert_eq!(set(pair.far, ID, None, 0, &inbox), UcsStatus::OK);
        assert_eq!(send(pair.ep, ID, &[], &[1; 8], &plain()), 0);
        let data = [1; 8];
        let request = send(pair.ep, ID, &[], &data, &flagged(UCP_AM_SEND_FLAG_RNDV));
        drain(pair.far);
        drain(pair.near);
        assert_eq!(inbox.arrived.take(), []);
        mock.expect([Rule::AmUnheard, Rule::AmUnheard]);
        assert_eq!(status(request), UcsStatus::INVALID_PARAM);
        free(request);
        pair.end();
    });
}

#[test]
fn a_handler_needs_its_id_and_callback_bits_and_a_small_id() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        assert_eq!(
            set(pair.far, 1 << 16, Some(on_arrival), 0, &inbox),
            UcsStatus::INVALID_PARAM
        );
        mock.breaks(Rule::AmId);
        let param = UcpAmHandlerParam {
            field_mask: UCP_AM_HANDLER_PARAM_FIELD_ID,
            ..zeroed()
        };
        // SAFETY: the structure is right.
        let refused =
            unsafe { active_message::ucp_worker_set_am_recv_handler(pair.far, &raw const param) };
        assert_eq!(refused, UcsStatus::INVALID_PARAM);
        mock.breaks(Rule::AmHandler);
        pair.end();
    });
}

#[test]
fn persistent_data_is_the_handlers_until_it_is_released() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, UCP_AM_FLAG_PERSISTENT_DATA);
        assert_eq!(send(pair.ep, ID, &[], &[3; 100], &plain()), 0);
        let arrival = inbox.one(pair.far);
        assert_eq!(arrival.attributes, UCP_AM_RECV_ATTR_FLAG_DATA);
        assert_eq!(mock.live(Kind::AmData), 1);
        // SAFETY: the handler kept it.
        let kept = unsafe { std::slice::from_raw_parts(arrival.pointer as *const u8, 100) };
        assert_eq!(kept, [3; 100]);
        message_data::ucp_am_data_release(pair.far, arrival.pointer);
        assert_eq!(mock.live(Kind::AmData), 0);
        message_data::ucp_am_data_release(pair.far, arrival.pointer);
        mock.breaks(Rule::AmData);
        pair.end();
    });
}

#[test]
fn persistent_data_that_the_handler_does_not_keep_is_gone_when_it_returns() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        inbox.listen(pair.far, UCP_AM_FLAG_PERSISTENT_DATA);
        assert_eq!(send(pair.ep, ID, &[], &[3; 100], &plain()), 0);
        inbox.one(pair.far);
        assert_eq!(mock.live(Kind::AmData), 0);
        pair.end();
    });
}

#[test]
fn kept_eager_data_is_received_into_a_buffer_once() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, UCP_AM_FLAG_PERSISTENT_DATA);
        assert_eq!(send(pair.ep, ID, &[], &[3; 100], &plain()), 0);
        let data = inbox.one(pair.far).pointer;
        let mut buffer = [0; 128];
        assert_eq!(receive(pair.far, data, &mut buffer, &plain()), 0);
        assert_eq!((buffer[99], buffer[100]), (3, 0));
        let again = receive(pair.far, data, &mut buffer, &plain());
        assert_eq!(again, UcsStatus::INVALID_PARAM.to_ptr());
        mock.breaks(Rule::AmData);
        pair.end();
    });
}

#[test]
fn kept_eager_data_does_not_have_to_fit_the_buffer() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, UCP_AM_FLAG_PERSISTENT_DATA);
        assert_eq!(send(pair.ep, ID, &[], &[3; 100], &plain()), 0);
        let data = inbox.one(pair.far).pointer;
        let received = receive(pair.far, data, &mut [0; 50], &plain());
        assert_eq!(received, UcsStatus::MESSAGE_TRUNCATED.to_ptr());
        assert_eq!(mock.live(Kind::AmData), 0, "it is used up");
        pair.end();
    });
}

#[test]
fn a_rendezvous_does_not_fit_a_buffer_that_is_too_short() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, 0);
        let (request, arrival) = rendezvous(&pair, &inbox, &[3; 100]);
        let received = receive(pair.far, arrival.pointer, &mut [0; 50], &plain());
        assert_eq!(received, UcsStatus::MESSAGE_TRUNCATED.to_ptr());
        mock.breaks(Rule::AmReceive);
        drain(pair.near);
        free(request);
        pair.end();
    });
}

#[test]
fn nothing_is_received_of_a_rendezvous_whose_sender_hears_that_it_was_taken() {
    alone(|_| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, 0);
        let (request, arrival) = rendezvous(&pair, &inbox, &[3; 100]);
        assert_eq!(receive(pair.far, arrival.pointer, &mut [], &plain()), 0);
        drain(pair.near);
        assert_eq!(status(request), UcsStatus::OK);
        free(request);
        pair.end();
    });
}

#[test]
fn persistent_data_may_be_kept_even_if_there_is_none() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, UCP_AM_FLAG_PERSISTENT_DATA);
        assert_eq!(send(pair.ep, ID, &[1], &[], &plain()), 0);
        let arrival = inbox.one(pair.far);
        let seen = (arrival.attributes, arrival.length);
        assert_eq!(seen, (UCP_AM_RECV_ATTR_FLAG_DATA, 0));
        assert_eq!(mock.live(Kind::AmData), 1);
        message_data::ucp_am_data_release(pair.far, arrival.pointer);
        pair.end();
    });
}

#[test]
fn the_length_of_what_was_received_at_once_is_told_if_it_is_asked_for() {
    alone(|_| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, UCP_AM_FLAG_PERSISTENT_DATA);
        for (bits, told) in [
            (UCP_OP_ATTR_FIELD_RECV_INFO, 100),
            (
                UCP_OP_ATTR_FIELD_RECV_INFO | UCP_OP_ATTR_FLAG_NO_IMM_CMPL,
                7,
            ),
            (0, 7),
        ] {
            assert_eq!(send(pair.ep, ID, &[], &[3; 100], &plain()), 0);
            let data = inbox.one(pair.far).pointer;
            let mut length = 7;
            let recv_info = UcpRecvInfo {
                length: &raw mut length,
            };
            let param = UcpRequestParam {
                op_attr_mask: bits,
                recv_info,
                ..zeroed()
            };
            let received = receive(pair.far, data, &mut [0; 200], &param);
            if received != 0 {
                free(received);
            }
            assert_eq!(length, told);
        }
        pair.end();
    });
}

#[test]
fn a_message_that_would_need_a_request_is_not_forced_to_do_without_one() {
    alone(|_| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        inbox.listen(pair.far, 0);
        let now = UCP_OP_ATTR_FLAG_FORCE_IMM_CMPL;
        let refused = UcsStatus::NO_RESOURCE.to_ptr();
        let fetched = with(flagged(UCP_AM_SEND_FLAG_RNDV), now);
        assert_eq!(send(pair.ep, ID, &[], &[1; 8], &fetched), refused);
        let long = vec![1; 1 << 20];
        assert_eq!(send(pair.ep, ID, &[], &long, &with(plain(), now)), refused);
        let both = with(plain(), now | UCP_OP_ATTR_FLAG_NO_IMM_CMPL);
        assert_eq!(send(pair.ep, ID, &[], &[1; 8], &both), refused);
        assert_eq!(send(pair.ep, ID, &[], &[2; 8], &with(plain(), now)), 0);
        assert_eq!(inbox.one(pair.far).data, [2; 8]);
        pair.end();
    });
}

#[test]
fn a_reply_endpoint_leads_back_and_is_lent_only() {
    alone(|_| {
        let pair = Pair::new();
        let (there, back) = (
            Inbox::answering(UcsStatus::OK),
            Inbox::answering(UcsStatus::OK),
        );
        there.listen(pair.far, 0);
        back.listen(pair.near, 0);
        let reply = flagged(UCP_AM_SEND_FLAG_REPLY);
        assert_eq!(send(pair.ep, ID, &[], &[1], &reply), 0);
        let arrival = there.one(pair.far);
        assert_eq!(arrival.attributes, UCP_AM_RECV_ATTR_FIELD_REPLY_EP);
        assert_eq!(send(arrival.reply, ID, &[], &[2], &plain()), 0);
        assert_eq!(back.one(pair.near).data, [2]);
        assert_eq!(send(pair.ep, ID, &[], &[1], &reply), 0);
        assert_eq!(there.one(pair.far).reply, arrival.reply);
        pair.end();
    });
}

#[test]
fn an_error_or_a_kept_message_where_the_contract_forbids_it_is_found() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::INPROGRESS);
        inbox.listen(pair.far, 0);
        assert_eq!(send(pair.ep, ID, &[], &[1; 8], &plain()), 0);
        inbox.one(pair.far);
        mock.breaks(Rule::AmReturn);
        pair.end();
    });
}

#[test]
fn wrong_arguments_of_a_send_are_found_and_refused() {
    alone(|mock| {
        let pair = Pair::new();
        let refused = UcsStatus::INVALID_PARAM.to_ptr();
        assert_eq!(send(pair.ep, 1 << 16, &[], &[], &plain()), refused);
        mock.breaks(Rule::AmId);
        assert_eq!(send(pair.ep, ID, &[0; 1 << 16], &[], &plain()), refused);
        mock.breaks(Rule::AmHeader);
        pair.end();
    });
}

#[test]
fn a_message_that_is_to_be_eager_and_rendezvous_at_once_is_found_and_goes_eagerly() {
    alone(|mock| {
        let pair = Pair::new();
        let inbox = Inbox::answering(UcsStatus::OK);
        inbox.listen(pair.far, 0);
        let both = flagged(UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_RNDV);
        let long = vec![1; 1 << 20];
        assert_eq!(send(pair.ep, ID, &[], &long, &both), 0);
        mock.breaks(Rule::AmFlags);
        assert_eq!(inbox.one(pair.far).data, long);
        pair.end();
    });
}

#[test]
fn a_message_longer_than_all_memory_is_refused() {
    alone(|_| {
        let pair = Pair::new();
        let param = flagged(UCP_AM_SEND_FLAG_EAGER);
        let byte = [1_u8];
        for length in [1 << 62, usize::MAX] {
            let (ep, data) = (pair.ep, byte.as_ptr().cast());
            // SAFETY: nothing is read, since there is no room for it.
            let refused = unsafe {
                active_message::ucp_am_send_nbx(
                    ep,
                    ID,
                    ptr::null(),
                    0,
                    data,
                    length,
                    &raw const param,
                )
            };
            assert_eq!(refused, UcsStatus::NO_MEMORY.to_ptr());
        }
        pair.end();
    });
}
