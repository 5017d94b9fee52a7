//! Whatever the bytes: packets or a refusal, an end, and nothing lost that lies before the damage.

use std::io::Cursor;

use proptest::prelude::*;
use sip_core::limits::Limits;
use sip_core::problem::Code;

use super::build::{Big, Bytes, Little, Reading, read, small_pcap, small_pcapng, try_read, try_read_from};

/// Packets that end at or before `byte`.
fn before(whole: &Reading, byte: usize) -> usize {
    whole.packets.iter().take_while(|packet| packet.offset as usize + packet.data.len() <= byte).count()
}

#[test]
fn a_pcap_cut_anywhere_keeps_its_whole_records() {
    let (file, edges) = small_pcap();
    let whole = read(&file);
    for len in edges[0]..=file.len() {
        let reading = read(&file[..len]);
        assert_eq!(reading.packets, whole.packets[..before(&whole, len)]);
        let cut = !edges.contains(&len);
        assert_eq!(reading.info.cut, cut, "{len}");
        assert_eq!(reading.codes(), if cut { vec![Code::FileCut] } else { vec![] });
    }
}

#[test]
fn a_cut_is_reported_at_its_record_and_says_what_is_missing() {
    let (file, edges) = small_pcap();
    let reading = read(&file[..edges[1] + 20]);
    let [problem] = reading.problems.as_slice() else { panic!("{:?}", reading.problems) };
    assert_eq!(problem.offset, edges[1] as u64);
    assert_eq!(problem.detail, "record of 26 bytes needed, 20 bytes available");
}

#[test]
fn a_pcapng_cut_anywhere_keeps_its_whole_blocks() {
    let (file, edges) = small_pcapng();
    let whole = read(&file);
    for len in edges[0]..=file.len() {
        let reading = read(&file[..len]);
        let blocks = edges.iter().filter(|edge| **edge <= len).count();
        // Section and interface come first.
        assert_eq!(reading.packets, whole.packets[..blocks.saturating_sub(2)]);
        assert_eq!(reading.info.cut, !edges.contains(&len), "{len}");
    }
}

#[test]
fn a_record_larger_than_the_buffer_is_whole() {
    let data: Vec<u8> = (0..3_000_000u32).map(|byte| byte as u8).collect();
    let limits = Limits { max_packet_bytes: 4 << 20, ..Limits::default() };
    let pcap = Bytes::new(Little).pcap_header(0xA1B2_C3D4, 2, 4, 1);
    let pcap = pcap.pcap_record(1, 0, 1, 1, b"x").pcap_record(1, 0, data.len() as u32, data.len() as u32, &data);
    let pcapng = Bytes::new(Big).section().interface(1, |options| options);
    let pcapng = pcapng.enhanced(0, 1, 1, b"x").enhanced(0, 1, data.len() as u32, &data);
    for file in [pcap.bytes, pcapng.bytes] {
        let reading = try_read_from(Box::new(Cursor::new(file)), &limits).expect("readable");
        assert!(reading.data() == [&b"x"[..], &data], "{} packets", reading.packets.len());
    }
}

#[test]
fn records_across_every_refill_are_whole() {
    // 40 000 records of 1..=97 bytes: 2.6 MB, several buffers.
    let mut pcap = Bytes::new(Little).pcap_header(0xA1B2_C3D4, 2, 4, 1);
    let lengths = || (0..40_000usize).map(|number| number % 97 + 1);
    for len in lengths() {
        pcap = pcap.pcap_record(1, 0, len as u32, len as u32, &vec![len as u8; len]);
    }
    let reading = read(&pcap.bytes);
    assert_eq!((reading.packets.len(), reading.problems.len()), (40_000, 0));
    assert!(reading.packets.iter().zip(lengths()).all(|(packet, len)| packet.data == vec![len as u8; len]));
    assert!(reading.packets.iter().zip(1..).all(|(packet, frame)| packet.frame == frame));
}

/// Damage that makes the reader resynchronise at nearly every record must not cost a search each.
#[test]
fn many_corrupt_places_take_time_in_proportion() {
    let mut file = Bytes::new(Little).pcap_header(0xA1B2_C3D4, 2, 4, 1).bytes;
    for _ in 0..30_000 {
        file = Bytes { endian: Little, bytes: file }
            .pcap_record(1_700_000_000, 0, 1, 1, b"a")
            .pcap_record(1_700_000_000, 0, 1, 1, b"b")
            .pcap_record(1_700_000_000, 0, u32::MAX, 1, b"")
            .bytes;
    }
    let reading = read(&file);
    assert_eq!((reading.packets.len(), reading.problems.len()), (60_000, 30_000));
}

#[test]
fn many_corrupt_blocks_take_time_in_proportion() {
    let mut file = Bytes::new(Little).section().interface(1, |options| options);
    for _ in 0..30_000 {
        // A length that is repeated wrongly, with a good block behind it; and one that cannot be.
        file = file.u32(6).u32(36).u32(0).u64(0).u32(1).u32(1).padded(b"a").u32(99);
        file = file.enhanced(0, 1, 1, b"b").u32(6).u32(u32::MAX).u32(0).enhanced(0, 1, 1, b"c");
    }
    let reading = read(&file.bytes);
    assert_eq!((reading.packets.len(), reading.problems.len()), (90_000, 60_000));
}

fn valid_files() -> impl Strategy<Value = Vec<u8>> {
    let packets = || prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..8);
    let pcap = (packets(), any::<bool>(), prop::sample::select(vec![0xA1B2_C3D4, 0xA1B2_3C4D])).prop_map(
        |(packets, big, magic)| {
            let mut file = Bytes::new(if big { Big } else { Little }).pcap_header(magic, 2, 4, 1);
            for data in packets {
                file = file.pcap_record(1_700_000_000, 5, data.len() as u32, 90, &data);
            }
            file.bytes
        },
    );
    let pcapng = (packets(), any::<bool>()).prop_map(|(packets, big)| {
        let mut file = Bytes::new(if big { Big } else { Little }).section_of(b"x86", b"Linux");
        file = file.interface(1, |options| options.option(2, b"eth0").option(9, &[9]).u32(0));
        for data in packets {
            file = file.enhanced_with(0, 1 << 60, 90, &data, |options| options.option(4, &[0; 8]));
        }
        file.bytes
    });
    prop_oneof![pcap, pcapng]
}

fn frames_rise(reading: &Reading) -> bool {
    reading.packets.windows(2).all(|pair| pair[0].frame < pair[1].frame)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_end(
        magic in prop::sample::select(vec![
            &b""[..], b"\xD4\xC3\xB2\xA1\x02\0\x04\0", b"\x34\xCD\xB2\xA1\x02\0\x04\0", b"\x0A\x0D\x0D\x0A",
            b"\x1F\x8B\x08\0", b"\x28\xB5\x2F\xFD", b"\x04\x22\x4D\x18", b"\xFD7zXZ\0", b"BZh1", b"\x50\x2A\x4D\x18",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(reading) = try_read(&[magic, &rest].concat()) {
            prop_assert!(frames_rise(&reading));
            prop_assert_eq!(reading.info.cut, !reading.problems.is_empty());
        }
    }

    #[test]
    fn valid_files_are_read_whole(file in valid_files()) {
        let reading = read(&file);
        prop_assert!(reading.problems.is_empty(), "{:?}", reading.problems);
        prop_assert!(reading.packets.iter().zip(1..).all(|(packet, frame)| packet.frame == frame));
        for packet in &reading.packets {
            let at = packet.offset as usize;
            prop_assert_eq!(&file[at..at + packet.data.len()], packet.data.as_slice());
        }
    }

    #[test]
    fn packets_before_the_damage_are_as_they_were(
        file in valid_files(),
        at in any::<prop::sample::Index>(),
        new in prop::collection::vec(any::<u8>(), 1..12),
        replaced in 0usize..12,
    ) {
        let whole = read(&file);
        let at = at.index(file.len());
        let mut damaged = file[..at].to_vec();
        damaged.extend(&new);
        damaged.extend(file.get(at + replaced..).unwrap_or_default());
        if let Ok(reading) = try_read(&damaged) {
            // The end of a pcapng block lies behind its data: the lengths there must be undamaged too.
            let same = before(&whole, at.saturating_sub(20));
            prop_assert!(reading.packets.len() >= same);
            prop_assert_eq!(&reading.packets[..same], &whole.packets[..same]);
            prop_assert!(frames_rise(&reading));
        } else {
            prop_assert!(at < 100, "only a damaged file header makes a file unreadable");
        }
    }

    #[test]
    fn damaged_compression_ends(at in any::<prop::sample::Index>(), value: u8, kind in 0usize..3) {
        let file = small_pcap().0.repeat(20);
        let mut compressed = match kind {
            0 => zstd::encode_all(&file[..], 1).expect("memory"),
            1 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                std::io::Write::write_all(&mut encoder, &file).expect("memory");
                encoder.finish().expect("memory")
            }
            _ => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                std::io::Write::write_all(&mut encoder, &file).expect("memory");
                encoder.finish().expect("memory")
            }
        };
        let at = at.index(compressed.len());
        compressed[at] = value;
        if let Ok(reading) = try_read(&compressed) {
            prop_assert!(frames_rise(&reading));
        }
    }
}
