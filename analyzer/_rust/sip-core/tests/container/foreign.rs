//! Files that are not what we read are named, with advice.

use crate::build::refusal;

#[track_caller]
fn named(start: &[u8], name: &str, advice: &str) {
    let reason = refusal(start);
    assert!(reason.contains(name) && reason.contains(advice), "{reason}");
}

#[test]
fn empty_file() {
    assert_eq!(refusal(b""), "empty file");
}

#[test]
fn other_capture_formats() {
    named(b"snoop\0\0\0\0\0\0\x02\0\0\0\x04", "snoop", "editcap");
    named(b"GMBU\0\x02", "Network Monitor", "editcap");
    named(b"RTSS\0\x01", "Network Monitor", "editcap");
}

#[test]
fn reserved_pcap_variants() {
    for magic in [0xA1B2_34CD_u32, 0xA12B_3C4D] {
        named(&[&magic.to_be_bytes()[..], &[0; 40]].concat(), "reserved variant", "editcap");
        named(&[&magic.to_le_bytes()[..], &[0; 40]].concat(), "reserved variant", "editcap");
    }
}

#[test]
fn cbpf_savefile() {
    named(&[0xA1, 0xB2, 0xC3, 0xCB, 0, 2, 0, 4], "cBPF", "capture itself");
}

#[test]
fn archives() {
    named(b"PK\x03\x04\x14\0\0\0", "zip", "unpack");
    let mut tar = vec![0; 512];
    tar[..10].copy_from_slice(b"trace.pcap");
    tar[257..262].copy_from_slice(b"ustar");
    named(&tar, "tar", "unpack");
}

#[test]
fn text() {
    named(b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\nVia: ", "SIP messages as text", "text2pcap");
    named("größer\n0000  45 00 00\n".as_bytes(), "text", "text2pcap");
}

/// editcap 4.0 writes none of these into a pcap unless it is told their link layer.
#[test]
fn formats_whose_packets_have_a_link_layer_each() {
    named(b"\x54\x52\x00\x64\x00\0\0\0\0\0\0\x80", "nettl", "editcap -F pcap -T ether IN OUT.pcap");
    named(b"+---------+---------------+----------+\n08:00:00,000,000   ETHER\n|0   |02|00|", "K12 text", "-T ether");
    named(b"\xc8\x02\xc8\x02\x00\xe9\x07\x03", "begins with c802c802", "-T ether");
}

#[test]
fn text_that_is_no_hex_dump() {
    let cases: [(&[u8], &str, &str); 5] = [
        (b"<?xml version=\"1.0\"?>\n<pdml version=\"0\" creator=\"wireshark\">\n", "PDML", "capture itself"),
        (b"<?xml version=\"1.0\"?>\n<psml version=\"0\">\n", "PSML", "capture itself"),
        (b"[\n  {\n    \"_index\": \"packets\",\n", "JSON", "capture itself"),
        (b"{\"index\":{\"_index\":\"packets-2025-03-03\"}}\n", "JSON", "capture itself"),
        (b"1MOyoQIABAAAAAAAAAAAAAAABAABAAAA\n", "base64", "base64 -d"),
    ];
    for (start, name, advice) in cases {
        named(start, name, advice);
        assert!(!refusal(start).contains("text2pcap"));
    }
    named(b"[2025-03-03 08:00:00] sent to udp:192.0.2.1:5060:\nOPTIONS sip:a@b SIP/2.0\n", "SIP messages", "text2pcap");
}

#[test]
fn erf_by_two_records_that_make_sense() {
    let record = |seconds: u64| {
        let mut record = (seconds << 32).to_le_bytes().to_vec();
        // type Ethernet, flags, record length, loss counter, wire length
        record.extend([2, 4, 0, 32, 0, 0, 0, 14]);
        record.resize(32, 0);
        record
    };
    named(&[record(1_700_000_000), record(1_700_000_001)].concat(), "ERF", "editcap");
}

#[test]
fn anything_else_shows_how_it_begins() {
    named(&[0xDE, 0xAD, 0xBE, 0xEF, 0, 1], "deadbeef", "Wireshark");
    named(&[0xD4], "d4", "not a pcap");
}
