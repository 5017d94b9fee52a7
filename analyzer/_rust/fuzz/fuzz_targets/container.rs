//! Whatever the bytes: packets or a `CaptureError`.
//!
//! - The file ends, and once it has ended it stays so.
//! - Frames and offsets increase; what is not compressed is handed on as it lies in the file.
//! - A packet is no longer than `max_packet_bytes`, nor are there more of them than records fit into the file.
//! - `cut` is said exactly where `problems` says that something was lost.
//! - In how many pieces the source gives its bytes does not matter.
#![no_main]

use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use sip_core::container;
use sip_core::limits::Limits;
use sip_core::problem::{Code, Problem};
use sip_core_fuzz::cuts::Pieces;

fuzz_target!(|data: &[u8]| {
    let whole = read(Box::new(Cursor::new(data.to_vec())), data);
    let pieces = read(Box::new(Pieces::of(data)), data);
    assert_eq!(whole, pieces);
});

/// All that was said, as text: packets without their bytes, which were compared with the file.
fn read(source: Box<dyn Read + Send>, data: &[u8]) -> Vec<String> {
    // A file that expands without end would make a slow run, not a finding.
    let limits = Limits { max_decompressed_bytes: 1 << 18, max_decoder_bytes: 8 << 20, ..Limits::default() };
    let mut capture = match container::open(source, "fuzz", 0, &limits) {
        Ok(capture) => capture,
        Err(error) => return vec![error.to_string()],
    };
    let mut said = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    let plain = capture.info().compression.is_none();
    let (mut frame, mut end, mut packets) = (0, 0, 0u64);
    while let Some(packet) = capture.next(&mut problems) {
        packets += 1;
        assert!(packet.frame > frame, "frames increase");
        assert!(packet.offset >= end + 12, "each packet has a header, behind the packet before");
        assert!(packet.data.len() <= limits.max_packet_bytes as usize);
        assert!(packet.data.len() <= packet.orig_len as usize);
        if plain {
            let offset = packet.offset as usize;
            assert_eq!(packet.data, &data[offset..offset + packet.data.len()]);
        }
        (frame, end) = (packet.frame, packet.offset + packet.data.len() as u64);
        let sum = foldhash::quality::FixedState::default();
        let sum = std::hash::BuildHasher::hash_one(&sum, packet.data);
        said.push(format!("{:?} {sum}", sip_core::packet::Packet { data: &[], ..packet }));
    }
    assert!(capture.next(&mut problems).is_none(), "what has ended stays so");
    let info = capture.info();
    assert!(info.packets >= packets);
    let lost = |problem: &Problem| {
        matches!(problem.code, Code::FileCut | Code::FileCorrupt | Code::FileUnreadable | Code::DecompressedLimit)
    };
    assert_eq!(info.cut, problems.iter().any(lost), "{problems:?}");
    said.push(format!("{info:?}"));
    said.extend(problems.iter().map(|problem| format!("{problem:?}")));
    said
}
