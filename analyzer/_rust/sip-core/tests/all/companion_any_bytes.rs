//! Diameter and DNS, whatever the bytes: no panic, nothing read past the end, and the same messages however a stream was
//! segmented.

use proptest::prelude::*;
use sip_core::diameter::{self, Avps, Header};
use sip_core::dns;
use sip_core::framing::{Cut, Framer, Grammar};
use sip_core::packet::Stamp;

fn avp(code: u32, flags: u8, data: &[u8], lie: usize) -> Vec<u8> {
    let length = (8 + data.len() + lie) as u32;
    let mut bytes = code.to_be_bytes().to_vec();
    bytes.push(flags);
    bytes.extend_from_slice(&length.to_be_bytes()[1..]);
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(flags: u8, command: u32, body: &[u8], lie: usize) -> Vec<u8> {
    let mut bytes = ((20 + body.len() + lie) as u32).to_be_bytes().to_vec();
    bytes[0] = 1;
    bytes.push(flags);
    bytes.extend_from_slice(&command.to_be_bytes()[1..]);
    bytes.extend_from_slice(&16_777_216u32.to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2]);
    bytes.extend_from_slice(body);
    bytes
}

fn nearly_avps() -> impl Strategy<Value = Vec<u8>> {
    let code =
        prop_oneof![Just(263), Just(264), Just(297), Just(443), Just(517), Just(612), Just(8), Just(97), 0..800u32];
    let data = proptest::collection::vec(any::<u8>(), 0..24);
    let lie = prop_oneof![9 => Just(0usize), 1 => 0..100usize];
    let leaf = (code.clone(), prop_oneof![Just(0x40u8), Just(0xC0), Just(0)], data, lie)
        .prop_map(|(code, flags, data, lie)| avp(code, flags, &data, lie));
    let tree = leaf.prop_recursive(9, 40, 4, move |inner| {
        (code.clone(), proptest::collection::vec(inner, 0..4))
            .prop_map(|(code, members)| avp(code, 0x40, &members.concat(), 0))
    });
    proptest::collection::vec(tree, 0..6).prop_map(|avps| avps.concat())
}

fn nearly_diameter() -> impl Strategy<Value = Vec<u8>> {
    let whole = (prop_oneof![Just(0x80u8), Just(0xC0), Just(0x40), any::<u8>()], 250..330u32, nearly_avps())
        .prop_map(|(flags, command, body)| message(flags, command, &body, 0));
    let lying = (nearly_avps(), 0..5_000usize).prop_map(|(body, lie)| message(0x80, 300, &body, lie));
    let piece = prop_oneof![6 => whole, 1 => lying, 1 => proptest::collection::vec(any::<u8>(), 0..40)];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn nearly_dns() -> impl Strategy<Value = Vec<u8>> {
    let label = prop_oneof![
        Just(b"\x03sip\x07example\x00".to_vec()),
        (0..0x3fffu16).prop_map(|to| (0xc000 | to).to_be_bytes().to_vec()),
        Just(vec![0]),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    let kind = prop_oneof![Just(1u16), Just(5), Just(12), Just(28), Just(33), Just(35), any::<u16>()];
    let record = (label.clone(), kind, proptest::collection::vec(any::<u8>(), 0..30), label.clone()).prop_map(
        |(owner, kind, data, target)| {
            let data = [data, target].concat();
            let fixed = [&kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 9], &(data.len() as u16).to_be_bytes()].concat();
            [owner, fixed, data].concat()
        },
    );
    (label, any::<u16>(), 0..5u16, proptest::collection::vec(record, 0..6)).prop_map(|(name, flags, count, records)| {
        let head =
            [&[0, 7][..], &(flags & 0x87ff).to_be_bytes(), &[0, 1], &count.to_be_bytes(), &[0, 0, 0, 1]].concat();
        [head, name, vec![0, 35, 0, 1], records.concat()].concat()
    })
}

/// The messages of a stream that comes in these segments: where each begins, and its bytes.
fn cut(grammar: &dyn Grammar, segments: &[&[u8]], gap_after: Option<usize>) -> Vec<(u32, Vec<u8>)> {
    let mut framer = Framer::new(true);
    let mut found = Vec::new();
    let mut emit = |Cut { bytes, seq, .. }: Cut<'_>| found.push((seq, bytes.to_vec()));
    let mut seq = 0u32;
    for (number, segment) in segments.iter().enumerate() {
        let at = Stamp { time: 0, file: 0, frame: number as u64 + 1, offset: u64::from(seq) };
        framer.segment(grammar, (segment, seq, at), &mut emit);
        seq += segment.len() as u32;
        if gap_after == Some(number) {
            framer.gap(grammar, &mut emit);
        }
    }
    framer.gap(grammar, &mut emit);
    assert_eq!(framer.held(), 0);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(header) = Header::read(&bytes) {
            diameter::Message::read(&header, &bytes);
        }
        dns::Message::read(&bytes);
        prop_assert!(Avps::new(&bytes).map(|avp| avp.data.len() + 8).sum::<usize>() <= bytes.len());
    }

    #[test]
    fn nearly_diameter_is_read_to_an_end(bytes in nearly_diameter()) {
        if let Some(header) = Header::read(&bytes) {
            let message = diameter::Message::read(&header, &bytes);
            prop_assert!(message.names.len() < 4_000 && message.said.len() < 4_000 && message.media.len() < 4_000);
        }
    }

    #[test]
    fn what_dns_says_is_bounded(bytes in nearly_dns()) {
        if let Some(message) = dns::Message::read(&bytes) {
            // A name has 255 bytes, each of them four characters at most where it is escaped.
            prop_assert!(message.name.len() <= 4 * 255);
            prop_assert!(message.answers.len() <= 32 && message.answers.iter().all(|said| said.len() <= 5_000));
        }
    }

    #[test]
    fn segments_make_no_difference(bytes in nearly_diameter(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let grammar = diameter::Stream { max_bytes: 2_000 };
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let segments: Vec<&[u8]> = at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        let whole = cut(&grammar, &[&bytes], None);
        prop_assert_eq!(&cut(&grammar, &segments, None), &whole);
        for (seq, message) in whole {
            prop_assert_eq!(&bytes[seq as usize..seq as usize + message.len()], &message[..]);
        }
    }

    #[test]
    fn a_gap_ends_what_has_begun(bytes in nearly_diameter(), gap in 0..4usize) {
        let half = bytes.len() / 2;
        cut(&diameter::Stream { max_bytes: 2_000 }, &[&bytes[..half], &bytes[half..]], Some(gap));
        cut(&dns::Stream, &[&bytes[..half], &bytes[half..]], Some(gap));
    }
}

#[test]
fn a_pointer_that_goes_round_in_circles_is_no_name() {
    let mut bytes = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    bytes.extend([1, b'a', 0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(dns::Message::read(&bytes), None);
}

#[test]
fn a_stream_from_its_middle_is_taken_up_at_the_next_message() {
    let body = avp(263, 0x40, b"session", 0);
    let whole = message(0xC0, 300, &body, 0);
    let stream = [&[7, 1, 0, 0, 1, 1][..], &whole, &whole].concat();
    let mut found = Vec::new();
    let mut framer = Framer::new(false);
    let at = Stamp { time: 0, file: 0, frame: 1, offset: 0 };
    framer.segment(&diameter::Stream { max_bytes: 2_000 }, (&stream, 0, at), &mut |cut| found.push(cut.seq));
    assert_eq!(found, [6, 6 + whole.len() as u32]);
}

#[test]
fn keys_are_told_of_and_never_read() {
    let vector = [avp(0, 0, b"", 0), tgpp(625, b"CONFIDENTIAL"), tgpp(610, b"EXPECTED")].concat();
    let bytes = message(0x40, 303, &tgpp(612, &vector), 0);
    let header = Header::read(&bytes).expect("a message");
    let read = diameter::Message::read(&header, &bytes);
    assert!(read.secrets);
    assert!(!format!("{read:?}").contains(&format!("{:?}", b"CONFIDENTIAL")[1..20]));
    assert_eq!(read.names, "SIP-Auth-Data-Item{0 Confidentiality-Key SIP-Authorization}");
}

fn tgpp(code: u32, data: &[u8]) -> Vec<u8> {
    avp(code, 0xC0, &[&10_415u32.to_be_bytes()[..], data].concat(), 0)
}
