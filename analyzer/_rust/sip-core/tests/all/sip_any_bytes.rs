//! Whatever the bytes: no panic, no byte of a message lost, and the same messages however a stream was segmented.

use std::collections::HashMap;

use proptest::prelude::*;
use sip_core::limits::Limits;
use sip_core::packet::Stamp;
use sip_core::sip::fields::Told;
use sip_core::sip::{Carrier, Detected, Message, Scratch, StreamFramer, detect, fields, rp};

/// Bytes that look enough like SIP to get deep into the readers.
fn nearly_sip() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"INVITE sip:a@b SIP/2.0\r\n".to_vec()),
        Just(b"SIP/2.0 200 OK\r\n".to_vec()),
        Just(b"SIP/2.0".to_vec()),
        Just(b"Via: SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport, SIP / 2.0 / TCP [::1]\r\n".to_vec()),
        Just(b"Via: SIP/2.0/UDP h;branch=z9hG4bK2;received=192.0.2.1;rport=5\r\n".to_vec()),
        Just(b"Via: SIP/2.0/UDP Host : 5060;branch=z9hG4bK\r\n".to_vec()),
        Just(b"v: ;;,;,,\r\n".to_vec()),
        Just(b"Call-ID: 1\r\n".to_vec()),
        Just(b"CSeq: 1 INVITE\r\n".to_vec()),
        Just(b"From: \"a\\\" <sip:x@y;lr>;tag=1\r\n".to_vec()),
        Just(b"t: \"a <sip:x@y>\r\n".to_vec()),
        Just(b"To: <sip:x@y>\r\n".to_vec()),
        Just(b"Contact: *, <sip:a@b\r\n".to_vec()),
        Just(b"Contact: <sip:a@b>;expires=7\r\n".to_vec()),
        Just(b"Contact: *\r\n".to_vec()),
        Just(b"m: ,\r\n".to_vec()),
        Just(b"P-Asserted-Identity: <sip:a@b>\r\n".to_vec()),
        Just(b"P-Asserted-Identity: ,\r\n".to_vec()),
        Just(b"P-Asserted-Identity: <sip:c@d>, <tel:1>\r\n".to_vec()),
        Just(b"P-Charging-Vector: icid-value=a\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"l:\r\n 18446744073709551616\r\n".to_vec()),
        Just(b"Content-Type: multipart/mixed; boundary=b\r\n".to_vec()),
        Just(b"c: application/sdp\r\n".to_vec()),
        Just(b"--b\r\nc: application/sdp\r\n\r\nm=audio 1 x 0\r\na=des:qos mandatory local send\r\n--b--".to_vec()),
        Just(b"Authorization: Digest username=\"u, response=\"\xff\", nonce=\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b" \t".to_vec()),
        Just(b"\0\x80".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
        "[ -~]{0,30}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

/// Every message of a stream: its place by TCP sequence number, its length, is it complete.
fn messages(segments: &[&[u8]], gap_after: Option<usize>) -> Vec<(u32, usize, bool)> {
    let limits = Limits { max_message_bytes: 300, ..Limits::default() };
    let mut framer = StreamFramer::new();
    let mut found = Vec::new();
    let at = Stamp { time: 0, file: 0, frame: 1, offset: 0 };
    let mut seq = 0u32;
    for (i, segment) in segments.iter().enumerate() {
        framer.segment(segment, seq, at, &limits, &mut |f| found.push((f.seq, f.bytes.len(), f.complete)));
        seq = seq.wrapping_add(segment.len() as u32);
        if gap_after == Some(i) {
            framer.gap(&limits, &mut |f| found.push((f.seq, f.bytes.len(), f.complete)));
        }
        assert!(framer.held() <= limits.max_message_bytes.max(16 << 10) + segment.len());
    }
    framer.end(&limits, &mut |f| found.push((f.seq, f.bytes.len(), f.complete)));
    assert_eq!(framer.held(), 0);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever a length claims: an address is no longer than what is there, two digits an octet and a plus.
    #[test]
    fn a_short_message_of_any_bytes_is_read(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(relay) = rp::read(&body) {
            let transfer = relay.transfer.and_then(|transfer| transfer.address);
            for address in [relay.originator, relay.destination, transfer].into_iter().flatten() {
                prop_assert!(address.chars().count() <= 2 * body.len() + 1);
            }
        }
    }

    #[test]
    fn fields_lie_within_the_message(bytes in nearly_sip(), missing in 0u32..2) {
        let mut scratch = Scratch::default();
        for carrier in [Carrier::Datagram { missing }, Carrier::Stream] {
            let fields = fields::read(&bytes, carrier, &mut scratch);
            prop_assert!(fields.body.start <= fields.body.end);
            prop_assert_eq!(fields.end() + fields.trailing, bytes.len());
            for sdp in [&fields.sdp, &fields.early_sdp].into_iter().flatten() {
                prop_assert!(fields.body.start <= sdp.start && sdp.start <= sdp.end && sdp.end <= fields.body.end);
            }
            for flaw in fields.flaws.iter() {
                let _ = fields.detail(flaw);
            }
        }
    }

    #[test]
    fn what_was_read_before_changes_nothing(before in nearly_sip(), bytes in nearly_sip(), missing in 0u32..2) {
        for carrier in [Carrier::Datagram { missing }, Carrier::Stream] {
            let mut used = Scratch::default();
            let alone = format!("{:?}", fields::read(&bytes, carrier, &mut Scratch::default()));
            fields::read(&before, carrier, &mut used);
            // The second time all its lines are known.
            for _ in 0..2 {
                prop_assert_eq!(&format!("{:?}", fields::read(&bytes, carrier, &mut used)), &alone);
            }
        }
    }

    /// Columns keep what a line says under a number, which the line has from then on.
    #[test]
    fn a_line_with_a_number_says_what_has_this_number(before in nearly_sip(), bytes in nearly_sip()) {
        let mut scratch = Scratch::default();
        let mut kept: HashMap<(u8, usize), Vec<Vec<u8>>> = HashMap::new();
        for message in [&before, &bytes, &before, &bytes] {
            let fields = fields::read(message, Carrier::Datagram { missing: 0 }, &mut scratch);
            let is_response = fields.status.is_some();
            let contact = fields.contact.uri.filter(|_| !fields.contact.star);
            for (told, place, value) in [
                (Told::Start, 0, if is_response { fields.reason_phrase } else { fields.request_uri }),
                (Told::Start, 1, fields.method.filter(|_| !is_response)),
                (Told::Cseq, 0, fields.method.filter(|_| is_response)),
                (Told::From, 0, fields.from.uri),
                (Told::From, 1, fields.from.tag),
                (Told::To, 0, fields.to.uri),
                (Told::To, 1, fields.to.tag),
                (Told::CallId, 0, fields.call_id),
                (Told::Contact, 0, contact),
                (Told::Asserted, 0, fields.asserted[0]),
                (Told::Icid, 0, fields.icid),
                (Told::Via, 0, fields.via.branch),
                (Told::Via, 1, fields.via.sent_by),
                (Told::ContentType, 0, fields.content_type),
            ] {
                let (Some(value), Some(line)) = (value, fields.told(told)) else { continue };
                let known = kept.entry((told as u8, place)).or_default();
                match line.number(place) {
                    Some(number) => prop_assert_eq!(&known[number as usize], value),
                    None => {
                        line.keep_number(place, known.len() as u32);
                        known.push(value.to_vec());
                    }
                }
            }
        }
        scratch.begin_columns();
        let fields = fields::read(&bytes, Carrier::Datagram { missing: 0 }, &mut scratch);
        prop_assert!(fields.told(Told::CallId).is_none_or(|line| line.number(0).is_none()));
    }

    #[test]
    fn the_tree_holds_every_byte_in_order(bytes in nearly_sip()) {
        let tree = Message::read(&bytes, Carrier::Datagram { missing: 0 });
        let mut at = tree.start_line.start;
        let headers = tree.headers.iter().map(|h| h.place.clone());
        let ends = [tree.empty_line.clone(), tree.body.clone(), tree.trailing.clone()];
        for place in std::iter::once(tree.start_line.clone()).chain(headers).chain(ends) {
            prop_assert_eq!(place.start, at);
            at = place.end;
        }
        prop_assert_eq!(at, bytes.len());
    }

    #[test]
    fn detection_points_into_the_datagram(bytes in nearly_sip()) {
        if let Detected::Sip { offset, .. } = detect(&bytes) {
            prop_assert!(offset < bytes.len());
        }
    }

    #[test]
    fn messages_of_a_stream_follow_each_other(bytes in nearly_sip(), sizes in proptest::collection::vec(1usize..60, 1..40)) {
        let mut segments: Vec<&[u8]> = Vec::new();
        let mut rest = bytes.as_slice();
        for size in sizes {
            let (head, tail) = rest.split_at(size.min(rest.len()));
            segments.push(head);
            rest = tail;
        }
        segments.push(rest);
        for gap in [None, Some(segments.len() / 2)] {
            let mut end = 0u64;
            for (seq, len, _) in messages(&segments, gap) {
                prop_assert!(u64::from(seq) >= end, "messages overlap");
                end = u64::from(seq) + len as u64;
            }
            prop_assert!(end <= bytes.len() as u64);
        }
    }

    #[test]
    fn whole_messages_are_framed_alike_however_segmented(count in 1usize..6, cuts in proptest::collection::vec(0usize..900, 0..12)) {
        let bodies = ["", "v=0\r\n", "v=0\r\ns=-\r\nm=audio 1 RTP/AVP 0\r\n"];
        let stream: String = (0..count).map(|i| {
            let body = bodies[i % 3];
            format!("INFO sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nc: application/sdp\r\nl: {}\r\n\r\n{body}\r\n", body.len())
        }).collect();
        let mut cuts: Vec<_> = cuts.into_iter().map(|c| c % stream.len()).collect();
        cuts.sort_unstable();
        let mut segments = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            segments.push(&stream.as_bytes()[from..cut]);
            from = cut;
        }
        let whole = messages(&[stream.as_bytes()], None);
        prop_assert_eq!(whole.len(), count);
        prop_assert!(whole.iter().all(|m| m.2));
        prop_assert_eq!(messages(&segments, None), whole);
    }
}
