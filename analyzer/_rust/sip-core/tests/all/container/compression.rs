//! Compressed captures: every format, several members, cut, corrupt, too large.

use std::io::{self, Cursor, Read, Write};

use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
use sip_core::limits::Limits;
use sip_core::problem::Code;

use super::build::{Bytes, Little, Reading, read, refusal, small_pcap, try_read, try_read_from};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let info = FrameInfo::new().block_size(BlockSize::Max64KB).content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

type Compress = fn(&[u8]) -> Vec<u8>;
const ALL: [(&str, Compress); 5] = [("gzip", gzip), ("zstd", zstd), ("lz4", lz4), ("xz", xz), ("bzip2", bzip2)];

/// A capture of `packets` packets of 1000 bytes that hardly compress.
fn large_pcap(packets: u32) -> Vec<u8> {
    let mut file = Bytes::new(Little).pcap_header(0xA1B2_C3D4, 2, 4, 1);
    let mut seed = 1u32;
    for number in 0..packets {
        let data: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
        .take(1000)
        .collect();
        file = file.pcap_record(1_700_000_000 + number, 0, 1000, 1000, &data);
    }
    file.bytes
}

#[track_caller]
fn same_packets(got: &Reading, want: &Reading) {
    assert_eq!(got.packets, want.packets);
    assert!(got.problems.is_empty(), "{:?}", got.problems);
}

#[test]
fn packets_and_offsets_are_those_of_the_file_inside() {
    let file = small_pcap().0;
    for (name, compress) in ALL {
        let compressed = compress(&file);
        let reading = read(&compressed);
        same_packets(&reading, &read(&file));
        assert_eq!((reading.info.compression, reading.info.format), (Some(name), "pcap"));
        assert_eq!(reading.bytes_read, compressed.len() as u64);
    }
}

#[test]
fn members_one_behind_the_other_are_one_file() {
    let file = small_pcap().0;
    let (a, b) = file.split_at(70);
    for (name, compress) in ALL {
        let reading = read(&[compress(a), compress(b)].concat());
        assert_eq!(reading.info.compression, Some(name));
        same_packets(&reading, &read(&file));
    }
}

#[test]
fn compressed_captures_concatenated_are_read_through() {
    let file = small_pcap().0;
    for (_, compress) in ALL {
        assert_eq!(read(&[compress(&file), compress(&file)].concat()).packets.len(), 6);
    }
}

#[test]
fn skippable_frames_before_between_and_behind() {
    let file = small_pcap().0;
    let (a, b) = file.split_at(70);
    for compress in [zstd, lz4] {
        for len in [0u32, 1, 300] {
            let skippable = Bytes::new(Little).u32(0x184D_2A57).u32(len).raw(&vec![9; len as usize]).bytes;
            let parts = [&skippable, &skippable, &compress(a), &skippable, &compress(b), &skippable];
            same_packets(&read(&parts.map(Vec::as_slice).concat()), &read(&file));
        }
    }
}

#[test]
fn a_compressed_tail_that_is_cut_keeps_what_came_before() {
    let file = large_pcap(3000);
    let whole = read(&file);
    for (name, compress) in ALL {
        let mut compressed = compress(&file);
        compressed.truncate(compressed.len() * 2 / 3);
        let reading = read(&compressed);
        assert_eq!(reading.packets, whole.packets[..reading.packets.len()], "{name}");
        // bzip2 decodes whole blocks of up to 900 kB.
        assert!(reading.packets.len() > 900, "{name}: {}", reading.packets.len());
        assert_eq!((reading.codes(), reading.info.cut), (vec![Code::FileCut], true), "{name}");
    }
}

#[test]
fn every_cut_of_a_compressed_file_is_noticed() {
    let file = small_pcap().0;
    for (name, compress) in ALL {
        let compressed = compress(&file);
        for len in 6..compressed.len() {
            if let Ok(reading) = try_read(&compressed[..len]) {
                assert_eq!((reading.codes(), reading.info.cut), (vec![Code::FileCut], true), "{name} {len}");
            }
        }
    }
}

#[test]
fn corrupt_compressed_data_keep_what_came_before() {
    let file = large_pcap(3000);
    let whole = read(&file);
    for (name, compress) in ALL {
        let mut compressed = compress(&file);
        let middle = compressed.len() * 2 / 3;
        compressed[middle..middle + 64].fill(0xA5);
        let reading = read(&compressed);
        assert!(reading.info.cut, "{name}");
        assert!(!reading.problems.is_empty(), "{name}");
        let same = reading.packets.iter().zip(&whole.packets).take_while(|(got, want)| got == want).count();
        assert!(same > 900, "{name}: {same}");
    }
}

#[test]
fn garbage_behind_a_gzip_member_is_reported() {
    let reading = read(&[gzip(&small_pcap().0), b"not another member".to_vec()].concat());
    assert_eq!((reading.packets.len(), reading.codes()), (3, vec![Code::FileCorrupt]));
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let limits = Limits { max_decompressed_bytes: 100_000, ..Limits::default() };
    for (_, compress) in ALL {
        let reading = try_read_from(Box::new(Cursor::new(compress(&large_pcap(1000)))), &limits).expect("readable");
        // 24 + 98 * 1016 = 99 592.
        assert_eq!((reading.packets.len(), reading.codes()), (98, vec![Code::DecompressedLimit]));
        assert!(reading.info.cut);
    }
}

#[test]
fn a_file_of_just_the_limit_is_whole() {
    let file = small_pcap().0;
    let limits = Limits { max_decompressed_bytes: file.len() as u64, ..Limits::default() };
    same_packets(&try_read_from(Box::new(Cursor::new(gzip(&file))), &limits).expect("readable"), &read(&file));
}

#[test]
fn the_limit_does_not_concern_plain_files() {
    let limits = Limits { max_decompressed_bytes: 1, ..Limits::default() };
    let file = small_pcap().0;
    same_packets(&try_read_from(Box::new(Cursor::new(file.clone())), &limits).expect("readable"), &read(&file));
}

#[test]
fn what_is_inside_is_named_too() {
    assert_eq!(refusal(&gzip(b"")), "empty file");
    assert!(refusal(&xz(b"snoop\0\0\0")).contains("snoop"));
    assert!(refusal(&gzip(&gzip(&small_pcap().0))).contains("compressed twice"));
}

#[test]
fn a_header_lost_in_compression_is_the_compressions_fault() {
    let mut compressed = gzip(&small_pcap().0);
    compressed.truncate(12);
    let reason = refusal(&compressed);
    assert!(reason.starts_with("compressed data end early"), "{reason}");
}

/// A source that fails behind its bytes.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            n => Ok(n),
        }
    }
}

#[test]
fn a_source_that_fails_is_not_called_corrupt() {
    let file = small_pcap().0;
    for bytes in [file.clone(), gzip(&file), lz4(&file), zstd(&file)] {
        let reading = try_read_from(Box::new(Failing(Cursor::new(bytes))), &Limits::default()).expect("readable");
        assert_eq!((reading.packets.len(), reading.codes()), (3, vec![Code::FileUnreadable]));
        assert!(reading.problems[0].detail.contains("the disk is gone"));
    }
}

/// A pipe: a byte at a time, interrupted before each.
struct Trickle {
    bytes: Cursor<Vec<u8>>,
    interrupted: bool,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let one = buffer.len().min(1);
        self.bytes.read(&mut buffer[..one])
    }
}

#[test]
fn a_byte_at_a_time_gives_the_same_packets() {
    let file = small_pcap().0;
    for bytes in [file.clone(), gzip(&file), zstd(&file), lz4(&file), xz(&file), bzip2(&file)] {
        let source = Trickle { bytes: Cursor::new(bytes), interrupted: false };
        same_packets(&try_read_from(Box::new(source), &Limits::default()).expect("readable"), &read(&file));
    }
}

/// Decoders drop what they had of a call when they meet a corrupt place, so the size of their calls must not depend on
/// the source.
#[test]
fn a_byte_at_a_time_loses_no_more_at_a_corrupt_place() {
    let file = small_pcap().0;
    for (name, compress) in ALL {
        let mut compressed = compress(&file);
        let middle = compressed.len() * 2 / 3;
        compressed[middle..].fill(0xA5);
        let source = Trickle { bytes: Cursor::new(compressed.clone()), interrupted: false };
        let said = |reading: Result<Reading, _>| format!("{reading:?}");
        let pieces = said(try_read_from(Box::new(source), &Limits::default()));
        assert_eq!(pieces, said(try_read(&compressed)), "{name}");
    }
}
