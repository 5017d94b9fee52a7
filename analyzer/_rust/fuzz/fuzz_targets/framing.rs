//! Whatever the bytes of a stream, and wherever they are cut into segments: the same messages.
//!
//! - Messages lie in the stream one behind the other, and their stamps are those of the packets that carried them.
//! - A hole may be anywhere; it, too, does not make the segments before and behind it matter.
//! - In frames of WebSocket it is the same stream, however framed and masked; any bytes may claim to be such frames.
//! - What is held for a message that has not ended is bounded by the limits; after the end nothing is held.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_core::limits::Limits;
use sip_core::packet::Stamp;
use sip_core::sip::{Flaws, StreamFramer, Websocket};
use sip_core_fuzz::cuts::Draw;

/// Longest start line that the framer waits for, and the header lines that show it is one.
const START: usize = (16 + 2) << 10;
/// A stream longer than this is not cut into single bytes.
const SHORT: usize = 2_048;

/// Begin, end, complete, skipped, flaws.
type Message = (usize, usize, bool, u64, Flaws);

fuzz_target!(|data: &[u8]| {
    let mut draw = Draw::from(data);
    let hole = draw.below(data.len() + 1);
    for limits in [Limits::default(), Limits { max_message_bytes: 600, ..Limits::default() }] {
        for hole in [None, Some(hole)] {
            let whole = frame(data, hole, &limits, || usize::MAX);
            assert_eq!(frame(data, hole, &limits, || draw.length()), whole, "in pieces");
            if data.len() <= SHORT {
                assert_eq!(frame(data, hole, &limits, || 1), whole, "byte by byte");
            }
        }
        let plain: Vec<_> =
            frame(data, None, &limits, || usize::MAX).iter().map(|m| (data[m.0..m.1].to_vec(), m.2)).collect();
        assert_eq!(unwrap(&wrap(data, &mut draw), &limits, || draw.length()), plain, "in frames");
        unwrap(data, &limits, || draw.length());
    }
});

fn frame(data: &[u8], hole: Option<usize>, limits: &Limits, mut length: impl FnMut() -> usize) -> Vec<Message> {
    let mut framer = StreamFramer::new();
    let mut found: Vec<Message> = Vec::new();
    // Where each segment begins; a segment is a packet.
    let mut begins = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let stop = if let Some(hole) = hole.filter(|hole| at < *hole) { hole } else { data.len() };
        let end = at.saturating_add(length()).min(stop);
        begins.push(at);
        let stamp = Stamp { time: 0, file: 0, frame: begins.len() as u64, offset: at as u64 };
        framer
            .segment(&data[at..end], at as u32, stamp, limits, &mut |framed| found.push(check(framed, data, &begins)));
        assert!(framer.held() <= limits.max_message_bytes.max(START) + (end - at), "{} bytes held", framer.held());
        at = end;
        if hole == Some(at) {
            framer.gap(limits, &mut |framed| found.push(check(framed, data, &begins)));
            assert_eq!(framer.held(), 0);
        }
    }
    framer.end(limits, &mut |framed| found.push(check(framed, data, &begins)));
    assert_eq!(framer.held(), 0);
    assert!(found.is_sorted_by(|a, b| a.1 <= b.0), "messages overlap");
    found
}

/// One message of WebSocket in several frames (RFC 6455 §5.2).
fn wrap(data: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut at = 0usize;
    loop {
        let end = at.saturating_add(draw.length()).min(data.len());
        let opcode = u8::from(at == 0);
        let last = if end == data.len() { 0x80 } else { 0 };
        let key = (draw.below(1 << 16) as u32).to_be_bytes();
        stream.push(last | opcode);
        // Inputs are shorter than 64 KiB.
        match end - at {
            size @ 0..=125 => stream.push(0x80 | size as u8),
            size => {
                stream.push(0x80 | 126);
                stream.extend((size as u16).to_be_bytes());
            }
        }
        stream.extend(key);
        stream.extend(data[at..end].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        at = end;
        if last > 0 {
            return stream;
        }
    }
}

/// Text of each message, and whether it is whole.
fn unwrap(stream: &[u8], limits: &Limits, mut length: impl FnMut() -> usize) -> Vec<(Vec<u8>, bool)> {
    let (mut framer, mut found, mut at) = (Websocket::default(), Vec::new(), 0usize);
    while at < stream.len() {
        let end = at.saturating_add(length()).min(stream.len());
        let stamp = Stamp { time: 0, file: 0, frame: end as u64, offset: at as u64 };
        framer.segment(&stream[at..end], at as u32, stamp, limits, &mut |m| found.push((m.bytes.to_vec(), m.complete)));
        at = end;
    }
    framer.end(limits, &mut |message| found.push((message.bytes.to_vec(), message.complete)));
    found
}

/// The message as its place in the stream, once its stamps are found to be right.
fn check(framed: sip_core::sip::Framed<'_>, data: &[u8], begins: &[usize]) -> Message {
    let begin = framed.seq as usize;
    let end = begin + framed.bytes.len();
    assert!(begin < end);
    assert_eq!(framed.bytes, &data[begin..end]);
    let packet = |at: usize| begins.partition_point(|&begin| begin <= at);
    let (first, last) = (packet(begin), packet(end - 1));
    assert_eq!((framed.first.frame, framed.first.offset), (first as u64, begin as u64));
    assert_eq!((framed.last.frame, framed.last.offset), (last as u64, begin.max(begins[last - 1]) as u64));
    assert_eq!(framed.contiguous, first == last);
    (begin, end, framed.complete, framed.skipped, framed.flaws)
}
