//! SIP over WebSocket (RFC 6455, RFC 7118): each message once, however framed and segmented.

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use sip_core::limits::Limits;
use sip_core::net::StreamClass;
use sip_core::packet::Stamp;
use sip_core::sip::{Websocket, websocket};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// Without Content-Length: the frame tells the end (RFC 7118 §5).
fn options(number: usize, body: &str) -> Vec<u8> {
    let kind = if body.is_empty() { "" } else { "Content-Type: text/plain\r\n" };
    format!("OPTIONS sip:b@example.com SIP/2.0\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\n{kind}\r\n{body}")
        .into_bytes()
}

/// A frame as RFC 6455 §5.2 draws it; `first` is its first byte.
fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        size @ 0..=125 => frame.push(mask | size as u8),
        size @ 126..=0xFFFF => {
            frame.push(mask | 126);
            frame.extend((size as u16).to_be_bytes());
        }
        size => {
            frame.push(mask | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    frame.extend(key.iter().flatten());
    let key = key.unwrap_or_default();
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]));
    frame
}

/// The text of a message, and whether it is whole.
type Message = (Vec<u8>, bool);

/// The messages, what each segment was, and whether a frame was damaged; a hole of so many bytes lies where a segment is
/// `Err`.
fn read(segments: &[Result<&[u8], u64>]) -> (Vec<Message>, Vec<StreamClass>, bool) {
    let (mut framer, limits) = (Websocket::default(), Limits::default());
    let (mut found, mut verdicts, mut at) = (Vec::new(), Vec::new(), 0);
    for (number, segment) in segments.iter().enumerate() {
        let mut emit = |message: sip_core::sip::Framed<'_>| found.push((message.bytes.to_vec(), message.complete));
        match *segment {
            Ok(bytes) => {
                let stamp = Stamp { time: 0, file: 0, frame: number as u64 + 1, offset: at };
                verdicts.push(framer.segment(bytes, at as u32, stamp, &limits, &mut emit));
                at += bytes.len() as u64;
            }
            Err(missing) => {
                framer.gap(missing, &limits, &mut emit);
                at += missing;
            }
        }
    }
    framer.end(&limits, &mut |message| found.push((message.bytes.to_vec(), message.complete)));
    (found, verdicts, framer.take_damage())
}

fn whole(messages: &[Vec<u8>]) -> Vec<Message> {
    messages.iter().map(|message| (message.clone(), true)).collect()
}

#[test]
fn the_example_of_the_standard_is_unmasked() {
    // RFC 6455 §5.7: "Hello", masked.
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(frame(0x81, Some([0x37, 0xfa, 0x21, 0x3d]), b"Hello"), hello);
    assert!(websocket::begins(&hello, true));
    assert!(!websocket::begins(&hello, false), "nothing says that it is SIP");
}

#[test]
fn it_begins_where_sip_is_in_a_frame_or_after_the_handshake() {
    let masked = frame(0x81, Some([1, 2, 3, 4]), &options(1, ""));
    assert!(websocket::begins(&masked, false));
    assert!(websocket::begins(&frame(0x02, None, b"SIP/2.0 200 OK\r\n"), false), "binary, and not the last frame");
    assert!(websocket::begins(&masked[..1], true), "a byte of a header");
    for other in [&b"OPTIONS sip:b SIP/2.0\r\n"[..], b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\x05", b"\x81", b""] {
        assert!(!websocket::begins(other, false), "{other:?}");
    }
    // Reserved bits and opcodes, a length that is longer than it needs to be, a control frame in pieces.
    for other in [&b"\x91\x05Hello"[..], b"\x83\x05Hello", b"\x81\x7e\x00\x05Hello", b"\x09\x00"] {
        assert!(!websocket::begins(other, true), "{other:?}");
    }
}

#[test]
fn a_hole_in_a_frame_costs_one_message() {
    let messages = [options(1, &"x".repeat(300)), options(2, "")];
    let stream: Vec<u8> = messages.iter().flat_map(|message| frame(0x81, Some([9, 8, 7, 6]), message)).collect();
    let (found, ..) = read(&[Ok(&stream[..100]), Err(50), Ok(&stream[150..])]);
    assert_eq!(found, [(messages[0][..92].to_vec(), false), (messages[1].clone(), true)]);
}

#[test]
fn a_hole_over_the_end_of_a_frame_ends_at_the_next_segment_with_sip() {
    let messages = [options(1, ""), options(2, ""), options(3, "")];
    let frames = messages.each_ref().map(|message| frame(0x81, Some([9, 8, 7, 6]), message));
    let missing = (frames[0].len() - 60 + 5) as u64;
    let (found, verdicts, damaged) = read(&[Ok(&frames[0][..60]), Err(missing), Ok(&frames[1][5..]), Ok(&frames[2])]);
    assert_eq!(found, [(messages[0][..54].to_vec(), false), (messages[2].clone(), true)]);
    assert_eq!(verdicts, [StreamClass::Sip, StreamClass::Other("websocket"), StreamClass::Sip]);
    assert!(!damaged);
}

#[test]
fn behind_a_hole_a_header_may_come_alone() {
    let messages = [options(1, ""), options(2, &"y".repeat(200))];
    let frames = messages.each_ref().map(|message| frame(0x81, None, message));
    let (found, ..) = read(&[Ok(&frames[0]), Err(7), Ok(&frames[1][..4]), Ok(&frames[1][4..])]);
    assert_eq!(found, whole(&messages));
}

#[test]
fn what_is_compressed_and_damaged_is_named() {
    let stream = [frame(0xC1, Some([1, 1, 1, 1]), &[7; 90]), frame(0x81, None, &options(1, ""))];
    let (found, verdicts, _) = read(&[Ok(&stream[0]), Ok(&stream[1])]);
    assert_eq!(found, whole(&[options(1, "")]));
    assert_eq!(verdicts, [StreamClass::Other("websocket_deflate"), StreamClass::Sip]);
}

/// A message as permessage-deflate sends it (RFC 7692 §7.2.1); the context goes on from one to the next.
fn deflated(context: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 100);
    context.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]));
    out.truncate(out.len() - 4);
    out
}

#[test]
fn compressed_messages_are_read_with_and_without_those_before() {
    let messages = [options(1, ""), options(2, &"z".repeat(900)), options(3, "")];
    for takeover in [true, false] {
        let mut context = Compress::new(Compression::default(), false);
        let mut frames = Vec::new();
        for message in &messages {
            if !takeover {
                context = Compress::new(Compression::default(), false);
            }
            let payload = deflated(&mut context, message);
            let (begin, end) = payload.split_at(payload.len() / 2);
            // In two fragments with a ping between them.
            frames.extend(frame(0x41, Some([1, 2, 3, 4]), begin));
            frames.extend(frame(0x89, Some([5, 6, 7, 8]), b"still there?"));
            frames.extend(frame(0x80, Some([9, 8, 7, 6]), end));
        }
        for size in [1, 7, frames.len()] {
            let segments: Vec<_> = frames.chunks(size).map(Ok).collect();
            assert_eq!(read(&segments).0, whole(&messages), "{takeover} {size}");
        }
    }
}

#[test]
fn behind_a_hole_compressed_messages_that_stand_alone_are_read() {
    let messages = [options(1, ""), options(2, ""), options(3, "")];
    let compressed = |message: &Vec<u8>| deflated(&mut Compress::new(Compression::default(), false), message);
    let frames = messages.each_ref().map(|message| frame(0xC1, Some([9, 8, 7, 6]), &compressed(message)));
    let missing = frames[1].len() as u64 + 10;
    let (found, ..) = read(&[Ok(&frames[0]), Err(missing), Ok(&frames[2][10..]), Ok(&frames[2])]);
    assert_eq!(found, whole(&[messages[0].clone(), messages[2].clone()]));
}

#[test]
fn damage_is_told_and_passed() {
    let good = frame(0x81, None, &options(1, ""));
    let (found, _, damaged) = read(&[Ok(&good), Ok(b"\xf3\x05what is this"), Ok(&good)]);
    assert_eq!(found, whole(&[options(1, ""), options(1, "")]));
    assert!(damaged);
}

#[test]
fn a_message_whose_last_frame_never_comes_ends_where_the_next_begins() {
    let stream = [frame(TEXT, None, &options(1, "")), frame(0x81, None, &options(2, ""))].concat();
    assert_eq!(read(&[Ok(&stream)]).0, whole(&[options(1, ""), options(2, "")]));
}

/// Messages, each in one to four frames, masked or not, with pings among them.
fn conversation() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u8>)> {
    let one = (
        prop_oneof![0usize..400, Just(65_400), Just(66_000)],
        any::<Option<[u8; 4]>>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    );
    prop::collection::vec(one, 1..5).prop_map(|drawn| {
        let (mut messages, mut stream) = (Vec::new(), Vec::new());
        for (number, (length, key, cuts)) in drawn.into_iter().enumerate() {
            let message = options(number, &"v".repeat(length));
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect();
            places.extend([0, message.len()]);
            places.sort_unstable();
            let last = places.len() - 2;
            for (piece, ends) in places.windows(2).enumerate() {
                let opcode = if piece == 0 { TEXT } else { 0 };
                let last = if piece == last { 0x80 } else { 0 };
                stream.extend(frame(last | opcode, key, &message[ends[0]..ends[1]]));
                stream.extend(frame(0x80 | PING, key, b"are you there?"));
            }
            messages.push(message);
        }
        stream.extend(frame(0x80 | CLOSE, None, &[3, 0xE8]));
        (messages, stream)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn segments_make_no_difference(
        (messages, stream) in conversation(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        places.dedup();
        let segments: Vec<_> = places.windows(2).map(|ends| Ok(&stream[ends[0]..ends[1]])).collect();
        prop_assert_eq!(read(&segments).0, whole(&messages));
    }

    #[test]
    fn any_bytes_are_read_to_an_end(
        segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 0..20),
        hole in any::<Option<u64>>(),
    ) {
        let mut given: Vec<Result<&[u8], u64>> = segments.iter().map(|bytes| Ok(&**bytes)).collect();
        given.extend(hole.map(Err));
        given.extend(segments.iter().map(|bytes| Ok(&**bytes)));
        let (found, ..) = read(&given);
        let captured: usize = 2 * segments.iter().map(Vec::len).sum::<usize>();
        prop_assert!(found.iter().map(|(bytes, _)| bytes.len()).sum::<usize>() <= captured);
    }
}
