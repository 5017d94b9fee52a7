//! TCP streams.

use proptest::prelude::*;
use sip_core::limits::Limits;
use sip_core::net::{Failure, StreamEnd};

use crate::build::*;
use crate::witness::{Capture, SECOND};

/// Letters, so that each delivered segment counts as SIP.
fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| b'A' + (i * 7 % 26) as u8).collect()
}

/// A client stream with this first sequence number, cut into pieces of `size`.
fn cut(isn: u32, bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let first = isn.wrapping_add(1);
    bytes.chunks(size).enumerate().map(|(i, part)| client(first.wrapping_add((i * size) as u32), ACK, part)).collect()
}

fn only_stream(capture: &Capture) -> &crate::witness::Stream {
    let streams = capture.streams();
    assert_eq!(streams.len(), 1);
    streams[0]
}

#[test]
fn in_order_with_handshake_and_close() {
    let mut capture = Capture::new(RAW);
    let dispositions = capture.packets(&[
        client(99, SYN, b""),
        server(499, 100, SYN, b""),
        client(100, ACK, b"INVITE"),
        server(500, 106, 0, b"SIP/2.0"),
        client(106, ACK | FIN, b""),
        server(507, 107, FIN, b""),
    ]);
    assert_eq!(dispositions[2..4], ["sip/message", "sip/message"]);
    assert!([0, 1, 4, 5].iter().all(|&i| dispositions[i] == "tcp/no_payload"));
    capture.finish();
    let streams = capture.streams();
    assert_eq!((&streams[0].bytes[..], &streams[1].bytes[..]), (&b"INVITE"[..], &b"SIP/2.0"[..]));
    assert!(streams.iter().all(|stream| stream.start && stream.end == Some(StreamEnd::Fin)));
    assert_eq!(streams[0].flow.map(|flow| flow.dst_port), Some(5060));
}

#[test]
fn reversed_shuffled_and_doubled_segments_come_out_once_in_order() {
    let bytes = text(100);
    let orders: [&[usize]; 4] = [
        &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
        &[3, 1, 4, 0, 5, 9, 2, 6, 8, 7],
        &[0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9],
        &[5, 5, 0, 1, 2, 3, 4, 4, 5, 9, 6, 7, 8, 9, 0],
    ];
    // Also over the end of the sequence space.
    for isn in [1000, u32::MAX - 50] {
        let pieces = cut(isn, &bytes, 10);
        for order in orders {
            let mut capture = Capture::new(RAW);
            capture.packet(&client(isn, SYN, b""));
            capture.packets(order.iter().map(|&i| &pieces[i]));
            capture.finish();
            let stream = only_stream(&capture);
            assert_eq!((&stream.bytes, stream.start, stream.gaps.len()), (&bytes, true, 0));
            let repeated = order.len() as u64 - 10;
            assert_eq!(capture.seen.ledger.get("tcp/repeated").copied().unwrap_or(0), repeated);
            assert_eq!(capture.seen.ledger["sip/message"], 10);
        }
    }
}

#[test]
fn overlaps_keep_what_was_delivered_and_take_the_new_tail() {
    let mut capture = Capture::new(RAW);
    capture.packet(&client(99, SYN, b""));
    capture.packet(&client(100, ACK, b"abcdef"));
    capture.packet(&client(103, ACK, b"DEFghi"));
    capture.finish();
    assert_eq!(only_stream(&capture).bytes, b"abcdefghi");
}

#[test]
fn held_bytes_that_differ_are_a_problem_and_the_first_count() {
    let mut capture = Capture::new(RAW);
    capture.packet(&client(99, SYN, b""));
    assert_eq!(capture.packet(&client(103, ACK, b"def")), "tcp/held_out_of_order");
    capture.packet(&client(100, ACK, b"abcXXXghi"));
    capture.finish();
    assert_eq!(only_stream(&capture).bytes, b"abcdefghi");
    assert_eq!(capture.codes(), ["tcp_overlap_conflict"]);
    assert_eq!(capture.seen.ledger["sip/message"], 2);
}

#[test]
fn keep_alives_are_no_bytes() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc")]);
    assert_eq!(capture.packet(&client(102, ACK, b"")), "tcp/no_payload");
    assert_eq!(capture.packet(&client(102, ACK, b"\0")), "tcp/no_payload");
    capture.packet(&client(103, ACK, b"def"));
    assert_eq!(only_stream(&capture).bytes, b"abcdef");
}

#[test]
fn an_acknowledged_hole_is_skipped_at_once() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc"), client(108, ACK, b"ijk")]);
    assert_eq!(only_stream(&capture).bytes, b"abc");
    capture.packet(&server(1, 105, 0, b""));
    assert_eq!(only_stream(&capture).bytes, b"abc", "the peer waits for it too");
    capture.packet(&server(1, 111, 0, b""));
    assert_eq!(only_stream(&capture).bytes, b"abcijk");
    assert_eq!(only_stream(&capture).gaps, [(3, 5)]);
    assert_eq!(capture.packet(&client(103, ACK, b"defgh")), "tcp/late_after_gap");
    capture.finish();
    assert_eq!(capture.seen.ledger["sip/message"], 2);
}

#[test]
fn a_hole_is_waited_for_ten_seconds_without_progress() {
    for later in [11 * SECOND, -11 * SECOND] {
        let mut capture = Capture::new(RAW);
        capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc"), client(108, ACK, b"ijk")]);
        capture.time += 9 * SECOND;
        capture.packet(&client(103, ACK, b"d"));
        capture.time += later;
        // Any packet of the capture point moves its time.
        capture.packet(&ipv4(17, 0, &udp(b"OPTIONS")));
        assert_eq!(only_stream(&capture).bytes, b"abcdijk");
        assert_eq!(only_stream(&capture).gaps, [(4, 4)]);
    }
}

#[test]
fn a_hole_is_given_up_when_too_much_waits_behind_it() {
    let limits = Limits { max_tcp_buffer_bytes: 1000, ..Limits::default() };
    let mut capture = Capture::with(RAW, &limits);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc")]);
    capture.packet(&client(200, ACK, &text(950)));
    capture.finish();
    assert_eq!(only_stream(&capture).gaps, [(3, 97)]);
    assert_eq!(capture.codes(), ["tcp_buffer_limit"]);
    assert_eq!(capture.seen.ledger["sip/message"], 2, "delivered by its own packet");
}

#[test]
fn all_connections_share_a_limit() {
    let limits = Limits { max_tcp_total_bytes: 1000, ..Limits::default() };
    let mut capture = Capture::with(RAW, &limits);
    for port in 1..=4 {
        let segment = |seq, flags, payload: &[u8]| ipv4(6, 0, &tcp((port, 5060), seq, 0, flags, payload));
        capture.packets(&[segment(99, SYN, b""), segment(100, ACK, b"abc"), segment(200, ACK, &text(200))]);
    }
    // 4 times 200 bytes and what each costs: the oldest gives way.
    assert_eq!(capture.codes(), ["tcp_buffer_limit"]);
    assert_eq!(capture.streams()[0].bytes.len(), 203);
    assert_eq!(capture.streams()[1].bytes.len(), 3);
}

#[test]
fn the_end_of_the_capture_delivers_what_is_held() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc"), client(108, ACK, b"ijk")]);
    capture.finish();
    let stream = only_stream(&capture);
    assert_eq!((&stream.bytes[..], stream.end), (&b"abcijk"[..], Some(StreamEnd::Capture)));
}

#[test]
fn a_stream_whose_first_bytes_are_lost_does_not_start() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(103, ACK, b"def"), server(1, 106, 0, b"")]);
    let stream = only_stream(&capture);
    assert_eq!((&stream.bytes[..], stream.start, stream.gaps.len()), (&b"def"[..], false, 0));
}

#[test]
fn in_the_middle_of_a_connection() {
    let mut capture = Capture::new(RAW);
    capture.packet(&client(5000, ACK, b"abc"));
    assert_eq!(capture.packet(&client(4990, ACK, b"0123456789")), "tcp/before_start");
    capture.packet(&client(5003, ACK, b"def"));
    let stream = only_stream(&capture);
    assert_eq!((&stream.bytes[..], stream.start), (&b"abcdef"[..], false));
}

#[test]
fn a_fin_waits_for_the_bytes_before_it() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(103, ACK | FIN, b"def")]);
    capture.packet(&client(100, ACK, b"abc"));
    let stream = only_stream(&capture);
    assert_eq!((&stream.bytes[..], stream.end), (&b"abcdef"[..], Some(StreamEnd::Fin)));
}

#[test]
fn a_reset_delivers_the_rest_and_is_a_failure() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc"), client(108, ACK, b"ijk")]);
    let reset = server(1, 103, RST, b"");
    assert_eq!(capture.packets([&reset, &reset]), ["tcp/no_payload"; 2]);
    let stream = only_stream(&capture);
    assert_eq!((&stream.bytes[..], stream.end), (&b"abcijk"[..], Some(StreamEnd::Reset)));
    assert_eq!(capture.seen.failures.len(), 1);
    assert_eq!((capture.seen.failures[0].0.src_port, capture.seen.failures[0].1), (5060, Failure::TcpReset));
}

#[test]
fn a_refused_connection_is_a_failure_without_a_stream() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), server(0, 100, RST, b"")]);
    assert_eq!((capture.seen.failures.len(), capture.streams().len()), (1, 0));
    let (flow, failure) = &capture.seen.failures[0];
    assert_eq!((flow.dst_port, *failure), (5060, Failure::TcpRefused), "in the direction of the SYN");
}

/// The failures of a capture whose packets come with so many milliseconds before each, and that goes on for so many.
fn failures(packets: &[(i64, Vec<u8>)], after: i64) -> Vec<Failure> {
    let mut capture = Capture::new(RAW);
    for (wait, packet) in packets {
        capture.time += wait * 1_000_000;
        capture.packet(packet);
    }
    capture.time += after * 1_000_000;
    // Something else: time goes on.
    capture.packet(&ipv4(17, 0, &udp(b"x")));
    capture.finish();
    capture.seen.failures.iter().map(|(_, failure)| *failure).collect()
}

#[test]
fn a_syn_that_nobody_answers_is_a_failure() {
    let syn = || client(99, SYN, b"");
    let found = failures(&[(0, syn()), (999, syn()), (1999, syn())], 100);
    assert_eq!(found, [Failure::TcpUnanswered { syns: 3, lasted: 3_000_000_000 }]);
    assert_eq!(failures(&[(0, syn())], 3000), [Failure::TcpUnanswered { syns: 1, lasted: 0 }], "sent once");
    // Its ports used again: each connection is one that failed.
    let found = failures(&[(0, syn()), (4000, client(500, SYN, b"")), (4000, client(900, SYN, b""))], 4000);
    assert_eq!(found.len(), 3);
}

#[test]
fn a_syn_that_may_yet_be_answered_is_none() {
    assert_eq!(failures(&[(0, client(99, SYN, b""))], 500), [], "the capture ends");
    let same = [(0, client(99, SYN, b"")), (1, client(99, SYN, b""))];
    assert_eq!(failures(&same, 500), [], "captured twice");
}

#[test]
fn an_answered_syn_is_no_failure_however_little_was_captured() {
    let syn = || client(99, SYN, b"");
    assert_eq!(failures(&[(0, syn()), (3000, syn()), (10, server(7, 100, SYN, b""))], 9000), [], "answered late");
    assert_eq!(failures(&[(0, syn()), (30, client(100, ACK, b""))], 9000), [], "one direction captured: ACK");
    assert_eq!(failures(&[(0, syn()), (30, client(100, ACK, b"abc"))], 9000), [], "one direction captured: bytes");
}

#[test]
fn a_reset_of_another_connection_refuses_none() {
    let syn = || client(99, SYN, b"");
    let stale = server(0, 5000, RST, b"");
    assert_eq!(failures(&[(0, syn()), (1, stale), (1, server(7, 100, SYN, b""))], 9000), []);
}

#[test]
fn a_reset_from_out_of_reach_is_not_believed() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc"), client(100 + (1 << 31), RST, b"")]);
    capture.packet(&client(103, ACK, b"def"));
    assert_eq!(only_stream(&capture).bytes, b"abcdef");
}

#[test]
fn another_syn_is_another_connection() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc"), client(99, SYN, b"")]);
    assert_eq!(only_stream(&capture).end, None, "the same SYN again");
    capture.packets(&[client(70_000, SYN, b""), client(70_001, ACK, b"def")]);
    let streams = capture.streams();
    assert_eq!((&streams[0].bytes[..], streams[0].end), (&b"abc"[..], Some(StreamEnd::Replaced)));
    assert_eq!((&streams[1].bytes[..], streams[1].start), (&b"def"[..], true));
}

/// Found by fuzzing: the FIN of the first choice was waited for in the numbers of the second, for ever.
#[test]
fn a_server_that_chooses_anew_after_its_fin_begins_another_connection() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[
        client(99, SYN, b""),
        server(499, 100, SYN, b""),
        server(800, 100, FIN, b""),
        server(999, 100, SYN, b""),
        server(1000, 100, 0, b"SIP/2.0"),
    ]);
    capture.finish();
    assert_eq!(only_stream(&capture).bytes, b"SIP/2.0");
}

#[test]
fn a_connection_whose_syn_was_not_captured() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK | FIN, b"abc"), client(9000, ACK, b"def")]);
    let streams = capture.streams();
    assert_eq!((&streams[1].bytes[..], streams[1].start), (&b"def"[..], false));
}

/// Ports used three times, closed in each way; then the whole capture once more, then each packet twice at once.
#[test]
fn a_second_copy_of_the_capture_delivers_nothing_twice() {
    let mut once = Vec::new();
    for (i, end) in [FIN, RST, 0].into_iter().enumerate() {
        let isn = 1_000 + 3_000_000_000u32.wrapping_mul(i as u32);
        let other = 77 + 1_500_000_000u32.wrapping_mul(i as u32);
        once.push(client(isn, SYN, b""));
        once.push(server(other, isn + 1, SYN, b""));
        once.push(client(isn + 4, ACK, b"def"));
        once.push(client(isn + 1, ACK, b"abc"));
        once.push(server(other + 1, isn + 7, 0, b"xyz"));
        if end != 0 {
            once.push(client(isn + 7, ACK | end, b""));
            once.push(server(other + 4, isn + 8, end, b""));
        }
    }
    let appended: Vec<_> = once.iter().chain(&once).cloned().collect();
    let doubled: Vec<_> = once.iter().flat_map(|packet| [packet.clone(), packet.clone()]).collect();
    for packets in [appended, doubled] {
        let mut capture = Capture::new(RAW);
        capture.packets(&packets);
        capture.finish();
        let bytes: Vec<_> = capture.streams().iter().map(|stream| stream.bytes.clone()).collect();
        assert_eq!(bytes, [&b"abcdef"[..], b"xyz"].repeat(3));
        assert_eq!(capture.seen.ledger["tcp/repeated"], 9);
        assert_eq!(capture.seen.failures.len(), 1, "the reset is told once");
    }
}

#[test]
fn a_sliced_segment_leaves_a_gap() {
    let mut capture = Capture::new(RAW);
    capture.packet(&client(99, SYN, b""));
    capture.sliced(&client(100, ACK, b"abcdef"), 40 + 2);
    capture.packet(&client(106, ACK, b"ghi"));
    assert_eq!(capture.sliced(&client(109, ACK, b"jkl"), 40), "tcp/cut");
    let stream = only_stream(&capture);
    assert_eq!((&stream.bytes[..], &stream.gaps[..]), (&b"abghi"[..], &[(2, 4), (5, 3)][..]));
}

#[test]
fn a_forgotten_connection_ends_its_streams() {
    let limits = Limits { max_flows: 2, ..Limits::default() };
    let mut capture = Capture::with(RAW, &limits);
    for port in 1..=3 {
        capture.packet(&ipv4(6, 0, &tcp((port, 5060), 100, 0, ACK, b"abc")));
    }
    assert_eq!(capture.streams()[0].end, Some(StreamEnd::Replaced));
    assert_eq!(capture.codes(), ["flow_limit"]);
}

/// IPv4 and TCP have 20 bytes each; of the third packet the first 3 bytes of payload were delivered before.
#[test]
fn segment_stamps_point_at_their_bytes() {
    let mut capture = Capture::new(RAW);
    capture.packets(&[client(99, SYN, b""), client(100, ACK, b"abc"), client(100, ACK, b"abcdef")]);
    let stream = only_stream(&capture);
    assert_eq!((&stream.frames[..], &stream.offsets[..]), (&[2, 3][..], &[200_040, 300_043][..]));
}

#[test]
fn what_might_have_become_a_hep_header_goes_on_when_the_stream_ends() {
    for bytes in [&b"E"[..], b"HEP", b"HEP3\x00"] {
        let mut capture = Capture::new(RAW);
        capture.packet(&client(7, SYN, b""));
        capture.packet(&client(8, ACK, bytes));
        capture.packet(&client(8 + bytes.len() as u32, ACK | FIN, b""));
        capture.finish();
        assert_eq!(only_stream(&capture).bytes, bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Any cuts, any order, any repetition, any overlap: the same bytes, once.
    #[test]
    fn any_delivery_gives_the_same_bytes_once(
        isn: u32,
        bytes in proptest::collection::vec(b'A'..=b'Z', 1..400),
        spans in proptest::collection::vec((0usize..400, 1usize..80), 0..40),
        order in Just(()).prop_perturb(|(), mut rng| rng.next_u64()),
    ) {
        // Whole coverage, and the spans on top of it, shuffled.
        let covering = (0..bytes.len()).step_by(37).map(|start| (start, 37));
        let mut segments: Vec<_> = covering
            .chain(spans)
            .filter(|(start, _)| *start < bytes.len())
            .map(|(start, len)| {
                let part = &bytes[start..bytes.len().min(start + len)];
                client(isn.wrapping_add(1 + start as u32), ACK, part)
            })
            .collect();
        let mut state = order | 1;
        for i in (1..segments.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            segments.swap(i, (state >> 33) as usize % (i + 1));
        }
        let mut capture = Capture::new(RAW);
        capture.packet(&client(isn, SYN, b""));
        capture.packets(&segments);
        capture.packet(&client(isn.wrapping_add(1 + bytes.len() as u32), ACK | FIN, b""));
        capture.finish();
        prop_assert_eq!(&only_stream(&capture).bytes, &bytes);
        prop_assert_eq!(only_stream(&capture).end, Some(StreamEnd::Fin));
        prop_assert!(!capture.seen.ledger.contains_key("tcp/held_out_of_order"));
        prop_assert!(capture.codes().is_empty());
    }
}
