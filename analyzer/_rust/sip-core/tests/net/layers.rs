//! Link layers, IP headers, UDP and ICMP.

use std::net::{IpAddr, Ipv4Addr};

use sip_core::net::{Failure, Flow, Protocol};

use crate::build::*;
use crate::witness::Capture;

fn sip() -> Vec<u8> {
    ipv4(17, 7, &udp(b"OPTIONS"))
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A frame of this link type carries the datagram.
fn carries(link: u16, frame: &[u8]) {
    let mut capture = Capture::new(link);
    assert_eq!(capture.packet(frame), "sip/message", "link type {link}");
    assert_eq!(capture.bytes(), [b"OPTIONS"]);
}

fn disposition(link: u16, frame: &[u8]) -> String {
    let mut capture = Capture::new(link);
    let disposition = capture.packet(frame);
    capture.finish();
    disposition
}

#[test]
fn a_udp_datagram_has_its_flow_stamp_and_identification() {
    let mut capture = Capture::new(RAW);
    capture.packet(&sip());
    let datagram = &capture.seen.datagrams[0];
    let flow = Flow {
        protocol: Protocol::Udp,
        src: IpAddr::V4(Ipv4Addr::from(A)),
        dst: IpAddr::V4(Ipv4Addr::from(B)),
        src_port: 5060,
        dst_port: 5070,
    };
    assert_eq!((datagram.flow, datagram.ident, datagram.missing), (flow, 7, 0));
    assert_eq!(datagram.first, datagram.last);
    // 20 bytes of IPv4 and 8 of UDP lie in front of the payload.
    assert_eq!((datagram.first.frame, datagram.first.offset), (1, 100_028));
}

#[test]
fn raw_ip_of_every_number() {
    for link in [12, 14, 101, 228] {
        carries(link, &sip());
    }
    for link in [101, 229] {
        carries(link, &ipv6(17, &udp(b"OPTIONS")));
    }
}

#[test]
fn ethernet_trusts_the_ip_length_over_the_padding() {
    let mut frame = ethernet(0x0800, &sip());
    frame.resize(60, 0);
    carries(ETHERNET, &frame);
}

#[test]
fn stacks_of_vlan_tags() {
    let tag = |ethertype: u16| joined(&[&[0, 100], &ethertype.to_be_bytes()]);
    carries(ETHERNET, &ethernet(0x8100, &joined(&[&tag(0x0800), &sip()])));
    let stack = joined(&[&tag(0x9100), &tag(0x9200), &tag(0x8100), &tag(0x0800), &sip()]);
    carries(ETHERNET, &ethernet(0x88A8, &stack));
}

#[test]
fn ieee_802_3_with_llc_and_snap() {
    let llc = joined(&[&[0xAA, 0xAA, 3, 0, 0, 0, 0x08, 0x00], &sip()]);
    carries(ETHERNET, &ethernet(llc.len() as u16, &llc));
    // Spanning tree.
    assert_eq!(disposition(ETHERNET, &ethernet(38, &[0x42, 0x42, 3, 0, 0, 0, 0, 0, 0])), "link/llc");
}

#[test]
fn linux_cooked_captures() {
    let sll = joined(&[&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], &sip()]);
    carries(113, &sll);
    let sll2 = joined(&[&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0], &sip()]);
    carries(276, &sll2);
    // A VLAN tag survives cooking.
    let tagged = joined(&[&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0], &[0, 5, 8, 0], &sip()]);
    carries(113, &tagged);
}

#[test]
fn bsd_loopback_in_both_byte_orders() {
    for link in [0, 108] {
        carries(link, &joined(&[&[2, 0, 0, 0], &sip()]));
        carries(link, &joined(&[&[0, 0, 0, 2], &sip()]));
        for family in [10, 24, 28, 30] {
            carries(link, &joined(&[&[family, 0, 0, 0], &ipv6(17, &udp(b"OPTIONS"))]));
            carries(link, &joined(&[&[0, 0, 0, family], &ipv6(17, &udp(b"OPTIONS"))]));
        }
    }
    assert_eq!(disposition(0, &[7, 0, 0, 0]), "link/address_family_7");
}

#[test]
fn what_has_no_decoder_is_named() {
    assert_eq!(disposition(ETHERNET, &ethernet(0x0806, &[0; 28])), "link/ethertype_arp");
    assert_eq!(disposition(ETHERNET, &ethernet(0x88E5, &[0; 28])), "link/ethertype_macsec");
    assert_eq!(disposition(ETHERNET, &ethernet(0x1234, &[0; 28])), "link/ethertype_0x1234");
    assert_eq!(disposition(RAW, &ipv4(115, 0, &[1; 28])), "ip/protocol_115_l2tp");
    assert_eq!(disposition(RAW, &ipv4(200, 0, &[0; 28])), "ip/protocol_200");
    assert_eq!(disposition(RAW, &ipv4(1, 0, &[8, 0, 0, 0, 0, 0, 0, 0])), "icmp/informational");
    assert_eq!(disposition(RAW, &ipv4(17, 0, &udp(b"\x80"))), "udp/not_sip_rtp");
    assert_eq!(disposition(RAW, &ipv4(17, 0, &udp(b"\r\n"))), "sip/keep_alive");
    assert_eq!(disposition(RAW, &ipv4(17, 0, &udp(b""))), "udp/no_payload");
}

#[test]
fn an_unknown_link_type_is_reported_once() {
    let mut capture = Capture::new(9999);
    assert_eq!(capture.packet(&[0; 40]), "link/unknown_link_type_9999");
    capture.packet(&[0; 40]);
    assert_eq!(capture.codes(), ["link_type_unknown"]);
}

#[test]
fn ipv6_extension_headers_are_walked_through() {
    // Hop-by-hop, routing, destination options (8 bytes each), then AH of 24 bytes: (4 + 2) * 4.
    let mut chain = vec![43, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 51, 0, 1, 4, 0, 0, 0, 0, 17, 4];
    chain.resize(24 + 24, 0);
    chain.extend(udp(b"OPTIONS"));
    carries(RAW, &ipv6(0, &chain));
    assert_eq!(disposition(RAW, &ipv6(59, &[1, 2, 3])), "ip/no_next_header");
}

#[test]
fn an_authentication_header_leaves_ipv4_readable() {
    let mut payload = vec![17, 4];
    payload.resize(24, 0);
    payload.extend(udp(b"OPTIONS"));
    carries(RAW, &ipv4(51, 0, &payload));
}

#[test]
fn a_total_length_of_zero_is_offload() {
    let mut packet = sip();
    packet[2..4].fill(0);
    carries(RAW, &packet);
}

#[test]
fn ip_options_are_skipped() {
    let mut packet = sip();
    packet[0] = 0x46;
    packet[3] += 4;
    packet.splice(20..20, [1, 1, 1, 0]);
    carries(RAW, &packet);
}

#[test]
fn a_sliced_datagram_says_how_much_is_missing() {
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.sliced(&sip(), 20 + 8 + 3), "sip/message");
    assert_eq!((capture.bytes(), capture.seen.datagrams[0].missing), (vec![b"OPT".to_vec()], 4));
    assert_eq!(capture.sliced(&sip(), 20 + 8), "udp/cut");
    assert_eq!(capture.sliced(&sip(), 20 + 4), "udp/cut");
    assert_eq!(capture.sliced(&sip(), 12), "ip/cut");
    assert!(capture.codes().is_empty(), "a snap length is no fault of the packet");
}

#[test]
fn lengths_that_claim_too_much_are_problems() {
    let mut capture = Capture::new(RAW);
    let mut packet = sip();
    packet[3] += 10;
    capture.packet(&packet);
    let mut packet = sip();
    packet[25] += 10;
    capture.packet(&packet);
    assert_eq!(capture.codes(), ["ip_length_exceeds_packet", "udp_length_exceeds_packet"]);
    assert_eq!(capture.seen.datagrams[1].missing, 10);
}

#[test]
fn too_many_layers_end_the_walk() {
    let tags = [0, 1, 0x81, 0].repeat(40);
    let mut capture = Capture::new(ETHERNET);
    assert_eq!(capture.packet(&ethernet(0x8100, &tags)), "ip/too_deep");
    assert_eq!(capture.codes(), ["layer_limit"]);
}

/// Destination unreachable, port unreachable: quotes the datagram of A to B and comes from B.
#[test]
fn an_icmp_error_is_evidence_and_its_quote_no_message() {
    let quote = joined(&[&[3, 3, 0, 0, 0, 0, 0, 0], &sip()]);
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&ipv4_between(B, A, 1, 0, 0, &quote)), "icmp/error");
    let (flow, failure) = capture.seen.failures[0];
    assert_eq!(failure, Failure::IcmpUnreachable(3, 3));
    assert_eq!((flow.src, flow.src_port, flow.dst_port), (IpAddr::V4(Ipv4Addr::from(A)), 5060, 5070));
    assert!(capture.seen.datagrams.is_empty());
}

/// RFC 792 asks for 8 bytes of the datagram only: the ports are in them, the length is not true any more.
#[test]
fn the_shortest_quote_has_the_ports() {
    let quote = joined(&[&[3, 1, 0, 0, 0, 0, 0, 0], &sip()[..28]]);
    let mut capture = Capture::new(RAW);
    capture.packet(&ipv4_between(B, A, 1, 0, 0, &quote));
    assert_eq!(capture.seen.failures.len(), 1);
    assert!(capture.codes().is_empty());
}

#[test]
fn icmpv6_quotes_through_extension_headers() {
    let mut inner = vec![17, 0, 1, 4, 0, 0, 0, 0];
    inner.extend(udp(b"OPTIONS"));
    let quote = joined(&[&[1, 4, 0, 0, 0, 0, 0, 0], &ipv6(60, &inner)]);
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&ipv6(58, &quote)), "icmp/error");
    assert_eq!(capture.seen.failures[0].0.dst_port, 5070);
    assert_eq!(capture.seen.failures[0].1, Failure::IcmpUnreachable(1, 4));
}
