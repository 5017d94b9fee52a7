//! Captures changed packet by packet: a mutation of the file as bytes mostly breaks its record lengths, and then never
//! reaches the layers above.

use sip_core::container;
use sip_core::limits::Limits;
use sip_core::problem::Problem;

use crate::cuts::Draw;

/// Link types that are read, and one that is not.
const LINKS: [u16; 31] = [
    0, 1, 9, 12, 14, 50, 51, 100, 101, 104, 105, 107, 108, 109, 113, 119, 127, 147, 163, 192, 197, 204, 219, 226, 228,
    229, 239, 248, 252, 258, 276,
];

struct Owned {
    time: i64,
    sliced: u32,
    data: Vec<u8>,
}

/// A change for libFuzzer's `fuzz_mutator`: one packet gets other bytes (by `change`, which gets the bytes, how many of
/// them count, and how many there may be), is repeated, moved, dropped, sliced or delayed, or the link type is another.
/// The result is a pcap file. `None` if `data` holds no packet.
pub fn mutate(
    data: &[u8],
    max: usize,
    seed: u32,
    change: impl FnOnce(&mut [u8], usize, usize) -> usize,
) -> Option<Vec<u8>> {
    let (mut link, mut packets) = read(data)?;
    let mut draw = Draw::from(&seed.to_le_bytes());
    let at = draw.below(packets.len());
    let other = draw.below(packets.len());
    match draw.below(16) {
        0 => {
            let packet = packets.remove(at);
            packets.insert(other, packet);
        }
        1 => {
            let Owned { time, sliced, ref data } = packets[at];
            let copy = Owned { time, sliced, data: data.clone() };
            packets.insert(other, copy);
        }
        2 if packets.len() > 1 => drop(packets.remove(at)),
        3 => packets[at].sliced = draw.length() as u32,
        4 => {
            let kept = draw.below(packets[at].data.len() + 1);
            packets[at].sliced = (packets[at].data.len() - kept) as u32;
            packets[at].data.truncate(kept);
        }
        5 => {
            let seconds = [-100, -1, 1, 11, 61, 4_000][draw.below(6)];
            packets[at..].iter_mut().for_each(|packet| packet.time += seconds * 1_000_000_000);
        }
        6 => link = LINKS[draw.below(LINKS.len())],
        _ => {
            let bytes = &mut packets[at].data;
            let len = bytes.len();
            let room = (len + 64).min(65_535);
            bytes.resize(room, 0);
            let changed = change(bytes, len, room);
            bytes.truncate(changed);
        }
    }
    let file = write(link, &packets);
    (file.len() <= max).then_some(file)
}

fn read(data: &[u8]) -> Option<(u16, Vec<Owned>)> {
    let source = Box::new(std::io::Cursor::new(data.to_vec()));
    let mut capture = container::open(source, "", 0, &Limits::default()).ok()?;
    let mut problems: Vec<Problem> = Vec::new();
    let mut packets = Vec::new();
    let mut link = 1;
    while let Some(packet) = capture.next(&mut problems) {
        if packets.is_empty() {
            link = packet.link;
        }
        let sliced = packet.orig_len.saturating_sub(packet.data.len() as u32).min(1 << 20);
        packets.push(Owned { time: packet.time.unwrap_or(0), sliced, data: packet.data.to_vec() });
    }
    (!packets.is_empty()).then_some((link, packets))
}

/// pcap with nanoseconds.
fn write(link: u16, packets: &[Owned]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xA1B2_3C4D_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(0x0004_0000_u32.to_le_bytes());
    file.extend(u32::from(link).to_le_bytes());
    for Owned { time, sliced, data } in packets {
        let time = time.max(&0);
        let (seconds, fraction) = (time / 1_000_000_000, time % 1_000_000_000);
        file.extend((seconds as u32).to_le_bytes());
        file.extend((fraction as u32).to_le_bytes());
        file.extend((data.len() as u32).to_le_bytes());
        file.extend((data.len() as u32 + sliced).to_le_bytes());
        file.extend(data);
    }
    file
}
