//! HEP of three versions: what an agent states comes out, and nothing else is taken for it.

use std::net::IpAddr;

use sip_core::layer::Layer;
use sip_core::limits::Limits;
use sip_core::net::Protocol;

use crate::build::*;
use crate::witness::{Capture, SECOND, SeenReport};

const SIP: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\n\r\n";
/// 2023-11-14T22:13:20Z.
const SECONDS: u32 = 1_700_000_000;

fn chunk3(vendor: u16, kind: u16, value: &[u8]) -> Vec<u8> {
    let length = 6 + value.len() as u16;
    [&vendor.to_be_bytes()[..], &kind.to_be_bytes(), &length.to_be_bytes(), value].concat()
}

/// A packet of version 3 with these chunks behind addresses, ports and time.
fn v3(more: &[Vec<u8>]) -> Vec<u8> {
    let mut body = [
        chunk3(0, 1, &[2]),
        chunk3(0, 2, &[17]),
        chunk3(0, 3, &[10, 0, 0, 1]),
        chunk3(0, 4, &[10, 0, 0, 2]),
        chunk3(0, 7, &5062u16.to_be_bytes()),
        chunk3(0, 8, &5064u16.to_be_bytes()),
        chunk3(0, 9, &SECONDS.to_be_bytes()),
        chunk3(0, 10, &250_000u32.to_be_bytes()),
    ]
    .concat();
    body.extend(more.concat());
    [b"HEP3", &(6 + body.len() as u16).to_be_bytes()[..], &body].concat()
}

fn report(payload: &[u8]) -> Vec<u8> {
    v3(&[chunk3(0, 11, &[1]), chunk3(0, 12, &7u32.to_be_bytes()), chunk3(0, 15, payload)])
}

fn v12(version: u8, behind: &[u8], payload: &[u8]) -> Vec<u8> {
    let head = [version, 16, 2, 17, 0x13, 0xC6, 0x13, 0xC8, 10, 0, 0, 1, 10, 0, 0, 2];
    [&head, behind, payload].concat()
}

/// Over UDP to no port of HEP.
fn over_udp(packet: &[u8]) -> Vec<u8> {
    udp_between(41_000, 9_999, packet)
}

/// The one datagram that comes out of this packet.
fn reported(packet: &[u8]) -> Capture {
    let mut capture = Capture::new(RAW);
    capture.time = i64::from(SECONDS) * SECOND;
    assert_eq!(capture.packet(packet), "sip/message");
    assert_eq!(capture.bytes(), [SIP]);
    assert!(capture.codes().is_empty(), "{:?}", capture.codes());
    capture
}

fn disposition(packet: &[u8]) -> (String, Vec<&'static str>) {
    let mut capture = Capture::new(RAW);
    let disposition = capture.packet(packet);
    capture.finish();
    (disposition, capture.codes())
}

fn address(bytes: [u8; 4]) -> IpAddr {
    bytes.into()
}

#[test]
fn version_3_replaces_addresses_ports_and_time() {
    let capture = reported(&over_udp(&report(SIP)));
    let datagram = &capture.seen.datagrams[0];
    assert_eq!((datagram.flow.src, datagram.flow.src_port), (address([10, 0, 0, 1]), 5062));
    assert_eq!((datagram.flow.dst, datagram.flow.dst_port), (address([10, 0, 0, 2]), 5064));
    let time = i64::from(SECONDS) * SECOND + SECOND / 4;
    assert_eq!((datagram.first.time, datagram.last.time), (time, time));
    assert_eq!(datagram.encapsulation.tunnels(), [Layer::HEP]);
    assert_eq!(datagram.encapsulation.outer, Some((address(A), address(B))));
    let arrived = i64::from(SECONDS) * SECOND + SECOND / 1000;
    let agent = "Id(7)".to_owned();
    assert_eq!(datagram.report, Some(SeenReport { agent, correlation_id: None, arrived, inflated: false }));
}

#[test]
fn the_stamp_says_where_the_payload_lies_in_the_file() {
    let packet = over_udp(&report(SIP));
    let at = packet.len() - SIP.len();
    assert_eq!(reported(&packet).seen.datagrams[0].first.offset, 100_000 + at as u64);
}

#[test]
fn version_3_in_any_order_of_chunks_and_over_ipv6() {
    let body = [
        chunk3(0, 15, SIP),
        chunk3(0, 17, b"abc\0"),
        chunk3(0x12, 3, &[1]),
        chunk3(0, 19, b"sbc-1"),
        chunk3(0, 18, &300u16.to_be_bytes()),
        chunk3(0, 5, &[1; 16]),
        chunk3(0, 6, &[2; 16]),
        chunk3(0, 2, &[22]),
    ]
    .concat();
    let packet = [b"EEP3", &(6 + body.len() as u16).to_be_bytes()[..], &body].concat();
    let capture = reported(&over_udp(&packet));
    let datagram = &capture.seen.datagrams[0];
    assert_eq!((datagram.flow.src, datagram.flow.protocol), ([1u8; 16].into(), Protocol::Secure));
    assert_eq!(datagram.encapsulation.vlans(), [300]);
    let report = datagram.report.as_ref().unwrap();
    assert_eq!((&*report.agent, report.correlation_id.as_deref()), ("Name(sbc-1)", Some(&b"abc"[..])));
    assert_eq!(datagram.last.time, report.arrived, "no time of its own");
}

#[test]
fn versions_1_and_2_in_either_byte_order() {
    let first = reported(&over_udp(&v12(1, &[], SIP)));
    let datagram = &first.seen.datagrams[0];
    assert_eq!((datagram.flow.src, datagram.flow.dst_port), (address([10, 0, 0, 1]), 5064));
    assert_eq!(datagram.report.as_ref().unwrap().agent, "Address(192.0.2.1)");
    let time = i64::from(SECONDS) * SECOND + SECOND / 2;
    let half = 500_000u32;
    let little = [&SECONDS.to_le_bytes()[..], &half.to_le_bytes(), &2001u16.to_le_bytes(), &[0, 0]].concat();
    let big = [&SECONDS.to_be_bytes()[..], &half.to_be_bytes(), &2001u16.to_be_bytes(), &[0, 0]].concat();
    for stamp in [little, big] {
        let second = reported(&over_udp(&v12(2, &stamp, SIP)));
        let datagram = &second.seen.datagrams[0];
        assert_eq!((datagram.last.time, &*datagram.report.as_ref().unwrap().agent), (time, "Id(2001)"));
    }
    let head = [&[1, 40, 10, 6, 0, 1, 0, 2][..], &[7; 32]].concat();
    let sixth = reported(&over_udp(&[&head, SIP].concat()));
    assert_eq!(sixth.seen.datagrams[0].flow.protocol, Protocol::Tcp);
}

#[test]
fn a_compressed_payload_is_read() {
    // zlib of "OPTIONS sip:a@b SIP/2.0\r\n\r\n", stored: header, block, Adler-32.
    let mut zlib = vec![0x78, 0x01, 1, SIP.len() as u8, 0, !(SIP.len() as u8), 0xFF];
    zlib.extend(SIP);
    let (mut a, mut b) = (1u32, 0u32);
    for byte in SIP {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    let compressed = v3(&[chunk3(0, 16, &zlib)]);
    assert!(reported(&over_udp(&compressed)).seen.datagrams[0].report.as_ref().unwrap().inflated);

    let mut capture = Capture::with(RAW, &Limits { max_inflated_bytes: 10, ..Limits::default() });
    assert_eq!(capture.packet(&over_udp(&compressed)), "sip/message");
    assert_eq!((capture.codes(), capture.seen.datagrams[0].missing), (vec!["inflated_limit"], 1));

    let broken = v3(&[chunk3(0, 16, &zlib[..20])]);
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&over_udp(&broken)), "sip/message");
    assert_eq!((capture.codes(), capture.bytes()), (vec!["compressed_corrupt"], vec![SIP[..13].to_vec()]));
}

#[test]
fn what_is_not_sip_is_counted_by_its_type() {
    let typed = |kind: u8| disposition(&over_udp(&v3(&[chunk3(0, 11, &[kind]), chunk3(0, 15, b"x")]))).0;
    assert_eq!(typed(5), "hep/hep_type_rtcp");
    assert_eq!(typed(100), "hep/hep_type_log");
    assert_eq!(typed(200), "hep/hep_type_200");
    assert_eq!(disposition(&over_udp(&report(b"{}"))).0, "hep/not_sip_rtp");
    assert_eq!(disposition(&over_udp(&v3(&[]))).0, "hep/no_payload");
}

#[test]
fn nothing_else_is_taken_for_versions_1_and_2() {
    let not = |bytes: &[u8]| assert!(disposition(&over_udp(bytes)).0.starts_with("udp/"), "{bytes:02x?}");
    // A RADIUS Access-Request (RFC 2865): code 1, identifier 16, length 0x0211.
    not(&[&[1, 16, 2, 17][..], &[9; 40]].concat());
    not(&v12(1, &[], b"not SIP at all"));
    not(&[&[1, 16, 2, 99][..], &[9; 12], SIP].concat());
    not(&[&[1, 24, 2, 17][..], &[9; 12], SIP].concat());
    not(&[3, 16, 2, 17, 0, 0, 0, 0]);
    // On its port it is HEP with something else in it.
    assert_eq!(disposition(&udp_between(41_000, 9060, &v12(1, &[], b"{}"))).0, "hep/not_sip_rtp");
}

#[test]
fn damaged_packets_are_problems_and_what_can_be_read_is() {
    let whole = report(SIP);
    let malformed = ("hep/malformed".to_owned(), vec!["tunnel_header_malformed"]);
    assert_eq!(disposition(&over_udp(b"HEP3")), malformed);
    assert_eq!(disposition(&over_udp(b"HEP3\0\x02\0\0")), malformed);
    let message = |codes: &[&'static str]| ("sip/message".to_owned(), codes.to_vec());
    let mut long = whole.clone();
    long[4] = 9;
    assert_eq!(disposition(&over_udp(&long)), message(&["tunnel_length_exceeds_packet"]));
    let mut payload_lies = whole.clone();
    let at = payload_lies.len() - SIP.len() - 2;
    payload_lies[at] = 9;
    assert_eq!(disposition(&over_udp(&payload_lies)), message(&["tunnel_header_malformed"]));
    let behind = v3(&[chunk3(0, 15, SIP), vec![0, 0, 0, 1, 0, 5]]);
    assert_eq!(disposition(&over_udp(&behind)), message(&["tunnel_header_malformed"]));
}

#[test]
fn cut_by_the_snap_length() {
    let packet = over_udp(&report(SIP));
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.sliced(&packet, packet.len() - 9), "sip/message");
    assert_eq!((capture.seen.datagrams[0].missing, capture.codes().len()), (9, 0));
    assert_eq!(capture.sliced(&packet, 28 + 60), "hep/cut");
    assert_eq!(capture.sliced(&packet, 28 + 5), "hep/cut");
}

#[test]
fn in_a_tunnel_and_in_fragments() {
    let inside = gtpu(0x30, &over_udp(&report(SIP)));
    assert_eq!(reported(&inside).seen.datagrams[0].encapsulation.tunnels(), [Layer::new(&"gtpu"), Layer::HEP]);
    let whole = udp(&report(SIP));
    let (head, tail) = whole.split_at(64);
    let mut capture = Capture::new(RAW);
    let dispositions = capture.packets(&[fragment(5, 0, true, head), fragment(5, 64, false, tail)]);
    assert_eq!(dispositions, ["ip/fragment_held", "sip/message"]);
    assert_eq!(capture.bytes(), [SIP]);
}

// ---- over TCP ----------------------------------------------------------------------------------------------------------

fn numbered(n: u8) -> Vec<u8> {
    format!("OPTIONS sip:{n}@b SIP/2.0\r\n\r\n").into_bytes()
}

/// What comes out of a stream from its SYN on, that is fed in segments of this size.
fn streamed(stream: &[u8], size: usize) -> Capture {
    let mut capture = Capture::new(RAW);
    capture.packet(&client(999, SYN, &[]));
    for (number, segment) in stream.chunks(size).enumerate() {
        capture.packet(&client(1000 + (number * size) as u32, ACK, segment));
    }
    capture.finish();
    capture
}

#[test]
fn a_stream_is_the_same_in_whatever_segments() {
    let stream: Vec<u8> = (0..3).flat_map(|n| report(&numbered(n))).collect();
    for size in [1, 7, 100, stream.len()] {
        let capture = streamed(&stream, size);
        assert_eq!(capture.bytes(), [numbered(0), numbered(1), numbered(2)], "segments of {size}");
        assert_eq!((capture.codes().len(), capture.streams().len()), (0, 0), "segments of {size}");
        assert_eq!(capture.seen.datagrams[0].flow.src, address([10, 0, 0, 1]));
    }
}

#[test]
fn a_stream_joined_in_the_middle_of_a_packet() {
    let stream: Vec<u8> = (0..3).flat_map(|n| report(&numbered(n))).collect();
    for skipped in [1, 20, 90] {
        let mut capture = Capture::new(RAW);
        let mut seq = 7;
        for segment in stream[skipped..].chunks(100) {
            capture.packet(&ipv4(6, 0, &tcp((40_000, 9060), seq, 0, ACK, segment)));
            seq += segment.len() as u32;
        }
        assert_eq!(capture.bytes(), [numbered(1), numbered(2)], "from byte {skipped}");
    }
}

#[test]
fn damage_in_a_stream_is_passed_over_and_said() {
    let stream = [report(&numbered(0)), b"nonsense".to_vec(), report(&numbered(1))].concat();
    for size in [1, 50, stream.len()] {
        let capture = streamed(&stream, size);
        assert_eq!(capture.bytes(), [numbered(0), numbered(1)], "segments of {size}");
        assert_eq!(capture.codes(), ["hep_stream_resynchronised"], "segments of {size}");
    }
}

#[test]
fn a_hole_cuts_one_packet_and_the_next_is_found() {
    let one = report(&numbered(0));
    let stream = [one.clone(), report(&numbered(1)), report(&numbered(2))].concat();
    let (cut, on) = (one.len() - 9, one.len() + 5);
    let mut capture = Capture::new(RAW);
    capture.packet(&client(1000, ACK, &stream[..cut]));
    capture.packet(&client(1000 + on as u32, ACK, &stream[on..]));
    capture.finish();
    assert_eq!(capture.bytes(), [numbered(0)[..numbered(0).len() - 9].to_vec(), numbered(2)]);
    assert_eq!((capture.seen.datagrams[0].missing, capture.codes()), (9, vec!["tcp_bytes_missing"]));
}

#[test]
fn the_end_of_the_capture_gives_what_is_there() {
    let stream = report(SIP);
    let capture = streamed(&stream[..stream.len() - 3], 40);
    assert_eq!((capture.bytes(), capture.seen.datagrams[0].missing), (vec![SIP[..SIP.len() - 3].to_vec()], 3));
}

#[test]
fn other_streams_go_by_untouched() {
    for text in
        [&b"HELLO sip:a@b SIP/2.0\r\n"[..], b"EEP sip:a@b SIP/2.0\r\n", b"INFO HEP3 sip:x", b"HEP3 is no header"]
    {
        for size in [1, 5, text.len()] {
            let capture = streamed(text, size);
            assert_eq!(capture.streams()[0].bytes, text, "segments of {size}");
            assert!(capture.streams()[0].start && capture.seen.datagrams.is_empty());
        }
    }
}
