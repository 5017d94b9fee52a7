//! Whatever the bytes: no panic, and every packet has one disposition.

use proptest::prelude::*;
use sip_core::limits::Limits;

use crate::build::*;
use crate::witness::Capture;

const LINKS: [u16; 29] = [
    0, 1, 9, 12, 14, 50, 51, 100, 101, 104, 105, 107, 108, 109, 113, 127, 147, 163, 192, 197, 204, 219, 228, 229, 239,
    248, 252, 276, 9999,
];

/// Small limits, so that they are reached.
fn limits() -> Limits {
    Limits {
        max_layers: 8,
        max_fragment_groups: 3,
        max_fragment_bytes: 500,
        max_flows: 2,
        max_tcp_buffer_bytes: 400,
        max_tcp_total_bytes: 600,
        max_sctp_bytes: 400,
        max_inflated_bytes: 100,
        max_message_bytes: 200,
        ..Limits::default()
    }
}

/// A packet that is nearly right: the fields that lead deepest into the code, from small ranges so that they meet.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let payload = proptest::collection::vec(any::<u8>(), 0..120);
    let tcp_segment = (0u32..300, any::<bool>(), 0u8..32, 0u32..300, payload.clone(), 1u16..4).prop_map(
        |(seq, far, flags, ack, payload, port)| {
            let seq = if far { seq.wrapping_sub(150) } else { seq };
            tcp((port, 5060), seq, ack, flags, &payload)
        },
    );
    let back_or_forth = (any::<bool>(), tcp_segment).prop_map(|(back, mut segment)| {
        if back {
            let (source, destination) = ([segment[0], segment[1]], [segment[2], segment[3]]);
            segment[..2].copy_from_slice(&destination);
            segment[2..4].copy_from_slice(&source);
            ipv4_between(B, A, 6, 0, 0, &segment)
        } else {
            ipv4_between(A, B, 6, 0, 0, &segment)
        }
    });
    let fragments = (0u16..4, 0u16..12, any::<bool>(), payload.clone()).prop_map(|(ident, offset, more, payload)| {
        ipv4_between(A, B, 6, ident, offset | u16::from(more) << 13, &payload)
    });
    let fragments6 = (0u32..4, 0usize..12, any::<bool>(), payload.clone())
        .prop_map(|(ident, offset, more, payload)| fragment6(17, ident, offset * 8, more, &payload));
    let chunks = proptest::collection::vec(
        (0u32..20, 0u16..2, 0u8..8, payload.clone(), any::<bool>()).prop_map(|(tsn, stream, flags, payload, wide)| {
            if wide { i_data(tsn, stream, tsn % 3, tsn, flags, &payload) } else { data(tsn, stream, flags, &payload) }
        }),
        1..4,
    );
    let sctp_packet = (0u32..3, chunks).prop_map(|(tag, chunks)| sctp(tag, &chunks));
    let quoted =
        payload.clone().prop_map(|bytes| ipv4(1, 0, &[&[3, 3, 0, 0, 0, 0, 0, 0], &ipv4(17, 0, &bytes)[..]].concat()));
    let agent =
        (0u16..12, 0u16..24, payload, any::<bool>(), 0u32..300).prop_map(|(kind, length, payload, stream, seq)| {
            let chunk = [&[0, 0, 0, 1, 0, 7, 2, 0][..], &kind.to_be_bytes(), &length.to_be_bytes(), &payload].concat();
            let report = [b"HEP3", &(6 + chunk.len() as u16).to_be_bytes()[..], &chunk].concat();
            if stream { ipv4(6, 0, &tcp((1, 9060), seq, 0, ACK, &report)) } else { udp_between(1, 9060, &report) }
        });
    let plain = prop_oneof![back_or_forth, fragments, fragments6, sctp_packet, agent, quoted];
    plain.prop_recursive(4, 16, 1, |inner| (0usize..14, inner).prop_map(|(tunnel, packet)| around(tunnel, &packet)))
}

/// One of the tunnels around a packet.
fn around(tunnel: usize, packet: &[u8]) -> Vec<u8> {
    match tunnel {
        0 => gtpu(0x34, &[&[0, 1, 0, 0x85, 1, 0, 5, 0], packet].concat()),
        1 => ipv4(47, 1, &[&[0x30, 0, 8, 0, 0, 0, 0, 7, 0, 0, 0, 1], packet].concat()),
        2 => ipv4(4, 2, packet),
        3 => udp_between(50_000, 4789, &[&[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(0x0800, packet)[..]].concat()),
        4 => ipv4(50, 3, &esp(7, 4, packet, 12)),
        5 => udp_between(4500, 4500, &esp(8, 4, packet, 16)),
        6 => udp_between(1, 5247, &[&[0, 0x10, 2, 0, 0, 0, 0, 0], &ethernet(0x0800, packet)[..]].concat()),
        7 => udp_between(1, 47290, packet),
        8 => udp_between(1, 4341, &[&[0x80, 0, 0, 0, 0, 0, 0, 1], packet].concat()),
        9 => udp_between(1, 6635, &[&[0, 0, 0x11, 64], packet].concat()),
        10 => udp_between(3544, 1, &[&[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0], packet].concat()),
        11 => udp_between(9899, 9899, packet),
        12 => tagged(packet),
        _ => fragment(9, 0, true, &packet[..packet.len() / 8 * 8]),
    }
}

/// Ethernet in IP with a tag of each kind, one behind the other.
fn tagged(packet: &[u8]) -> Vec<u8> {
    let tags = [
        &[0, 1, 0, 2, 0x89, 0x3F][..],
        &[0, 0, 0, 1, 0, 0, 0x89, 0x09],
        &[1, 1, 0, 1, 0, 2, 0xD2, 0x8B],
        &[0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 5, 0x88, 0xE5],
        &[0, 0, 0, 0, 0, 1, 0x89, 0x4F],
        &[0x0F, 0xC2, 2, 1, 0, 0, 1, 0xFF],
        packet,
        &[7; 16],
    ];
    ipv4(97, 4, &[&[0x30, 0], &ethernet(0x8926, &tags.concat())[..]].concat())
}

/// Tags of an exported PDU in an order and with lengths that need not be right, and what they stand before.
fn exported() -> impl Strategy<Value = Vec<u8>> {
    let tag = (proptest::sample::select(&[0u8, 12, 20, 21, 24, 25, 26, 32, 34][..]), 0u8..24, any::<[u8; 4]>());
    let payload = nearly().prop_map(|packet| packet.get(28..).map_or(packet.clone(), <[u8]>::to_vec));
    (proptest::collection::vec(tag, 0..8), payload).prop_map(|(tags, payload)| {
        let mut pdu = Vec::new();
        for (kind, length, value) in tags {
            pdu.extend([0, kind, 0, length]);
            pdu.extend(value.iter().cycle().take(usize::from(length)));
        }
        pdu.extend([0; 4]);
        pdu.extend(payload);
        pdu
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_of_any_link_type(
        link in proptest::sample::select(&LINKS[..]),
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 1..30),
    ) {
        let mut capture = Capture::with(link, &limits());
        capture.packets(&packets);
        capture.finish();
    }

    #[test]
    fn exported_pdus_that_are_nearly_right(pdus in proptest::collection::vec((exported(), 0usize..200), 1..40)) {
        let mut capture = Capture::with(252, &limits());
        for (pdu, captured) in pdus {
            capture.sliced(&pdu, if captured > 100 { pdu.len() } else { captured });
        }
        capture.finish();
    }

    /// Sliced, with flipped bytes, and with time that jumps.
    #[test]
    fn packets_that_are_nearly_right(
        packets in proptest::collection::vec((nearly(), 0usize..400, 0usize..200, 0u8..8, -100i64..100), 1..60),
    ) {
        let mut capture = Capture::with(RAW, &limits());
        for (mut packet, captured, flip, bit, seconds) in packets {
            let captured = if captured > 200 { packet.len() } else { captured };
            if let Some(byte) = packet.get_mut(flip) {
                *byte ^= 1 << bit;
            }
            capture.time += if seconds.abs() > 80 { seconds * 1_000_000_000 } else { 0 };
            capture.sliced(&packet, captured);
        }
        capture.finish();
    }
}
