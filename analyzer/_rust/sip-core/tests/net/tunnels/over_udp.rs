//! Tunnels over UDP: a port is a hint, and SIP on it stays SIP.

use sip_core::layer::Layer;

use super::{carries, disposition, joined, sip};
use crate::build::*;
use crate::witness::Capture;

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
