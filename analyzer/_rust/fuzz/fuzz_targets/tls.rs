//! Whatever two sides of a connection send, with and without keys: the same content, wherever it is cut into segments.
//!
//! - The input is a list of pieces: side and length (two bytes, the highest bit is the side), then the bytes. The seeds are
//!   connections of `sample_pcaps/tls/call`, whose keys are known here.
//! - Behind damage, reading resumes where a segment begins with a record: then the segments do matter.
//! - Content comes out in the order in which it was sent, and no more of it than there are bytes.
//! - Pieces may also be lost; then nothing is promised but an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_core::packet::Stamp;
use sip_core::tls::{Connection, Found, Keys, Origin, Trouble, Turn, client_hello};
use sip_core_fuzz::cuts::Draw;

const LOG: &[u8] = include_bytes!("../../../../sample_pcaps/tls/call.keys");

fuzz_target!(|data: &[u8]| {
    client_hello(data);
    Keys::default().read(data, Origin::KeyLog).expect("bytes in memory");
    let mut draw = Draw::from(data);
    let pieces = pieces(data);
    let (whole, damaged) = read(&pieces, || usize::MAX, usize::MAX);
    let (cut, damaged_too) = read(&pieces, || draw.length(), usize::MAX);
    assert_eq!(damaged, damaged_too);
    assert!(damaged || cut == whole, "in pieces");
    let sent = |side: usize| pieces.iter().filter(|piece| piece.0 == side).map(|piece| piece.1.len()).sum::<usize>();
    for side in [0, 1] {
        assert!(whole[side].len() <= sent(side), "more came out than was sent");
    }
    let lost = draw.below(pieces.len() + 1);
    read(&pieces, || draw.length(), lost);
});

fn pieces(mut data: &[u8]) -> Vec<(usize, &[u8])> {
    let mut found = Vec::new();
    while let Some((&[high, low], rest)) = data.split_first_chunk() {
        let length = (usize::from(high & 0x7F) << 8 | usize::from(low)).min(rest.len());
        let (piece, behind) = rest.split_at(length);
        found.push((usize::from(high >> 7), piece));
        data = behind;
    }
    found
}

/// What each side said, and whether it was damaged; the piece `lost` is missing.
fn read(pieces: &[(usize, &[u8])], mut length: impl FnMut() -> usize, lost: usize) -> ([Vec<u8>; 2], bool) {
    let mut keys = Keys::default();
    keys.read(LOG, Origin::KeyLog).expect("bytes in memory");
    let (mut connection, mut room, mut told) = (Connection::default(), Vec::new(), [Vec::new(), Vec::new()]);
    let (mut seq, mut held, mut damaged) = ([0u32; 2], 0, false);
    let mut take = |found: Found<'_>| match found {
        Found::Content { side, bytes, .. } => told[side].extend_from_slice(bytes),
        Found::Trouble { trouble, .. } => damaged |= trouble == Trouble::Damaged,
        Found::Gap { .. } | Found::Alert { .. } => {}
    };
    for (number, &(side, mut bytes)) in pieces.iter().enumerate() {
        let mut turn = Turn { keys: &mut keys, held: &mut held, room: &mut room, found: &mut take };
        if number == lost {
            connection.gap(side, bytes.len() as u64, &mut turn);
            continue;
        }
        while !bytes.is_empty() {
            let (segment, rest) = bytes.split_at(length().min(bytes.len()));
            let at = Stamp { time: 0, file: 0, frame: 1, offset: u64::from(seq[side]) };
            connection.segment(side, segment, seq[side], at, &mut turn);
            seq[side] = seq[side].wrapping_add(segment.len() as u32);
            bytes = rest;
        }
    }
    connection.end(&mut Turn { keys: &mut keys, held: &mut held, room: &mut room, found: &mut take });
    assert_eq!(held, 0, "nothing waits after the end");
    (told, damaged)
}
