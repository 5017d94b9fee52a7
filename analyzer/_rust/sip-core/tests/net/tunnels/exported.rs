//! What Wireshark exported: PDUs whose addresses and places stand in tags.

use sip_core::layer::Layer;

use super::{carries, disposition, joined, sip};
use crate::build::*;
use crate::witness::Capture;

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
