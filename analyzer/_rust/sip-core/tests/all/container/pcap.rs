//! Every variant of the pcap savefile.

use sip_core::problem::Code;

use super::build::{Big, Bytes, Endian, Little, read, refusal, small_pcap};

const MICROSECONDS: u32 = 0xA1B2_C3D4;
const NANOSECONDS: u32 = 0xA1B2_3C4D;
const MODIFIED: u32 = 0xA1B2_CD34;

/// One packet, stamped (1 700 000 000 s, `fraction`).
fn one(endian: Endian, magic: u32, fraction: u32) -> Vec<u8> {
    Bytes::new(endian).pcap_header(magic, 2, 4, 1).pcap_record(1_700_000_000, fraction, 4, 4, b"data").bytes
}

#[test]
fn magic_on_disk_is_as_tcpdump_writes_it() {
    assert_eq!(one(Little, MICROSECONDS, 0)[..8], [0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0]);
    assert_eq!(one(Big, NANOSECONDS, 0)[..8], [0xA1, 0xB2, 0x3C, 0x4D, 0, 2, 0, 4]);
}

#[test]
fn microseconds_and_nanoseconds_in_both_byte_orders() {
    for endian in [Big, Little] {
        assert_eq!(read(&one(endian, MICROSECONDS, 123_456)).times(), [Some(1_700_000_000_123_456_000)]);
        assert_eq!(read(&one(endian, NANOSECONDS, 123_456)).times(), [Some(1_700_000_000_000_123_456)]);
    }
}

#[test]
fn a_packet_says_where_it_lies() {
    let reading = read(&small_pcap().0);
    let [_, second, third] = reading.packets.as_slice() else { panic!("{reading:?}") };
    // 24 file header, 16 + 12 first record, 16 record header.
    assert_eq!((second.frame, second.offset, second.data.as_slice()), (2, 68, &b"the second"[..]));
    assert_eq!((third.frame, third.offset), (3, 94));
    assert_eq!((second.interface, second.host, second.link, second.orig_len), (0, 0, 1, 10));
}

#[test]
fn what_the_file_says() {
    let reading = read(&small_pcap().0);
    let info = &reading.info;
    assert_eq!((info.format, info.compression, info.cut, info.dropped), ("pcap", None, false, None));
    assert_eq!((info.packets, info.link_types.as_slice(), info.backward_steps), (3, &[1][..], 0));
    assert_eq!(info.first_time, Some(1_700_000_000_250_000_000));
    assert_eq!(info.last_time, Some(1_700_000_002_250_000_000));
    assert_eq!(reading.bytes_read, 24 + 3 * 16 + 12 + 10 + 23);
}

#[test]
fn kuznetzovs_record_header_has_24_bytes() {
    for endian in [Big, Little] {
        let mut file = Bytes::new(endian).pcap_header(MODIFIED, 2, 4, 113);
        for data in [b"one.", b"two."] {
            // ifindex, protocol, packet type, padding
            file = file.pcap_record(9, 7, 4, 4, &[]).u32(2).u16(0x0800).raw(&[4, 0]).raw(data);
        }
        let reading = read(&file.bytes);
        assert_eq!(reading.data(), [b"one.", b"two."]);
        assert_eq!(reading.times(), [Some(9_000_007_000); 2]);
        assert_eq!(reading.packets[0].offset, 48);
    }
}

#[test]
fn file_header_alone_is_a_capture_of_no_packets() {
    let reading = read(&Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 101).bytes);
    assert_eq!((reading.info.packets, reading.info.cut, reading.info.link_types), (0, false, vec![101]));
}

#[test]
fn file_header_cut_is_refused() {
    let header = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1).bytes;
    for len in 4..header.len() {
        let reason = refusal(&header[..len]);
        assert_eq!(reason, format!("pcap file header cut: 24 bytes needed, {len} available"));
    }
}

/// libpcap sf-pcap.c: before 2.3 and in DG/UX's 543.0 the original length comes first.
#[test]
fn old_versions_swap_the_lengths() {
    for (major, minor) in [(2, 0), (2, 1), (2, 2), (543, 0)] {
        let file = Bytes::new(Big).pcap_header(MICROSECONDS, major, minor, 1).pcap_record(1, 0, 1500, 4, b"data");
        let reading = read(&file.bytes);
        assert_eq!((reading.data(), reading.packets[0].orig_len), (vec![&b"data"[..]], 1500));
    }
}

#[test]
fn version_2_3_was_written_both_ways() {
    for (first, second) in [(4, 1500), (1500, 4)] {
        let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 3, 1).pcap_record(1, 0, first, second, b"data");
        let reading = read(&file.bytes);
        assert_eq!((reading.data(), reading.packets[0].orig_len), (vec![&b"data"[..]], 1500));
    }
}

#[test]
fn unknown_versions_are_refused() {
    for (major, minor) in [(1, 2), (2, 5), (3, 0), (543, 1)] {
        let reason = refusal(&Bytes::new(Little).pcap_header(MICROSECONDS, major, minor, 1).bytes);
        assert!(reason.contains(&format!("version {major}.{minor}")), "{reason}");
    }
}

#[test]
fn reserved_header_fields_are_ignored() {
    let file = Bytes::new(Little).u32(MICROSECONDS).u16(2).u16(4).u32(3600).u32(6).u32(0).u32(1);
    assert_eq!(read(&file.pcap_record(1, 0, 1, 1, b"x").bytes).data(), [b"x"]);
}

/// Bit 26 says that there is an FCS, the top four bits its length in 16-bit words.
#[test]
fn frame_check_sequence_is_taken_off() {
    for endian in [Big, Little] {
        let file = Bytes::new(endian).pcap_header(MICROSECONDS, 2, 4, 0x2400_0001);
        let whole = read(&file.clone().pcap_record(1, 0, 10, 10, b"packetFCS!").bytes);
        assert_eq!((whole.data(), whole.packets[0].orig_len), (vec![&b"packet"[..]], 6));
        // Sliced within the FCS: two of its bytes are there.
        let sliced = read(&file.clone().pcap_record(1, 0, 8, 10, b"packetFC").bytes);
        assert_eq!((sliced.data(), sliced.packets[0].orig_len), (vec![&b"packet"[..]], 6));
        // Sliced before it.
        let short = read(&file.pcap_record(1, 0, 3, 10, b"pac").bytes);
        assert_eq!((short.data(), short.packets[0].orig_len), (vec![&b"pac"[..]], 6));
        assert_eq!((short.info.link_types, short.packets[0].link), (vec![1], 1));
    }
}

#[test]
fn fcs_length_without_its_bit_means_nothing() {
    let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 0x2000_0001);
    assert_eq!(read(&file.pcap_record(1, 0, 6, 6, b"packet").bytes).data(), [b"packet"]);
}

#[test]
fn a_fraction_of_a_second_and_more_is_carried() {
    for (magic, fraction, time) in
        [(MICROSECONDS, 1_500_000, 1_700_000_001_500_000_000), (NANOSECONDS, u32::MAX, 1_700_000_004_294_967_295)]
    {
        let reading = read(&one(Little, magic, fraction));
        assert_eq!((reading.times(), reading.codes()), (vec![Some(time)], vec![Code::TimeFractionInvalid]));
        assert_eq!(reading.problems[0].frame, 1);
    }
}

#[test]
fn microseconds_that_most_packets_exceed_are_nanoseconds() {
    let file = |fractions: &[u32]| {
        let header = Bytes::new(Big).pcap_header(MICROSECONDS, 2, 4, 1);
        let record = |file: Bytes, &fraction: &u32| file.pcap_record(9, fraction, 4, 4, b"data");
        fractions.iter().fold(header, record).bytes
    };
    let reading = read(&file(&[0, 180_000_000, 999_999_999]));
    assert_eq!(reading.times(), [Some(9_000_000_000), Some(9_180_000_000), Some(9_999_999_999)]);
    assert_eq!((reading.codes(), reading.problems[0].frame), (vec![Code::TimeFractionInvalid], 0));
    // One of several is a carry that was left out.
    let reading = read(&file(&[5, 1_000_000, 7]));
    assert_eq!(reading.times(), [Some(9_000_005_000), Some(10_000_000_000), Some(9_000_007_000)]);
    // No nanoseconds either: a second has 10^9 of them.
    assert_eq!(read(&file(&[2_000_000_000])).times(), [Some(2_009_000_000_000)]);
}

/// Packets behind record headers of a size that the magic number does not say: between lengths and data lie `extra` bytes.
fn with_record_headers(endian: Endian, magic: u32, extra: usize, packets: u32) -> Vec<u8> {
    let mut file = Bytes::new(endian).pcap_header(magic, 2, 4, 1);
    for number in 0..packets {
        let frame = [&[2; 12][..], &[0x08, 0x00, 0x45, 0, 0, 40 + number as u8]].concat();
        file = file.pcap_record(
            1_700_000_000 + 3_600 * number,
            250_000,
            18,
            60,
            &[&[0, 0, 0, 2, 0, 8, 4, 1, 0xB9, 0xC9, 5, 0][..extra], &frame].concat(),
        );
    }
    file.bytes
}

/// Nokia's IPSO, libpcap of Red Hat 6.1 and SuSE 6.3, as `editcap -F` writes them.
#[test]
fn the_records_show_the_size_of_their_headers() {
    for (magic, extra) in [(MICROSECONDS, 4), (MICROSECONDS, 8), (MODIFIED, 12), (MODIFIED, 8), (MICROSECONDS, 0)] {
        for endian in [Big, Little] {
            for packets in [1, 2, 3, 40] {
                let reading = read(&with_record_headers(endian, magic, extra, packets));
                let lasts: Vec<u8> = reading.data().iter().map(|data| data[17]).collect();
                assert_eq!(lasts, (40..40 + packets as u8).collect::<Vec<_>>(), "{magic:x} {extra} {packets}");
                assert_eq!((reading.codes(), reading.info.cut), (vec![], false));
            }
        }
    }
}

#[test]
fn a_file_that_is_cut_is_no_other_variant() {
    let file = with_record_headers(Little, MICROSECONDS, 0, 2);
    for len in 25..file.len() {
        let reading = read(&file[..len]);
        let whole = usize::from(len >= 24 + 34);
        assert_eq!(reading.data(), vec![&file[40..58]; whole], "{len}");
        assert_eq!(reading.info.cut, len != 24 + 34, "{len}");
    }
}

#[test]
fn a_file_that_is_corrupt_at_its_second_record_may_be_another_variant() {
    let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1).pcap_record(5, 0, 1, 1, b"x");
    let reading = read(&file.pcap_record(5, 0, u32::MAX, u32::MAX, &[0xEE; 500]).bytes);
    assert!(reading.problems[0].detail.ends_with("editcap -F pcap IN OUT.pcap"), "{}", reading.problems[0].detail);
}

#[test]
fn seconds_are_unsigned() {
    let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1).pcap_record(u32::MAX, 0, 1, 1, b"x");
    assert_eq!(read(&file.bytes).times(), [Some(4_294_967_295_000_000_000)]);
}

#[test]
fn a_sliced_packet_keeps_its_length_on_the_wire() {
    let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1).pcap_record(1, 0, 4, 1500, b"data");
    assert_eq!(read(&file.bytes).packets[0].orig_len, 1500);
}

#[test]
fn captured_length_above_original_and_snap_length_is_tolerated() {
    let data = [7; 70_000];
    let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1).pcap_record(1, 0, 70_000, 64, &data);
    let reading = read(&file.bytes);
    assert_eq!((reading.packets[0].data.len(), reading.packets[0].orig_len), (70_000, 70_000));
    assert!(reading.problems.is_empty());
}

#[test]
fn an_empty_packet_counts() {
    let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1);
    let file = file.pcap_record(5, 0, 0, 60, b"").pcap_record(5, 0, 1, 1, b"x");
    assert_eq!(read(&file.bytes).data(), [&b""[..], b"x"]);
}

#[test]
fn backward_steps_are_counted() {
    let mut file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1);
    for seconds in [10, 8, 9, 9, 7] {
        file = file.pcap_record(seconds, 0, 1, 1, b"x");
    }
    let info = read(&file.bytes).info;
    assert_eq!(info.backward_steps, 2);
    assert_eq!((info.first_time, info.last_time), (Some(7_000_000_000), Some(10_000_000_000)));
}

#[test]
fn concatenated_files_continue_as_the_next_header_says() {
    let mut file = small_pcap().0;
    file.extend(Bytes::new(Big).pcap_header(NANOSECONDS, 2, 4, 101).pcap_record(2, 3, 4, 4, b"more").bytes);
    let reading = read(&file);
    let last = reading.packets.last().expect("packets");
    assert_eq!((last.frame, last.time, last.link, last.data.as_slice()), (4, Some(2_000_000_003), 101, &b"more"[..]));
    assert_eq!(reading.info.link_types, [1, 101]);
    assert!(reading.problems.is_empty() && !reading.info.cut);
}

#[test]
fn a_file_behind_one_that_is_cut_is_found() {
    let (whole, edges) = small_pcap();
    let mut file = whole[..edges[2] + 20].to_vec();
    file.extend(&whole);
    let reading = read(&file);
    assert_eq!(reading.codes(), [Code::FileCorrupt]);
    assert_eq!(reading.data().last(), Some(&&b"third, and the last one"[..]));
    assert!(reading.info.cut);
}

/// Many records, so that the reader finds two in a row.
fn with_corrupt_length(length: u32) -> Vec<u8> {
    let mut file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1);
    for number in 0..6 {
        let captured = if number == 2 { length } else { 100 };
        file = file.pcap_record(1_700_000_000 + number, 0, captured, 100, &[number as u8; 100]);
    }
    file.bytes
}

#[test]
fn an_absurd_length_is_skipped_to_the_next_record() {
    // The first is absurd, the others run beyond the end of the file.
    for length in [0xFFFF_FFFF, 262_145, 262_144, 5_000] {
        let reading = read(&with_corrupt_length(length));
        let firsts: Vec<u8> = reading.packets.iter().map(|packet| packet.data[0]).collect();
        assert_eq!(firsts, [0, 1, 3, 4, 5], "{length}");
        let [problem] = reading.problems.as_slice() else { panic!("{:?}", reading.problems) };
        assert_eq!((problem.code, problem.file, problem.offset), (Code::FileCorrupt, 7, 24 + 2 * 116));
        assert!(problem.detail.ends_with("116 bytes skipped to the next record"), "{}", problem.detail);
        assert!(reading.info.cut);
    }
}

#[test]
fn nothing_believable_behind_an_absurd_length_ends_the_file() {
    let file = Bytes::new(Little).pcap_header(MICROSECONDS, 2, 4, 1).pcap_record(5, 0, 1, 1, b"x");
    let reading = read(&file.pcap_record(5, 0, u32::MAX, u32::MAX, &[0xEE; 500]).bytes);
    assert_eq!((reading.data(), reading.codes(), reading.info.cut), (vec![&b"x"[..]], vec![Code::FileCorrupt], true));
}

#[test]
fn zeros_are_not_a_million_empty_packets() {
    let mut file = with_corrupt_length(100);
    let hole = 24 + 2 * 116..24 + 4 * 116;
    file[hole].fill(0);
    let reading = read(&file);
    assert_eq!((reading.info.packets, reading.codes()), (4, vec![Code::FileCorrupt]));
}
