//! Files that are not what we read are named, with advice.

use super::build::refusal;

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
}

/// editcap writes them as pcap only where all packets have one link layer, and these formats name it for each.
#[test]
fn formats_with_a_link_layer_for_each_packet() {
    named(b"GMBU\0\x02", "Network Monitor", "--engine pyshark");
    named(b"RTSS\0\x01", "Network Monitor", "--engine pyshark");
    named(b"\x54\x52\0\x64\0\x20", "nettl", "--engine pyshark");
    named(b"+---------+---------------+----------+\r\n08:00:00,000,000   ETHER\r\n", "K12", "--engine pyshark");
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
    named(b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\nVia: ", "SIP messages as text", "made from");
    named(b"notes of the day", "text", "made from");
}

#[test]
fn only_a_hex_dump_is_one_for_text2pcap() {
    named("größer\n0000  45 00 00\n".as_bytes(), "hex dump", "text2pcap IN OUT.pcap");
    named(b"0000   02 00 5e 9f 53 5b  ..^.S[\n0010   53 49 50 2f 32 2e 30  SIP/2.0\n", "hex dump", "text2pcap");
    for other in [
        "<?xml version=\"1.0\"?>\n<pdml version=\"0\">",
        "<?xml version=\"1.0\"?>\n<psml version=\"0\">",
        "[\n  {\n    \"_index\": \"packets\",",
        "{\"index\":{\"_index\":\"packets\"}}\n",
    ] {
        named(other.as_bytes(), "not a packet capture", "made from");
        assert!(!refusal(other.as_bytes()).contains("text2pcap"), "{other}");
    }
    named("1MOyoQIABAAAAAAAAAAAAAAABAABAAAAoGzFZwAAAADIAgAAyAIAAAIAXp9TWwIA\n".as_bytes(), "base64", "base64 -d");
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
