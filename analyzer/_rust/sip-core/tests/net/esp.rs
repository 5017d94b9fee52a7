//! ESP and AH: what is in clear is read whatever the length of its integrity check value; what is not stays closed.

use proptest::prelude::*;
use sip_core::layer::Layer;
use sip_core::limits::Limits;

use crate::build::*;
use crate::witness::Capture;

const SPI: u32 = 0xC0DE_0001;

fn protected(next_header: u8, payload: &[u8], icv: usize) -> Vec<u8> {
    ipv4(50, 7, &esp(SPI, next_header, payload, icv))
}

/// With the checksum that RFC 9293 §3.1 asks for, between A and B.
fn with_checksum(mut segment: Vec<u8>) -> Vec<u8> {
    let mut covered = [&A[..], &B, &[0, 6], &(segment.len() as u16).to_be_bytes(), &segment].concat();
    covered.resize(covered.len().next_multiple_of(2), 0);
    let mut sum: u64 = covered.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word[1])).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    segment[16..18].copy_from_slice(&(!sum as u16).to_be_bytes());
    segment
}

#[test]
fn udp_behind_every_length_of_icv() {
    for icv in [0, 12, 16, 24, 32] {
        for length in 7..12 {
            let text = &b"OPTIONS sip:x"[..length];
            let mut capture = Capture::new(RAW);
            assert_eq!(capture.packet(&protected(17, &udp(text), icv)), "sip/message", "ICV {icv}");
            assert_eq!(capture.bytes(), [text]);
            let encapsulation = capture.seen.datagrams[0].encapsulation;
            assert_eq!((encapsulation.tunnels(), encapsulation.spi), (&[Layer::new(&"esp")][..], Some(SPI)));
        }
    }
}

#[test]
fn aes_gmac_has_eight_bytes_before_the_payload() {
    let packet = protected(17, &[&[0x5A; 8][..], &udp(b"OPTIONS sip")].concat(), 16);
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&packet), "sip/message");
    assert_eq!(capture.bytes(), [b"OPTIONS sip"]);
}

#[test]
fn tcp_is_found_by_its_checksum() {
    let mut capture = Capture::new(RAW);
    let segment = |seq, flags, payload: &[u8]| with_checksum(tcp((40000, 5060), seq, 0, flags, payload));
    assert_eq!(capture.packet(&protected(6, &segment(100, SYN, b""), 12)), "tcp/no_payload");
    assert_eq!(capture.packet(&protected(6, &segment(101, 0, b"OPTIONS"), 12)), "sip/message");
    capture.finish();
    assert_eq!(capture.streams()[0].bytes, b"OPTIONS");
    assert!(capture.streams()[0].start);
}

/// A NAT changed the addresses: the checksum is wrong for good.
#[test]
fn tcp_without_a_true_checksum_needs_three_packets() {
    let mut capture = Capture::new(RAW);
    let packets: Vec<_> =
        (0u32..4).map(|n| protected(6, &tcp((40000, 5060), 100 + 8 * n, 0, ACK, b"OPTIONS "), 12)).collect();
    let dispositions = capture.packets(&packets);
    assert_eq!(dispositions[..2], ["esp/encrypted_spi_0xc0de0001"; 2]);
    assert_eq!(dispositions[2..], ["sip/message"; 2]);
    capture.finish();
    assert_eq!(capture.seen.ledger["esp/not_verified"], 2);
}

#[test]
fn tunnel_mode_and_ipv6() {
    let inner = checksummed(ipv4(17, 7, &udp(b"OPTIONS")));
    for (packet, tunnels) in [
        (protected(4, &inner, 16), &[Layer::new(&"esp"), Layer::new(&"ipip")][..]),
        (protected(41, &ipv6(17, &udp(b"OPTIONS")), 12), &[Layer::new(&"esp"), Layer::new(&"6in4")]),
        (ipv6(50, &esp(SPI, 17, &udp(b"OPTIONS"), 12)), &[Layer::new(&"esp")]),
        (udp_between(4500, 4500, &esp(SPI, 4, &inner, 12)), &[Layer::new(&"esp"), Layer::new(&"ipip")]),
        (udp_between(40123, 4500, &esp(SPI, 17, &udp(b"OPTIONS"), 12)), &[Layer::new(&"esp")]),
    ] {
        let mut capture = Capture::new(RAW);
        assert_eq!(capture.packet(&packet), "sip/message", "{tunnels:?}");
        assert_eq!(capture.seen.datagrams[0].encapsulation.tunnels(), tunnels);
    }
}

#[test]
fn ike_keep_alives_and_sip_on_port_4500() {
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&udp_between(4500, 4500, &[0xFF])), "esp/keep_alive");
    assert_eq!(capture.packet(&udp_between(4500, 4500, &[0; 40])), "udp/not_sip_ike");
    assert_eq!(capture.packet(&udp_between(4500, 4500, b"OPTIONS sip:x SIP/2.0")), "sip/message");
}

/// HMAC-MD5-96 has 12 bytes of value, HMAC-SHA-512-256 has 32; in IPv6 the header is padded to a multiple of 8.
#[test]
fn authentication_headers_of_every_length() {
    for value in [0, 12, 16, 24, 32] {
        let length = (12 + value) / 4 - 2;
        let mut header = vec![17, length as u8, 0, 0];
        header.extend(SPI.to_be_bytes());
        header.resize(12 + value, 0);
        let mut capture = Capture::new(RAW);
        assert_eq!(capture.packet(&ipv4(51, 0, &[&header[..], &udp(b"OPTIONS")].concat())), "sip/message");
        let encapsulation = capture.seen.datagrams[0].encapsulation;
        assert_eq!((encapsulation.tunnels(), encapsulation.spi), (&[Layer::new(&"ah")][..], Some(SPI)));
    }
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.packet(&ipv4(51, 0, &[17, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])), "ah/malformed");
    assert_eq!(capture.codes(), ["tunnel_header_malformed"]);
}

#[test]
fn a_sliced_packet_is_read_once_its_association_is_known() {
    let long = protected(17, &udp(&[b'O'; 200]), 12);
    let mut capture = Capture::new(RAW);
    assert_eq!(capture.sliced(&long, 100), "esp/cut");
    assert_eq!(capture.packet(&protected(17, &udp(b"OPTIONS"), 12)), "sip/message");
    assert_eq!(capture.sliced(&long, 100), "sip/message");
    let datagram = &capture.seen.datagrams[1];
    assert_eq!(datagram.bytes.len() + datagram.missing as usize, 200);
}

#[test]
fn each_association_has_its_own_method() {
    let mut capture = Capture::new(RAW);
    let packet = |spi: u32, icv| ipv4(50, 7, &esp(spi, 17, &udp(b"OPTIONS"), icv));
    for _ in 0..2 {
        assert_eq!(capture.packet(&packet(1, 12)), "sip/message");
        assert_eq!(capture.packet(&packet(2, 16)), "sip/message");
    }
    // The SPI used again after a new negotiation.
    assert_eq!(capture.packet(&packet(1, 32)), "sip/message");
}

/// Beyond so many SPIs the account does not grow.
#[test]
fn the_account_names_few_of_many_associations() {
    let mut capture = Capture::with(RAW, &Limits { max_security_associations: 100, ..Limits::default() });
    for spi in 1..=500u32 {
        capture.packet(&ipv4(50, 7, &[&spi.to_be_bytes()[..], &[0x5E; 60]].concat()));
    }
    capture.finish();
    assert_eq!(capture.seen.ledger.keys().filter(|name| name.starts_with("esp/encrypted_spi_")).count(), 64);
    assert_eq!(capture.seen.ledger["esp/encrypted"], 500 - 64);
    assert_eq!(capture.codes(), ["flow_limit"; 400]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encrypted_stays_closed(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 24..200), 1..40),
        nat in any::<bool>(),
    ) {
        let mut capture = Capture::new(RAW);
        for body in &packets {
            let mut body = body.clone();
            body.truncate(body.len() / 4 * 4);
            let packet = [&SPI.to_be_bytes()[..], &[0, 0, 0, 1], &body].concat();
            let disposition = capture.packet(&if nat { udp_between(4500, 4500, &packet) } else { ipv4(50, 0, &packet) });
            prop_assert_eq!(disposition, "esp/encrypted_spi_0xc0de0001");
        }
        capture.finish();
    }
}
