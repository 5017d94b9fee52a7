//! Whatever the bytes: `detect`, `fields::read` and `Message::read` speak of the same message.
//!
//! - They agree on method, status and Call-ID.
//! - What `Message::read` gives lies end to end, from the start line to the last byte.
//! - Body and session description lie within the message, parts of a multipart body within their whole.
//! - Of a session description no more lines are read than the limit says; each format has its codec; one that is cut says
//!   nothing that the whole does not say.
#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use sip_core::sip::sdp::Description;
use sip_core::sip::tree::{Part, Start};
use sip_core::sip::{Carrier, Detected, Message, Scratch, detect, fields};

fuzz_target!(|data: &[u8]| {
    let line_ends = data.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let from = match detect(data) {
        Detected::Sip { offset, .. } => {
            assert!(offset < data.len() && offset >= line_ends);
            offset
        }
        Detected::KeepAlive | Detected::Other(_) => line_ends,
    };
    describe(data);
    let mut scratch = Scratch::default();
    for carrier in [Carrier::Datagram { missing: 0 }, Carrier::Datagram { missing: 1 }, Carrier::Stream] {
        compare(data, from, carrier, &mut scratch);
    }
});

fn compare(data: &[u8], from: usize, carrier: Carrier, scratch: &mut Scratch) {
    let fields = fields::read(&data[from..], carrier, scratch);
    let tree = Message::read(data, carrier);

    assert_eq!(fields.end() + fields.trailing, data.len() - from);
    for sdp in [&fields.sdp, &fields.early_sdp].into_iter().flatten() {
        assert!(within(sdp, &fields.body));
        describe(&data[from..][sdp.clone()]);
    }
    for flaw in fields.flaws.iter() {
        let _ = fields.detail(flaw);
    }

    let mut at = from;
    let headers = tree.headers.iter().map(|header| &header.place);
    let ends = [&tree.empty_line, &tree.body, &tree.trailing];
    for place in std::iter::once(&tree.start_line).chain(headers).chain(ends) {
        assert_eq!(place.start, at);
        assert!(place.end >= at);
        at = place.end;
    }
    assert_eq!(at, data.len());
    assert!(tree.parts.iter().all(|part| part_within(part, &tree.body)));

    match &tree.start {
        Start::Request { method, .. } => {
            assert_eq!(fields.status, None);
            assert_eq!(Some(method.clone()), text(fields.method));
        }
        Start::Response { status, .. } => assert_eq!(Some(*status), fields.status),
        Start::Unreadable(_) => assert_eq!((fields.status, fields.request_uri), (None, None)),
    }
    // A line that is cut is shown, and nothing is read of it.
    if fields.cut_line == 0 {
        let call_id = tree.headers_named("Call-ID").next().map(|header| header.value.clone());
        assert_eq!(call_id, text(fields.call_id));
    }
}

fn describe(sdp: &[u8]) {
    const MOST: usize = 16;
    let whole = Description::read(sdp, true, MOST);
    assert!(whole.media.len() <= MOST);
    for media in &whole.media {
        let words = |text: Option<&[u8]>| text.map(|text| text.split(|&b| b == b' ').count());
        assert_eq!(words(media.formats.as_deref()), words(media.codecs.as_deref()));
    }
    let cut = Description::read(sdp, false, MOST);
    assert!(cut.media.len() <= whole.media.len());
}

fn text(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
}

fn part_within(part: &Part, outer: &Range<usize>) -> bool {
    within(&part.content, outer) && part.parts.iter().all(|inner| part_within(inner, &part.content))
}
