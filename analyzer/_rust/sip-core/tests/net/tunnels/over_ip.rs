//! Tunnels with a protocol number of IP, and GTP-U.

use sip_core::layer::Layer;

use super::{carries, disposition, ipcomp, joined, sip};
use crate::build::*;
use crate::witness::Capture;

#[test]
fn gtpu_with_and_without_optional_fields() {
    carries(RAW, &gtpu(0x30, &sip()), &[Layer::new(&"gtpu")]);
    // Sequence number, N-PDU number: the four bytes are there, the next type means nothing.
    carries(RAW, &gtpu(0x32, &joined(&[&[0, 1, 0, 0x85], &sip()])), &[Layer::new(&"gtpu")]);
    carries(RAW, &gtpu(0x31, &joined(&[&[0, 0, 9, 0], &sip()])), &[Layer::new(&"gtpu")]);
    // A PDU session container of 4 bytes, a container of 8, then the packet.
    let extended = joined(&[&[0, 0, 0, 0x85], &[1, 0, 5, 0x84], &[2, 0, 0, 0, 0, 0, 0, 0], &sip()]);
    let capture = carries(RAW, &gtpu(0x34, &extended), &[Layer::new(&"gtpu")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.teid, Some(0x0102_0304));
}

#[test]
fn gtpu_carries_ipv6_ethernet_and_ppp() {
    carries(RAW, &gtpu(0x30, &ipv6(17, &udp(b"OPTIONS"))), &[Layer::new(&"gtpu")]);
    carries(RAW, &gtpu(0x30, &ethernet(0x0800, &sip())), &[Layer::new(&"gtpu")]);
    carries(RAW, &gtpu(0x30, &joined(&[&[0xFF, 3, 0, 0x21], &sip()])), &[Layer::new(&"gtpu")]);
}

#[test]
fn what_is_not_gtpu_on_its_port_is_a_datagram() {
    let capture = carries(RAW, &udp_between(2152, 5060, b"OPTIONS"), &[]);
    assert!(capture.seen.datagrams[0].encapsulation.is_plain());
    assert_eq!(
        disposition(RAW, &udp_between(2152, 2152, &[0x30, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0])).0,
        "gtpu/signalling"
    );
    assert_eq!(disposition(RAW, &gtpu(0x30, &[])).0, "gtpu/no_payload");
    assert_eq!(disposition(RAW, &gtpu(0x30, &[0x12; 30])).0, "gtpu/not_ip");
}

#[test]
fn damaged_gtpu_headers_are_problems() {
    // An extension header of no length would never end.
    let (disposition, codes) = disposition(RAW, &gtpu(0x34, &joined(&[&[0, 0, 0, 0x85], &[0, 0, 0, 0x85], &sip()])));
    assert_eq!((&*disposition, &*codes), ("gtpu/malformed", &["tunnel_header_malformed"][..]));
    let mut lying = gtpu(0x30, &sip());
    lying[20 + 8 + 3] += 40;
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&lying), "sip/message");
    assert_eq!(capture.codes(), ["tunnel_length_exceeds_packet"]);
    assert_eq!(capture.sliced(&gtpu(0x34, &sip()), 20 + 8 + 9), "gtpu/cut");
}

#[test]
fn gre_of_every_kind() {
    let gre = |header: &[u8]| ipv4(47, 0, &joined(&[header, &sip()]));
    carries(RAW, &gre(&[0, 0, 8, 0]), &[Layer::new(&"gre")]);
    carries(RAW, &gre(&[0xB0, 0, 8, 0, 1, 1, 0, 0, 0, 0, 0, 77, 0, 0, 0, 1]), &[Layer::new(&"gre")]);
    // RFC 1701: an IP source route of 4 bytes, then the entry that ends it.
    carries(RAW, &gre(&[0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 192, 0, 2, 9, 0, 0, 0, 0]), &[Layer::new(&"gre")]);
    // Version 1: key, sequence number, acknowledgement; PPP without address and with a compressed protocol.
    carries(RAW, &gre(&[0x30, 0x81, 0x88, 0x0B, 0, 30, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x21]), &[Layer::new(&"gre")]);
    let bridged = joined(&[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 1], &ethernet(0x0800, &sip())]);
    carries(RAW, &ipv4(47, 0, &bridged), &[Layer::new(&"gre")]);
    assert_eq!(disposition(RAW, &gre(&[0, 5, 8, 0])).0, "gre/malformed");
    assert_eq!(disposition(RAW, &ipv4(47, 0, &[0, 0, 8, 0])).0, "gre/no_payload");
    assert_eq!(disposition(RAW, &gre(&[0, 0, 0x88, 0xB7])).0, "link/ethertype_0x88b7");
}

#[test]
fn erspan_of_three_types() {
    let frame = ethernet(0x0800, &sip());
    let erspan = |header: &[u8]| ipv4(47, 0, &joined(&[header, &frame]));
    let tunnels = [Layer::new(&"gre"), Layer::new(&"erspan")];
    carries(RAW, &erspan(&[0, 0, 0x88, 0xBE]), &tunnels);
    let second = carries(RAW, &erspan(&[0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0x11, 0x2C, 0, 1, 0, 0, 0, 0]), &tunnels);
    assert_eq!(second.seen.datagrams[0].encapsulation.vlans(), [300]);
    let third = [&[0x10, 0, 0x22, 0xEB, 0, 0, 0, 1, 0x21, 0x2C, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0][..], &[]];
    carries(RAW, &erspan(&third.concat()), &tunnels);
    let third = [&[0x10, 0, 0x22, 0xEB, 0, 0, 0, 1, 0x21, 0x2C, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1][..], &[0; 8]];
    carries(RAW, &erspan(&third.concat()), &tunnels);
}

#[test]
fn ip_in_ip_of_every_version() {
    let capture = carries(RAW, &ipv4_between([10, 0, 0, 1], [10, 0, 0, 2], 4, 0, 0, &sip()), &[Layer::new(&"ipip")]);
    let encapsulation = capture.seen.datagrams[0].encapsulation;
    assert_eq!(encapsulation.outer, Some(([10, 0, 0, 1].into(), [10, 0, 0, 2].into())));
    carries(RAW, &ipv4(41, 0, &ipv6(17, &udp(b"OPTIONS"))), &[Layer::new(&"6in4")]);
    carries(RAW, &ipv6(4, &sip()), &[Layer::new(&"4in6")]);
    carries(RAW, &ipv6(41, &ipv6(17, &udp(b"OPTIONS"))), &[Layer::new(&"6in6")]);
    carries(RAW, &ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x0800, &sip())])), &[Layer::new(&"etherip")]);
    carries(RAW, &ipv4(137, 0, &joined(&[&[0, 0, 0x11, 64], &sip()])), &[Layer::new(&"mpls")]);
}

/// RFC 3828: the length is how much the checksum covers, here the header.
#[test]
fn udp_lite() {
    let mut datagram = udp(b"OPTIONS");
    datagram[4..6].copy_from_slice(&8u16.to_be_bytes());
    carries(RAW, &ipv4(136, 0, &datagram), &[]);
    assert!(disposition(RAW, &ipv4(136, 0, &datagram[..5])).0.starts_with("udp/"));
}

#[test]
fn ipcomp_is_deflate_where_nothing_else_was_agreed_on() {
    let ipcomp_layer = [Layer::new(&"ipcomp")];
    let datagram = udp(b"OPTIONS");
    for index in [2, 256, 61_439] {
        carries(RAW, &ipv4(108, 0, &ipcomp(17, index, &datagram)), &ipcomp_layer);
    }
    // LZS; what is no DEFLATE; what is cut.
    for packet in
        [ipcomp(17, 3, &datagram), joined(&[&[17, 0, 0, 2], &[0xFF; 40]]), ipcomp(17, 2, &datagram)[..12].to_vec()]
    {
        assert_eq!(disposition(RAW, &ipv4(108, 0, &packet)).0, "ip/protocol_108_ipcomp");
    }
    // In itself, to the end of what is looked at.
    let deep = (0..200).fold(ipcomp(17, 2, &datagram), |packet, _| ipcomp(108, 2, &packet));
    assert_eq!(disposition(RAW, &ipv4(108, 0, &deep)), ("ip/too_deep".to_owned(), vec!["layer_limit"]));
}

#[test]
fn l2tpv3_behind_whatever_cookie() {
    let layer = [Layer::new(&"l2tpv3")];
    let frame = ethernet(0x0800, &sip());
    for before in [0, 4, 8, 12] {
        let cookie = vec![0xA5; before];
        carries(RAW, &ipv4(115, 0, &joined(&[&[0, 0, 0, 7], &cookie, &frame])), &layer);
        carries(RAW, &ipv4(115, 0, &joined(&[&[0, 0, 0, 7], &cookie, &sip()])), &layer);
        carries(RAW, &udp_between(1701, 1701, &joined(&[&[0, 3, 0, 0, 0, 0, 0, 7], &cookie, &frame])), &layer);
    }
    assert_eq!(disposition(RAW, &ipv4(115, 0, &[0, 0, 0, 0, 0xC8, 3, 0, 12])).0, "l2tpv3/signalling");
    assert_eq!(
        disposition(RAW, &udp_between(1701, 1701, &[0xC8, 3, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0])).0,
        "l2tpv3/signalling"
    );
    assert_eq!(disposition(RAW, &ipv4(115, 0, &[0, 0, 0, 7, 1, 2, 3])).0, "ip/protocol_115_l2tp");
}

#[test]
fn l2tp_with_every_optional_field() {
    let packet = |header: &[u8]| udp_between(1701, 1701, &joined(&[header, &[0xFF, 3, 0, 0x21], &sip()]));
    carries(RAW, &packet(&[0, 2, 0, 1, 0, 1]), &[Layer::new(&"l2tp")]);
    let length = 6 + 2 + 4 + 4 + 4 + sip().len() as u8;
    carries(RAW, &packet(&[0x4A, 2, 0, length, 0, 1, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0]), &[Layer::new(&"l2tp")]);
    assert_eq!(
        disposition(RAW, &udp_between(1701, 1701, &[0xC8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0])).0,
        "l2tp/signalling"
    );
}
