//! SCTP user messages.

use sip_core::limits::Limits;
use sip_core::net::Failure;

use crate::build::*;
use crate::witness::{Capture, SECOND};

fn parts(tsn: u32, stream: u16) -> Vec<Vec<u8>> {
    [(0, BEGIN, "INVI"), (1, 0, "TE s"), (2, END, "ip:a")]
        .map(|(i, flags, text)| sctp(9, &[data(tsn.wrapping_add(i), stream, flags, text.as_bytes())]))
        .to_vec()
}

#[test]
fn a_whole_message_and_bundled_ones() {
    let mut capture = Capture::new(RAW);
    let first = data(100, 0, BEGIN | END | UNORDERED, b"OPTIONS");
    // A SACK, padding after 5 bytes, and something that is no SIP: the best of all chunks is the disposition.
    let packet = sctp(9, &[chunk(3, 0, &[0; 12]), first, data(101, 1, BEGIN | END, b"\x80rtp!")]);
    assert_eq!(capture.packet(&packet), "sip/message");
    assert_eq!(capture.bytes(), [b"OPTIONS".to_vec(), b"\x80rtp!".to_vec()]);
    assert_eq!(capture.seen.datagrams[0].ident, 100);
    // IPv4 20, SCTP 12, SACK 16, DATA header 16.
    assert_eq!(capture.seen.datagrams[0].first.offset, 100_000 + 64);
}

#[test]
fn control_chunks_have_no_payload() {
    assert_eq!(Capture::new(RAW).packet(&sctp(0, &[chunk(1, 0, &[0; 16])])), "sctp/no_payload");
}

#[test]
fn parts_in_any_order_are_joined() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        // Also over the end of the TSN space.
        for tsn in [7, u32::MAX] {
            let parts = parts(tsn, 3);
            let mut capture = Capture::new(RAW);
            let dispositions = capture.packets(order.iter().map(|&i| &parts[i]));
            assert_eq!(dispositions, ["sctp/message_part", "sctp/message_part", "sip/message"]);
            assert_eq!(capture.bytes(), [b"INVITE sip:a"]);
            let datagram = &capture.seen.datagrams[0];
            assert_eq!((datagram.ident, datagram.first.frame, datagram.last.frame), (tsn, 1, 3));
        }
    }
}

#[test]
fn neighbours_of_another_stream_or_message_are_not_joined() {
    let mut capture = Capture::new(RAW);
    capture.packet(&sctp(9, &[data(1, 0, BEGIN, b"A1"), data(2, 1, BEGIN, b"B1"), data(3, 1, END, b"B2")]));
    capture.packet(&sctp(9, &[data(4, 0, END, b"A2"), data(5, 0, BEGIN, b"C1"), data(6, 0, END, b"C2")]));
    assert_eq!(capture.bytes(), [b"B1B2", b"C1C2"]);
    capture.finish();
    assert_eq!(capture.codes(), ["sctp_message_incomplete"; 2]);
}

#[test]
fn a_tsn_seen_before_is_dropped() {
    let packet = sctp(9, &[data(5, 0, BEGIN | END, b"OPTIONS")]);
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packets([&packet, &packet]), ["sip/message", "sctp/repeated"]);
    // The same TSN of another association is another message.
    assert_eq!(capture.packet(&sctp(10, &[data(5, 0, BEGIN | END, b"OPTIONS")])), "sip/message");
    // One that comes late is new; one from far behind is taken as seen.
    capture.packet(&sctp(9, &[data(900, 0, BEGIN | END, b"OPTIONS")]));
    assert_eq!(capture.packet(&sctp(9, &[data(6, 0, BEGIN | END, b"OPTIONS")])), "sip/message");
    capture.packet(&sctp(9, &[data(5000, 0, BEGIN | END, b"OPTIONS")]));
    assert_eq!(capture.packet(&sctp(9, &[data(7, 0, BEGIN | END, b"OPTIONS")])), "sctp/repeated");
}

#[test]
fn i_data_of_interleaved_messages() {
    let mut capture = Capture::new(RAW);
    capture.packet(&sctp(9, &[i_data(1, 0, 1, 0, BEGIN, b"A1"), i_data(2, 0, 2, 0, BEGIN, b"B1")]));
    capture.packet(&sctp(9, &[i_data(3, 0, 1, 1, 0, b"A2"), i_data(4, 0, 2, 1, END, b"B2")]));
    capture.packet(&sctp(9, &[i_data(5, 0, 1, 2, END, b"A3")]));
    assert_eq!(capture.bytes(), [b"B1B2".to_vec(), b"A1A2A3".to_vec()]);
}

#[test]
fn forward_tsn_abandons() {
    let mut capture = Capture::new(RAW);
    let parts = parts(7, 0);
    capture.packet(&parts[0]);
    capture.packet(&sctp(9, &[chunk(192, 0, &9u32.to_be_bytes()), chunk(192, 0, &[0, 0, 0, 9, 0, 0, 0, 0])]));
    capture.packets(&parts[1..]);
    assert!(capture.bytes().is_empty());
    assert_eq!(capture.codes(), ["sctp_message_incomplete"]);
}

#[test]
fn an_abort_is_a_failure_told_once() {
    let mut capture = Capture::new(RAW);
    let abort = sctp(9, &[chunk(6, 0, &[])]);
    assert_eq!(capture.packets([&abort, &abort]), ["sctp/no_payload"; 2]);
    assert_eq!(capture.seen.failures.len(), 1);
    assert_eq!(capture.seen.failures[0].1, Failure::SctpAbort);
}

#[test]
fn a_sliced_message_says_how_much_is_missing() {
    let mut capture = Capture::new(RAW);
    let packet = sctp(9, &[data(1, 0, BEGIN | END, b"OPTIONS ")]);
    capture.sliced(&packet, packet.len() - 3);
    assert_eq!((capture.bytes(), capture.seen.datagrams[0].missing), (vec![b"OPTIO".to_vec()], 3));
    assert!(capture.codes().is_empty());
}

#[test]
fn parts_that_never_meet_are_given_up() {
    let mut capture = Capture::new(RAW);
    capture.packet(&parts(7, 0)[0]);
    capture.time += 61 * SECOND;
    capture.packet(&sctp(9, &[chunk(4, 0, &[])]));
    assert_eq!(capture.codes(), ["sctp_message_incomplete"]);

    let limits = Limits { max_sctp_bytes: 300, ..Limits::default() };
    let mut capture = Capture::with(RAW, &limits);
    for tsn in 0..10 {
        capture.packet(&sctp(9, &[data(tsn * 2, 0, BEGIN, b"part")]));
    }
    assert_eq!(capture.codes(), ["sctp_buffer_limit"; 6]);
}

#[test]
fn a_chunk_length_that_cannot_be_ends_the_walk() {
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&sctp(9, &[vec![0, 3, 0, 2]])), "sctp/malformed");
    assert_eq!(capture.codes(), ["sctp_chunk_malformed"]);
}
