//! Blocks, sections and interfaces of pcapng.

use sip_core::limits::Limits;
use sip_core::problem::Code;

use super::build::{Big, Bytes, Little, read, refusal, small_pcapng, try_read_from};

fn section() -> Bytes {
    Bytes::new(Little).section()
}

fn ethernet() -> Bytes {
    section().interface(1, |options| options)
}

#[test]
fn block_types_and_magic_on_disk_are_as_the_draft_gives_them() {
    let bytes = section().bytes;
    assert_eq!(bytes[..16], [0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0]);
}

#[test]
fn a_packet_says_where_it_lies() {
    let (file, edges) = small_pcapng();
    let reading = read(&file);
    let second = &reading.packets[1];
    assert_eq!((second.frame, second.offset), (2, edges[2] as u64 + 28));
    assert_eq!(second.data, b"the second");
    assert_eq!((second.time, second.link, second.orig_len), (Some(1_700_000_000_250_001_000), 101, 10));
}

#[test]
fn what_the_file_says() {
    let info = read(&small_pcapng().0).info;
    assert_eq!((info.format, info.packets, info.cut, info.dropped), ("pcapng", 3, false, None));
    assert_eq!((info.link_types, info.interfaces), (vec![101], vec![Some("eth0".to_owned())]));
}

#[test]
fn sections_have_their_own_byte_order_and_interface_ids() {
    let mut file = Bytes::new(Little).section().interface(1, |options| options.option(2, b"a"));
    file = file.interface(113, |options| options.option(2, b"b")).enhanced(1, 1_000_000, 4, b"one.");
    let second = Bytes::new(Big).section().interface(101, |options| options.option(2, b"c"));
    file = file.raw(&second.enhanced(0, 2_000_000, 4, b"two.").bytes);
    let reading = read(&file.bytes);
    let seen: Vec<_> = reading.packets.iter().map(|packet| (packet.interface, packet.link, packet.time)).collect();
    assert_eq!(seen, [(1, 113, Some(1_000_000_000)), (2, 101, Some(2_000_000_000))]);
    assert_eq!(reading.info.interfaces, ["a", "b", "c"].map(|name| Some(name.to_owned())));
    assert_eq!(reading.info.link_types, [1, 113, 101]);
}

#[test]
fn hosts_are_sections_of_another_hardware_or_system() {
    let mut file = Bytes::new(Little);
    for (hardware, os) in [(&b"x86"[..], &b"Linux"[..]), (b"arm", b"Linux"), (b"x86", b"Linux"), (b"x86", b"BSD")] {
        file = file.section_of(hardware, os).interface(1, |options| options).enhanced(0, 1, 1, b"x");
    }
    let hosts: Vec<u32> = read(&file.bytes).packets.iter().map(|packet| packet.host).collect();
    assert_eq!(hosts, [0, 1, 0, 2]);
}

#[track_caller]
fn time_with(resolution: Option<u8>, offset: Option<i64>, stamp: u64) -> Option<i64> {
    let file = section().interface(1, |mut options| {
        if let Some(resolution) = resolution {
            options = options.option(9, &[resolution]);
        }
        if let Some(offset) = offset {
            options = options.option(14, &offset.to_le_bytes());
        }
        options
    });
    let reading = read(&file.enhanced(0, stamp, 1, b"x").bytes);
    assert_eq!(reading.data(), [b"x"]);
    assert_eq!(reading.codes().contains(&Code::TimeOutOfRange), reading.packets[0].time.is_none());
    reading.packets[0].time
}

#[test]
fn microseconds_unless_said_otherwise() {
    assert_eq!(time_with(None, None, 1_700_000_000_123_456), Some(1_700_000_000_123_456_000));
}

#[test]
fn decimal_resolutions() {
    assert_eq!(time_with(Some(0), None, 17), Some(17_000_000_000));
    assert_eq!(time_with(Some(9), None, 1_700_000_000_123_456_789), Some(1_700_000_000_123_456_789));
    assert_eq!(time_with(Some(12), None, 123_456_789_999), Some(123_456_789));
    assert_eq!(time_with(Some(127), None, u64::MAX), Some(0));
}

#[test]
fn binary_resolutions() {
    // 2^-10 s: 1024 + 512 units are 1.5 s.
    assert_eq!(time_with(Some(0x8A), None, 1536), Some(1_500_000_000));
    // NTP's 2^-32 s: the fraction 0x40000000 is a quarter of a second.
    assert_eq!(time_with(Some(0xA0), None, 1_700_000_000 << 32 | 0x4000_0000), Some(1_700_000_000_250_000_000));
    assert_eq!(time_with(Some(0xFF), None, u64::MAX), Some(0));
}

#[test]
fn offset_is_signed_seconds_that_are_added() {
    assert_eq!(time_with(None, Some(1_700_000_000), 250_000), Some(1_700_000_000_250_000_000));
    assert_eq!(time_with(None, Some(-3), 1_000_000), Some(-2_000_000_000));
}

#[test]
fn time_beyond_64_bits_of_nanoseconds_is_no_time() {
    assert_eq!(time_with(None, None, u64::MAX), None);
    assert_eq!(time_with(None, Some(i64::MAX), 0), None);
    assert_eq!(time_with(Some(0x80), None, u64::MAX), None);
}

#[test]
fn options_need_no_end_mark_and_may_overrun_their_block() {
    let file = section().interface(1, |options| options.option(9, &[9]).u16(2).u16(500).raw(b"eth0"));
    let reading = read(&file.enhanced(0, 5, 1, b"x").bytes);
    assert_eq!((reading.times(), reading.info.interfaces), (vec![Some(5)], vec![None]));
}

#[test]
fn options_behind_the_end_mark_are_not_read() {
    let file = section().interface(1, |options| options.u32(0).option(9, &[9])).enhanced(0, 5, 1, b"x");
    assert_eq!(read(&file.bytes).times(), [Some(5_000)]);
}

#[test]
fn simple_packets_have_no_time() {
    let file = ethernet().block(3, |body| body.u32(5).padded(b"hello"));
    let reading = read(&file.bytes);
    let packet = &reading.packets[0];
    assert_eq!((packet.time, packet.data.as_slice(), packet.orig_len), (None, &b"hello"[..], 5));
    assert_eq!(packet.offset, 28 + 20 + 12);
    assert_eq!(reading.info.first_time, None);
}

#[test]
fn simple_packets_are_cut_at_the_snap_length() {
    let file = section().block(1, |body| body.u16(1).u16(0).u32(6));
    let packet = &read(&file.block(3, |body| body.u32(1500).padded(b"abcdef")).bytes).packets[0];
    assert_eq!((packet.data.as_slice(), packet.orig_len), (&b"abcdef"[..], 1500));
}

#[test]
fn obsolete_packet_blocks_are_read() {
    let file = ethernet().block(2, |body| {
        body.u16(0).u16(3).u32(0).u32(1_000_000).u32(5).u32(9).padded(b"hello").option(2, &[0; 4]).u32(0)
    });
    let reading = read(&file.bytes);
    let packet = &reading.packets[0];
    assert_eq!((packet.time, packet.data.as_slice(), packet.orig_len), (Some(1_000_000_000), &b"hello"[..], 9));
    assert_eq!(reading.info.dropped, Some(3));
}

#[test]
fn tls_keys_in_a_file_are_handed_on_where_they_stand() {
    let keys = |file: Bytes, log: &[u8]| file.block(10, |body| body.u32(0x544C_534B).u32(log.len() as u32).padded(log));
    let file = keys(keys(ethernet(), b"one").enhanced(0, 1, 1, b"a"), b"CLIENT");
    let source = std::io::Cursor::new(file.bytes);
    let mut capture = sip_core::container::open(Box::new(source), "test", 0, &Default::default()).unwrap();
    let mut problems: Vec<sip_core::problem::Problem> = Vec::new();
    assert!(capture.next(&mut problems).is_some());
    assert_eq!(capture.take_key_logs(), [b"one"]);
    assert!(capture.next(&mut problems).is_none());
    assert_eq!((capture.take_key_logs(), problems.len()), (vec![b"CLIENT".to_vec()], 0));
}

#[test]
fn unknown_blocks_are_skipped() {
    let file = ethernet().enhanced(0, 1, 1, b"a").block(0x1234_5678, |body| body.raw(b"whatever"));
    let file = file.block(4, |body| body.u32(0)).block(10, |body| body.u32(0x5747_4B4C).u32(0));
    let reading = read(&file.enhanced(0, 1, 1, b"b").bytes);
    assert_eq!((reading.data(), reading.problems.len()), (vec![&b"a"[..], b"b"], 0));
    assert_eq!(reading.packets[1].frame, 2);
}

/// tshark 4.0 numbers such a file 1 (packet), 2, 3, 4 (journal, custom, custom), 5 (packet).
#[test]
fn frames_are_counted_as_wireshark_does() {
    let file = ethernet().enhanced(0, 1, 1, b"a").block(9, |body| body.raw(b"MESSAGE=x\n"));
    let file = file.block(0xBAD, |body| body.u32(99)).block(0x4000_0BAD, |body| body.u32(99));
    let reading = read(&file.enhanced(0, 1, 1, b"b").bytes);
    assert_eq!((reading.packets[1].frame, reading.info.packets), (5, 2));
}

#[test]
fn undeclared_interface_is_a_problem_and_counts() {
    let file = ethernet().enhanced(0, 1, 1, b"a").enhanced(1, 1, 1, b"b").enhanced(0, 1, 1, b"c");
    let reading = read(&file.bytes);
    assert_eq!(reading.data(), [b"a", b"c"]);
    assert_eq!((reading.packets[1].frame, reading.info.packets, reading.info.cut), (3, 3, false));
    let [problem] = reading.problems.as_slice() else { panic!("{:?}", reading.problems) };
    assert_eq!((problem.code, problem.frame), (Code::InterfaceUndeclared, 2));
}

#[test]
fn an_interface_ends_with_its_section() {
    let reading = read(&ethernet().section().enhanced(0, 1, 1, b"a").bytes);
    assert_eq!((reading.packets.len(), reading.codes()), (0, vec![Code::InterfaceUndeclared]));
}

#[test]
fn losses_are_those_of_the_last_statistics_of_each_interface() {
    let statistics = |file: Bytes, interface: u32, ifdrop: u64, osdrop: u64| {
        file.block(5, |body| {
            let body = body.u32(interface).u64(0).option(5, &ifdrop.to_le_bytes());
            body.option(4, &900u64.to_le_bytes()).option(7, &osdrop.to_le_bytes())
        })
    };
    let mut file = ethernet().interface(1, |options| options);
    for (interface, ifdrop, osdrop) in [(0, 1, 1), (1, 50, 5), (0, 10, 2)] {
        file = statistics(file, interface, ifdrop, osdrop);
    }
    assert_eq!(read(&file.bytes).info.dropped, Some(10 + 2 + 50 + 5));
}

#[test]
fn statistics_without_losses_say_nothing_of_them() {
    let file = ethernet().block(5, |body| body.u32(0).u64(0).option(4, &900u64.to_le_bytes()));
    assert_eq!(read(&file.bytes).info.dropped, None);
}

#[test]
fn losses_told_by_packets_and_by_statistics_are_the_same_losses() {
    let lost = |file: Bytes, count: u64| file.enhanced_with(0, 1, 1, b"x", |o| o.option(4, &count.to_le_bytes()));
    let file = lost(lost(ethernet(), 3), 4);
    assert_eq!(read(&file.bytes).info.dropped, Some(7));
    let file = file.block(5, |body| body.u32(0).u64(0).option(5, &7u64.to_le_bytes()));
    assert_eq!(read(&file.bytes).info.dropped, Some(7));
}

#[test]
fn frame_check_sequence_is_taken_off_in_bits_or_bytes() {
    for length in [4, 32] {
        let file = section().interface(1, |options| options.option(13, &[length]));
        let packet = &read(&file.enhanced(0, 1, 10, b"packetFCS!").bytes).packets[0];
        assert_eq!((packet.data.as_slice(), packet.orig_len), (&b"packet"[..], 6));
    }
}

#[test]
fn packet_flags_tell_the_fcs_length_better_than_the_interface() {
    let file = section().interface(1, |options| options.option(13, &[4]));
    let file = file.enhanced_with(0, 1, 8, b"packetFC", |options| options.option(2, &(2u32 << 5).to_le_bytes()));
    assert_eq!(read(&file.bytes).data(), [b"packet"]);
}

#[test]
fn captured_length_beyond_the_block_loses_that_packet_only() {
    let file = ethernet().block(6, |body| body.u32(0).u64(0).u32(500).u32(500).padded(b"short"));
    let reading = read(&file.enhanced(0, 1, 1, b"x").bytes);
    assert_eq!((reading.data(), reading.codes(), reading.info.packets), (vec![&b"x"[..]], vec![Code::FileCorrupt], 2));
    assert!(reading.info.cut);
}

/// Damages one u32 of the second of three packets.
fn damaged(at: usize, value: u32) -> (Vec<u8>, usize) {
    let (mut file, edges) = small_pcapng();
    file[edges[2] + at..][..4].copy_from_slice(&value.to_be_bytes());
    (file, edges[2])
}

#[test]
fn a_wrong_repeated_length_before_a_good_block_loses_nothing() {
    let (file, block) = damaged(40, 99);
    let reading = read(&file);
    assert_eq!(reading.packets.len(), 3);
    let [problem] = reading.problems.as_slice() else { panic!("{:?}", reading.problems) };
    assert_eq!((problem.code, problem.offset), (Code::FileCorrupt, block as u64));
    assert_eq!(problem.detail, "block length 44 is repeated as 99");
}

#[test]
fn a_wrong_length_is_skipped_to_the_next_block() {
    // Not a multiple of four, too small, into the middle, beyond the end, absurd.
    for length in [45, 8, 40, 4_000, 0xFFFF_FFF0] {
        let reading = read(&damaged(4, length).0);
        assert_eq!(reading.data(), [&b"first packet"[..], b"third, and the last one"], "{length}");
        assert_eq!((reading.codes(), reading.info.cut), (vec![Code::FileCorrupt], true));
        assert!(reading.problems[0].detail.ends_with("44 bytes skipped to the next block"), "{reading:?}");
    }
}

#[test]
fn section_header_cut_is_refused() {
    let header = section().bytes;
    for len in 4..header.len() {
        assert!(refusal(&header[..len]).contains("section header cut"), "{len}");
    }
}

#[test]
fn section_header_without_byte_order_or_of_another_version_is_refused() {
    let mut header = section().bytes;
    header[12] = 2;
    assert!(refusal(&header).contains("version 2"));
    header[8] = 0;
    assert!(refusal(&header).contains("byte-order magic"));
}

#[test]
fn interfaces_beyond_the_limit_are_a_problem() {
    let limits = Limits { max_interfaces: 1, ..Limits::default() };
    let file = ethernet().interface(1, |options| options).enhanced(1, 1, 1, b"b").enhanced(0, 1, 1, b"a");
    let reading = try_read_from(Box::new(std::io::Cursor::new(file.bytes)), &limits).expect("readable");
    assert_eq!(reading.data(), [b"a"]);
    assert_eq!(reading.codes(), [Code::InterfaceLimit, Code::InterfaceUndeclared]);
}
