//! A sink that checks each call a decoder makes.

use std::collections::HashMap;

use sip_core::diameter::{self, Header};
use sip_core::dns;
use sip_core::framing::Framer;
use sip_core::net::{Datagram, Failure, Flow, Protocol, Segment, Sink, StreamClass, StreamEnd, StreamId};
use sip_core::packet::Stamp;
use sip_core::problem::{Problem, Problems};

#[derive(Debug, Default)]
struct Stream {
    flow: Option<Flow>,
    /// TCP sequence number that comes next.
    next: Option<u32>,
    ended: bool,
}

pub struct Witness<'a> {
    /// In which payloads must lie where their stamps say.
    file: &'a [u8],
    /// A packet was an IP fragment: payloads may lie in several packets.
    pub fragments: bool,
    streams: HashMap<StreamId, Stream>,
    /// Bytes of all datagrams and segments.
    pub delivered: u64,
    /// The packet that the decoder has in hand.
    pub frame: u64,
}

impl<'a> Witness<'a> {
    pub fn of(file: &'a [u8]) -> Self {
        Witness { file, fragments: false, streams: HashMap::new(), delivered: 0, frame: 0 }
    }

    fn lies_at(&self, offset: u64, bytes: &[u8]) -> bool {
        self.file.get(offset as usize..).is_some_and(|rest| rest.starts_with(bytes))
    }

    fn deliver(&mut self, bytes: &[u8]) -> StreamClass {
        self.delivered += bytes.len() as u64;
        read_beside(bytes);
        match bytes.first() {
            Some(b'A'..=b'Z') => StreamClass::Sip,
            Some(b'\r') => StreamClass::KeepAlive,
            _ => StreamClass::Other(""),
        }
    }

    /// All packets are through.
    pub fn finish(&self) {
        assert!(self.streams.values().all(|stream| stream.ended), "every stream ends");
    }
}

/// Whatever a payload is, the readers of Diameter and DNS come to an end of it, and say no more than it holds.
fn read_beside(bytes: &[u8]) {
    if let Some(header) = Header::read(bytes) {
        let message = diameter::Message::read(&header, bytes);
        assert!(message.session_id.is_none_or(|id| id.len() < bytes.len()));
    }
    if let Some(message) = dns::Message::read(bytes) {
        assert!(message.answers.len() <= bytes.len() / 11);
    }
    let mut framer = Framer::new(true);
    let mut cut = 0;
    let at = Stamp { time: 0, file: 0, frame: 1, offset: 0 };
    framer.segment(&diameter::Stream { max_bytes: 4096 }, (bytes, 0, at), &mut |message| cut += message.bytes.len());
    assert!(cut + framer.held() <= bytes.len());
}

impl Problems for Witness<'_> {
    fn report(&mut self, problem: Problem) {
        assert!(problem.frame <= self.frame, "a problem of a packet to come");
    }
}

impl Sink for Witness<'_> {
    fn datagram(&mut self, datagram: Datagram<'_>) -> StreamClass {
        assert!(datagram.first.frame <= self.frame && datagram.last.frame <= self.frame);
        // A message of SCTP may have come in several chunks, a report of HEP in several segments.
        let in_one = match datagram.report {
            None => datagram.flow.protocol == Protocol::Udp,
            Some(report) => !report.inflated && datagram.first.frame == datagram.last.frame,
        };
        assert!(!in_one || self.fragments || self.lies_at(datagram.first.offset, datagram.bytes));
        // What was compressed may be any length.
        let inflated = datagram.report.is_some_and(|report| report.inflated);
        let before = self.delivered;
        let class = self.deliver(datagram.bytes);
        if inflated {
            self.delivered = before;
        }
        class
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        assert!(segment.stream > 0 && !segment.bytes.is_empty());
        assert!(segment.at.frame <= self.frame);
        assert!(self.fragments || self.lies_at(segment.at.offset, segment.bytes));
        let stream = self.streams.entry(segment.stream).or_default();
        assert!(!stream.ended, "bytes after the end");
        assert!(!segment.start || stream.next.is_none(), "a start in the middle");
        assert_eq!(segment.seq, stream.next.unwrap_or(segment.seq), "bytes out of their place");
        assert_eq!(*stream.flow.get_or_insert(segment.flow), segment.flow);
        stream.next = Some(segment.seq.wrapping_add(segment.bytes.len() as u32));
        self.deliver(segment.bytes)
    }

    fn gap(&mut self, stream: StreamId, missing: u64, _: Stamp) {
        let stream = self.streams.get_mut(&stream).expect("a gap in a stream that had bytes");
        assert!(!stream.ended && missing > 0);
        stream.next = stream.next.map(|next| next.wrapping_add(missing as u32));
    }

    fn stream_end(&mut self, stream: StreamId, _: StreamEnd, _: Stamp) {
        let stream = self.streams.get_mut(&stream).expect("the end of a stream that had bytes");
        assert!(!std::mem::replace(&mut stream.ended, true), "ended twice");
    }

    fn failure(&mut self, _: Flow, _: Failure, at: Stamp) {
        assert!(at.frame <= self.frame);
    }
}
