//! IP datagrams in fragments.

use sip_core::limits::Limits;

use crate::build::*;
use crate::witness::{Capture, SECOND};

/// 8 bytes of UDP header and 40 of payload: three fragments of 16 bytes.
fn payload() -> Vec<u8> {
    (0..40).map(|i| b'a' + i % 26).collect()
}

fn pieces(ident: u16) -> Vec<Vec<u8>> {
    let datagram = udp(&payload());
    (0..3).map(|i| fragment(ident, i * 16, i < 2, &datagram[i * 16..][..16])).collect()
}

fn pieces6(ident: u32) -> Vec<Vec<u8>> {
    let datagram = udp(&payload());
    (0..3).map(|i| fragment6(17, ident, i * 16, i < 2, &datagram[i * 16..][..16])).collect()
}

#[test]
fn fragments_in_any_order_are_joined() {
    for pieces in [pieces(1), pieces6(1)] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut capture = Capture::new(RAW);
            let dispositions = capture.packets(order.iter().map(|&i| &pieces[i]));
            assert_eq!(dispositions, ["ip/fragment_held", "ip/fragment_held", "sip/message"]);
            assert_eq!(capture.bytes(), [payload()]);
            let datagram = &capture.seen.datagrams[0];
            assert_eq!((datagram.first.frame, datagram.last.frame, datagram.ident, datagram.missing), (1, 3, 1, 0));
            capture.finish();
            assert_eq!(capture.seen.ledger["sip/message"], 3);
        }
    }
}

#[test]
fn the_first_stamp_points_at_the_payload_if_it_is_there() {
    let mut capture = Capture::new(RAW);
    capture.packets(&pieces(1));
    assert_eq!(capture.seen.datagrams[0].first.offset, 100_000 + 20 + 8);
    assert_eq!(capture.seen.datagrams[0].last.offset, 300_000 + 20);
}

#[test]
fn copies_one_after_the_other_are_absorbed() {
    let pieces = pieces(1);
    let mut capture = Capture::new(RAW);
    let dispositions = capture.packets(pieces.iter().flat_map(|piece| [piece, piece]));
    assert_eq!(capture.bytes(), [payload()]);
    assert_eq!(dispositions.iter().filter(|disposition| *disposition == "ip/fragment_repeated").count(), 3);
    capture.finish();
    assert!(capture.codes().is_empty(), "{:?}", capture.codes());
}

#[test]
fn a_second_copy_of_all_is_a_second_unit_with_the_same_identification() {
    let mut capture = Capture::new(RAW);
    capture.packets(&pieces(1));
    capture.packets(&pieces(1));
    capture.finish();
    assert_eq!(capture.bytes(), [payload(), payload()]);
    assert_eq!(capture.seen.datagrams[0].ident, capture.seen.datagrams[1].ident);
    assert!(capture.codes().is_empty());
}

/// What a complete datagram owes is only what was doubled: an identification used again at once is a new datagram.
#[test]
fn an_identification_used_again_after_absorbed_copies() {
    let pieces = pieces(1);
    let other = udp(&[b'x'; 40]);
    let mut capture = Capture::new(RAW);
    capture.packets([&pieces[0], &pieces[0], &pieces[1], &pieces[2]]);
    for i in 0..3 {
        capture.packet(&fragment(1, i * 16, i < 2, &other[i * 16..][..16]));
    }
    assert_eq!(capture.bytes(), [payload(), vec![b'x'; 40]]);
}

#[test]
fn ipv4_overlap_keeps_the_first_copy_and_says_so() {
    let datagram = udp(&payload());
    let mut capture = Capture::new(RAW);
    capture.packet(&fragment(1, 0, true, &datagram[..16]));
    let mut overlapping = datagram[8..48].to_vec();
    overlapping[..8].fill(b'!');
    capture.packet(&fragment(1, 8, false, &overlapping));
    assert_eq!(capture.bytes(), [payload()]);
    assert_eq!(capture.codes(), ["ip_fragment_overlap"]);
}

#[test]
fn ipv4_overlap_with_the_same_bytes_is_no_problem() {
    let datagram = udp(&payload());
    let mut capture = Capture::new(RAW);
    capture.packet(&fragment(1, 16, true, &datagram[16..32]));
    capture.packet(&fragment(1, 24, false, &datagram[24..48]));
    capture.packet(&fragment(1, 0, true, &datagram[..24]));
    assert_eq!(capture.bytes(), [payload()]);
    assert!(capture.codes().is_empty());
}

/// RFC 5722: the datagram is void, also for fragments still to come.
#[test]
fn ipv6_overlap_voids_the_datagram() {
    let datagram = udp(&payload());
    let mut capture = Capture::new(RAW);
    capture.packet(&fragment6(17, 1, 0, true, &datagram[..16]));
    assert_eq!(capture.packet(&fragment6(17, 1, 8, false, &datagram[8..48])), "ip/fragment_overlap");
    capture.packets(&pieces6(1));
    capture.finish();
    assert!(capture.bytes().is_empty());
    assert_eq!(capture.codes(), ["ip_fragment_overlap"]);
    assert_eq!(capture.seen.ledger["ip/fragment_overlap"], 5);
}

/// RFC 6946: offset 0 and no more fragments is a whole datagram, whatever else has its identification.
#[test]
fn an_atomic_fragment_is_a_whole_datagram() {
    let mut capture = Capture::new(RAW);
    capture.packet(&pieces6(9)[0]);
    assert_eq!(capture.packet(&fragment6(17, 9, 0, false, &udp(b"OPTIONS"))), "sip/message");
    assert_eq!(capture.seen.datagrams[0].ident, 9);
}

#[test]
fn what_lies_in_front_of_the_hole_is_delivered_at_the_end() {
    let pieces = pieces(1);
    let mut capture = Capture::new(RAW);
    capture.packets([&pieces[2], &pieces[0]]);
    capture.finish();
    assert_eq!(capture.bytes(), [&payload()[..8]]);
    let datagram = &capture.seen.datagrams[0];
    assert_eq!((datagram.missing, datagram.first.frame, datagram.last.frame), (32, 1, 2));
    assert_eq!(capture.codes(), ["ip_fragment_incomplete"]);
    assert_eq!(capture.seen.ledger["sip/message"], 2);
}

#[test]
fn without_the_first_fragment_nothing_is_delivered() {
    let pieces = pieces(1);
    let mut capture = Capture::new(RAW);
    capture.packets([&pieces[1], &pieces[2]]);
    capture.finish();
    assert!(capture.bytes().is_empty());
    assert_eq!(capture.seen.ledger["ip/fragment_incomplete"], 2);
}

/// Capture time, also backwards: one capture may follow another.
#[test]
fn a_datagram_is_given_up_after_sixty_seconds() {
    for later in [61 * SECOND, -61 * SECOND] {
        let pieces = pieces(1);
        let mut capture = Capture::new(RAW);
        capture.packet(&pieces[0]);
        capture.time += later;
        capture.packet(&pieces[1]);
        assert_eq!(capture.codes(), ["ip_fragment_incomplete"]);
        assert_eq!(capture.bytes(), [&payload()[..8]]);
        capture.packet(&pieces[2]);
        assert_eq!(capture.bytes().len(), 1, "not joined with what came before");
    }
}

#[test]
fn limits_give_up_the_oldest() {
    let limits = Limits { max_fragment_groups: 2, ..Limits::default() };
    let mut capture = Capture::with(RAW, &limits);
    for ident in 1..=3 {
        capture.packet(&pieces(ident)[0]);
    }
    assert_eq!(capture.codes(), ["ip_fragment_limit"]);
    let (first, third) = (pieces(1), pieces(3));
    capture.packets(&first[1..]);
    capture.packets(&third[1..]);
    assert_eq!(capture.seen.datagrams.last().map(|datagram| (datagram.ident, datagram.missing)), Some((3, 0)));
}

#[test]
fn a_sliced_fragment_leaves_a_hole() {
    let pieces = pieces(1);
    let mut capture = Capture::new(RAW);
    capture.packet(&pieces[0]);
    capture.sliced(&pieces[1], 20 + 4);
    capture.packet(&pieces[2]);
    assert_eq!(capture.bytes(), [&payload()[..12]]);
    assert_eq!(capture.seen.datagrams[0].missing, 28);
}

#[test]
fn fragments_that_cannot_be() {
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&fragment(1, 0, true, &[0; 12])), "ip/fragment_invalid");
    assert_eq!(capture.packet(&fragment(2, 65_528, false, &[0; 16])), "ip/fragment_invalid");
    capture.packet(&fragment(3, 8, false, &[0; 8]));
    assert_eq!(capture.packet(&fragment(3, 16, true, &[0; 8])), "ip/fragment_invalid");
    assert_eq!(capture.codes(), ["ip_fragment_invalid"; 3]);
}
