//! Tunnels and unusual links: what is inside comes out, and what was outside is remembered.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sip_core::layer::Layer;
use sip_core::limits::Limits;

use crate::build::*;
use crate::witness::Capture;

fn sip() -> Vec<u8> {
    ipv4(17, 7, &udp(b"OPTIONS"))
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The datagram comes out of this frame, which was in these tunnels.
fn carries(link: u16, frame: &[u8], tunnels: &[Layer]) -> Capture {
    let mut capture = Capture::new(link);
    assert_eq!(capture.packet(frame), "sip/message", "link type {link}: {frame:02x?}");
    assert_eq!(capture.bytes(), [b"OPTIONS"]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.tunnels(), tunnels);
    assert!(capture.codes().is_empty(), "{:?}", capture.codes());
    capture
}

fn disposition(link: u16, frame: &[u8]) -> (String, Vec<&'static str>) {
    let mut capture = Capture::new(link);
    let disposition = capture.packet(frame);
    capture.finish();
    (disposition, capture.codes())
}

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

#[test]
fn ethernet_over_udp() {
    let frame = ethernet(0x0800, &sip());
    let over = |port: u16, header: &[u8]| udp_between(50_000, port, &joined(&[header, &frame]));
    carries(RAW, &over(4789, &[8, 0, 0, 0, 0, 0, 42, 0]), &[Layer::new(&"vxlan")]);
    carries(RAW, &over(8472, &[8, 0, 0, 0, 0, 0, 42, 0]), &[Layer::new(&"vxlan")]);
    carries(RAW, &over(4790, &[0x0C, 0, 0, 3, 0, 0, 42, 0]), &[Layer::new(&"vxlan")]);
    carries(RAW, &udp_between(1, 4790, &joined(&[&[0x0C, 0, 0, 1, 0, 0, 42, 0], &sip()])), &[Layer::new(&"vxlan")]);
    carries(RAW, &over(6081, &[0, 0, 0x65, 0x58, 0, 0, 42, 0]), &[Layer::new(&"geneve")]);
    // An option of 4 bytes, marked critical.
    carries(RAW, &over(6081, &[2, 0x40, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 0x83, 1, 0, 0, 0, 0]), &[Layer::new(&"geneve")]);
    carries(RAW, &udp_between(50_000, 6081, &joined(&[&[0, 0, 8, 0, 0, 0, 42, 0], &sip()])), &[Layer::new(&"geneve")]);
    carries(RAW, &over(37008, &[1, 0, 0, 1, 0, 0x0A, 2, 9, 9, 1]), &[Layer::new(&"tzsp")]);
    // SIP on these ports stays SIP.
    for port in [4789, 8472, 6081, 37008, 1701, 4500] {
        carries(RAW, &udp_between(5060, port, b"OPTIONS"), &[]);
    }
}

#[test]
fn tags_of_switches() {
    let tagged = |ethertype: u16, tag: &[u8]| ethernet(ethertype, &joined(&[tag, &[0x08, 0x00], &sip()]));
    carries(ETHERNET, &tagged(0x8926, &[0, 1, 0, 2]), &[Layer::new(&"vntag")]);
    carries(ETHERNET, &tagged(0x893F, &[0, 0, 0, 1, 0, 0]), &[Layer::new(&"etag")]);
    carries(ETHERNET, &tagged(0x8909, &[1, 1, 0, 1, 0, 2]), &[Layer::new(&"cisco_metadata")]);
    // Two options: 8 bytes of them.
    carries(ETHERNET, &tagged(0x8909, &[1, 2, 0, 1, 0, 2, 0, 2, 0, 3]), &[Layer::new(&"cisco_metadata")]);
    // 64 and 48 bits; of the clock UTC.
    carries(ETHERNET, &tagged(0xD28B, &[0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 5]), &[Layer::new(&"arista_time")]);
    carries(ETHERNET, &tagged(0xD28B, &[0, 1, 1, 0x20, 3, 4, 0, 0, 0, 5]), &[Layer::new(&"arista_time")]);
    let frame = ethernet(0x0800, &sip());
    carries(ETHERNET, &ethernet(0x8903, &joined(&[&[4, 5], &frame])), &[Layer::new(&"fabricpath")]);
    // A VLAN tag behind it, an LLC frame behind it.
    let behind = |rest: &[u8]| ethernet(0x8926, &joined(&[&[0, 1, 0, 2], rest, &sip()]));
    let capture = carries(ETHERNET, &behind(&[0x81, 0, 0, 100, 8, 0]), &[Layer::new(&"vntag")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.vlans(), [100]);
    carries(ETHERNET, &behind(&[0, 200, 0xAA, 0xAA, 3, 0, 0, 0, 8, 0]), &[Layer::new(&"vntag")]);
    assert_eq!(disposition(ETHERNET, &ethernet(0x8909, &[2, 0, 0, 0, 8, 0])).0, "cisco_metadata/malformed");
    assert_eq!(disposition(ETHERNET, &ethernet(0xD28B, &[0, 2, 0, 0x10, 1, 2, 3, 4])).0, "link/ethertype_0xd28b");
    for ethertype in [0x8926, 0x893F, 0x8903, 0x8909, 0xD28B] {
        assert!(disposition(ETHERNET, &ethernet(ethertype, &[1])).0.ends_with("/malformed"));
    }
}

/// IEEE 802.1AE §9.3: the bits E and C are clear where integrity alone is protected.
#[test]
fn macsec_that_does_not_encrypt() {
    let frame = |control: u8, rest: &[u8], icv: usize| {
        let tag = [&[control, 0, 0, 0, 0, 1][..], rest].concat();
        ethernet(0x88E5, &joined(&[&tag, &[0x08, 0x00], &sip(), &vec![0xA5; icv]]))
    };
    carries(ETHERNET, &frame(0x20, &[2, 0, 0, 0, 0, 1, 0, 1], 16), &[Layer::new(&"macsec")]);
    carries(ETHERNET, &frame(0x00, &[], 16), &[Layer::new(&"macsec")]);
    for control in [0x0C, 0x2C, 0x04, 0x08, 0x80] {
        let (disposition, codes) = disposition(ETHERNET, &frame(control, &[7; 8], 16));
        assert_eq!((&*disposition, &*codes), ("link/ethertype_macsec", &[][..]));
    }
}

#[test]
fn service_chains_and_locators() {
    let nsh = |next: u8, inside: &[u8]| ethernet(0x894F, &joined(&[&[0x0F, 0xC2, 2, next, 0, 0, 1, 0xFF], inside]));
    carries(ETHERNET, &nsh(1, &sip()), &[Layer::new(&"nsh")]);
    carries(ETHERNET, &nsh(2, &ipv6(17, &udp(b"OPTIONS"))), &[Layer::new(&"nsh")]);
    carries(ETHERNET, &nsh(3, &ethernet(0x0800, &sip())), &[Layer::new(&"nsh")]);
    assert_eq!(disposition(ETHERNET, &nsh(4, &sip())).0, "link/ethertype_nsh");
    let gpe = joined(&[&[0x0C, 0, 0, 4, 0, 0, 42, 0], &nsh(1, &sip())[14..]]);
    carries(RAW, &udp_between(1, 4790, &gpe), &[Layer::new(&"vxlan"), Layer::new(&"nsh")]);
    carries(RAW, &udp_between(1, 4341, &joined(&[&[0x80, 0, 0, 0, 0, 0, 0, 1], &sip()])), &[Layer::new(&"lisp")]);
    carries(RAW, &udp_between(1, 6635, &joined(&[&[0, 0, 6, 64, 0, 0, 0x11, 64], &sip()])), &[Layer::new(&"mpls")]);
    // SIP on these ports stays SIP.
    for port in [4341, 6635, 9899, 47290, 3544] {
        carries(RAW, &udp_between(5060, port, b"OPTIONS"), &[]);
    }
}

/// RFC 5415 §4.3: 802.3 and 802.11 inside; DTLS, fragments and keep-alives are none.
#[test]
fn frames_of_access_points() {
    let capwap = |head: [u8; 4], inside: &[u8]| udp_between(1, 5247, &joined(&[&head, &[0; 4], inside]));
    let frame = ethernet(0x0800, &sip());
    carries(RAW, &capwap([0, 0x10, 0x02, 0], &frame), &[Layer::new(&"capwap")]);
    let wlan = joined(&[&[8, 1, 0, 0], &[2; 20], &[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &sip()]);
    carries(RAW, &capwap([0, 0x10, 0x03, 0], &wlan), &[Layer::new(&"capwap")]);
    // Cisco's access points swap the bytes of frame control.
    let swapped = joined(&[&[1, 0x88, 0, 0], &[2; 20], &[0, 0], &[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &sip()]);
    carries(RAW, &capwap([0, 0x10, 0x03, 0], &swapped), &[Layer::new(&"capwap")]);
    assert_eq!(disposition(RAW, &capwap([0, 0x10, 0x03, 0], &[0x40, 0x08, 0, 0, 1, 2])).0, "wlan/encrypted");
    assert_eq!(disposition(RAW, &capwap([0, 0x10, 0x03, 0], &[0x80; 40])).0, "wlan/signalling");
    for head in
        [[1, 0x10, 2, 0], [0, 0x10, 2, 0x80], [0, 0x10, 2, 0x08], [0, 0, 2, 0], [0, 0xF8, 2, 0], [0, 0x10, 5, 0]]
    {
        let mut capture = Capture::new(RAW);
        capture.packet(&capwap(head, &frame[..40]));
        assert!(capture.seen.datagrams[0].encapsulation.is_plain(), "{head:02x?}");
    }
}

#[test]
fn frames_between_switches() {
    let isl = |kind: u8, vlan: u16| {
        let head = [1, 0, 0x0C, 0, 0, kind, 0, 1, 2, 3, 4, 5, 0, 90, 0xAA, 0xAA, 3, 0, 1, 2];
        joined(&[&head, &(vlan << 1).to_be_bytes(), &[0; 4], &ethernet(0x0800, &sip())])
    };
    let capture = carries(ETHERNET, &isl(0, 100), &[Layer::new(&"isl")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.vlans(), [100]);
    // Token ring inside.
    assert_eq!(disposition(ETHERNET, &isl(0x10, 100)).0, "link/llc");
}

/// RFC 3828: the length is how much the checksum covers, here the header.
#[test]
fn udp_lite() {
    let mut datagram = udp(b"OPTIONS");
    datagram[4..6].copy_from_slice(&8u16.to_be_bytes());
    carries(RAW, &ipv4(136, 0, &datagram), &[]);
    assert!(disposition(RAW, &ipv4(136, 0, &datagram[..5])).0.starts_with("udp/"));
}

/// A header that ends anywhere leads nowhere, and to no panic.
#[test]
fn every_tag_cut_anywhere() {
    let frames = [
        ethernet(0x8926, &joined(&[&[0, 1, 0, 2, 8, 0], &sip()])),
        ethernet(0x893F, &joined(&[&[0, 0, 0, 1, 0, 0, 8, 0], &sip()])),
        ethernet(0x8903, &joined(&[&[4, 5], &ethernet(0x0800, &sip())])),
        ethernet(0x8909, &joined(&[&[1, 1, 0, 1, 0, 2, 8, 0], &sip()])),
        ethernet(0xD28B, &joined(&[&[0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 5, 8, 0], &sip()])),
        ethernet(0x88E5, &joined(&[&[0, 0, 0, 0, 0, 1, 8, 0], &sip(), &[7; 16]])),
        ethernet(0x894F, &joined(&[&[0x0F, 0xC2, 2, 1, 0, 0, 1, 0xFF], &sip()])),
        joined(&[&[1, 0, 0x0C, 0, 0, 0], &[0; 8], &[0xAA, 0xAA, 3, 0, 1, 2, 0, 2], &[0; 4], &ethernet(0x0800, &sip())]),
        ethernet(0x0800, &udp_between(1, 5247, &joined(&[&[0, 0x10, 2, 0, 0, 0, 0, 0], &ethernet(0x0800, &sip())]))),
        ethernet(0x0800, &udp_between(1, 47290, &checksummed(sip()))),
        ethernet(0x0800, &udp_between(9899, 9899, &sctp(9, &[data(1, 0, BEGIN | END, b"OPTIONS")])[20..])),
        ethernet(0x0800, &udp_between(3544, 50_000, &joined(&[&[0, 1, 0, 0], &[0; 9], &ipv6(17, &udp(b"OPTIONS"))]))),
    ];
    for frame in &frames {
        for length in 0..frame.len() - 7 {
            let mut capture = Capture::new(ETHERNET);
            capture.packet(&frame[..length]);
            capture.finish();
            let found = capture.bytes().iter().any(|bytes| bytes.as_slice() == b"OPTIONS");
            assert!(!found, "{length} bytes of {frame:02x?}");
        }
    }
}

#[test]
fn sctp_in_udp() {
    let packet = sctp(9, &[data(1, 0, BEGIN | END, b"OPTIONS")]);
    let capture = carries(RAW, &udp_between(9899, 9899, &packet[20..]), &[Layer::new(&"sctp_in_udp")]);
    assert_eq!(capture.seen.datagrams[0].flow.src, std::net::IpAddr::from(A));
    // A chunk longer than the datagram is none.
    let mut lying = packet[20..].to_vec();
    lying[14] = 1;
    assert!(disposition(RAW, &udp_between(9899, 9899, &lying)).0.starts_with("udp/not_sip"));
}

/// How scat sends what it reads out of a phone: the length has to be that of the payload, and the header sum right.
#[test]
fn ip_without_a_header_of_its_own() {
    let over = |packet: &[u8]| udp_between(13337, 47290, packet);
    let packet = checksummed(sip());
    let capture = carries(RAW, &over(&packet), &[Layer::new(&"ip_in_udp")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.outer, Some((A.into(), B.into())));
    let six = ipv6(17, &udp(b"OPTIONS"));
    carries(RAW, &over(&six), &[Layer::new(&"ip_in_udp")]);
    carries(RAW, &udp_between(3544, 50_000, &six), &[Layer::new(&"ip_in_udp")]);
    // Teredo's origin indication, and authentication before it.
    let origin = [0, 0, 0xEC, 0x77, 0x3F, 0xFF, 0xFD, 0xFE];
    carries(RAW, &udp_between(3544, 50_000, &joined(&[&origin, &six])), &[Layer::new(&"ip_in_udp")]);
    let authentication = [0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0];
    let both = joined(&[&authentication, &origin, &six]);
    carries(RAW, &udp_between(3544, 50_000, &both), &[Layer::new(&"ip_in_udp")]);
    // Written anew, without a checksum.
    carries(RAW, &over(&sip()), &[Layer::new(&"ip_in_udp")]);
    let mut damaged = packet.clone();
    damaged[10] ^= 1;
    for other in [&joined(&[&packet, b"x"]), &packet[..packet.len() - 1], &damaged] {
        let mut capture = Capture::new(RAW);
        capture.packet(&over(other));
        assert!(capture.seen.datagrams[0].encapsulation.is_plain());
        assert_eq!(capture.bytes(), [other]);
    }
}

/// Its bytes alone say it, on a port of nobody: then all of them have to fit.
#[test]
fn ip_in_udp_on_any_port() {
    let over = |packet: &[u8]| udp_between(40_000, 40_002, packet);
    let (four, six) = (checksummed(sip()), ipv6(17, &udp(b"OPTIONS")));
    carries(RAW, &over(&four), &[Layer::new(&"ip_in_udp")]);
    carries(RAW, &over(&six), &[Layer::new(&"ip_in_udp")]);
    let closed = ipv6(50, &[0, 0, 16, 1, 0, 0, 0, 1, 9, 9, 9, 9]);
    assert_eq!(disposition(RAW, &over(&closed)).0, "esp/encrypted_spi_0x00001001");
    // On the port of another tunnel, which it is not.
    carries(RAW, &udp_between(40_000, 4789, &four), &[Layer::new(&"ip_in_udp")]);
    let mut no_transport = six.clone();
    no_transport[6] = 99;
    let mut other_length = six.clone();
    other_length[45] += 1;
    for other in [sip(), [four.as_slice(), b"x"].concat(), no_transport, other_length, six[..47].to_vec()] {
        let mut capture = Capture::new(RAW);
        capture.packet(&over(&other));
        assert!(capture.seen.datagrams[0].encapsulation.is_plain(), "{other:02x?}");
    }
}

/// Packets of an unknown protocol with SIP in them are told, once a kind; what is decoded, or is no SIP, is not.
#[test]
fn sip_text_that_is_not_decoded() {
    let text = b"\0\x01OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n";
    let mut capture = Capture::new(ETHERNET);
    for _ in 0..2 {
        capture.packet(&ethernet(0x9999, text));
        capture.packet(&ethernet(0x0800, &ipv4(253, 0, text)));
    }
    capture.packet(&ethernet(0x9998, b"HTTP/1.1 200 OK\r\n\r\n"));
    capture.packet(&ethernet(0x0800, &udp_between(5060, 5060, &text[2..])));
    assert_eq!(capture.codes(), ["sip_text_undecoded"; 2]);
    let details: Vec<&str> = capture.seen.problems.iter().map(|problem| problem.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "SIP text lies in packets of ethertype 0x9999, which is not decoded",
            "SIP text lies in packets of IP protocol 253, which is not decoded"
        ]
    );
}

#[test]
fn exported_pdus_of_the_transport_layer() {
    let tag = |kind: u8, value: &[u8]| [&[0, kind, 0, value.len() as u8], value].concat();
    let pdu = |port: u16, payload: &[u8]| {
        let port = u32::from(port).to_be_bytes();
        let tags = [tag(20, &A), tag(21, &B), tag(24, &[0, 0, 0, 3]), tag(32, &port), tag(0, &[])].concat();
        joined(&[&tags, payload])
    };
    // The packet inside GTP-U was exported itself.
    let inside = gtpu(0x30, &sip());
    assert_eq!(disposition(252, &pdu(2152, &inside[28..])).0, "gtpu/repeated");
    carries(252, &pdu(5060, b"OPTIONS"), &[]);
    // On the port of GTP-U, and something else.
    carries(252, &pdu(2152, b"OPTIONS"), &[]);
    // Wireshark does not look into ESP: what is there was not exported.
    let protected = gtpu(0x30, &ipv4(50, 0, &esp(9, 17, &udp(b"OPTIONS"), 12)));
    carries(252, &pdu(2152, &protected[28..]), &[Layer::new(&"gtpu"), Layer::new(&"esp")]);
    let tunnel_mode = esp(10, 4, &checksummed(sip()), 12);
    carries(252, &pdu(4500, &tunnel_mode), &[Layer::new(&"esp"), Layer::new(&"ipip")]);
    let fragment = gtpu(0x30, &fragment(7, 0, true, &udp(b"OPTIONS")));
    assert_eq!(disposition(252, &pdu(2152, &fragment[28..])).0, "gtpu/repeated");
    // SCTP has no address of its own, and Wireshark does not export what is in it.
    let packet = sctp(9, &[data(1, 0, BEGIN | END, b"OPTIONS")]);
    carries(252, &pdu(9899, &packet[20..]), &[Layer::new(&"sctp_in_udp")]);
}

/// Wireshark tells where bytes of TCP lie: the same ones again, put together, are not delivered twice.
#[test]
fn exported_bytes_of_a_connection() {
    let tag = |kind: u8, value: &[u8]| [&[0, kind, 0, value.len() as u8], value].concat();
    let pdu = |more: &[u8], payload: &[u8]| {
        let ports = [tag(24, &[0, 0, 0, 2]), tag(25, &[0, 0, 0xCB, 0x4C]), tag(26, &[0, 0, 0x13, 0xC4])].concat();
        joined(&[&tag(20, &A), &tag(21, &B), &ports, more, &tag(0, &[]), payload])
    };
    let place = |seq: u8, together: u8| tag(34, &[0, 1, 0, 0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 1, together, 0, 0x18, 0, 0]);
    let mut capture = Capture::new(252);
    capture.packet(&pdu(&place(1, 0), b"OPT"));
    capture.packet(&pdu(&place(1, 1), b"OPTION"));
    capture.packet(&pdu(&place(7, 0), b"S sip:x"));
    capture.finish();
    assert_eq!(capture.streams()[0].bytes, b"OPTIONS sip:x");
    // What it took for data is a segment, behind the last.
    let mut capture = Capture::new(252);
    capture.packet(&pdu(&tag(12, b"data\0\0\0\0"), b"OPT"));
    capture.packet(&pdu(&tag(12, b"data\0\0\0\0"), b"IONS"));
    capture.finish();
    assert_eq!(capture.streams()[0].bytes, b"OPTIONS");
    // A message that it put together itself is none.
    let mut capture = Capture::new(252);
    capture.packet(&pdu(&tag(12, b"sip\0"), b"OPTIONS"));
    assert_eq!(capture.bytes(), [b"OPTIONS"]);
}

/// RFC 3173 §3.3, RFC 2394.
fn ipcomp(next: u8, index: u16, payload: &[u8]) -> Vec<u8> {
    let mut squeezed = DeflateEncoder::new(Vec::new(), Compression::best());
    squeezed.write_all(payload).unwrap();
    joined(&[&[next, 0], &index.to_be_bytes(), &squeezed.finish().unwrap()])
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

#[test]
fn mpls_with_ip_and_pseudowires() {
    let labels = [0, 0x3E, 0x80, 60, 0, 0x7D, 0x01, 60];
    let mpls = |payload: &[u8]| ethernet(0x8847, &joined(&[&labels, payload]));
    carries(ETHERNET, &mpls(&sip()), &[Layer::new(&"mpls")]);
    carries(ETHERNET, &mpls(&ipv6(17, &udp(b"OPTIONS"))), &[Layer::new(&"mpls")]);
    let frame = ethernet(0x0800, &sip());
    carries(ETHERNET, &mpls(&joined(&[&[0, 0, 0, 5], &frame])), &[Layer::new(&"mpls")]);
    carries(ETHERNET, &mpls(&frame), &[Layer::new(&"mpls")]);
    // A hardware address whose first nibble is that of IPv4 (RFC 4928 §3), without a control word.
    let mut frame = frame;
    frame[0] = 0x45;
    carries(ETHERNET, &mpls(&frame), &[Layer::new(&"mpls")]);
    assert_eq!(disposition(ETHERNET, &mpls(&[0x10; 20])).0, "mpls/signalling");
    assert_eq!(disposition(ETHERNET, &mpls(&[0xA0; 20])).0, "mpls/not_ip");
}

#[test]
fn pppoe_trusts_its_length() {
    let mut session = joined(&[&[0x11, 0, 0, 1, 0, 2 + sip().len() as u8, 0, 0x21], &sip()]);
    session.resize(60, 0);
    carries(ETHERNET, &ethernet(0x8864, &session), &[Layer::new(&"pppoe")]);
    carries(51, &session, &[Layer::new(&"pppoe")]);
    assert_eq!(disposition(ETHERNET, &ethernet(0x8864, &[0x11, 0, 0, 1, 0, 2, 0xC0, 0x21])).0, "ppp/ppp_protocol_lcp");
    assert_eq!(disposition(ETHERNET, &ethernet(0x8864, &[0x21, 0, 0, 1, 0, 2, 0, 0x21])).0, "pppoe/malformed");
}

#[test]
fn links_that_are_rare() {
    let with = |link: u16, header: &[u8]| drop(carries(link, &joined(&[header, &sip()]), &[]));
    with(9, &[0xFF, 3, 0, 0x21]);
    with(50, &[0x21]);
    with(204, &[1, 0xFF, 3, 0, 0x21]);
    with(100, &[0xAA, 0xAA, 3, 0, 0, 0, 8, 0]);
    with(104, &[0x0F, 0, 8, 0]);
    with(107, &[0x18, 0x41, 3, 0xCC]);
    with(107, &[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]);
    with(107, &[0x18, 0x41, 8, 0]);
    with(109, &[2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    with(192, &[0, 0, 8, 0, 101, 0, 0, 0]);
    with(258, &[16, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0]);
    with(226, &[0; 24]);
    // Netfilter: a prefix, then the packet; in either byte order.
    let length = (4 + sip().len()) as u8;
    with(239, &[2, 0, 0, 5, 8, 0, 10, 0, b's', b'i', b'p', 0, length, 0, 9, 0]);
    with(239, &[2, 0, 0, 5, 0, 8, 0, 10, b's', b'i', b'p', 0, 0, length, 0, 9]);
    // Endace: an Ethernet record with an extension header.
    let erf = [&[0; 8][..], &[0x82, 4, 0, 0, 0, 0, 0, 0], &[0; 8], &[0, 0], &ethernet(0x0800, &[])].concat();
    with(197, &erf);
    carries(219, &joined(&[&[0, 0, 0x11, 64], &sip()]), &[Layer::new(&"mpls")]);
}

#[test]
fn sctp_without_ip() {
    let packet = sctp(9, &[data(1, 0, BEGIN | END, b"OPTIONS")]);
    let capture = carries(248, &packet[20..], &[]);
    assert!(capture.seen.datagrams[0].flow.src.is_unspecified());
}

/// To the access point, QoS, not protected: 26 bytes in front of LLC.
fn data_frame(flags: u8, qos: u8) -> Vec<u8> {
    [&[0x88, flags, 0, 0][..], &[2; 18], &[0, 0], &[qos, 0]].concat()
}

#[test]
fn unprotected_wlan() {
    let llc = joined(&[&[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &sip()]);
    carries(105, &joined(&[&data_frame(1, 0), &llc]), &[]);
    // Four addresses; a radiotap header whose flags tell of padding to 28 bytes; without QoS.
    carries(105, &joined(&[&[0x88, 3, 0, 0], &[2; 26], &[0, 0], &llc]), &[]);
    let radiotap = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
    carries(127, &joined(&[&radiotap, &data_frame(1, 0), &[0, 0], &llc]), &[]);
    carries(127, &joined(&[&[0, 0, 8, 0, 0, 0, 0, 0], &[0x08, 2, 0, 0], &[2; 20], &llc]), &[]);
    assert_eq!(disposition(105, &joined(&[&data_frame(0x41, 0), &[0; 40]])).0, "wlan/encrypted");
    assert_eq!(disposition(105, &[0x80; 40]).0, "wlan/signalling");
}

#[test]
fn frames_aggregated_on_wlan() {
    let llc = joined(&[&[0xAA, 0xAA, 3, 0, 0, 0, 8, 0], &sip()]);
    let mut subframe = [&[2; 12][..], &(llc.len() as u16).to_be_bytes(), &llc].concat();
    subframe.resize(subframe.len().next_multiple_of(4), 0);
    let mut capture = Capture::new(105);
    assert_eq!(capture.packet(&joined(&[&data_frame(1, 0x80), &subframe, &subframe])), "sip/message");
    assert_eq!(capture.bytes(), [b"OPTIONS", b"OPTIONS"]);
}

#[test]
fn an_exported_pdu_has_the_addresses_of_its_tags() {
    let tag = |kind: u8, value: &[u8]| [&[0, kind, 0, value.len() as u8], value].concat();
    let tags = [
        tag(12, b"sip\0"),
        tag(20, &A),
        tag(21, &B),
        tag(24, &[0, 0, 0, 2]),
        tag(25, &[0, 0, 0x13, 0xC4]),
        tag(26, &[0, 0, 0x13, 0xCE]),
        tag(0, &[]),
    ];
    let capture = carries(252, &joined(&[&tags.concat(), b"OPTIONS"]), &[]);
    let datagram = &capture.seen.datagrams[0];
    assert_eq!((datagram.flow.src, datagram.flow.src_port, datagram.flow.dst_port), (A.into(), 5060, 5070));
    assert_eq!(datagram.last.offset, 100_000 + tags.concat().len() as u64);
}

#[test]
fn vlans_are_remembered_wherever_they_are() {
    let inner = ethernet(0x8100, &joined(&[&[0, 100, 8, 0], &sip()]));
    let vxlan = udp_between(1, 4789, &joined(&[&[8, 0, 0, 0, 0, 0, 42, 0], &inner]));
    // Priority 5 and VLAN 0 outside: a priority tag names no VLAN.
    let frame = ethernet(0x88A8, &joined(&[&[0xA0, 0, 0x81, 0], &[0x60, 200, 8, 0], &vxlan]));
    let capture = carries(ETHERNET, &frame, &[Layer::new(&"vxlan")]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.vlans(), [200, 100]);
}

#[test]
fn tunnels_in_tunnels_up_to_the_limit() {
    let gre = |packet: &[u8]| ipv4(47, 0, &joined(&[&[0, 0, 8, 0], packet]));
    let mut packet = ipv4(4, 0, &gre(&sip()));
    packet = gtpu(0x30, &packet);
    carries(RAW, &packet, &[Layer::new(&"gtpu"), Layer::new(&"ipip"), Layer::new(&"gre")]);
    for _ in 0..40 {
        packet = ipv4(4, 0, &packet);
    }
    let (disposition, codes) = disposition(RAW, &packet);
    assert_eq!((&*disposition, &*codes), ("ip/too_deep", &["layer_limit"][..]));
}

/// Every tunnel in every other in every third: what is inside comes out, and the three are named from the outside in.
#[test]
fn every_tunnel_in_every_other() {
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let tunnels: [(&[Layer], Wrap); 33] = [
        (&[Layer::new(&"l2tpv3")], |packet| {
            ipv4(115, 0, &joined(&[&[0, 0, 0, 7, 1, 2, 3, 4], &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"ipcomp"), Layer::new(&"ipip")], |packet| ipv4(108, 0, &ipcomp(4, 2, packet))),
        (&[Layer::new(&"etherip"), Layer::new(&"vntag")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x8926, &joined(&[&[0, 1, 0, 2, 8, 0], packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"etag")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x893F, &joined(&[&[0, 0, 0, 1, 0, 0, 8, 0], packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"fabricpath")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x8903, &joined(&[&[4, 5], &ethernet(0x0800, packet)]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"cisco_metadata")], |packet| {
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x8909, &joined(&[&[1, 1, 0, 1, 0, 2, 8, 0], packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"arista_time")], |packet| {
            let stamp = [0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 5, 8, 0];
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0xD28B, &joined(&[&stamp, packet]))]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"macsec")], |packet| {
            let tagged = joined(&[&[0, 0, 0, 0, 0, 1, 8, 0], packet, &[7; 16]]);
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x88E5, &tagged)]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"nsh")], |packet| {
            let chained = joined(&[&[0x0F, 0xC2, 2, 1, 0, 0, 1, 0xFF], packet]);
            ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x894F, &chained)]))
        }),
        (&[Layer::new(&"etherip"), Layer::new(&"isl")], |packet| {
            let head = [1, 0, 0x0C, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 90, 0xAA, 0xAA, 3, 0, 1, 2, 0, 200, 0, 0, 0, 0];
            ipv4(97, 0, &joined(&[&[0x30, 0], &head, &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"mpls")], |packet| udp_between(1, 6635, &joined(&[&[0, 0, 0x11, 64], packet]))),
        (&[Layer::new(&"capwap")], |packet| {
            let frame = ethernet(if packet[0] >> 4 == 6 { 0x86DD } else { 0x0800 }, packet);
            udp_between(1, 5247, &joined(&[&[0, 0x10, 2, 0, 0, 0, 0, 0], &frame]))
        }),
        (&[Layer::new(&"ip_in_udp")], |packet| udp_between(1, 47290, &checksummed(packet.to_vec()))),
        (&[Layer::new(&"lisp")], |packet| udp_between(1, 4341, &joined(&[&[0x80, 0, 0, 0, 0, 0, 0, 1], packet]))),
        (&[Layer::new(&"gtpu")], |packet| gtpu(0x30, packet)),
        (&[Layer::new(&"gtpu")], |packet| gtpu(0x34, &joined(&[&[0, 0, 0, 0x85], &[1, 0, 5, 0], packet]))),
        (&[Layer::new(&"gre")], |packet| ipv4(47, 0, &joined(&[&[0, 0, 8, 0], packet]))),
        (&[Layer::new(&"gre")], |packet| {
            ipv4(47, 0, &joined(&[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 1], &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"gre")], |packet| {
            let length = (packet.len() + 2) as u16;
            let key = joined(&[&[0x20, 0x01, 0x88, 0x0B], &length.to_be_bytes(), &[0, 1]]);
            ipv4(47, 0, &joined(&[&key, &[0, 0x21], packet]))
        }),
        (&[Layer::new(&"gre"), Layer::new(&"mpls")], |packet| {
            ipv4(47, 0, &joined(&[&[0, 0, 0x88, 0x47], &[0, 0x3E, 0x80, 60, 0, 0x7D, 0x01, 60], packet]))
        }),
        (&[Layer::new(&"gre"), Layer::new(&"erspan")], |packet| {
            let header = [0x10, 0, 0x88, 0xBE, 0, 0, 0, 1, 0x11, 0x2C, 0, 1, 0, 0, 0, 0];
            ipv4(47, 0, &joined(&[&header, &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"ipip")], |packet| ipv4(4, 0, packet)),
        // Two at once: what is inside has to be IPv4 again.
        (&[Layer::new(&"6in4"), Layer::new(&"4in6")], |packet| ipv4(41, 0, &ipv6(4, packet))),
        (&[Layer::new(&"mpls")], |packet| ipv4(137, 0, &joined(&[&[0, 0, 0x11, 64], packet]))),
        (&[Layer::new(&"etherip")], |packet| ipv4(97, 0, &joined(&[&[0x30, 0], &ethernet(0x0800, packet)]))),
        (&[Layer::new(&"l2tp")], |packet| {
            udp_between(1701, 1701, &joined(&[&[0, 2, 0, 1, 0, 1, 0xFF, 3, 0, 0x21], packet]))
        }),
        (&[Layer::new(&"vxlan")], |packet| {
            let tagged = ethernet(0x8100, &joined(&[&[0, 100, 8, 0], packet]));
            udp_between(50_000, 4789, &joined(&[&[8, 0, 0, 0, 0, 0, 42, 0], &tagged]))
        }),
        (&[Layer::new(&"vxlan"), Layer::new(&"pppoe")], |packet| {
            let length = (packet.len() + 2) as u16;
            let session = joined(&[&[0x11, 0, 0, 1], &length.to_be_bytes(), &[0, 0x21], packet]);
            udp_between(50_000, 4789, &joined(&[&[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(0x8864, &session)]))
        }),
        (&[Layer::new(&"geneve")], |packet| {
            let header = [2, 0x40, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 0x83, 1, 0, 0, 0, 0];
            udp_between(50_000, 6081, &joined(&[&header, &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"tzsp")], |packet| {
            udp_between(1, 37008, &joined(&[&[1, 0, 0, 1, 1], &ethernet(0x0800, packet)]))
        }),
        (&[Layer::new(&"ah"), Layer::new(&"ipip")], |packet| {
            ipv4(51, 0, &joined(&[&[4, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1], &[0xA5; 12], packet]))
        }),
        // Tunnel mode is ESP with an IP packet inside.
        (&[Layer::new(&"esp"), Layer::new(&"ipip")], |packet| {
            ipv4(50, 0, &esp(9, 4, &checksummed(packet.to_vec()), 12))
        }),
        (&[Layer::new(&"esp"), Layer::new(&"ipip")], |packet| {
            udp_between(4500, 4500, &esp(10, 4, &checksummed(packet.to_vec()), 16))
        }),
    ];
    for (outer, around) in tunnels {
        for (middle, between) in tunnels {
            for (inner, inside) in tunnels {
                carries(RAW, &around(&between(&inside(&sip()))), &[outer, middle, inner].concat());
            }
        }
    }
}

#[test]
fn fragments_inside_and_outside_a_tunnel() {
    let datagram = udp(&[b'O'; 300]);
    let (head, tail) = datagram.split_at(160);
    let inner = [fragment(7, 0, true, head), fragment(7, 160, false, tail)];
    let mut capture = Capture::new(RAW);
    for (ident, packet) in inner.iter().enumerate() {
        let whole = gtpu(0x30, packet);
        // The outer packet in two fragments of its own, the second one first.
        let (head, tail) = whole[20..].split_at(96);
        let ident = ident as u16;
        capture.packet(&ipv4_between(A, B, 17, 100 + ident, 12, tail));
        capture.packet(&ipv4_between(A, B, 17, 100 + ident, 1 << 13, head));
    }
    capture.finish();
    assert_eq!(capture.bytes(), [vec![b'O'; 300]]);
    assert_eq!(capture.seen.ledger["sip/message"], 4);
    assert_eq!(capture.seen.datagrams[0].encapsulation.tunnels(), [Layer::new(&"gtpu")]);
}

#[test]
fn tcp_in_a_tunnel_and_beside_it_is_one_stream() {
    let mut capture = Capture::new(RAW);
    for segment in [client(100, SYN, b""), client(101, 0, b"OPTIONS"), client(108, 0, b" sip:x")] {
        capture.packet(&gtpu(0x30, &segment));
        capture.packet(&segment);
    }
    capture.finish();
    let streams = capture.streams();
    assert_eq!((streams.len(), &*streams[0].bytes), (1, &b"OPTIONS sip:x"[..]));
    assert_eq!(capture.seen.ledger["tcp/repeated"], 2);
}

#[test]
fn a_link_type_that_the_user_names() {
    let mut capture = Capture::with(147, &Limits::default()).reading(147, ETHERNET);
    assert_eq!(capture.packet(&ethernet(0x0800, &sip())), "sip/message");
    let (disposition, codes) = disposition(147, &ethernet(0x0800, &sip()));
    assert_eq!((&*disposition, &*codes), ("link/unknown_link_type_147", &["link_type_unknown"][..]));
}

#[test]
fn link_types_have_the_names_of_the_registry() {
    use sip_core::net::{link_type_name, link_type_number};
    assert_eq!(link_type_name(276).as_deref(), Some("LINUX_SLL2"));
    assert_eq!(link_type_name(162).as_deref(), Some("USER15"));
    assert_eq!(link_type_number("USER0"), Some(147));
    assert_eq!(link_type_number("ETHERNET"), Some(1));
    assert_eq!(link_type_number("101"), Some(101));
    assert_eq!(link_type_number("USER16"), None);
    assert_eq!(link_type_number("TOKEN"), None);
}
